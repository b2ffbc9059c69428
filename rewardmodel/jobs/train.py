"""Training: freeze the cutoff, read what is new, fit, test on prompts never seen, decide, score."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from annotation.core.errors import AlignUIError, Invalid
from annotation.models import Completion, Policy
from annotation.selectors import judgments as judgment_selectors
from annotation.services.runs import RunCancelled, RunHandle
from rewardmodel import selectors, services
from rewardmodel.core import evaluate, leaderboard
from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, NotEnoughData
from rewardmodel.core.head import HeadConfig, RewardHead, data_hash, fit_head, load_head, save_head
from rewardmodel.jobs import dataset, reading
from rewardmodel.models import Checkpoint, TrainingRun

STEPS = 5
SEED_LIMIT = 2**31


def training_work(handle: RunHandle) -> Mapping[str, object]:
    """Trains the project's reward model on the judgments up to now. Resumes by its own record."""
    extractor = reading.extractor_id()
    config = HeadConfig(seed=handle.project.seed % SEED_LIMIT)
    training = services.training_start(
        run=handle.run,
        trigger=str(handle.params.get("trigger", TrainingRun.Trigger.MANUAL)),
        config=asdict(config) | {"extractor": extractor},
        seed=config.seed,
    )
    try:
        return _train(handle, training, config, extractor)
    except RunCancelled:
        services.training_end(training=training, state=TrainingRun.State.CANCELLED)
        raise
    except (NotEnoughData, FeaturesInvalid) as error:
        services.training_end(training=training, state=TrainingRun.State.FAILED, error=str(error))
        raise Invalid(str(error)) from error
    except (AlignUIError, ArithmeticError, OSError, RuntimeError, ValueError) as error:
        services.training_end(training=training, state=TrainingRun.State.FAILED, error=str(error))
        raise


def _train(
    handle: RunHandle, training: TrainingRun, config: HeadConfig, extractor: str
) -> Mapping[str, object]:
    reading.read_missing(handle, handle.project)
    started = time.monotonic()
    handle.progress(1, STEPS, "Fitting the reward head")
    data = dataset.load(
        handle.project,
        extractor=extractor,
        cutoff_id=training.cutoff_judgment_id,
        include_simulated=training.includes_simulated,
        as_of=training.started_at,
    )
    if not len(data.train):
        raise NotEnoughData("Every judged prompt is held out; judge some of the others first.")
    head = fit_head(data.train, data.features, config)
    fitted = time.monotonic()
    handle.progress(2, STEPS, "Testing on prompts it has not seen")
    metrics = _metrics(handle, training, data, head, config)
    decision = _decide(handle, data, head, extractor)
    metrics["seconds"] = {"fit": fitted - started, "test": time.monotonic() - fitted}
    handle.progress(3, STEPS, "Saving the checkpoint")
    folder = f"{handle.project.slug}/training-{training.pk}"
    digest = save_head(
        head, Path(settings.CHECKPOINTS_DIR, folder), config=config,
        about={"extractor": extractor, "project": handle.project.slug},
    )  # fmt: skip
    checkpoint = services.training_succeed(
        training=training,
        n_judgments=data.n_judgments,
        n_preferences=data.n_preferences,
        data_hash=data_hash(data.train, data.features, data.keys),
        folder=folder,
        extractor=extractor,
        sha256=digest,
        metrics=metrics,
        is_promoted=decision.is_promoted,
        reason=decision.reason,
    )
    handle.progress(4, STEPS, "Scoring completions")
    scored = score_all(checkpoint, head)
    handle.progress(STEPS, STEPS, decision.reason[:300])
    return {"checkpoint": checkpoint.pk, "promoted": decision.is_promoted, "scored": scored}


def score_all(checkpoint: Checkpoint, head: RewardHead) -> int:
    """Stores the reward of every completion of the project that has features; how many."""
    keys = list(
        Completion.objects.filter(
            prompt__project=checkpoint.project_id, features__extractor=checkpoint.extractor
        ).values_list("pk", flat=True)
    )
    if not keys:
        return 0
    mean, sd = head.score(dataset.feature_matrix(checkpoint.extractor, keys))
    rows = zip(keys, mean.tolist(), sd.tolist(), strict=True)
    return services.scores_replace(checkpoint=checkpoint, rows=rows)


def load_checkpoint(checkpoint: Checkpoint) -> RewardHead:
    """The checkpoint's head. Raises CheckpointBroken that says what to do."""
    return load_head(Path(settings.CHECKPOINTS_DIR, checkpoint.folder))


def _metrics(
    handle: RunHandle, training: TrainingRun, data: dataset.Dataset, head: RewardHead,
    config: HeadConfig,
) -> dict[str, object]:  # fmt: skip
    rates = evaluate.outcome_rates(data.train)
    held_out = evaluate.evaluate_head(
        head, data.features, data.held_out, data.lengths, seed=config.seed, base_rates=rates
    )
    crossed = evaluate.cross_validate(data.train, data.features, data.lengths, config)
    curve = evaluate.learning_curve(
        data.train, data.held_out, data.features, data.lengths, head, config
    )
    return {
        "held_out": held_out.to_dict(),
        "cross_validation": crossed.to_dict(),
        "learning_curve": [asdict(point) for point in curve],
        "leaderboard": _leaderboard(handle, training, config.seed),
        "precision": head.precision,
        "tie_strength": head.eta,
        "n_train_votes": len(data.train),
        "n_held_out_votes": len(data.held_out),
    }


def _leaderboard(handle: RunHandle, training: TrainingRun, seed: int) -> dict[str, object]:
    preferences = judgment_selectors.preferences(
        handle.project,
        include_simulated=training.includes_simulated,
        cutoff_id=training.cutoff_judgment_id,
        as_of=training.started_at,
    )
    board = leaderboard.leaderboard(dataset.policy_votes(preferences), seed=seed)
    names = {policy.pk: str(policy) for policy in Policy.objects.filter(project=handle.project)}
    found = asdict(board)
    for standing in found["standings"]:
        standing["name"] = names[standing["policy"]]
    return found


def _decide(
    handle: RunHandle, data: dataset.Dataset, head: RewardHead, extractor: str
) -> evaluate.Promotion:
    """Compares with the checkpoint in use on the held-out votes of today, which it never saw."""
    current = selectors.checkpoint_in_use(handle.project)
    incumbent = None
    if current is not None and current.extractor == extractor and len(data.held_out):
        try:
            incumbent = evaluate.predictions(load_checkpoint(current), data.features, data.held_out)
        except CheckpointBroken as error:
            handle.log(f"The checkpoint in use could not be compared: {error}")
    mine = evaluate.predictions(head, data.features, data.held_out)
    return evaluate.decide_promotion(
        mine, incumbent, data.held_out, seed=handle.project.seed % SEED_LIMIT
    )
