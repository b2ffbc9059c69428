"""Reading judgments: the live ones, one person's history, and the preferences they imply."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max, Prefetch, Q, QuerySet

from annotation.core.preferences import Preference, Verdict, all_preferences
from annotation.models import (
    Batch,
    Candidate,
    Criterion,
    Intervention,
    Judgment,
    Project,
    QualityRule,
    User,
)


def live(
    project: Project,
    *,
    include_simulated: bool = False,
    cutoff_id: int | None = None,
    with_quarantined: bool = False,
    with_repeats: bool = False,
    as_of: datetime | None = None,
) -> QuerySet[Judgment]:
    """Each annotator's newest word on each comparison; a reviewer's decision is none of them.

    With `cutoff_id`, as it stood when that judgment was the newest one: later amendments and
    withdrawals do not reach back behind a frozen cutoff. Judgments of quarantined people and second
    answers to hidden repeats are left out unless asked for. Who is quarantined changes with time:
    `as_of` says when (by default now), so that a cutoff with a moment always gives the same.
    """
    judgments: QuerySet[Judgment] = Judgment.objects.filter(
        comparison__project=project, is_withdrawal=False, is_adjudication=False
    )
    if cutoff_id is None:
        judgments = judgments.filter(superseded_by__isnull=True)
    else:
        judgments = judgments.filter(pk__lte=cutoff_id).exclude(superseded_by__id__lte=cutoff_id)
    if not include_simulated:
        judgments = judgments.exclude(annotator__kind="simulated")
    if not with_repeats:
        judgments = judgments.exclude(comparison__batch__reason=Batch.Reason.REPEAT)
    if not with_quarantined:
        judgments = without_left_out(judgments, project, as_of=as_of)
    return judgments


def without_left_out(
    judgments: QuerySet[Judgment], project: Project, *, as_of: datetime | None = None
) -> QuerySet[Judgment]:
    """The judgments without those that a quarantine leaves out: all of a person, or since a day."""
    wholly: list[int] = []
    for annotator_id, since in quarantines(project, as_of=as_of):
        if since is None:
            wholly.append(annotator_id)
        else:
            judgments = judgments.exclude(annotator=annotator_id, judged_at__gte=since)
    return judgments.exclude(annotator__in=wholly) if wholly else judgments


def quarantines(
    project: Project, *, as_of: datetime | None = None
) -> list[tuple[int, datetime | None]]:
    """Whose judgments are left out, and since when (None: all of them)."""
    found = Intervention.objects.filter(
        participation__project=project, action=QualityRule.Action.QUARANTINE
    )
    if as_of is None:
        found = found.filter(lifted_at__isnull=True)
    else:
        found = found.filter(Q(lifted_at__isnull=True) | Q(lifted_at__gt=as_of))
        found = found.filter(created_at__lte=as_of)
    return list(found.values_list("participation__annotator", "leaves_out_from"))


def latest_judgment_id(project: Project) -> int:
    latest = Judgment.objects.filter(comparison__project=project).aggregate(latest=Max("pk"))
    return latest["latest"] or 0


def judgment_history(annotator: User, *, project: Project | None = None) -> QuerySet[Judgment]:
    """The annotator's own live judgments, newest first, with what a list needs to show.

    Their decisions of disputes are not among them: those are changed where they were made.
    """
    judgments = (
        Judgment.objects.live()
        .filter(annotator=annotator, is_adjudication=False)
        .select_related("comparison__prompt", "comparison__project", "assignment")
        .order_by("-judged_at", "-id")
    )
    return judgments if project is None else judgments.filter(comparison__project=project)


def preferences(
    project: Project,
    *,
    criterion: str = Criterion.OVERALL,
    include_simulated: bool = False,
    cutoff_id: int | None = None,
    with_quarantined: bool = False,
    with_repeats: bool = False,
    as_of: datetime | None = None,
) -> list[Preference]:
    """Every live judgment's implied pairs on one criterion, in order of judgment."""
    judgments = live(
        project, include_simulated=include_simulated, cutoff_id=cutoff_id,
        with_quarantined=with_quarantined, with_repeats=with_repeats, as_of=as_of,
    )  # fmt: skip
    return list(all_preferences(verdicts(judgments, criterion=criterion)))


def with_known_order(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """Those of which it is recorded what was shown where; imported files do not always tell."""
    return judgments.exclude(assignment__display_order=[])


def verdicts(
    judgments: QuerySet[Judgment], *, criterion: str = Criterion.OVERALL
) -> Iterator[Verdict]:
    """The judgments as plain values, in order; those without an answer on the criterion left out.

    Where the display order is not known, the canonical order stands in for it.
    """
    loaded = (
        judgments.select_related("comparison", "assignment")
        .prefetch_related(
            Prefetch(
                "comparison__candidates",
                queryset=Candidate.objects.only("comparison_id", "completion_id", "position"),
            )
        )
        .order_by("pk")
    )
    if criterion == Criterion.OVERALL:
        for judgment in loaded:
            yield _verdict(judgment, judgment.groups, judgment.strength, criterion)
        return
    for judgment in loaded.prefetch_related("answers__criterion"):
        for answer in judgment.answers.all():
            if answer.criterion.key == criterion:
                groups = answer.groups or groups_of_ratings(answer.ratings or [])
                yield _verdict(judgment, groups, answer.strength, criterion)


def groups_of_ratings(ratings: list[int]) -> list[list[int]]:
    """Ratings as ordered groups, best first; equal ratings tie."""
    return [
        [position for position, rating in enumerate(ratings) if rating == value]
        for value in sorted(set(ratings), reverse=True)
    ]


def _verdict(
    judgment: Judgment, groups: list[list[int]], strength: int | None, criterion: str
) -> Verdict:
    by_position = sorted(judgment.comparison.candidates.all(), key=lambda c: c.position)
    shown = judgment.assignment.display_order or range(len(by_position))
    return Verdict(
        judgment_id=judgment.pk,
        comparison_id=judgment.comparison_id,
        prompt_id=judgment.comparison.prompt_id,
        completion_ids=tuple(candidate.completion_id for candidate in by_position),
        annotator_id=judgment.annotator_id,
        groups=tuple(tuple(group) for group in groups),
        display_order=tuple(shown),
        strength=strength,
        criterion=criterion,
    )
