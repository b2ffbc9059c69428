"""Numbers as words: one way to write a count, a share, an interval, a duration, a size."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import floor, log10

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

NOTHING = "–"


def written(value: float | None, style: str) -> str:
    """A figure by its style: `share` (62.1%), `whole` (8,931), `points` (+3.2) or `decimal`."""
    if value is None:
        return NOTHING
    if style == "points":
        return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")
    if style == "share":
        return f"{100 * value:.1f}%"
    if style == "percent":
        return f"{100 * value:.0f}%"
    if style == "whole":
        return f"{value:,.0f}"
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def tick_words(value: float, marks: Sequence[float], style: str) -> str:
    """A tick of an axis, with as many digits as tell it from its neighbours."""
    if style != "decimal" or len(marks) < 2:
        return written(value, style)
    digits = max(0, -floor(log10(marks[1] - marks[0]) + 1e-9))
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def whole(value: float | None) -> str:
    return written(value, "whole")


@register.filter
def share(value: float | None) -> str:
    return written(value, "share")


@register.filter
def percent(value: float | None) -> str:
    return written(value, "percent")


@register.filter
def decimal(value: float | None) -> str:
    return written(value, "decimal")


@register.simple_tag
def interval(low: float | None, high: float | None, style: str = "decimal") -> SafeString | str:
    """[0.37, 0.45]; nothing where there is no interval."""
    if low is None or high is None:
        return ""
    return format_html(
        '<span class="interval">[{}, {}]</span>', written(low, style), written(high, style)
    )


@register.filter
def duration(value: timedelta | float | None) -> str:
    """Seconds or a timedelta in its two largest units: 42 s, 3 min 10 s, 2 h 5 min, 4 d 3 h."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole_seconds = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        amount, whole_seconds = divmod(whole_seconds, size)
        if amount or parts:
            parts.append(f"{amount} {name}" if amount else "")
    return " ".join(part for part in parts[:2] if part)


@register.filter
def ago(moment: datetime | None) -> str:
    """How long since, in one unit."""
    if moment is None:
        return _("never")
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 45:
        return _("just now")
    if seconds < 45 * 60:
        return _("%(n)d min ago") % {"n": max(1, round(seconds / 60))}
    if seconds < 22 * 3600:
        return _("%(n)d h ago") % {"n": max(1, round(seconds / 3600))}
    days = max(1, round(seconds / 86_400))
    return ngettext("%(n)d day ago", "%(n)d days ago", days) % {"n": days}


@register.filter
def size(value: int | None) -> str:
    """Bytes as people say them."""
    if value is None:
        return NOTHING
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


@register.filter
def cell(value: object) -> str:
    """A table's cell: a number short enough to read, nothing as a dash."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


@register.filter
def points(value: float | None) -> str:
    """A difference of shares in points, with its sign: +2.3 points."""
    if value is None:
        return NOTHING
    return _("%(n)s points") % {"n": f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")}


@register.filter
def nats(value: float | None) -> str:
    """Three digits: log-losses and utilities differ in the third."""
    return NOTHING if value is None else f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def p_value(value: float | None) -> str:
    """Two digits that count; a very small one by its bound."""
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


@register.filter
def at(mapping: Mapping[str, object], key: str) -> object:
    """What a mapping holds under a key that is no name."""
    return mapping.get(key)


@register.filter
def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
