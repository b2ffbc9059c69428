"""Effects as points of votes: each with its interval, and the least that would have shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.core.figures import Point, ticks
from annotation.templatetags.drawing import (
    Across,
    Down,
    axis_over,
    bar,
    dot,
    drawing,
    line,
    path,
    silent,
    stretched,
    word,
)

register = template.Library()

ROW, AXIS = 36, 24
TOP, FOOT = 12, 26
FEWEST_TICKS = 3
TONES = {"found": "first", "hint": "second"}


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One audit as the picture shows it; figures are shares of votes, shown as points.

    `status` is the audit's; `word` and `tone` its badge. `least` is the smallest effect that would
    have been found, None where none could be.
    """

    label: str
    status: str
    word: str
    tone: str
    estimate: float
    low: float
    high: float
    least: float | None
    n: int
    href: str = ""

    @property
    def least_words(self) -> str:
        """Points without a sign: both ways would have shown."""
        return "" if self.least is None else f"{100 * self.least:.1f}"


@register.inclusion_tag("lead/effects.html")
def effects(
    rows: Sequence[EffectRow],
    *,
    caption: str = "",
    noun: str = "",
    n_of: str = "",
    beside: Sequence[EffectRow] = (),
) -> dict[str, object]:
    """All effects on one axis, which reaches as far as those in pictures `beside` it."""
    every = [*rows, *beside]
    found = axis_over([v for row in every for v in (row.estimate, row.low, row.high, 0.0)])
    across = Across(*found)
    return {
        "rows": [(row, _mark(row, across)) for row in rows],
        "axis": _axis(across),
        "caption": caption,
        "noun": noun,
        "n_of": n_of,
    }


@register.simple_tag
def cusum(key: str, points: Sequence[Point], *, title: str, height: int = 180) -> SafeString:
    """A sum over time between the two lines that chance alone seldom lets it cross."""
    across = Across(points[0].x, points[-1].x)
    bounds = [v for p in points for v in (p.value, p.low, p.high)]
    down = Down(*axis_over([*bounds, 0.0], about=4), TOP, height - FOOT)
    band = [(across.place(p.x), down.at(p.high or 0.0)) for p in points]
    band += [(across.place(p.x), down.at(p.low or 0.0)) for p in reversed(points)]
    walk = [(across.place(p.x), down.at(p.value)) for p in points]
    middle = down.at(0.0)
    furthest = max(points, key=lambda p: abs(p.value))
    marks = [
        stretched(height, [path("band tone-first", band, closed=True)]),
        line("reference", across.at(across.low), middle, across.at(across.high), middle),
        stretched(height, [path("line tone-first", walk)]),
        dot("estimate tone-first", across.at(furthest.x), down.at(furthest.value), 3.5,
            f"{furthest.label} {furthest.value:+.1f}"),
        *(
            word("tick", "0%", down.at(value) - 4, f"{value:+g}".replace("-", "\N{MINUS SIGN}"))
            for value in ticks(down.low, down.high, about=4)
        ),
        word("tick", across.at(points[0].x), height - 8, points[0].label[:10]),
        word("tick", across.at(points[-1].x), height - 8, points[-1].label[:10], "end"),
    ]  # fmt: skip
    words = _("furthest from 0: %(sum)s at %(when)s, where chance allows %(band)s") % {
        "sum": f"{furthest.value:+.1f}",
        "when": furthest.label,
        "band": f"{furthest.high or 0.0:.1f}",
    }
    return drawing(key, title, words, height, marks)


def _mark(row: EffectRow, across: Across) -> SafeString:
    """A solid dot where it was found, a hollow one for a hint, none but the whisker elsewhere."""
    middle = ROW / 2
    tone = TONES.get(row.status, "third")
    marks = []
    if row.least is not None:
        left, right = across.place(-row.least), across.place(row.least)
        words = _("Smaller effects would go unnoticed.")
        marks.append(
            bar("unseen", left=left, width=right - left, y=6, height=ROW - 12, words=words)
        )
    marks.append(line("reference", across.at(0.0), 0, across.at(0.0), ROW))
    low, high = across.at(row.low), across.at(row.high)
    marks.append(line(f"whisker tone-{tone}", low, middle, high, middle))
    marks += [line(f"whisker tone-{tone}", x, middle - 4, x, middle + 4) for x in (low, high)]
    shape = "estimate" if row.status == "found" else "estimate estimate-hollow"
    marks.append(dot(f"{shape} tone-{tone}", across.at(row.estimate), middle, 4.5))
    return silent(ROW, marks)


def _axis(across: Across) -> SafeString:
    marks = [line("axis-line", across.at(across.low), 0.5, across.at(across.high), 0.5)]
    places = ticks(across.low, across.high, about=4)
    if len(places) < FEWEST_TICKS:
        places = ticks(across.low, across.high, about=8)
    for value in places:
        marks.append(line("axis-line", across.at(value), 0, across.at(value), 4))
        if value == 0:
            words, kind = _("no bias"), "tick tick-strong"
        else:
            words, kind = f"{100 * value:+g}".replace("-", "\N{MINUS SIGN}"), "tick"
        marks.append(word(kind, across.at(value), 17, words, across.anchor(value)))
    return silent(AXIS, marks)
