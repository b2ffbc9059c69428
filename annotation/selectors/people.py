"""Who works in a project and how: figures beside each other, each with interval and count."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.cache import cache
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from annotation.core.intervals import Proportion
from annotation.core.preferences import Verdict
from annotation.core.quality import AnnotatorFigures, Work, annotator_figures
from annotation.models import (
    Candidate,
    Invitation,
    Judgment,
    Membership,
    Pool,
    Project,
    User,
)
from annotation.selectors.judgments import latest_judgment_id, live, with_known_order

NONE = Proportion(None, None, None, 0)
KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person in one project. Shares are None where there is no case; n says of how many."""

    user: User
    memberships: tuple[Membership, ...]
    n: int
    agreement: Proportion
    ties: Proportion
    first: Proportion
    gold: Proportion
    median_seconds: float | None
    last_judged_at: datetime | None

    @property
    def roles(self) -> list[str]:
        return sorted({m.get_role_display() for m in self.memberships})

    @property
    def is_active(self) -> bool:
        return any(m.state == Membership.State.ACTIVE for m in self.memberships)


def people_table(project: Project) -> list[PersonRow]:
    """Everybody who may work or has worked in the project; who judged most comes first."""
    figures = _figures(project)
    memberships: dict[int, list[Membership]] = {}
    for membership in _memberships(project):
        memberships.setdefault(membership.user_id, []).append(membership)
    users = User.objects.filter(Q(pk__in=memberships.keys()) | Q(pk__in=figures.keys()))
    last = dict(
        Judgment.objects.filter(comparison__project=project)
        .values_list("annotator_id")
        .annotate(last=Max("judged_at"))
    )
    rows = [
        _row(user, memberships.get(user.pk, []), figures.get(user.pk), last.get(user.pk))
        for user in users
    ]
    return sorted(rows, key=lambda row: (-row.n, str(row.user).lower()))


def person_row(project: Project, user: User) -> PersonRow | None:
    return next((row for row in people_table(project) if row.user == user), None)


def pools_of(project: Project) -> QuerySet[Pool]:
    return project.pools.all()


def invitations_open(project: Project) -> QuerySet[Invitation]:
    """Invitations into the project's pools that somebody may still accept."""
    return Invitation.objects.filter(
        pool__projects=project,
        accepted_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
    ).select_related("pool", "invited_by")


def _memberships(project: Project) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(pool__projects=project)
        .select_related("pool", "user")
        .order_by("pool__name", "pk")
        .distinct()
    )


def _row(
    user: User,
    memberships: list[Membership],
    figures: AnnotatorFigures | None,
    last: datetime | None,
) -> PersonRow:
    return PersonRow(
        user=user,
        memberships=tuple(memberships),
        n=figures.n if figures else 0,
        agreement=figures.majority if figures else NONE,
        ties=figures.ties if figures else NONE,
        first=figures.first_position if figures else NONE,
        gold=figures.gold if figures else NONE,
        median_seconds=figures.median_seconds if figures else None,
        last_judged_at=last,
    )


def _figures(project: Project) -> dict[int, AnnotatorFigures]:
    """Each annotator's figures; kept, because a newer judgment is the only thing that moves them.

    People are compared with people; simulated annotators with everybody.
    """
    key = f"people-figures/{project.pk}/{latest_judgment_id(project)}"
    known: dict[int, AnnotatorFigures] | None = cache.get(key)
    if known is None:
        known = _measure(works(project, live(project, include_simulated=True)))
        if simulated := _simulated(project):
            of_people = _measure(works(project, live(project)))
            known = {key: known[key] for key in simulated & known.keys()} | of_people
        known = _with_first_from_known_orders(project, known)
        cache.set(key, known, KEPT_SECONDS)
    return known


def _with_first_from_known_orders(
    project: Project, known: dict[int, AnnotatorFigures]
) -> dict[int, AnnotatorFigures]:
    """First positions counted only where it was recorded what stood first; files may not tell."""
    judgments = live(project, include_simulated=True)
    if not judgments.filter(assignment__display_order=[]).exists():
        return known
    told = _measure(works(project, with_known_order(judgments)))
    return {
        key: replace(row, first_position=told[key].first_position if key in told else NONE)
        for key, row in known.items()
    }


def _simulated(project: Project) -> set[int]:
    """The simulated annotators that have judged here."""
    judged = Judgment.objects.filter(
        comparison__project=project, annotator__kind=User.Kind.SIMULATED
    )
    return set(judged.values_list("annotator_id", flat=True).distinct())


def _measure(found: Iterable[Work]) -> dict[int, AnnotatorFigures]:
    return {figures.annotator_id: figures for figures in annotator_figures(found)}


def works(project: Project, judgments: QuerySet[Judgment]) -> Iterator[Work]:
    """Live judgments as plain values, read without building an object for each row."""
    shown = _completions_shown(project)
    rows = judgments.values_list(
        "pk", "comparison_id", "comparison__prompt_id", "annotator_id", "groups",
        "assignment__display_order", "strength", "active_ms", "comparison__gold_groups",
    )  # fmt: skip
    for pk, comparison_id, prompt_id, annotator_id, groups, order, strength, ms, gold in rows:
        completion_ids = shown[comparison_id]
        yield Work(
            verdict=Verdict(
                judgment_id=pk,
                comparison_id=comparison_id,
                prompt_id=prompt_id,
                completion_ids=completion_ids,
                annotator_id=annotator_id,
                groups=tuple(map(tuple, groups)),
                display_order=tuple(order) or tuple(range(len(completion_ids))),
                strength=strength,
            ),
            seconds=None if ms is None else ms / 1000,
            gold_groups=None if gold is None else tuple(map(tuple, gold)),
        )


def _completions_shown(project: Project) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {}
    rows = (
        Candidate.objects.filter(comparison__project=project)
        .order_by("comparison_id", "position")
        .values_list("comparison_id", "completion_id")
    )
    for comparison_id, completion_id in rows:
        found.setdefault(comparison_id, []).append(completion_id)
    return {key: tuple(ids) for key, ids in found.items()}
