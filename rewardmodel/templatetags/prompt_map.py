"""The prompts of a round as a map: the stronger the colour, the more useful; rings are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.templatetags.drawing import Across, Down, dot, joined, silent, word

register = template.Library()

HEIGHT, EDGE, LEGEND = 420, 18, 28
STEPS = 5
FAR_OUT = 1.5


@dataclass(frozen=True, slots=True)
class Place:
    """A prompt's place; `rank` is the share of the round's prompts that are less useful.

    `arm` says by whom a pair of it was chosen: acquired, control, or passed.
    """

    x: float
    y: float
    rank: float
    arm: str
    words: str
    href: str


@register.simple_tag
def prompt_map(key: str, places: Sequence[Place], *, title: str) -> SafeString:
    """A group of links, which the list below repeats for who cannot point at them."""
    reach = _reach([p.x for p in places]), _reach([p.y for p in places])
    across, down = Across(*reach[0]), Down(*reach[1], EDGE, HEIGHT - EDGE)
    in_order = sorted(places, key=lambda place: (place.arm != "passed", place.rank))
    return format_html(
        '<svg class="plot prompt-map" width="100%" height="{1}" role="group" '
        'aria-labelledby="{0}-t" aria-describedby="{0}-d">'
        '<title id="{0}-t">{2}</title><desc id="{0}-d">{3}</desc>{4}</svg>',
        key, HEIGHT, title, _told(places), joined(_dot(p, across, down) for p in in_order),
    )  # fmt: skip


@register.simple_tag
def map_legend(*, has_shades: bool) -> SafeString:
    """The shades and rings of the map, from the least useful to what was chosen."""
    marks = []
    if has_shades:
        marks = [
            dot(f"prompt-dot useful-{step}", f"{2 + 3 * step}%", LEGEND / 2, 5)
            for step in range(STEPS)
        ]
        marks.append(word("tick", "18%", LEGEND / 2 + 4, _("more useful →")))
    chosen, drawn = (STEPS - 1, 2) if has_shades else (0, 0)
    marks += [
        dot(f"prompt-dot useful-{chosen} is-acquired", "46%", LEGEND / 2, 7),
        word("tick", "49%", LEGEND / 2 + 4, _("chosen")),
        dot(f"prompt-dot useful-{drawn} is-control", "72%", LEGEND / 2, 7),
        word("tick", "75%", LEGEND / 2 + 4, _("at random")),
    ]
    return silent(LEGEND, marks)


def _dot(place: Place, across: Across, down: Down) -> SafeString:
    step = min(int(place.rank * STEPS), STEPS - 1)
    is_chosen = place.arm != "passed"
    cls = f"prompt-dot useful-{step}" + (f" is-{place.arm}" if is_chosen else "")
    mark = dot(cls, across.at(place.x), down.at(place.y), 7 if is_chosen else 4.5, place.words)
    return format_html('<a href="{}" tabindex="-1">{}</a>', place.href, mark)


def _reach(values: Sequence[float]) -> tuple[float, float]:
    """Limits that hold nearly all; a few far out stand at the edge and press nobody together."""
    ordered = sorted(values)
    if not ordered:
        return -1.0, 1.0
    low, high = (ordered[int(share * (len(ordered) - 1))] for share in (0.02, 0.98))
    spread = (high - low) or 1.0
    margin = (FAR_OUT - 1) / 10 * spread
    return max(ordered[0], low - margin) - margin, min(ordered[-1], high + margin) + margin


def _told(places: Sequence[Place]) -> str:
    chosen = sum(place.arm == "acquired" for place in places)
    drawn = sum(place.arm == "control" for place in places)
    total = ngettext("%(n)s prompt", "%(n)s prompts", len(places)) % {"n": len(places)}
    return _("%(total)s; pairs of %(chosen)s were chosen, of %(drawn)s drawn at random") % {
        "total": total,
        "chosen": chosen,
        "drawn": drawn,
    }
