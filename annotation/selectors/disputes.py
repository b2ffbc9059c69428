"""The reviewers' queue, and a dispute as a reviewer sees it: blind to people and to policies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from annotation.core.consensus import leading_share
from annotation.core.rankings import Groups, as_shown
from annotation.core.scheduling import derive_seed
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    CriterionAnswer,
    Dispute,
    Judgment,
    Project,
    Span,
    User,
)
from annotation.selectors.judgments import groups_of_ratings
from annotation.selectors.work import LETTERS, Presentation, presentation


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reviewer wants to see: empty fields ask for nothing.

    `criterion` is the key of one on which annotators differ, `at_most` the largest agreement,
    `older_than` how long it has waited at least.
    """

    criterion: str = ""
    at_most: float | None = None
    older_than: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ShownMark:
    letter: str
    label: str
    sign: str
    quote: str
    note: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer on a further criterion: an order in slots as displayed, or a rating for each."""

    name: str
    groups: Groups
    strength: int | None
    ratings: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgment as a reviewer sees it. `number` stands for its annotator, on this page only."""

    number: int
    groups: Groups
    strength: int | None
    both_bad: bool
    confidence: int | None
    rationale: str
    active_ms: int | None
    answers: tuple[ShownAnswer, ...]
    marks: tuple[ShownMark, ...]

    @property
    def seconds(self) -> float | None:
        return None if self.active_ms is None else self.active_ms / 1000


@dataclass(frozen=True, slots=True)
class DisputeView:
    dispute: Dispute
    shown: Presentation
    verdicts: tuple[Verdict, ...]
    agreement: float | None
    decided: Judgment | None


SIGNS = {Span.Label.GOOD: "✓", Span.Label.BAD: "✕", Span.Label.FALSE: "≠"}


def judgments_of(comparison: Comparison) -> QuerySet[Judgment]:
    """What annotators say of it now; a reviewer's decision is none of these."""
    return Judgment.objects.live().filter(comparison=comparison, is_adjudication=False)


def has_judged(person: User, comparison: Comparison) -> bool:
    """Whether they took part: judged it once, be it withdrawn since, or have it before them."""
    took_part = Judgment.objects.filter(
        comparison=comparison, annotator=person, is_adjudication=False
    )
    holds = Assignment.objects.filter(
        comparison=comparison,
        annotator=person,
        purpose=Assignment.Purpose.JUDGE,
        state=Assignment.State.LEASED,
    )
    return took_part.exists() or holds.exists()


def disputes_waiting(project: Project) -> int:
    return Dispute.objects.filter(project=project, state=Dispute.State.OPEN).count()


def disputes_for(reviewer: User, project: Project, filters: Filters) -> QuerySet[Dispute]:
    """Open disputes that the reviewer may decide, in their turn.

    What they put off comes after what they did not, and what somebody else reads comes last;
    then the least agreement first, and of the same the one that waits longest.
    """
    own = Assignment.objects.filter(comparison=OuterRef("comparison"), annotator=reviewer)
    took_part = Q(
        Exists(
            Judgment.objects.filter(
                comparison=OuterRef("comparison"), annotator=reviewer, is_adjudication=False
            )
        )
    ) | Q(
        Exists(own.filter(purpose=Assignment.Purpose.JUDGE, state=Assignment.State.LEASED))
    )  # fmt: skip
    return (
        _filtered(project, filters)
        .exclude(took_part)
        .annotate(
            is_read=Exists(_read_by_others(reviewer)),
            put_off_at=Subquery(
                own.filter(
                    purpose=Assignment.Purpose.ADJUDICATE, state=Assignment.State.RELEASED,
                    leased_at__gte=OuterRef("opened_at"),
                ).values("closed_at")[:1]
            ),
        )
        .select_related("comparison__prompt")
        .order_by(
            "is_read", F("put_off_at").asc(nulls_first=True),
            F("agreement").asc(nulls_last=True), "id",
        )
    )  # fmt: skip


def dispute_next(
    reviewer: User, project: Project, filters: Filters, *, with_put_off: bool = True
) -> Dispute | None:
    """What the reviewer should read now; None when nothing is left that nobody else reads."""
    free = disputes_for(reviewer, project, filters).exclude(Exists(_read_by_others(reviewer)))
    found = free.first()  # what is not put off comes first
    is_put_off = found is not None and getattr(found, "put_off_at", None) is not None
    return None if is_put_off and not with_put_off else found


def disputes_decided(project: Project) -> QuerySet[Dispute]:
    """What was decided or dismissed, newest first."""
    return (
        Dispute.objects.filter(project=project)
        .exclude(state=Dispute.State.OPEN)
        .select_related("comparison__prompt", "decision", "closed_by")
        .order_by("-closed_at")
    )


def decisions_in_force(
    project: Project, *, include_simulated: bool = False, cutoff_id: int | None = None
) -> QuerySet[Judgment]:
    """The decision of each comparison's newest decided dispute, made up to a cutoff."""
    decided = Dispute.objects.filter(project=project, state=Dispute.State.DECIDED)
    if cutoff_id is not None:
        decided = decided.filter(decision__lte=cutoff_id)
    newest = decided.order_by("comparison_id", "-pk").distinct("comparison_id")
    found = Judgment.objects.filter(pk__in=list(newest.values_list("decision", flat=True)))
    return found if include_simulated else found.exclude(annotator__kind=User.Kind.SIMULATED)


def criteria_disputed(project: Project) -> list[Criterion]:
    """The criteria by which the queue can be filtered: those that are answered with an order."""
    return list(project.criteria.filter(scale=Criterion.Scale.PREFERENCE))


def dispute_view(dispute: Dispute, assignment: Assignment) -> DisputeView:
    """The dispute as displayed to the reviewer who holds the assignment."""
    shown = presentation(assignment)
    order = list(assignment.display_order)
    judgments = list(
        judgments_of(dispute.comparison)
        .prefetch_related("answers__criterion", "spans__candidate")
        .order_by("pk")
    )
    agreement = leading_share([j.groups for j in judgments]) if judgments else None
    # Seeded by the dispute: who was first in one is not first in the next.
    Random(derive_seed(dispute.project.seed, "dispute", dispute.pk)).shuffle(judgments)
    return DisputeView(
        dispute=dispute,
        shown=shown,
        verdicts=tuple(
            _verdict(number, judgment, order) for number, judgment in enumerate(judgments, start=1)
        ),
        agreement=agreement,
        decided=dispute.decision,
    )


def _filtered(project: Project, filters: Filters) -> QuerySet[Dispute]:
    found = Dispute.objects.filter(project=project, state=Dispute.State.OPEN)
    if filters.at_most is not None:
        found = found.filter(agreement__lte=filters.at_most)
    if filters.older_than is not None:
        found = found.filter(opened_at__lte=timezone.now() - filters.older_than)
    if filters.criterion == Criterion.OVERALL:
        found = found.annotate(
            n_answers=Count(
                "comparison__judgments__groups",
                distinct=True,
                filter=Q(
                    comparison__judgments__superseded_by=None,
                    comparison__judgments__is_withdrawal=False,
                    comparison__judgments__is_adjudication=False,
                ),
            )
        ).filter(n_answers__gt=1)
    elif filters.criterion:
        answers = CriterionAnswer.objects.filter(
            criterion__project=project,
            criterion__key=filters.criterion,
            judgment__comparison=OuterRef("comparison"),
            judgment__superseded_by=None,
            judgment__is_withdrawal=False,
            judgment__is_adjudication=False,
        )
        counted = (
            answers.order_by()
            .values("judgment__comparison")
            .annotate(n=Count("groups", distinct=True))
            .filter(n__gt=1)
        )
        found = found.filter(Exists(counted))
    return found


def _read_by_others(reviewer: User) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        comparison=OuterRef("comparison"),
        purpose=Assignment.Purpose.ADJUDICATE,
        state=Assignment.State.LEASED,
        expires_at__gt=timezone.now(),
    ).exclude(annotator=reviewer)


def _verdict(number: int, judgment: Judgment, order: list[int]) -> Verdict:
    return Verdict(
        number=number,
        groups=as_shown(_tuples(judgment.groups), order),
        strength=judgment.strength,
        both_bad=judgment.both_bad,
        confidence=judgment.confidence,
        rationale=judgment.rationale,
        active_ms=judgment.active_ms,
        answers=tuple(_answer(answer, order) for answer in judgment.answers.all()),
        marks=tuple(_marks(judgment, order)),
    )


def _answer(answer: CriterionAnswer, order: list[int]) -> ShownAnswer:
    ratings = tuple(
        (LETTERS[slot], answer.ratings[position])
        for slot, position in enumerate(order)
        if answer.ratings is not None
    )
    groups = answer.groups if answer.groups is not None else groups_of_ratings(answer.ratings or [])
    return ShownAnswer(
        name=answer.criterion.name,
        groups=as_shown(_tuples(groups), order),
        strength=answer.strength,
        ratings=ratings,
    )


def _marks(judgment: Judgment, order: list[int]) -> Iterator[ShownMark]:
    for span in judgment.spans.all():
        yield ShownMark(
            letter=LETTERS[order.index(span.candidate.position)],
            label=span.get_label_display(),
            sign=SIGNS[Span.Label(span.label)],
            quote=span.quote,
            note=span.note,
        )


def _tuples(groups: list[list[int]]) -> Groups:
    return tuple(tuple(group) for group in groups)
