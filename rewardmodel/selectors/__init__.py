"""What the machine half knows, read-only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Exists, F, OuterRef, QuerySet, Sum

from annotation.core.errors import NotFound
from annotation.models import (
    Batch,
    Comparison,
    Completion,
    Criterion,
    Judgment,
    Policy,
    Project,
    Prompt,
    Run,
    User,
)
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.access import projects_led
from rewardmodel.models import (
    AcquisitionRound,
    Checkpoint,
    CompletionFeature,
    Considered,
    SavingsReport,
    Score,
    TrainingRun,
)
from rewardmodel.selectors.uncompared import (
    Pair,
    Uncompared,
    pairs_to_test_on,
    uncompared_count,
    uncompared_pairs,
)

__all__ = ["Pair", "Uncompared", "pairs_to_test_on", "uncompared_count", "uncompared_pairs"]


# Why rounds open batches.
OF_ROUNDS = (Batch.Reason.ACQUISITION, Batch.Reason.CONTROL, Batch.Reason.EVALUATION)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sample that a policy still has to write."""

    prompt_id: int
    policy_id: int
    sample_index: int


def samples_wanted(
    project: Project, *, policy_ids: Sequence[int], prompt_ids: Sequence[int] | None, samples: int
) -> list[Wanted]:
    """What is missing, policy by policy, so that a worker loads each model once."""
    policies = Policy.objects.filter(
        project=project, pk__in=policy_ids, provider=Policy.Provider.TRANSFORMERS
    )
    prompts = Prompt.objects.filter(project=project)
    if prompt_ids is not None:
        prompts = prompts.filter(pk__in=prompt_ids)
    keys = list(prompts.values_list("pk", flat=True))
    have = set(
        Completion.objects.filter(policy__in=policies).values_list(
            "prompt_id", "policy_id", "sample_index"
        )
    )
    return [
        Wanted(prompt_id, policy.pk, index)
        for policy in sorted(policies, key=lambda p: (p.model, p.pk))
        for prompt_id in keys
        for index in range(samples)
        if (prompt_id, policy.pk, index) not in have
    ]


def completions_without_features(project: Project, extractor: str) -> QuerySet[Completion]:
    """What this reader has not read yet, oldest first, with prompt and policy."""
    known = CompletionFeature.objects.filter(completion=OuterRef("pk"), extractor=extractor)
    return (
        Completion.objects.filter(~Exists(known), prompt__project=project)
        .select_related("prompt", "policy")
        .order_by("pk")
    )


def completions_weighable(checkpoint: Checkpoint) -> set[int]:
    """Completions that the checkpoint knows: read by its reader, or scored by a deep model."""
    if checkpoint.kind != Checkpoint.Kind.EMBEDDED:
        return set(scores(checkpoint).values_list("completion_id", flat=True))
    read = CompletionFeature.objects.filter(
        completion__prompt__project=checkpoint.project_id, extractor=checkpoint.extractor
    )
    return set(read.values_list("completion_id", flat=True))


def checkpoint_in_use(project: Project) -> Checkpoint | None:
    """The promoted one; None before the first."""
    return Checkpoint.objects.filter(project=project, state=Checkpoint.State.PROMOTED).first()


def checkpoint_named(project: Project, checkpoint_id: int | None) -> Checkpoint | None:
    """The project's checkpoint of this id, None where none was named. Raises NotFound."""
    return None if checkpoint_id is None else checkpoint_in(project, checkpoint_id)


def checkpoint_in(project: Project, checkpoint_id: int) -> Checkpoint:
    """Raises NotFound for a checkpoint of another project."""
    found = checkpoints(project).filter(pk=checkpoint_id).first()
    if found is None:
        raise NotFound(f"This project has no checkpoint {checkpoint_id}.")
    return found


def checkpoints(project: Project) -> QuerySet[Checkpoint]:
    """All of the project, each with its training."""
    return Checkpoint.objects.filter(project=project).select_related("training_run")


def packages(checkpoint: Checkpoint) -> QuerySet[Run]:
    """The runs that packaged this checkpoint, newest first."""
    return Run.objects.filter(
        project=checkpoint.project_id, kind=Run.Kind.PACKAGING, params__checkpoint=checkpoint.pk
    ).order_by("-id")


def training_runs(project: Project) -> QuerySet[TrainingRun]:
    """All of the project, each with its run and what came of it."""
    return TrainingRun.objects.filter(project=project).select_related("run", "checkpoint")


def rounds(project: Project) -> QuerySet[AcquisitionRound]:
    """Rounds, newest first; their checkpoints without what was measured of them."""
    return (
        AcquisitionRound.objects.filter(project=project)
        .select_related("batch", "control_batch", "evaluation_batch", "checkpoint")
        .defer("checkpoint__metrics")
    )


def scores(checkpoint: Checkpoint, *, criterion: str = Criterion.OVERALL) -> QuerySet[Score]:
    """What the checkpoint makes of each completion on one criterion."""
    return Score.objects.filter(checkpoint=checkpoint, criterion__key=criterion).select_related(
        "completion__policy", "completion__prompt"
    )


def judgments_since_training(project: Project, *, most: int | None = None) -> int:
    """Judgments, amendments included, that no successful training has seen; counted up to `most`,
    for who asks often."""
    last = _last_training(project)
    new = Judgment.objects.filter(comparison__project=project, is_withdrawal=False)
    if last is not None:
        new = new.filter(pk__gt=last.cutoff_judgment_id)
    if not project.learns_from_simulated:
        new = new.exclude(annotator__kind="simulated")
    return new[:most].count()


class Due(StrEnum):
    """Why a project should train now."""

    JUDGMENTS = "judgments"
    WORK = "work"
    DRIFT = "drift"
    TIME = "time"


def projects_due_for_training(now: datetime) -> list[Project]:
    """Projects that train by themselves, are not paused, and have a reason to train now."""
    projects = Project.objects.filter(
        is_archived=False, retrain_automatically=True, loop_paused=False
    )
    return [project for project in projects if due_for_training(project, now) is not None]


def due_for_training(project: Project, now: datetime) -> Due | None:
    """Why the project should train now, whether or not it does so by itself; None: not yet.

    Enough judgments are new; or half of what the last round asked for, and people run out of its
    work; or a quarter of enough, where the last training saw drift; or some, and enough time went
    by. What has failed on just these judgments would fail again.
    """
    enough = project.retrain_after_judgments
    new = judgments_since_training(project, most=enough)
    if not new:
        return None
    reason = None
    if new >= enough:
        reason = Due.JUDGMENTS
    elif _has_run_dry(project, new):
        reason = Due.WORK
    elif project.retrain_on_drift and 4 * new >= enough and _saw_drift(project):
        reason = Due.DRIFT
    elif _has_waited(project, now):
        reason = Due.TIME
    return None if reason is None or _failed_at(project) else reason


def projects_due_for_acquisition(*, after_run: int | None = None) -> list[Project]:
    """Projects that acquire by themselves, are not paused, and have run out of open work.

    after_run: only the project of this run, so that the loop goes on as soon as it has trained.
    """
    projects = Project.objects.filter(
        is_archived=False, acquire_automatically=True, loop_paused=False
    )
    if after_run is not None:
        projects = projects.filter(runs=after_run)
    return [project for project in projects if is_due_for_acquisition(project)]


def is_due_for_acquisition(project: Project) -> bool:
    """A model in use, a training that no round has followed, little work left, and budget.

    A run that opened no round is followed by another once there are completions it did not know.
    """
    last = _last_training(project)
    if last is None or checkpoint_in_use(project) is None:
        return False
    asked = Run.objects.filter(project=project, kind=Run.Kind.ACQUISITION, pk__gt=last.run_id)
    newest = asked.order_by("pk").last()  # by the order of runs, because hosts' clocks differ
    if newest is not None and not _has_more_to_weigh(newest):
        return False
    left = budget_left(project)
    return _is_little_left(project) and (left is None or left >= project.overlap)


def has_nothing_left_to_ask(project: Project) -> bool:
    """Whether the newest round found every pair shown already, and no completions came since."""
    asked = Run.objects.filter(project=project, kind=Run.Kind.ACQUISITION)
    newest = asked.order_by("pk").last()
    if newest is None or newest.state != Run.State.SUCCEEDED:
        return False
    return (newest.result or {}).get("opened") == 0 and not _has_more_to_weigh(newest)


def _has_more_to_weigh(run: Run) -> bool:
    """Whether the run ended without a round, and completions came since it began."""
    if run.finished_at is None or AcquisitionRound.objects.filter(run=run).exists():
        return False
    own = Completion.objects.filter(prompt__project=run.project_id)
    return own.filter(created_at__gt=run.started_at or run.created_at).exists()


def judgments_asked_for(project: Project) -> int:
    """Judgments that rounds have asked for in all."""
    asked = AcquisitionRound.objects.filter(project=project).aggregate(
        asked=Sum("judgments_wanted", default=0)
    )
    return int(asked["asked"])


def budget_left(project: Project) -> int | None:
    """Judgments that rounds may still ask for; None where there is no budget."""
    if project.acquisition_budget is None:
        return None
    return max(0, project.acquisition_budget - judgments_asked_for(project))


def _last_training(project: Project) -> TrainingRun | None:
    return (
        TrainingRun.objects.filter(project=project, state=TrainingRun.State.SUCCEEDED)
        .order_by("-id")
        .first()
    )


def _has_waited(project: Project, now: datetime) -> bool:
    last = _last_training(project)
    if last is None or last.finished_at is None:
        return False
    return now - last.finished_at >= timedelta(minutes=project.retrain_after_minutes)


def _has_run_dry(project: Project, new: int) -> bool:
    """Whether the loop's people will soon have nothing to judge, and have judged enough of it."""
    if not project.acquire_automatically:
        return False
    newest = rounds(project).first()
    if newest is None or 2 * new < newest.judgments_wanted:
        return False
    return _is_little_left(project)


def _is_little_left(project: Project) -> bool:
    return acquired_judgments_left(project) <= 0.2 * project.acquisition_size * project.overlap


def _saw_drift(project: Project) -> bool:
    newest = Checkpoint.objects.filter(project=project).first()
    return newest is not None and bool((newest.metrics.get("drift") or {}).get("has_drift"))


def _failed_at(project: Project) -> bool:
    """Whether a training has failed on just these judgments: it would fail again."""
    newest = judgment_selectors.latest_judgment_id(project)
    return TrainingRun.objects.filter(
        project=project, state=TrainingRun.State.FAILED, cutoff_judgment_id=newest
    ).exists()


def acquired_judgments_left(project: Project) -> int:
    """Judgments still wanted by the open batches that earlier rounds opened."""
    left = Comparison.objects.filter(
        project=project,
        state=Comparison.State.OPEN,
        batch__state=Batch.State.OPEN,
        batch__reason__in=OF_ROUNDS,
    ).aggregate(left=Sum(F("overlap") - F("judged"), default=0))
    return int(left["left"])


def checkpoint_for_lead(*, user: User, checkpoint_id: int) -> Checkpoint:
    """Raises NotFound for a checkpoint of a project that the user does not lead."""
    checkpoint = (
        Checkpoint.objects.select_related("project", "training_run")
        .filter(pk=checkpoint_id, project__in=projects_led(user))
        .first()
    )
    if checkpoint is None:
        raise NotFound("There is no such checkpoint for you.")
    return checkpoint


def round_in(project: Project, round_id: int) -> AcquisitionRound:
    """Raises NotFound for a round of another project."""
    found = rounds(project).filter(pk=round_id).first()
    if found is None:
        raise NotFound("There is no such round in this project.")
    return found


def savings_reports(project: Project) -> QuerySet[SavingsReport]:
    """How many labels acquisition saved, after each training, newest first."""
    return SavingsReport.objects.filter(project=project)


def considered(acquisition_round: AcquisitionRound) -> QuerySet[Considered]:
    """What the round weighed, the most useful first."""
    return Considered.objects.filter(round=acquisition_round)


def arms_by_pair(project: Project) -> dict[tuple[int, int], str]:
    """Which arm each pair (lower id first) that a round opened is of; rounds without a model, which
    have one arm only, are left out."""
    opened = Considered.objects.filter(
        round__project=project, round__checkpoint__isnull=False
    ).exclude(arm=Considered.Arm.PASSED)
    rows = opened.values_list("first_id", "second_id", "arm")
    return {(min(first, second), max(first, second)): arm for first, second, arm in rows}


def newest_function(project: Project) -> str:
    """Of the newest round that weighed anything; "" before it."""
    found = rounds(project).filter(checkpoint__isnull=False)
    return found.values_list("function", flat=True).first() or ""


def functions_by_pair(project: Project) -> dict[tuple[int, int], str]:
    """Which function asked for each pair (lower id first) that a round opened; "random" for the
    control arm and for what a function drew at random."""
    opened = Considered.objects.filter(round__project=project).exclude(arm=Considered.Arm.PASSED)
    found = {}
    rows = opened.values_list("first_id", "second_id", "arm", "detail", "round__function")
    for first, second, arm, detail, function in rows:
        own = str(detail.get("function", function))
        name = "random" if arm == Considered.Arm.CONTROL else own
        found[min(first, second), max(first, second)] = name
    return found


def held_out_prompts(project: Project) -> set[int]:
    """Prompts that are never acquired nor trained on."""
    held = Prompt.objects.filter(project=project, is_held_out=True)
    return set(held.values_list("pk", flat=True))
