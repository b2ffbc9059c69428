"""Training: freeze the cutoff, read what is new, fit, test on prompts never seen, decide, score.

Whatever kills a worker, the run that is delivered again goes on with its own record: the cutoff and
the config are those of the first attempt, the fit is the same to the byte, and a checkpoint and its
scores appear in one transaction or not at all.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation.core.errors import AlignUIError, Invalid
from annotation.models import Completion, Policy
from annotation.services.runs import RunCancelled, RunHandle
from rewardmodel import selectors, services
from rewardmodel.core import leaderboard
from rewardmodel.core.checkpoints import DEEP, load_reward_model
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.core.errors import NotEnoughData, RewardModelError
from rewardmodel.core.reward_model import Responses, RewardModel
from rewardmodel.jobs import dataset, evaluation, training_kinds
from rewardmodel.jobs.evaluation_subject import Reader, Subject, everything, incumbent_of
from rewardmodel.jobs.savings import savings_measure
from rewardmodel.jobs.training_kinds import Trained
from rewardmodel.models import Checkpoint, TrainingRun

STEPS = 5


def training_work(handle: RunHandle) -> Mapping[str, object]:
    """Trains the project's reward model on the judgments up to now. Resumes by its own record."""
    config = training_kinds.config_of(handle.project, handle.params)
    training = services.training_start(
        run=handle.run,
        trigger=str(handle.params.get("trigger", TrainingRun.Trigger.MANUAL)),
        config=config,
        seed=int(str(config["seed"])),
    )
    if training.state == TrainingRun.State.SUCCEEDED:
        return _told(training.checkpoint)
    try:
        return _train(handle, training)
    except RunCancelled:
        services.training_end(training=training, state=TrainingRun.State.CANCELLED)
        raise
    except RewardModelError as error:
        services.training_end(training=training, state=TrainingRun.State.FAILED, error=str(error))
        raise Invalid(error.message, hint=error.hint) from error
    except (AlignUIError, ArithmeticError, OSError, RuntimeError, ValueError) as error:
        services.training_end(training=training, state=TrainingRun.State.FAILED, error=str(error))
        raise


@dataclass(frozen=True, slots=True)
class _Ready:
    """A model with its figures and the decision, before anybody can see it."""

    trained: Trained
    data: dataset.Dataset
    metrics: Mapping[str, object]
    is_promoted: bool
    reason: str
    whole: Responses


def _train(handle: RunHandle, training: TrainingRun) -> Mapping[str, object]:
    data, started = _data(handle, training), time.monotonic()
    handle.progress(1, STEPS, "Fitting the reward model")
    trained = training_kinds.fit(handle, training, data)
    fitted = time.monotonic()
    handle.progress(2, STEPS, "Testing on prompts it has not seen")
    subject = _subject(handle, training, data, trained)
    incumbent = incumbent_of(subject, selectors.checkpoint_in_use(handle.project), load_checkpoint)
    decision = evaluation.gate(subject, incumbent)
    measured = evaluation.metrics(
        subject, incumbent, read=_reader(training, trained), decision=decision
    )
    metrics = measured | {
        "leaderboard": _leaderboard(handle, training, data),
        "seconds": {"fit": fitted - started, "test": time.monotonic() - fitted},
        **training_kinds.figures(trained, data),
    }
    if isinstance(trained.model, EmbeddedRewardModel):
        savings_measure(handle, training, data, trained.model)
    handle.progress(3, STEPS, "Saving the checkpoint and scoring completions")
    checkpoint, scored = _keep(
        training,
        _Ready(trained, data, metrics, decision.is_promoted, decision.reason, everything(subject)),
    )
    training_kinds.clean_up(training)
    handle.progress(STEPS, STEPS, decision.reason[:300])
    return {**_told(checkpoint), "scored": scored}


def _data(handle: RunHandle, training: TrainingRun) -> dataset.Dataset:
    """What the training's own record says it learns from."""
    if training_kinds.is_embedded(training):
        training_kinds.read_missing(handle, training)
    data = dataset.load(
        handle.project,
        extractor=training_kinds.extractor_of(training),
        cutoff=dataset.Cutoff(
            training.cutoff_judgment_id, training.includes_simulated, training.started_at
        ),
        weighs_annotators=bool(training.config.get("weighs_annotators")),
    )
    if data.n_unread:
        handle.log(f"{data.n_unread} judged responses cannot be read and are left out.")
    if data.weights_note:
        handle.log(f"Weights of people: {data.weights_note}")
    if not len(data.train):
        raise NotEnoughData(
            "Every judged prompt is held out; judge some of the others first."
            if len(data.held_out)
            else "There is nothing to learn from: no judgment counts at this cutoff."
        )
    return data


def _subject(
    handle: RunHandle, training: TrainingRun, data: dataset.Dataset, trained: Trained
) -> Subject:
    return Subject(
        project=handle.project,
        model=trained.model,
        responses=trained.responses,
        train=data.train,
        held_out=data.held_out,
        seed=training.seed,
        extractor=training_kinds.extractor_of(training),
        refit=trained.refit,
        criteria={key: found.held_out for key, found in data.criteria.items()},
    )


def _reader(training: TrainingRun, trained: Trained) -> Reader | None:
    """Reading again what was reworded takes seconds, which a training by schedule does not have."""
    return None if training.trigger == TrainingRun.Trigger.DUE else trained.read


def _keep(training: TrainingRun, ready: _Ready) -> tuple[Checkpoint, int]:
    """The checkpoint's files, then its record, its place and its scores at once."""
    folder = f"{training.project.slug}/training-{training.pk}"
    extractor = training_kinds.extractor_of(training)
    digest = ready.trained.model.save(
        Path(settings.CHECKPOINTS_DIR, folder),
        {"extractor": extractor, "project": training.project.slug},
    )
    with transaction.atomic():
        checkpoint = services.training_succeed(
            training=training,
            n_judgments=ready.data.n_judgments,
            n_preferences=len(ready.data.preferences),
            data_hash=ready.data.hash(),
            folder=folder,
            extractor=extractor,
            kind=ready.trained.model.kind,
            sha256=digest,
            metrics=ready.metrics,
            is_promoted=ready.is_promoted,
            reason=ready.reason,
        )
        return checkpoint, score_all(checkpoint, ready.trained.model, known=ready.whole)


def score_all(checkpoint: Checkpoint, model: RewardModel, *, known: Responses | None = None) -> int:
    """Stores the rewards of every completion that can be read, on every criterion; how many.

    known: what has been read before, which serves where it is the same completions.
    """
    completions = Completion.objects.filter(prompt__project=checkpoint.project_id)
    if checkpoint.kind == DEEP:
        keys = list(completions.order_by("pk").values_list("pk", flat=True))
        responses = training_kinds.with_texts(keys)
    else:
        own = completions.filter(features__extractor=checkpoint.extractor)
        keys = list(own.order_by("pk").values_list("pk", flat=True))
        is_known = known is not None and known.keys == tuple(keys)
        responses = known if known and is_known else dataset.responses(checkpoint.extractor, keys)
    if not keys:
        return 0
    rows = []
    for criterion in model.criteria:
        found = model.predict(responses, criterion)
        columns = (found.mean.tolist(), found.sd.tolist(), found.novelty.tolist())
        rows += [
            services.ScoreRow(key, criterion, *figures)
            for key, *figures in zip(keys, *columns, strict=True)
        ]
    services.scores_replace(checkpoint=checkpoint, rows=rows)
    return len(keys)


def load_checkpoint(checkpoint: Checkpoint) -> RewardModel:
    """The checkpoint's model. Raises CheckpointBroken that says what to do."""
    return load_reward_model(Path(settings.CHECKPOINTS_DIR, checkpoint.folder))


def _told(checkpoint: Checkpoint) -> dict[str, object]:
    """What a run says of the checkpoint that it made."""
    is_promoted = checkpoint.state == Checkpoint.State.PROMOTED
    return {"checkpoint": checkpoint.pk, "promoted": is_promoted}


def _leaderboard(
    handle: RunHandle, training: TrainingRun, data: dataset.Dataset
) -> dict[str, object]:
    board = leaderboard.leaderboard(dataset.policy_votes(data.preferences), seed=training.seed)
    names = {policy.pk: str(policy) for policy in Policy.objects.filter(project=handle.project)}
    found = asdict(board)
    for standing in found["standings"]:
        standing["name"] = names[standing["policy"]]
    return found
