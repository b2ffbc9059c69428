"""Everybody's reliability in one picture, and evidence as words with figures."""

from collections.abc import Iterator, Mapping, Sequence

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.models import PersonReport
from annotation.selectors.people_reports import Standing
from annotation.templatetags.drawing import Across, Down, dot, drawing, line, path, stretched, word
from annotation.templatetags.figures import NOTHING, written

register = template.Library()

TOP, FOOT = 14, 24
MOST_DRAWN = 300
MOST_WHISKERS = 60
MOST_NAMED = 4
APART = 16
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
Action = PersonReport.Action
TONES = {
    Action.KEEP: "first",
    Action.WATCH: "second",
    Action.REQUALIFY: "third",
    Action.QUARANTINE: "third",
}
BADGES = {
    Action.KEEP: "plain",
    Action.WATCH: "warn",
    Action.REQUALIFY: "warn",
    Action.QUARANTINE: "bad",
}


@register.simple_tag
def reliabilities(key: str, people: Sequence[Standing], *, height: int = 280) -> SafeString | str:
    """Everybody from the least to the most reliable, each a dot with the interval.

    A large crowd's intervals are a band, and of those to whom nothing is recommended only some are
    drawn; whoever something is recommended for always is. The worst are named.
    """
    if not people:
        return ""
    across, down = Across(0, max(len(people) - 1, 1), left=6), Down(0, 1, TOP, height - FOOT)
    drawn = _drawn(people)
    marks = [*_levels(down), *_spread(drawn, across, down, height, everybody=len(people))]
    marks += [
        dot(
            f"estimate tone-{TONES[each.action]}", across.at(place), down.at(each.value), 4,
            _words(each),
        )
        for place, each in drawn
    ]  # fmt: skip
    marks += [*_names(people, across, down), *_feet(across, height)]
    middle = people[len(people) // 2]
    words = _("%(n)s annotators. Least reliable: %(least)s. In the middle: %(middle)s.") % {
        "n": f"{len(people):,}",
        "least": _words(people[0]),
        "middle": _words(middle),
    }
    return drawing(key, _("Reliability of every annotator"), words, height, marks)


@register.filter
def badge_tone(action: str) -> str:
    return BADGES[Action(action)]


@register.filter
def evidence_figure(piece: Mapping[str, object]) -> str:
    """The figure with its interval and n, where the piece has one: 41% [30%, 53%], n 60."""
    value, low, high, n = (piece.get(name) for name in ("value", "low", "high", "n"))
    if not isinstance(value, float | int):
        return ""
    parts = [written(value, "percent")]
    if isinstance(low, float | int) and isinstance(high, float | int):
        parts.append(f"[{written(low, 'percent')}, {written(high, 'percent')}]")
    return " ".join(parts) + (f", n {n:,}" if isinstance(n, int) and n else "")


@register.filter
def shares_shown(figures: Mapping[str, object]) -> list[object]:
    """The three shares that the table has columns of."""
    return [figures[name] for name in ("agreement", "gold", "repeats")]


@register.filter
def chance(value: float | None) -> str:
    """A chance that is never rounded to certainty: < 1%, 97%, > 99%."""
    if value is None:
        return NOTHING
    if 0 < value < 0.01:
        return "< 1%"
    return "> 99%" if 0.99 < value < 1 else written(value, "percent")


def _drawn(people: Sequence[Standing]) -> list[tuple[int, Standing]]:
    """Places and people: all of a small crowd; of a large one whom it is about, and every k-th."""
    step = -(-len(people) // MOST_DRAWN)
    accused = {Action.REQUALIFY, Action.QUARANTINE}
    return [
        (place, each)
        for place, each in enumerate(people)
        if place % step == 0 or each.action in accused or place == len(people) - 1
    ]


def _spread(
    drawn: Sequence[tuple[int, Standing]], across: Across, down: Down, height: int, *,
    everybody: int,
) -> Iterator[SafeString]:  # fmt: skip
    """The intervals: a whisker each, or one band where these would lie upon each other."""
    if everybody > MOST_WHISKERS:
        upper = [(across.place(place), down.at(each.high)) for place, each in drawn]
        lower = [(across.place(place), down.at(each.low)) for place, each in reversed(drawn)]
        yield stretched(height, [path("band", upper + lower, closed=True)])
        drawn = [(place, each) for place, each in drawn if each.action != Action.KEEP][:MOST_DRAWN]
    for place, each in drawn:
        x, tone = across.at(place), TONES[each.action]
        yield line(f"whisker tone-{tone}", x, down.at(each.low), x, down.at(each.high))


def _names(people: Sequence[Standing], across: Across, down: Down) -> Iterator[SafeString]:
    """The worst by name, beside their dots and never upon each other."""
    worst = sorted(
        (each for each in enumerate(people) if each[1].action != Action.KEEP),
        key=lambda each: -each[1].severity,
    )[:MOST_NAMED]
    lowest = down.bottom - 4
    for place, each in sorted(worst, key=lambda each: each[1].value):
        y = min(down.at(each.value) + 4, lowest)
        lowest = y - APART
        is_right = across.place(place) > 60
        x = across.place(place) + (-1.2 if is_right else 1.2)
        words = f"{each.label} {written(each.value, 'percent')}"
        yield word("mark", f"{x:.2f}%", y, words, "end" if is_right else "start")


def _levels(down: Down) -> Iterator[SafeString]:
    for level in LEVELS:
        y = down.at(level)
        cls = "reference" if level == 0.5 else "grid"
        yield line(cls, "0%", y, "100%", y)
        words = _("50% chance") if level == 0.5 else written(level, "percent")
        yield word("tick", "0%", y - 4, words)


def _feet(across: Across, height: int) -> Iterator[SafeString]:
    yield word("tick", across.at(across.low), height - 6, _("← least reliable"), "start")
    yield word("tick", across.at(across.high), height - 6, _("most reliable →"), "end")


def _words(each: Standing) -> str:
    low, high = written(each.low, "percent"), written(each.high, "percent")
    return f"{each.label} {written(each.value, 'percent')} [{low}, {high}]"
