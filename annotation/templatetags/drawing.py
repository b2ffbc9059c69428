"""Geometry and marks of charts as SVG text, without any inline style.

Across, everything stands in per cent of the width, so that a chart fills its column while its
words keep their size; down, in pixels of a fixed height, so that nothing on a page moves. Lines
and areas live in a nested drawing that is stretched, with strokes that are not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from annotation.core.figures import ticks

STRETCH = 1000


@dataclass(frozen=True, slots=True)
class Across:
    """Values to per cent of the width."""

    low: float
    high: float
    left: float = 2.0
    right: float = 98.0

    def place(self, value: float) -> float:
        span = self.high - self.low or 1.0
        inside = min(max((value - self.low) / span, 0.0), 1.0)
        return round(self.left + inside * (self.right - self.left), 2)

    def at(self, value: float) -> str:
        return f"{self.place(value)}%"

    def anchor(self, value: float) -> str:
        """Where a word at this value hangs, so that it never leaves the drawing."""
        place = self.place(value)
        return "start" if place < 8 else "end" if place > 92 else "middle"


@dataclass(frozen=True, slots=True)
class Down:
    """Values to pixels from the top; the greatest value is the highest."""

    low: float
    high: float
    top: float
    bottom: float

    def at(self, value: float) -> float:
        span = self.high - self.low or 1.0
        inside = min(max((value - self.low) / span, 0.0), 1.0)
        return round(self.bottom - inside * (self.bottom - self.top), 1)


def axis_over(values: Iterable[float | None], *, about: int = 5) -> tuple[float, float]:
    """Round limits that hold all of the values."""
    known = [value for value in values if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    if low == high:
        low, high = low - 0.5, high + 0.5
    marks = ticks(low, high, about=about)
    step = marks[1] - marks[0] if len(marks) > 1 else high - low
    start = marks[0] if marks[0] <= low + 1e-12 else marks[0] - step
    stop = marks[-1] if marks[-1] >= high - 1e-12 else marks[-1] + step
    return round(start, 12), round(stop, 12)


def line(cls: str, x1: str, y1: float, x2: str, y2: float) -> SafeString:
    return format_html('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>', cls, x1, y1, x2, y2)


def dot(cls: str, x: str, y: float, radius: float, words: str = "") -> SafeString:
    title = format_html("<title>{}</title>", words) if words else mark_safe("")
    return format_html(
        '<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>', cls, x, y, radius, title
    )


def word(cls: str, x: str, y: float, text: str, anchor: str = "start") -> SafeString:
    return format_html(
        '<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', cls, x, y, anchor, text
    )


def bar(cls: str, *, left: float, width: float, y: float, height: float, words: str) -> SafeString:
    return format_html(
        '<rect class="{}" x="{}%" width="{}%" y="{}" height="{}"><title>{}</title></rect>',
        cls, round(left, 2), round(max(width, 0.1), 2), round(y, 1), round(height, 1), words,
    )  # fmt: skip


def path(cls: str, points: Sequence[tuple[float, float]], *, closed: bool = False) -> SafeString:
    """A path through (per cent across, pixels down); belongs inside `stretched`."""
    steps = " L".join(f"{x * STRETCH / 100:.1f} {y:.1f}" for x, y in points)
    return format_html('<path class="{}" d="M{}{}"/>', cls, steps, " Z" if closed else "")


def stretched(height: int, marks: Iterable[SafeString]) -> SafeString:
    return format_html(
        '<svg width="100%" height="{0}" viewBox="0 0 {1} {0}" preserveAspectRatio="none">{2}</svg>',
        height, STRETCH, joined(marks),
    )  # fmt: skip


def joined(marks: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((mark,) for mark in marks))


def silent(height: int, marks: Iterable[SafeString]) -> SafeString:
    """A drawing whose figures stand beside it as text."""
    return format_html(
        '<svg class="plot" width="100%" height="{}" aria-hidden="true">{}</svg>',
        height, joined(marks),
    )  # fmt: skip


def drawing(
    key: str, title: str, words: str, height: int, marks: Iterable[SafeString]
) -> SafeString:
    """The whole chart: named and described for who does not see it."""
    return format_html(
        '<svg class="plot" width="100%" height="{1}" role="img" aria-labelledby="{0}-t {0}-d">'
        '<title id="{0}-t">{2}</title><desc id="{0}-d">{3}</desc>{4}</svg>',
        key, height, title, words, joined(marks),
    )  # fmt: skip
