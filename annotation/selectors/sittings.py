"""How long somebody has been at work without a longer pause, and whether a break would do good.

Why it matters: long sittings lower the quality of judgments, and who tires answers faster rather
than slower. Both signs are stored with each judgment, so that audits can ask whether answers given
late in a sitting differ; here they serve the annotator first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.utils.translation import gettext as _

from annotation.models import Judgment, Project, User

PAUSE = timedelta(minutes=15)
WINDOW = 8
MOST_READ = 400
HURRIED = 0.5

Row = tuple[datetime, int | None, int, bool, int | None]


@dataclass(frozen=True, slots=True)
class Sitting:
    """`n` judgments in a row. `pace` is 1.0 where one takes as long as when the sitting began."""

    sitting_ms: int
    pace: float | None
    n: int


def sitting(annotator: User, now: datetime, *, working_ms: int = 0) -> Sitting:
    """The sitting that goes on at `now`; an empty one after a pause of 15 minutes.

    `working_ms` is the active time of a judgment that is being given: time spent on it is no pause.
    Pace is the median active time of the last 8 answers over that of the sitting's first 8, None
    below 16; amendments have no pace of their own. At most the last 400 judgments are read: of a
    longer sitting the earlier part is taken from what was stored with the oldest of them.
    """
    rows = list(
        Judgment.objects.filter(annotator=annotator)
        .exclude(source=Judgment.Source.IMPORT)
        .order_by("-id")
        .values_list("judged_at", "active_ms", "revision", "is_withdrawal", "sitting_ms")[
            :MOST_READ
        ]
    )
    together = _without_pause(rows, now - timedelta(milliseconds=working_ms))
    if not together:
        return Sitting(sitting_ms=working_ms, pace=None, n=0)
    oldest = together[-1]
    began = _began(oldest)
    if len(together) == MOST_READ and oldest[4] is not None:
        began = oldest[0] - timedelta(milliseconds=oldest[4])
    return Sitting(
        sitting_ms=max(round((now - began) / timedelta(milliseconds=1)), 0),
        pace=_pace(together),
        n=sum(not row[3] for row in together),
    )


def break_due(sitting: Sitting, project: Project) -> str:
    """A kind sentence when a break would do good, else "".

    It is due after `Project.break_after_minutes` (0: never say so), or when answers take less than
    half the time they took at first: people who tire speed up, and care goes first.
    """
    if not project.break_after_minutes:
        return ""
    minutes = sitting.sitting_ms // 60_000
    if minutes >= project.break_after_minutes:
        return _(
            "You have been at this for %(minutes)s minutes. A short break does you and the answers "
            "good."
        ) % {"minutes": minutes}
    if sitting.pace is not None and sitting.pace < HURRIED:
        return _(
            "You answer twice as fast as when you began. If you feel tired, take a short break."
        )
    return ""


def _began(row: Row) -> datetime:
    """When the work on a judgment began, as far as active time tells."""
    return row[0] - timedelta(milliseconds=row[1] or 0)


def _without_pause(rows: list[Row], now: datetime) -> list[Row]:
    """The newest rows, newest first, up to the first pause before `now` or between two of them."""
    together: list[Row] = []
    following = now
    for row in rows:
        if following - row[0] >= PAUSE:
            break
        together.append(row)
        following = min(_began(row), following)
    return together


def _pace(newest_first: list[Row]) -> float | None:
    times = [row[1] for row in newest_first if row[1] is not None and row[2] == 0 and not row[3]]
    if len(times) < 2 * WINDOW:
        return None
    at_first = median(times[-WINDOW:])
    return median(times[:WINDOW]) / at_first if at_first else None
