"""Reading judgments: the live ones, one person's history, and the preferences they imply."""

from collections.abc import Iterable

from django.db.models import Max, Prefetch, QuerySet

from annotation.core.preferences import JudgmentRecord, Preference, preferences_from
from annotation.models import Candidate, Criterion, Judgment, Project, User


def live(
    project: Project, *, include_simulated: bool = False, cutoff_id: int | None = None
) -> QuerySet[Judgment]:
    """Each annotator's newest word on each comparison.

    With `cutoff_id`, as it stood when that judgment was the newest one: later amendments and
    withdrawals do not reach back behind a frozen cutoff.
    """
    judgments = Judgment.objects.filter(comparison__project=project, is_withdrawal=False)
    if cutoff_id is None:
        judgments = judgments.filter(superseded_by__isnull=True)
    else:
        judgments = judgments.filter(pk__lte=cutoff_id).exclude(superseded_by__id__lte=cutoff_id)
    if not include_simulated:
        judgments = judgments.exclude(annotator__kind="simulated")
    return judgments


def latest_judgment_id(project: Project) -> int:
    latest = Judgment.objects.filter(comparison__project=project).aggregate(latest=Max("pk"))
    return latest["latest"] or 0


def judgment_history(annotator: User, *, project: Project | None = None) -> QuerySet[Judgment]:
    """The annotator's own live judgments, newest first, with what a list needs to show."""
    judgments = (
        Judgment.objects.live()
        .filter(annotator=annotator)
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
) -> list[Preference]:
    """Every live judgment's implied pairs on one criterion, in order of judgment."""
    judgments = (
        live(project, include_simulated=include_simulated, cutoff_id=cutoff_id)
        .select_related("comparison", "assignment")
        .prefetch_related(
            Prefetch(
                "comparison__candidates",
                queryset=Candidate.objects.only("comparison_id", "completion_id", "position"),
            ),
            "answers__criterion",
        )
        .order_by("pk")
    )
    return [
        preference
        for record in _records(judgments, criterion)
        for preference in preferences_from(record)
    ]


def _records(judgments: Iterable[Judgment], criterion: str) -> Iterable[JudgmentRecord]:
    for judgment in judgments:
        groups, strength = judgment.groups, judgment.strength
        if criterion != Criterion.OVERALL:
            answers = {a.criterion.key: a for a in judgment.answers.all()}
            answer = answers.get(criterion)
            if answer is None:
                continue
            strength = answer.strength
            groups = answer.groups if answer.groups else groups_of_ratings(answer.ratings)
        yield record_of(judgment, groups, strength, criterion)


def record_of(
    judgment: Judgment, groups: list[list[int]], strength: int | None, criterion: str
) -> JudgmentRecord:
    by_position = sorted(judgment.comparison.candidates.all(), key=lambda c: c.position)
    completion_ids = tuple(candidate.completion_id for candidate in by_position)
    return JudgmentRecord(
        judgment_id=judgment.pk,
        prompt_id=judgment.comparison.prompt_id,
        annotator_id=judgment.annotator_id,
        completion_ids=completion_ids,
        groups=tuple(tuple(group) for group in groups),
        display_order=tuple(judgment.assignment.display_order),
        strength=strength,
        criterion=criterion,
    )


def groups_of_ratings(ratings: list[int]) -> list[list[int]]:
    """Ratings as ordered groups, best first; equal ratings tie."""
    return [
        [position for position, rating in enumerate(ratings) if rating == value]
        for value in sorted(set(ratings), reverse=True)
    ]
