"""When a pool works: a span of each working day in the pool's own time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
_LONGEST_SKIP = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """From `opens` until `closes` on each of `weekdays` (ISO: 1 is Monday; none given means all).

    A span that closes at or before it opens goes over midnight and belongs to the day on which it
    opens. Without times the whole day is open.
    """

    opens: time | None = None
    closes: time | None = None
    weekdays: Sequence[int] = ()
    time_zone: str = "UTC"

    def is_open(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.time_zone))
        if self.opens is None or self.closes is None:
            return self._works_on(local)
        clock = local.time()
        if self.opens < self.closes:
            return self._works_on(local) and self.opens <= clock < self.closes
        is_late = clock >= self.opens and self._works_on(local)
        return is_late or (clock < self.closes and self._works_on(local - timedelta(days=1)))

    def next_opening(self, now: datetime) -> datetime:
        """`now` where it is open, else the next moment at which it opens."""
        if self.is_open(now):
            return now
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        for days in range(9):
            day = today + timedelta(days=days)
            for opening in _moments(day, self.opens or time.min, zone):
                if opening > now and self.is_open(opening):
                    return self._first_open(opening - _LONGEST_SKIP, opening).astimezone(now.tzinfo)
        raise AssertionError("some day of the week is a working day")

    def _first_open(self, closed: datetime, opened: datetime) -> datetime:
        """When it opens, to the second: `opened`, unless the clock skipped the hour meant."""
        if not self.is_open(opened - timedelta(seconds=1)):
            return opened
        while opened - closed > timedelta(seconds=1):
            middle = closed + (opened - closed) // 2
            closed, opened = (closed, middle) if self.is_open(middle) else (middle, opened)
        return opened.replace(microsecond=0)

    def _works_on(self, local: datetime) -> bool:
        return local.isoweekday() in (self.weekdays or EVERY_DAY)


def _moments(day: date, clock: time, zone: ZoneInfo) -> list[datetime]:
    """In UTC when a clock in the zone shows the time: twice where it is set back, in order."""
    return sorted(
        {datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)}
    )
