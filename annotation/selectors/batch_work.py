"""How far batches are, how fast, and when the last judgment comes.

Counting a million comparisons takes a quarter of a second, so what was counted is kept for a
while that grows with its size: a batch of a few thousand is always counted afresh.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from annotation.core.throughput import Rate, rate
from annotation.models import Assignment, Batch, Comparison, Project, User
from annotation.selectors.access import may_judge

FRESH_BELOW = 5_000
KEPT_FOR_EACH = 10_000  # comparisons that make a count be kept one second longer
KEPT_AT_MOST = 60  # seconds
RECENT_JUDGMENTS = 5_000
RATE_SECONDS = 10
WINDOW = timedelta(days=1)
PARTS = 24
EVERYTHING = 0  # no batch has this id

_NEWEST = """
WITH newest AS MATERIALIZED (
    SELECT comparison_id, created_at FROM annotation_judgment
     WHERE revision = 0 AND NOT is_adjudication AND source <> 'import'
     ORDER BY id DESC LIMIT %(most)s
)
SELECT c.batch_id, newest.created_at
  FROM newest JOIN annotation_comparison c ON c.id = newest.comparison_id
 WHERE c.project_id = %(project)s AND newest.created_at > %(since)s
"""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """Judgments and comparisons of a batch; `wanted` of what is not retired.

    `n_waiting` comparisons have room for another judge, `n_done` have all their judgments.
    """

    batch: Batch
    n_comparisons: int
    wanted: int
    judged: int
    leased: int
    n_waiting: int = 0
    n_done: int = 0
    n_retired: int = 0

    @property
    def percent(self) -> int:
        return round(100 * self.judged / self.wanted) if self.wanted else 0

    @property
    def left(self) -> int:
        return max(self.wanted - self.judged, 0)

    @property
    def is_counted(self) -> bool:
        """Whether it is done when everything is judged: gold goes on for ever."""
        return self.batch.reason not in {Batch.Reason.GOLD, Batch.Reason.REPEAT}


@dataclass(frozen=True, slots=True)
class Finish:
    """When the last judgment comes at the present rate: about `at`, `soonest` to `latest`."""

    rate: Rate
    at: datetime
    soonest: datetime
    latest: datetime | None

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.rate.hours)


@dataclass(frozen=True, slots=True)
class _Tally:
    """A batch's comparisons by what is wanted and there, added up."""

    n: int = 0
    wanted: int = 0
    judged: int = 0
    taken: int = 0
    waiting: int = 0
    done: int = 0
    retired: int = 0

    def with_(self, state: str, overlap: int, judged: int, taken: int, n: int) -> "_Tally":
        is_open = state == Comparison.State.OPEN
        return _Tally(
            n=self.n + n,
            wanted=self.wanted + n * (overlap if is_open else judged),
            judged=self.judged + n * judged,
            taken=self.taken + n * taken,
            waiting=self.waiting + n * (is_open and taken < overlap),
            done=self.done + n * (is_open and judged >= overlap),
            retired=self.retired + n * (not is_open),
        )


def batch_progress(project: Project) -> list[BatchProgress]:
    """Every batch of the project, newest first."""
    batches = list(project.batches.all())
    tallies = _tallies(batch.pk for batch in batches)
    return [_progress(batch, tallies[batch.pk]) for batch in batches]


def one_batch_progress(batch: Batch) -> BatchProgress:
    return _progress(batch, _tallies([batch.pk])[batch.pk])


def tallies_forget(*batch_ids: int) -> None:
    """What was counted no longer holds: a lead has changed the batches."""
    cache.delete_many([_key(batch_id) for batch_id in batch_ids])


def finishes(project: Project, progress: Iterable[BatchProgress]) -> dict[int, Finish]:
    """When each open batch that is being worked on will be done, by its id."""
    rates = _rates(project)
    now = timezone.now()
    found = {}
    for each in progress:
        speed = rates.get(each.batch.pk)
        if speed and each.left and each.is_counted and each.batch.state == Batch.State.OPEN:
            found[each.batch.pk] = _finish(speed, each.left, now)
    return found


def finish_of_all(project: Project, progress: Iterable[BatchProgress]) -> Finish | None:
    """When everything that is open will be judged, at the present pace of the whole project."""
    left = sum(
        each.left for each in progress if each.is_counted and each.batch.state == Batch.State.OPEN
    )
    speed = _rates(project).get(EVERYTHING)
    return _finish(speed, left, timezone.now()) if speed and left else None


def people_at_work(batch: Batch) -> int:
    """Who has a comparison of the batch before them at this moment."""
    return (
        Assignment.objects.filter(
            state=Assignment.State.LEASED,
            purpose=Assignment.Purpose.JUDGE,
            expires_at__gt=timezone.now(),
            shown_at__isnull=False,
            comparison__batch=batch,
        ).aggregate(n=Count("annotator", distinct=True))["n"]
        or 0
    )


def leases_out(batch: Batch, *, most: int = 100) -> list[Assignment]:
    """What is out and to whom, that which is out longest first."""
    return list(
        Assignment.objects.filter(
            state=Assignment.State.LEASED,
            purpose=Assignment.Purpose.JUDGE,
            comparison__batch=batch,
        )
        .select_related("annotator", "comparison__prompt")
        .order_by("leased_at")[:most]
    )


def judges_of(comparison: Comparison) -> list[Assignment]:
    """Everybody who met it, in the order in which they did."""
    return list(
        comparison.assignments.filter(purpose=Assignment.Purpose.JUDGE)
        .select_related("annotator")
        .order_by("pk")
    )


def people_to_ask(project: Project) -> list[User]:
    """Who could be given a comparison by name: those who may judge here."""
    return list(may_judge(project).order_by("username")[:500])


def _progress(batch: Batch, tally: _Tally) -> BatchProgress:
    return BatchProgress(
        batch=batch,
        n_comparisons=tally.n,
        wanted=tally.wanted,
        judged=tally.judged,
        leased=tally.taken - tally.judged,
        n_waiting=tally.waiting,
        n_done=tally.done,
        n_retired=tally.retired,
    )


def _tallies(batch_ids: Iterable[int]) -> dict[int, _Tally]:
    keys = {_key(batch_id): batch_id for batch_id in batch_ids}
    known: dict[int, _Tally] = {
        keys[key]: tally for key, tally in cache.get_many(list(keys)).items()
    }
    missing = [batch_id for batch_id in keys.values() if batch_id not in known]
    counted = dict.fromkeys(missing, _Tally())
    # A histogram is quicker than sums: few values of overlap, judged and taken occur.
    rows = (
        Comparison.objects.filter(batch__in=missing)
        .order_by()
        .values_list("batch", "state", "overlap", "judged", "taken")
        .annotate(n=Count("pk"))
    )
    for batch_id, *values in rows if missing else ():
        counted[batch_id] = counted[batch_id].with_(*values)
    for batch_id, tally in counted.items():
        if tally.n >= FRESH_BELOW:
            seconds = min(max(tally.n // KEPT_FOR_EACH, 1), KEPT_AT_MOST)
            cache.set(_key(batch_id), tally, seconds)
    return known | counted


def _key(batch_id: int) -> str:
    return f"batch-tally/{batch_id}"


def _rates(project: Project) -> dict[int, Rate]:
    """How fast judgments of each batch came in lately: the newest ones, of a day at most."""
    key = f"batch-rates/{project.pk}"
    known: dict[int, Rate] | None = cache.get(key)
    if known is not None:
        return known
    now = timezone.now()
    came: dict[int, list[datetime]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWEST,
            {"most": RECENT_JUDGMENTS, "project": project.pk, "since": now - WINDOW},
        )
        rows = cursor.fetchall()
    for batch_id, at in rows:
        came.setdefault(batch_id, []).append(at)
        came.setdefault(EVERYTHING, []).append(at)
    # Beyond the newest ones nothing was looked at, so the time that they span is the window.
    is_cut = len(rows) >= RECENT_JUDGMENTS
    begins = min(at for _batch, at in rows) if is_cut else None
    known = {}
    for batch_id, moments in came.items():
        speed = _rate(moments, begins or min(moments), now)
        if speed is not None:
            known[batch_id] = speed
    if len(rows) >= FRESH_BELOW // 10:
        cache.set(key, known, RATE_SECONDS)
    return known


def _rate(moments: list[datetime], begins: datetime, now: datetime) -> Rate | None:
    """Counted in equal parts since the first: that one opens the time and is not counted in it."""
    span = now - begins
    moments = sorted(moments)
    later = moments[1:] if moments[0] == begins else moments
    if not later or span <= timedelta(0):
        return None
    counts = [0] * PARTS
    for at in later:
        counts[min(int((at - begins) / span * PARTS), PARTS - 1)] += 1
    return rate(counts, span / timedelta(hours=1))


def _finish(speed: Rate, left: int, now: datetime) -> Finish:
    middle, soonest, latest = speed.hours_for(left)
    return Finish(
        rate=speed,
        at=_after(now, middle),
        soonest=_after(now, soonest),
        latest=None if latest is None or latest > _LONGEST else _after(now, latest),
    )


_LONGEST = 24 * 365 * 10  # hours; beyond that a date says nothing


def _after(now: datetime, hours: float) -> datetime:
    return now + timedelta(hours=min(hours, _LONGEST))
