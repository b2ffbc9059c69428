"""What the machine half writes. Runs are asked for here; edges enqueue them on commit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.models import Batch, Policy, Project, Prompt, Run, User
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.work import compared_pairs
from annotation.services import audit_log, batches
from annotation.services import runs as run_services
from annotation.services.projects import project_update
from rewardmodel.models import (
    AcquisitionRound,
    Checkpoint,
    CompletionFeature,
    Considered,
    Score,
    TrainingRun,
)
from rewardmodel.selectors import Pair, samples_wanted
from rewardmodel.services.copying import rows_copy
from rewardmodel.services.uses import deep_changes

FEATURE_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """What a checkpoint makes of one completion on one criterion."""

    completion_id: int
    criterion: str
    mean: float
    sd: float
    novelty: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a round made of one pair: its utility, and the arm that took it or `passed`.

    detail: what explains the utility, JSON-safe.
    """

    pair: Pair
    utility: float
    arm: str
    detail: Mapping[str, object] = field(default_factory=dict)


@transaction.atomic
def generation_request(
    *,
    actor: User | None,
    project: Project,
    policies: Sequence[Policy],
    prompts: Sequence[Prompt] | None = None,
    samples: int | None = None,
) -> Run:
    """Asks the gpu worker for the samples that are missing. Raises Invalid when none are."""
    wrong = [p for p in policies if p.provider != Policy.Provider.TRANSFORMERS]
    if wrong:
        raise Invalid(
            f"“{wrong[0]}” was recorded elsewhere and cannot write here.", field="policies"
        )
    params: dict[str, object] = {
        "policy_ids": [policy.pk for policy in policies],
        "prompt_ids": None if prompts is None else [prompt.pk for prompt in prompts],
        "samples": samples or project.samples_per_prompt,
    }
    if not policies:
        raise Invalid("Choose at least one policy.", field="policies")
    wanted = samples_wanted(
        project, policy_ids=[p.pk for p in policies],
        prompt_ids=None if prompts is None else [p.pk for p in prompts],
        samples=samples or project.samples_per_prompt,
    )  # fmt: skip
    if not wanted:
        raise Invalid("Every prompt has these samples already.",
                      hint="Add prompts or policies, or ask for more samples.")  # fmt: skip
    return run_services.run_create(
        actor=actor, project=project, kind=Run.Kind.GENERATION, params=params
    )


@transaction.atomic
def training_request(
    *, actor: User | None, project: Project, trigger: str = TrainingRun.Trigger.MANUAL,
    deep: Mapping[str, object] | None = None,
) -> Run:  # fmt: skip
    """Asks for a training. Raises Conflict while one is under way, Invalid without judgments.

    deep: what this training of a deep reward does otherwise than the installation says.
    """
    if not judgment_selectors.live(
        project, include_simulated=project.learns_from_simulated
    ).exists():
        raise Invalid("There is nothing to learn from yet.", hint="Judge some comparisons first.")
    run = run_services.run_create_unless_live(
        actor=actor, project=project, kind=Run.Kind.TRAINING,
        params={"trigger": trigger} | ({"deep": deep_changes(project, deep)} if deep else {}),
    )  # fmt: skip
    if run is None:
        raise Conflict("A training is waiting or running already.", hint="See Runs.")
    return run


@transaction.atomic
def acquisition_request(*, actor: User | None, project: Project) -> Run:
    """Asks for the next batch. Raises Conflict while one is being chosen."""
    run = run_services.run_create_unless_live(
        actor=actor, project=project, kind=Run.Kind.ACQUISITION
    )
    if run is None:
        raise Conflict("The next batch is being chosen already.", hint="See Runs.")
    return run


@transaction.atomic
def training_start(
    *, run: Run, trigger: str, config: Mapping[str, object], seed: int
) -> TrainingRun:
    """Freezes the cutoff; a run that a killed worker left behind takes up its own training.

    Raises Conflict when another training of the project is running.
    """
    earlier = TrainingRun.objects.filter(run=run).first()
    if earlier is not None:
        return earlier
    try:
        with transaction.atomic():
            return TrainingRun.objects.create(
                project=run.project,
                criterion=run.project.criteria.get(key="overall"),
                run=run,
                trigger=trigger,
                cutoff_judgment_id=judgment_selectors.latest_judgment_id(run.project),
                includes_simulated=run.project.learns_from_simulated,
                config=dict(config),
                seed=seed,
                code_version=version("alignui"),
            )
    except IntegrityError as error:
        raise Conflict("Another training of this project is running.", hint="See Runs.") from error


@transaction.atomic
def training_succeed(
    *,
    training: TrainingRun,
    n_judgments: int,
    n_preferences: int,
    data_hash: str,
    folder: str,
    extractor: str,
    sha256: str,
    metrics: Mapping[str, object],
    is_promoted: bool,
    reason: str,
    kind: str = Checkpoint.Kind.EMBEDDED,
) -> Checkpoint:
    """Records the checkpoint and, where it is not worse, puts it in use. Locks the project."""
    Project.objects.select_for_update(no_key=True).get(pk=training.project_id)
    training.n_judgments, training.n_preferences = n_judgments, n_preferences
    training.data_hash = data_hash
    training.state, training.finished_at = TrainingRun.State.SUCCEEDED, timezone.now()
    training.save()
    if is_promoted:
        Checkpoint.objects.filter(
            project=training.project_id, state=Checkpoint.State.PROMOTED
        ).update(state=Checkpoint.State.RETIRED)
    return Checkpoint.objects.create(
        project_id=training.project_id,
        training_run=training,
        kind=kind,
        state=Checkpoint.State.PROMOTED if is_promoted else Checkpoint.State.REJECTED,
        reason=reason,
        folder=folder,
        extractor=extractor,
        sha256=sha256,
        metrics=dict(metrics),
    )


@transaction.atomic
def training_end(*, training: TrainingRun, state: str, error: str = "") -> None:
    """Records a training that failed or was cancelled; the project may train again."""
    TrainingRun.objects.filter(pk=training.pk, state=TrainingRun.State.RUNNING).update(
        state=state, error=error, finished_at=timezone.now()
    )


@transaction.atomic
def checkpoint_promote(*, actor: User, checkpoint: Checkpoint) -> Checkpoint:
    """A lead's own choice, also to roll back; it is logged with the person's name."""
    Project.objects.select_for_update(no_key=True).get(pk=checkpoint.project_id)
    Checkpoint.objects.filter(
        project=checkpoint.project_id, state=Checkpoint.State.PROMOTED
    ).exclude(pk=checkpoint.pk).update(state=Checkpoint.State.RETIRED)
    checkpoint.state = Checkpoint.State.PROMOTED
    checkpoint.save(update_fields=["state"])
    audit_log.audit_entry_create(
        actor=actor,
        project=checkpoint.project,
        action="checkpoint.promote",
        subject=str(checkpoint),
    )
    return checkpoint


@transaction.atomic
def loop_pause(*, actor: User, project: Project, is_paused: bool) -> Project:
    """Stops, or lets go on, all that the project does by itself; what runs now runs to its end."""
    return project_update(actor=actor, project=project, loop_paused=is_paused)


@transaction.atomic
def acquisition_at_random(*, actor: User, project: Project) -> Project:
    """Lets rounds draw at random, which is what to do where choosing does not save labels."""
    return project_update(actor=actor, project=project, acquisition_function="random")


@transaction.atomic
def features_store(*, extractor: str, rows: Iterable[tuple[int, bytes, float | None]]) -> None:
    """Keeps (completion id, float32 bytes, mean log-probability) rows; known ones stay."""
    CompletionFeature.objects.bulk_create(
        (
            CompletionFeature(
                completion_id=completion_id,
                extractor=extractor,
                vector=vector,
                mean_logprob=logprob,
            )
            for completion_id, vector, logprob in rows
        ),
        batch_size=FEATURE_CHUNK,
        ignore_conflicts=True,
    )


@transaction.atomic
def scores_replace(*, checkpoint: Checkpoint, rows: Iterable[ScoreRow]) -> int:
    """The checkpoint's scores on the project's criteria, in place of older ones; how many."""
    Score.objects.filter(checkpoint=checkpoint).delete()
    criteria = dict(checkpoint.project.criteria.values_list("key", "pk"))
    stored = [
        (checkpoint.pk, row.completion_id, criteria[row.criterion], row.mean, row.sd, row.novelty)
        for row in rows
    ]
    fields = ("checkpoint", "completion", "criterion", "mean", "sd", "novelty")
    rows_copy(Score, fields=fields, rows=stored)
    return len(stored)


@transaction.atomic
def round_open(
    *,
    run: Run,
    checkpoint: Checkpoint | None,
    function: str,
    seed: int,
    choices: Sequence[Choice],
    n_considered: int,
    seconds: float,
    unit: str = "pair",
    reason: str = "",
    detail: Mapping[str, object] | None = None,
    tested: Sequence[Pair] = (),
) -> AcquisitionRound:
    """Opens the chosen pairs, one batch per arm, and records what was considered. Idempotent.

    tested: pairs of held-out prompts, which are opened beside them in a batch of their own.
    Locks the project: of two rounds at once the second sees what the first has opened, and leaves
    it out. Raises Conflict where nothing is left of its choice.
    """
    project = Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    if earlier := AcquisitionRound.objects.filter(run=run).first():
        return earlier
    shown = compared_pairs(project)
    choices = [choice for choice in choices if choice.pair.completion_ids not in shown]
    tested = [pair for pair in tested if pair.completion_ids not in shown]
    chosen = [choice for choice in choices if choice.arm != Considered.Arm.PASSED]
    if not chosen:
        raise Conflict("Another round has just opened these pairs.", hint="See Acquisition.")
    size, name = len(chosen) + len(tested), _next_name(project)
    parts = (
        (_of_arm(chosen, Considered.Arm.ACQUIRED), Batch.Reason.ACQUISITION, function),
        (_of_arm(chosen, Considered.Arm.CONTROL), Batch.Reason.CONTROL, "random control"),
        (tested, Batch.Reason.EVALUATION, "held-out prompts"),
    )
    acquired, control, evaluation = (
        _open_pairs(run, pairs, reason, f"{name}: {what}", seed) for pairs, reason, what in parts
    )
    record = AcquisitionRound.objects.create(
        project=project,
        run=run,
        checkpoint=checkpoint,
        function=function,
        unit=unit,
        reason=reason,
        detail=dict(detail or {}),
        size=size,
        control_share=project.control_share,
        seed=seed,
        n_considered=n_considered,
        n_left_out=n_considered - len(choices),
        judgments_wanted=size * project.overlap,
        seconds=seconds,
        batch=acquired,
        control_batch=control,
        evaluation_batch=evaluation,
    )
    _considered_store(record, choices)
    return record


def _next_name(project: Project) -> str:
    return f"Round {AcquisitionRound.objects.filter(project=project).count() + 1}"


def _considered_store(record: AcquisitionRound, choices: Sequence[Choice]) -> None:
    rows_copy(
        Considered,
        fields=("round", "prompt", "first", "second", "utility", "arm", "detail"),
        rows=(
            (
                record.pk, choice.pair.prompt_id, choice.pair.first_id, choice.pair.second_id,
                choice.utility, str(choice.arm), json.dumps(dict(choice.detail)),
            )
            for choice in choices
        ),
    )  # fmt: skip


def _of_arm(chosen: Sequence[Choice], arm: str) -> list[Pair]:
    """The pairs of one arm, the most useful first."""
    own = sorted((choice for choice in chosen if choice.arm == arm), key=lambda c: -c.utility)
    return [choice.pair for choice in own]


def _open_pairs(run: Run, pairs: Sequence[Pair], reason: str, name: str, seed: int) -> Batch | None:
    """Opens pairs in their order; the priorities of all of a round's batches fall from 1 to 0.

    So the most useful pair is judged first, and no batch is judged before the others.
    """
    if not pairs:
        return None
    return batches.batch_open(
        actor=run.requested_by,
        project=run.project,
        name=name,
        reason=reason,
        selections=[
            batches.Selection(
                prompt_id=pair.prompt_id,
                completion_ids=(pair.first_id, pair.second_id),
                utility=1 - rank / len(pairs),
            )
            for rank, pair in enumerate(pairs)
        ],
        seed=seed,
    )
