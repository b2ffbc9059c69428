"""The sitting that somebody is in, and whether a break would do them good."""

from datetime import datetime

from django.utils.translation import gettext as _

from annotation.core.sittings import Sitting, sitting_at
from annotation.models import Project, SittingClock, User

HURRIED = 0.5


def sitting(annotator: User, now: datetime, *, working_ms: int = 0) -> Sitting:
    """The sitting that goes on at `now`, in whatever projects; a new one after a longer pause."""
    clock = SittingClock.objects.filter(annotator=annotator).first()
    known = None
    if clock is not None:
        known = Sitting(
            began_at=clock.began_at,
            last_at=clock.last_at,
            n=clock.answers,
            first_ms=tuple(clock.first_ms),
            recent_ms=tuple(clock.recent_ms),
        )
    return sitting_at(known, now, working_ms=working_ms)


def break_due(sitting: Sitting, project: Project, now: datetime) -> str:
    """A kind sentence when a break would do good, else "".

    It is due after `Project.break_after_minutes` (0: never say so), or when answers take less than
    half the time they took at first: people who tire speed up, and care goes first.
    """
    if not project.break_after_minutes:
        return ""
    minutes = sitting.lasted_ms(now) // 60_000
    if minutes >= project.break_after_minutes:
        return _(
            "You have been at this for %(minutes)s minutes. A short break does you and the answers "
            "good."
        ) % {"minutes": minutes}
    pace = sitting.pace
    if pace is not None and pace < HURRIED:
        return _(
            "You answer twice as fast as when you began. If you feel tired, take a short break."
        )
    return ""
