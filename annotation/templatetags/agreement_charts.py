"""Charts of agreement: alpha and AC on one axis, and who agrees with whom."""

from collections.abc import Iterator, Sequence

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.core.figures import Interval
from annotation.core.paired_figures import Pair, Tie, together_first
from annotation.templatetags.charts import axis_row
from annotation.templatetags.drawing import Across, axis_over, dot, drawing, line, silent, word
from annotation.templatetags.figures import written

register = template.Library()

ROW, ALPHA_AT, AC_AT = 46, 14, 32
LOWEST = -1.0
NAME_PERCENT = 25.0
NAME_LETTERS = 12
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8)


@register.inclusion_tag("lead/agreement_forest.html")
def paired_forest(
    pairs: Sequence[Pair], *, ac_name: str, caption: str = "", noun: str = ""
) -> dict[str, object]:
    """Alpha above AC in each row, on one axis for all; a table whose middle column is drawn."""
    sides = [side for pair in pairs for side in (pair.alpha, pair.ac)]
    found = axis_over([v for side in sides for v in (side.value, side.low, side.high)] + [0.0, 1.0])
    across = Across(max(found[0], LOWEST), 1.0)
    return {
        "rows": [(pair, _paired(pair, across)) for pair in pairs],
        "axis": axis_row(across, "decimal", 0.0, _("chance")),
        "ac_name": ac_name,
        "caption": caption,
        "noun": noun or _("What"),
    }


@register.simple_tag
def heat_map(key: str, names: Sequence[str], ties: Sequence[Tie], *, title: str) -> SafeString:
    """Each two people's kappa as a square; who agrees most with the others stands first."""
    order = together_first(len(names), ties)
    place_of = {at: place for place, at in enumerate(order)}
    step = max(14, min(26, 480 // max(len(names), 1)))
    height = step * len(names) + 8
    marks = [
        *_names(order, names, step),
        *(_square(tie, place_of, names, step, len(names)) for tie in ties),
    ]
    known = [tie.kappa for tie in ties if tie.kappa is not None]
    words = _("%(n)s people, %(pairs)s pairs with a kappa, from %(low)s to %(high)s") % {
        "n": len(names),
        "pairs": f"{len(known):,}",
        "low": written(min(known, default=None), "decimal"),
        "high": written(max(known, default=None), "decimal"),
    }
    return drawing(key, title, words, height, marks)


@register.simple_tag
def heat_steps() -> list[tuple[str, str]]:
    """The shades of a heat map and what each means."""
    above = [
        (f"heat-{at + 1}", f"{low:.1f}\N{EN DASH}{low + 0.2:.1f}") for at, low in enumerate(STEPS)
    ]
    return [("heat-0", _("below chance")), *above, ("heat-none", _("too few to say"))]


def _paired(pair: Pair, across: Across) -> SafeString | str:
    if pair.alpha.value is None and pair.ac.value is None:
        return ""
    marks = [line("reference", across.at(0.0), 0, across.at(0.0), ROW)]
    for side, y, cls in ((pair.alpha, ALPHA_AT, "estimate"), (pair.ac, AC_AT, "estimate hollow")):
        tone = "third" if pair.is_too_few else side.tone
        marks += _mark(side, across, y, cls, tone)
    return silent(ROW, marks)


def _mark(side: Interval, across: Across, y: float, cls: str, tone: str) -> Iterator[SafeString]:
    if side.value is None:
        return
    if side.low is not None and side.high is not None:
        low, high = across.at(side.low), across.at(side.high)
        yield line(f"whisker tone-{tone}", low, y, high, y)
        for x in (low, high):
            yield line(f"whisker tone-{tone}", x, y - 4, x, y + 4)
    yield dot(f"{cls} tone-{tone}", across.at(side.value), y, 4.5)


def _names(order: Sequence[int], names: Sequence[str], step: int) -> Iterator[SafeString]:
    for place, at in enumerate(order):
        y = place * step + step * 0.72
        yield word("tick", "0%", y, f"{place + 1} {_cut(names[at])}")
        yield word("tick", f"{_column(place, len(order)) + 0.2:.2f}%", y, str(place + 1))


def _square(
    tie: Tie, place_of: dict[int, int], names: Sequence[str], step: int, n: int
) -> SafeString:
    """Below the diagonal: the row is who stands later, the column who stands earlier."""
    early, late = sorted((place_of[tie.first], place_of[tie.second]))
    width = (100 - NAME_PERCENT) / max(n, 1)
    words = _("%(one)s and %(other)s: kappa %(kappa)s, the same answer %(share)s of %(n)s") % {
        "one": names[tie.first],
        "other": names[tie.second],
        "kappa": written(tie.kappa, "decimal"),
        "share": written(tie.agreement, "percent"),
        "n": f"{tie.n:,}",
    }
    return format_html(
        '<rect class="heat {}" x="{}%" width="{}%" y="{}" height="{}"><title>{}</title></rect>',
        heat_class(tie.kappa), f"{_column(early, n):.2f}", f"{width * 0.94:.2f}",
        late * step, step - 1, words,
    )  # fmt: skip


def heat_class(kappa: float | None) -> str:
    if kappa is None:
        return "heat-none"
    return f"heat-{sum(kappa >= step for step in STEPS)}"


def _column(place: int, n: int) -> float:
    return NAME_PERCENT + place * (100 - NAME_PERCENT) / max(n, 1)


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"
