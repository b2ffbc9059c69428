"""gunicorn's configuration of a web process whose clock is wrong, for trials only.

gunicorn --config python:alignui.proving.skewed alignui.wsgi:application

Linux has no clock of one's own for a process, so Python's is shifted: `time.time` and every name in
loaded code that stands for `datetime.datetime`. What the database says stays right.
"""

import datetime
import os
import sys
import time
from typing import Any, cast

from alignui import web_server

SECONDS_VARIABLE = "ALIGNUI_PROOF_CLOCK_SKEW"

for _name in dir(web_server):
    if _name.islower() and not _name.startswith("_"):
        globals()[_name] = getattr(web_server, _name)


def post_fork(server: object, worker: object) -> None:
    """After the application was imported, so that every module's name for the clock is known."""
    seconds = float(os.environ.get(SECONDS_VARIABLE, "0"))
    if seconds:
        shift_clock(seconds)


def shift_clock(seconds: float) -> None:
    """Moves this process's wall clock; monotonic clocks and time-outs stay."""
    true_time, true_ns = time.time, time.time_ns
    true_datetime = datetime.datetime
    shifted = _shifted_datetime(true_datetime, datetime.timedelta(seconds=seconds))
    replacements: dict[int, Any] = {
        id(true_time): lambda: true_time() + seconds,
        id(true_ns): lambda: true_ns() + int(seconds * 1e9),
        id(true_datetime): shifted,
    }
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if (replacement := replacements.get(id(value))) is not None:
                setattr(module, name, replacement)


def _shifted_datetime(
    true: type[datetime.datetime], skew: datetime.timedelta
) -> type[datetime.datetime]:
    """A stand-in that makes and recognises true datetimes, and differs in what is now."""

    class Likeness(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, true)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, true)

    def now(tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return true.now(tz) + skew

    def make(cls: type, *given: Any, **named: Any) -> datetime.datetime:
        return true(*given, **named)

    members = {
        "__new__": staticmethod(make),
        "now": staticmethod(now),
        "today": staticmethod(now),
        "utcnow": staticmethod(lambda: now(datetime.UTC).replace(tzinfo=None)),
    }
    return cast("type[datetime.datetime]", Likeness("datetime", (true,), members))
