"""How long somebody has been at work without a longer pause, and how their pace has changed.

Why it matters: long sittings lower the quality of judgments, and who tires answers faster rather
than slower. Both signs are stored with each judgment, so that audits can ask whether answers given
late in a sitting differ; the page uses them to suggest a break.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

PAUSE = timedelta(minutes=15)
WINDOW = 8
LONGEST_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Sitting:
    """A stretch of work. `first_ms` are the active times of its first 8 answers, `recent_ms` of
    its last 8; `n` counts its answers."""

    began_at: datetime
    last_at: datetime
    n: int = 0
    first_ms: tuple[int, ...] = ()
    recent_ms: tuple[int, ...] = ()

    def lasted_ms(self, now: datetime) -> int:
        return min(max(round((now - self.began_at) / timedelta(milliseconds=1)), 0), LONGEST_MS)

    @property
    def pace(self) -> float | None:
        """The median time of the last 8 answers over that of the first 8; None below 16 answers."""
        if self.n < 2 * WINDOW or len(self.recent_ms) < WINDOW:
            return None
        at_first = median(self.first_ms)
        return median(self.recent_ms) / at_first if at_first else None


def sitting_at(known: Sitting | None, now: datetime, *, working_ms: int = 0) -> Sitting:
    """The sitting that goes on at `now`; a new one after a pause of 15 minutes.

    `working_ms` is the active time of an answer that is being given: time spent on it is no pause.
    """
    began = now - timedelta(milliseconds=working_ms)
    if known is None or began - known.last_at >= PAUSE:
        return Sitting(began_at=began, last_at=now)
    return known


def sitting_after(
    sitting: Sitting, now: datetime, *, active_ms: int | None, is_first_answer: bool
) -> Sitting:
    """The sitting with one answer more; an amendment goes on with it but has no pace of its own."""
    later = replace(sitting, last_at=max(now, sitting.last_at))
    if not is_first_answer:
        return later
    later = replace(later, n=later.n + 1)
    if active_ms is None:
        return later
    first = (*later.first_ms, active_ms)[:WINDOW]
    return replace(later, first_ms=first, recent_ms=(*later.recent_ms, active_ms)[-WINDOW:])
