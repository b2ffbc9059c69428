"""Where an annotator stands: how far today and the batch are, what it earns, who agrees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.core.cache import cache
from django.db.models import Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from annotation.core.intervals import Proportion, wilson
from annotation.core.quality import agreement_with_others
from annotation.core.rankings import Groups
from annotation.core.statements import HOUR_MS
from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Draft,
    Judgment,
    Membership,
    Pool,
    Project,
    User,
    WorkDay,
)
from annotation.selectors.access import JUDGES
from annotation.selectors.judgments import live

LEAST_SHARED = 20
MOST_COMPARED = 1_000
KEPT_SECONDS = 24 * 60 * 60
LARGE_BATCH = 2_000
LARGE_BATCH_SECONDS = 30
NONE = wilson(0, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """`today` counts comparisons judged since midnight; the batch counts everybody's judgments."""

    today: int
    daily_quota: int | None
    batch_done: int
    batch_total: int
    earned_today: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the pools through which somebody works in a project ask and pay, for each annotator."""

    pools: tuple[str, ...]
    daily_quota: int | None
    total_quota: int | None
    pay_per_judgment: Decimal | None
    pay_per_hour: Decimal | None
    currency: str

    @property
    def is_paid(self) -> bool:
        return self.pay_per_judgment is not None or self.pay_per_hour is not None

    def earned(self, judged: int, active_ms: int) -> Decimal | None:
        """What so many judgments in so much active time earn at these rates; None where unpaid."""
        if not self.is_paid:
            return None
        hourly = (self.pay_per_hour or Decimal()) * active_ms / HOUR_MS
        by_judgment = (self.pay_per_judgment or Decimal()) * judged
        return (by_judgment + hourly).quantize(Decimal("0.0001"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands in one project, as their home tells it."""

    terms: Terms
    today: int
    earned_today: Decimal | None
    earned: Decimal | None
    agreement: Proportion


def midnight(now: datetime | None = None) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def progress(annotator: User, project: Project) -> Progress:
    """How far the annotator is today, and everybody with the batch that the annotator works on."""
    today = _judged_today(annotator, project)
    own_terms = terms(annotator, project)
    done, total = _batch(annotator, project)
    return Progress(
        today=today,
        daily_quota=own_terms.daily_quota,
        batch_done=done,
        batch_total=total,
        earned_today=_earned(annotator, project, day=timezone.localdate())
        if own_terms.is_paid
        else None,
        currency=own_terms.currency,
    )


def progress_after(
    project: Project, *, batch_id: int, today: int, daily_quota: int | None,
    earned_today: Decimal | None, currency: str,
) -> Progress:  # fmt: skip
    """The same for who has just submitted, from what the submit has counted."""
    done, total = _counted(batch_id)
    return Progress(
        today=today, daily_quota=daily_quota, batch_done=done, batch_total=total,
        earned_today=earned_today, currency=currency,
    )  # fmt: skip


def standing(annotator: User, project: Project) -> Standing:
    today = _judged_today(annotator, project)
    own_terms = terms(annotator, project)
    is_paid = own_terms.is_paid
    return Standing(
        terms=own_terms,
        today=today,
        earned_today=_earned_today(annotator, project) if is_paid else None,
        earned=_earned(annotator, project) if is_paid else None,
        agreement=own_agreement(annotator, project),
    )


def _judged_today(annotator: User, project: Project) -> int:
    day = WorkDay.objects.filter(
        participation__annotator=annotator,
        participation__project=project,
        day=timezone.localdate(),
    ).first()
    return day.judged if day else 0


def terms(annotator: User, project: Project) -> Terms:
    """The smallest quotas of the annotator's pools in the project, and the pay of the first."""
    working = Membership.objects.filter(
        user=annotator, role__in=JUDGES, state=Membership.State.ACTIVE, is_qualified=True
    )
    pools = list(
        Pool.objects.filter(projects=project, pk__in=working.values("pool")).order_by("pk")
    )
    paying = next((p for p in pools if p.pay_per_judgment or p.pay_per_hour), None)
    return Terms(
        pools=tuple(pool.name for pool in pools),
        daily_quota=_smallest(pool.daily_quota for pool in pools),
        total_quota=_smallest(pool.total_quota for pool in pools),
        pay_per_judgment=paying.pay_per_judgment if paying else None,
        pay_per_hour=paying.pay_per_hour if paying else None,
        currency=paying.pay_currency if paying else "",
    )


def _smallest(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _earned(annotator: User, project: Project, **of_day: date) -> Decimal:
    """What the work earned at the rates that held when it came in."""
    days = WorkDay.objects.filter(
        participation__annotator=annotator, participation__project=project, **of_day
    )
    earned: Decimal = days.aggregate(sum=Sum("earned", default=Decimal()))["sum"]
    return earned


def _earned_today(annotator: User, project: Project) -> Decimal:
    return _earned(annotator, project, day=timezone.localdate())


def drafts_begun(annotator: User) -> QuerySet[Draft]:
    """What the annotator began and can go on with, newest first: answers and changes of answers."""
    is_answer = Q(amends=None, assignment__state=Assignment.State.LEASED)
    is_change = Q(
        amends__isnull=False,
        amends__superseded_by=None,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__comparison__project__allow_amend=True,
    )
    return (
        Draft.objects.filter(is_answer | is_change, assignment__annotator=annotator)
        .select_related("assignment__comparison__project", "assignment__comparison__prompt")
        .order_by("-saved_at")
    )


def own_agreement(annotator: User, project: Project, *, now: datetime | None = None) -> Proportion:
    """How often others who judged the same comparison say the same of a pair; empty below 20.

    Counts the annotator's last 1,000 judgments and everybody's as they stood at midnight: whoever
    amends an answer does not see the figure move, and cannot learn from it what one other person
    answered. People are compared with people only.
    """
    cutoff_id = _latest_before(midnight(now))
    if cutoff_id is None:
        return NONE
    key = f"own-agreement/{annotator.pk}/{project.pk}/{cutoff_id}"
    known: Proportion | None = cache.get(key)
    if known is None:
        known = _agreement(annotator, project, cutoff_id)
        cache.set(key, known, KEPT_SECONDS)
    return known if known.n >= LEAST_SHARED else NONE


def _batch(annotator: User, project: Project) -> tuple[int, int]:
    """Judgments that are in and judgments wanted in the batch that the annotator saw last."""
    batch_id = (
        Assignment.objects.filter(
            annotator=annotator,
            comparison__project=project,
            state__in=[Assignment.State.LEASED, Assignment.State.SUBMITTED],
        )
        .exclude(state=Assignment.State.LEASED, shown_at=None)
        .order_by("-id")
        .values_list("comparison__batch_id", flat=True)
        .first()
    )
    return (0, 0) if batch_id is None else _counted(batch_id)


def _counted(batch_id: int) -> tuple[int, int]:
    known: tuple[int, int] | None = cache.get(f"batch-progress/{batch_id}")
    if known is not None:
        return known
    counted = Comparison.objects.filter(
        batch=_recognisable(batch_id), state=Comparison.State.OPEN
    ).aggregate(done=Sum("judged", default=0), total=Sum("overlap", default=0))
    known = counted["done"], counted["total"]
    if known[1] > LARGE_BATCH:  # where one judgment more is not seen, and counting takes long
        cache.set(f"batch-progress/{batch_id}", known, LARGE_BATCH_SECONDS)
    return known


def _recognisable(batch_id: int) -> Coalesce:
    """The batch itself, or for gold and hidden repeats the newest ordinary one that is open: how
    far it is must not tell what somebody is looking at."""
    ordinary = Batch.objects.exclude(reason__in=[Batch.Reason.GOLD, Batch.Reason.REPEAT])
    instead = ordinary.filter(project__batches=batch_id, state=Batch.State.OPEN).exclude(
        reason=Batch.Reason.QUALIFICATION
    )
    return Coalesce(
        Subquery(ordinary.filter(pk=batch_id).values("pk")[:1]),
        Subquery(instead.order_by("-pk").values("pk")[:1]),
    )


def _latest_before(moment: datetime) -> int | None:
    """Judgments are numbered as they come in, so the newest ones are soon passed over."""
    return (
        Judgment.objects.filter(created_at__lt=moment)
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )


def _agreement(annotator: User, project: Project, cutoff_id: int) -> Proportion:
    with_simulated = annotator.kind == User.Kind.SIMULATED
    judgments = live(project, include_simulated=with_simulated, cutoff_id=cutoff_id)
    own = dict(_answers(judgments.filter(annotator=annotator).order_by("-pk"), most=MOST_COMPARED))
    others: dict[int, list[Groups]] = {}
    of_others = judgments.filter(comparison__in=own.keys()).exclude(annotator=annotator)
    for comparison_id, groups in _answers(of_others):
        others.setdefault(comparison_id, []).append(groups)
    return agreement_with_others(own, others)


def _answers(
    judgments: QuerySet[Judgment], *, most: int | None = None
) -> Iterator[tuple[int, Groups]]:
    for comparison_id, groups in judgments.values_list("comparison_id", "groups")[:most]:
        yield comparison_id, tuple(map(tuple, groups))
