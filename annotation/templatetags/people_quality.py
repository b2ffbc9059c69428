"""Everybody's reliability in one picture, and evidence as words with figures."""

from collections.abc import Iterator, Mapping, Sequence

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import PersonReport
from annotation.selectors.people_reports import Standing
from annotation.templatetags.drawing import Across, Down, dot, drawing, line, path, stretched, word
from annotation.templatetags.figures import NOTHING, written

register = template.Library()

TOP, FOOT = 14, 24
MOST_DRAWN = 300
MOST_WHISKERS = 60
MOST_NAMED = 4
NAME_ROW = 17
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
Action = PersonReport.Action
TONES = {
    Action.KEEP: "first",
    Action.WATCH: "third",
    Action.REQUALIFY: "second",
    Action.QUARANTINE: "second",
}
BADGES = {
    Action.KEEP: "plain",
    Action.WATCH: "warn",
    Action.REQUALIFY: "warn",
    Action.QUARANTINE: "bad",
}
KINDS = {
    "coin": gettext_lazy("regardless of what is shown"),
    "leaning": gettext_lazy("much like a coin, yet right more often"),
    "flipped": gettext_lazy("the wrong way round"),
    "gold": gettext_lazy("gold"),
    "repeats": gettext_lazy("repeats"),
    "ties": gettext_lazy("many ties"),
    "slot": gettext_lazy("one slot"),
    "in turns": gettext_lazy("slots in turn"),
    "too fast": gettext_lazy("too fast"),
    "pace": gettext_lazy("very quick"),
    "duplicate": gettext_lazy("a doubled account"),
    "alike": gettext_lazy("answers alike"),
    "unknown": gettext_lazy("too little known"),
}


@register.simple_tag
def reliabilities(key: str, people: Sequence[Standing], *, height: int = 320) -> SafeString | str:
    """Everybody from the least to the most reliable, each a dot with the interval.

    A large crowd's intervals are a band, and of those to whom nothing is recommended only some are
    drawn; whoever something is recommended for always is. The worst are named.
    """
    if not people:
        return ""
    named = _worst(people)
    bottom = height - FOOT - NAME_ROW * len(named)
    across, down = Across(0, max(len(people) - 1, 1), left=6), Down(0, 1, TOP, bottom)
    drawn = _drawn(people)
    marks = [*_levels(down), *_spread(drawn, across, down, height, everybody=len(people))]
    marks += [
        dot(
            f"estimate tone-{TONES[each.action]}", across.at(place), down.at(each.value), 4,
            _words(each),
        )
        for place, each in drawn
    ]  # fmt: skip
    marks += [*_names(named, across, down), *_feet(across, height)]
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
def kinds_shown(evidence: Sequence[Mapping[str, object]]) -> str:
    """What speaks for a recommendation, in a few words."""
    words = (str(KINDS.get(str(piece["kind"]), piece["kind"])) for piece in evidence)
    return ", ".join(dict.fromkeys(words))


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
    everybody = list(enumerate(people))
    accused = [
        each for each in everybody if each[1].action in {Action.REQUALIFY, Action.QUARANTINE}
    ]
    places = {place for group in (everybody, accused) for place, _each in _thinned(group)}
    return [each for each in everybody if each[0] in places]


def _thinned(group: Sequence[tuple[int, Standing]]) -> Sequence[tuple[int, Standing]]:
    """At most about MOST_DRAWN, evenly, the last one among them."""
    step = -(-len(group) // MOST_DRAWN) or 1
    return [*group[::step], *group[-1:]]


def _worst(people: Sequence[Standing]) -> list[tuple[int, Standing]]:
    """Those for whom most is recommended, by place."""
    found = [each for each in enumerate(people) if each[1].action != Action.KEEP]
    return sorted(sorted(found, key=lambda each: -each[1].severity)[:MOST_NAMED])


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


def _names(
    named: Sequence[tuple[int, Standing]], across: Across, down: Down
) -> Iterator[SafeString]:
    """The worst by name below the picture, a line up to each; the leftmost stands lowest, so that
    no line runs through a name."""
    for row, (place, each) in enumerate(reversed(named)):
        y = down.bottom + NAME_ROW * (row + 1)
        words = f"{each.label} {written(each.value, 'percent')}"
        is_right = across.place(place) > 60
        yield line("axis-line", across.at(place), down.at(each.low), across.at(place), y - 11)
        yield word("mark", across.at(place), y, words, "end" if is_right else "start")


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
