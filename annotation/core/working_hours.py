"""When a pool works: a span of each working day in the pool's own time zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


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
        local = now.astimezone(zone)
        for days in range(9):
            day = local.date() + timedelta(days=days)
            opening = datetime.combine(day, self.opens or time.min, tzinfo=zone)
            if opening > local and self._works_on(opening):
                return opening
        raise AssertionError("some day of the week is a working day")

    def _works_on(self, local: datetime) -> bool:
        return local.isoweekday() in (self.weekdays or EVERY_DAY)
