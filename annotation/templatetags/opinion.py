"""The opinion map as a drawing: every camp has a letter and a shape, whatever its colour."""

from collections.abc import Iterator, Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.templatetags.drawing import Across, Down, drawing, line, word
from annotation.templatetags.figures import written

register = template.Library()

SHAPES = {
    "": "M0 -4A4 4 0 1 0 0.01 -4Z",
    "A": "M0 -4.5A4.5 4.5 0 1 0 0.01 -4.5Z",
    "B": "M-4 -4H4V4H-4Z",
    "C": "M0 -5L5 4H-5Z",
    "D": "M0 -5.5L5.5 0L0 5.5L-5.5 0Z",
    "E": "M-5 -1.6H-1.6V-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5Z",
}
TONES = {"B": "second", "C": "third", "E": "second"}
HEIGHT, EDGE = 380, 26
FAR_OUT = 1.5

Place = tuple[float, float, str]


@register.simple_tag
def opinion_scatter(
    key: str, places: Sequence[Place], axes: Sequence[dict[str, float]], *, title: str
) -> SafeString:
    """Annotators as dots without names; both directions on one scale, nought in the middle.

    A few who lie far out stand at the edge, so that they do not press all others into one spot.
    """
    furthest = _furthest(places)
    across = Across(-furthest, furthest)
    down = Down(-furthest, furthest, EDGE, HEIGHT - EDGE)
    marks = [
        line("grid", across.at(0), EDGE, across.at(0), HEIGHT - EDGE),
        line("grid", "0%", down.at(0), "100%", down.at(0)),
        *_directions(axes),
        *(_dot(place, across, down) for place in places),
        *_letters(places, across, down),
    ]
    return drawing(key, title, _words(places), HEIGHT, marks)


@register.filter
def further_out(places: Sequence[Place]) -> int:
    """How many stand at the edge of the drawing instead of their own place."""
    furthest = _furthest(places)
    return sum(max(abs(x), abs(y)) > furthest for x, y, _camp in places)


@register.simple_tag
def camp_sign(camp: str) -> SafeString:
    """The camp's shape, to stand before its letter in a table."""
    return format_html(
        '<svg class="camp-sign plot" width="14" height="14" viewBox="-7 -7 14 14" '
        'aria-hidden="true"><path class="place tone-{}" d="{}"/></svg>',
        TONES.get(camp, "first"), SHAPES.get(camp, SHAPES[""]),
    )  # fmt: skip


def _dot(place: Place, across: Across, down: Down) -> SafeString:
    x, y, camp = place
    return format_html(
        '<svg x="{}" y="{}" overflow="visible"><path class="place tone-{}" d="{}"/></svg>',
        across.at(x), down.at(y), TONES.get(camp, "first"), SHAPES.get(camp, SHAPES[""]),
    )  # fmt: skip


def _letters(places: Sequence[Place], across: Across, down: Down) -> Iterator[SafeString]:
    for camp, members in _by_camp(places).items():
        x = sum(each[0] for each in members) / len(members)
        top = max(each[1] for each in members)
        yield word("mark", across.at(x), max(down.at(top) - 10, 14), camp, "middle")


def _directions(axes: Sequence[dict[str, float]]) -> Iterator[SafeString]:
    """What each direction shows, and what chance would have shown of it."""
    for axis, (x, y, anchor) in zip(
        axes, (("100%", HEIGHT - 8, "end"), ("50%", 14, "middle")), strict=False
    ):
        words = _("%(share)s of all differences (chance: %(chance)s)") % {
            "share": written(axis["share"], "share"),
            "chance": written(axis["by_chance"], "share"),
        }
        yield word("tick", x, y, f"{words} {'→' if anchor == 'end' else '↑'}", anchor)


def _furthest(places: Sequence[Place]) -> float:
    reach = sorted(max(abs(x), abs(y)) for x, y, _camp in places) or [1.0]
    usual = reach[int(0.95 * (len(reach) - 1))]
    return (min(1.05 * reach[-1], FAR_OUT * usual)) or 1.0


def _words(places: Sequence[Place]) -> str:
    total = ngettext("%(n)s annotator", "%(n)s annotators", len(places)) % {"n": len(places)}
    camps = [f"{camp}: {len(members)}" for camp, members in sorted(_by_camp(places).items())]
    words = f"{total}; {', '.join(camps)}" if camps else total
    if n_out := further_out(places):
        at_edge = ngettext(
            "%(n)s at the edge lies further out", "%(n)s at the edge lie further out", n_out
        )
        words += f"; {at_edge % {'n': n_out}}"
    return words


def _by_camp(places: Sequence[Place]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        if place[2]:
            found.setdefault(place[2], []).append(place)
    return found
