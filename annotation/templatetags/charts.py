"""Charts drawn by the server: intervals as whiskers or bands, words on the lines themselves."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from django import template
from django.http import QueryDict
from django.template import Context
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from annotation.core.figures import (
    CalibrationBin,
    HistogramBin,
    Interval,
    Point,
    Series,
    Table,
    ticks,
)
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
from annotation.templatetags.figures import tick_words, written

register = template.Library()

ROW, AXIS = 28, 24
TOP, FOOT = 26, 26
# What an axis is of stands on a row of its own, where no line can run through it.
NAME_ROW = 16
FAR = 60


@register.inclusion_tag("lead/forest.html")
def forest(
    rows: Sequence[Interval],
    *,
    style: str = "share",
    low: float | None = None,
    high: float | None = None,
    reference: float | None = None,
    reference_label: str = "",
    caption: str = "",
    noun: str = "",
) -> dict[str, object]:
    """Estimates with whiskers on one axis: a table whose middle column is drawn.

    Figures stand beside their marks, so the chart is its own table. A row without an estimate says
    why in place of a mark.
    """
    found = axis_over([v for row in rows for v in (row.value, row.low, row.high)] + [reference])
    across = Across(found[0] if low is None else low, found[1] if high is None else high)
    return {
        "rows": [(row, _whisker(row, across, style, reference)) for row in rows],
        "axis": axis_row(across, style, reference, reference_label),
        "style": style,
        "caption": caption,
        "noun": noun,
        "has_n": any(row.n is not None for row in rows),
    }


@register.simple_tag
def whisker(
    value: float | None, low: float | None, high: float | None, *, n: int | None = None,
    reference: float | None = None, axis_low: float = 0.0, axis_high: float = 1.0,
) -> SafeString | str:  # fmt: skip
    """One estimate in a table's cell, on an axis that all rows share."""
    if value is None:
        return ""
    row = Interval("", value, low, high, n)
    return _whisker(row, Across(axis_low, axis_high), "share", reference)


@register.simple_tag
def trend(
    key: str, points: Sequence[Point], *, title: str, style: str = "decimal",
    reference: float | None = None, reference_label: str = "", height: int = 220,
) -> SafeString:  # fmt: skip
    """One figure over time with its band; `x` of the points in seconds since 1970."""
    in_order = Series("", tuple(sorted(points, key=lambda point: point.x)))
    return _lines(
        key, [in_order], title=title, style=style, reference=reference,
        reference_label=reference_label, height=height, is_time=True,
    )  # fmt: skip


@register.simple_tag
def curve(
    key: str, series: Sequence[Series], *, title: str, style: str = "share",
    reference: float | None = None, reference_label: str = "", height: int = 260,
    across_label: str = "", across_style: str = "whole",
) -> SafeString:  # fmt: skip
    """Lines over a count or another amount, each with its band and its name at its end."""
    return _lines(
        key, series, title=title, style=style, reference=reference,
        reference_label=reference_label, height=height, across_label=across_label,
        across_style=across_style,
    )  # fmt: skip


@register.simple_tag
def calibration(
    key: str, bins: Sequence[CalibrationBin], *, title: str, height: int = 300,
    before: Sequence[CalibrationBin] = (),
) -> SafeString:  # fmt: skip
    """What was predicted against what came true; on the diagonal the model means what it says.

    before: the same votes before they were calibrated, as hollow marks.
    """
    known = [v for b in bins for v in (b.predicted, b.observed, b.low, b.high)]
    found = axis_over([*known, *(v for b in before for v in (b.predicted, b.observed))])
    low, high = max(found[0], 0.0), min(found[1], 1.0)
    across = Across(low, high, left=4)
    down = Down(low, high, TOP, height - FOOT - NAME_ROW)
    diagonal = [(across.place(v), down.at(v)) for v in (low, high)]
    marks = [
        *_levels(across, down, "percent"),
        stretched(height, [path("reference", diagonal)]),
        *_feet(across, height, "percent", _("predicted")),
        *(_uncalibrated(each, across, down) for each in before),
        *(mark for each in bins for mark in _calibrated(each, across, down)),
    ]
    words = "; ".join(
        _("predicted %(p)s, observed %(o)s of %(n)s")
        % {"p": written(b.predicted, "percent"), "o": written(b.observed, "percent"), "n": b.n}
        for b in bins
    )
    return drawing(key, title, words, height, marks)


@register.simple_tag
def distribution(
    key: str, bins: Sequence[HistogramBin], *, title: str, marked_label: str = "", height: int = 200
) -> SafeString:
    """How many values lie where; the marked ones darker, at the foot of each bar."""
    if not bins:
        return SafeString("")
    most = max(b.count for b in bins)
    across = Across(bins[0].low, bins[-1].high)
    down = Down(0, most, TOP, height - FOOT)
    marks = [mark for each in bins for mark in _bars(each, across, down, marked_label)]
    top = max(bins, key=lambda b: b.count)
    middle = (top.low + top.high) / 2
    marks += [
        line("axis-line", across.at(across.low), down.bottom, across.at(across.high), down.bottom),
        word("mark", across.at(middle), down.at(most) - 6, f"{most:,}", across.anchor(middle)),
        *_feet(across, height, "decimal", ""),
    ]
    words = _("%(n)s values from %(low)s to %(high)s") % {
        "n": f"{sum(b.count for b in bins):,}",
        "low": written(across.low, "decimal"),
        "high": written(across.high, "decimal"),
    }
    return drawing(key, title, words, height, marks)


@register.inclusion_tag("lead/figure_table.html", takes_context=True)
def figure_table(context: Context, table: Table) -> dict[str, object]:
    """The chart's figures below a fold, and the link to the CSV file of what the page was asked."""
    request = context.get("request")
    return {"table": table, "asked": request.GET if request else QueryDict()}


def _whisker(
    row: Interval, across: Across, style: str, reference: float | None
) -> SafeString | str:
    if row.value is None:
        return ""
    middle = ROW / 2
    marks = []
    if reference is not None:
        marks.append(line("reference", across.at(reference), 0, across.at(reference), ROW))
    if row.low is not None and row.high is not None:
        low, high = across.at(row.low), across.at(row.high)
        cls = f"whisker tone-{row.tone}"
        marks.append(line(cls, low, middle, high, middle))
        marks += [line(cls, x, middle - 4, x, middle + 4) for x in (low, high)]
    marks.append(dot(f"estimate tone-{row.tone}", across.at(row.value), middle, 4.5))
    return silent(ROW, marks)


def axis_row(
    across: Across, style: str, reference: float | None, reference_label: str
) -> SafeString:
    """The axis of a forest plot, a row of its own."""
    tick_style = "percent" if style == "share" else style
    marks = [line("axis-line", across.at(across.low), 0.5, across.at(across.high), 0.5)]
    values = ticks(across.low, across.high, about=4)
    # In per cent of a narrow axis, where half of the label takes the most.
    covered = 10 + 1.4 * len(reference_label)
    for value in values:
        is_covered = (
            reference is not None
            and reference_label
            and abs(across.place(value) - across.place(reference)) < covered
        )
        marks.append(line("axis-line", across.at(value), 0, across.at(value), 4))
        if not is_covered:
            words = tick_words(value, values, tick_style)
            marks.append(word("tick", across.at(value), 17, words, across.anchor(value)))
    if reference is not None and reference_label:
        words = f"{tick_words(reference, values, tick_style)} {reference_label}"
        marks.append(
            word("tick tick-strong", across.at(reference), 17, words, across.anchor(reference))
        )
    return silent(AXIS, marks)


def _lines(
    key: str, series: Sequence[Series], *, title: str, style: str, reference: float | None,
    reference_label: str, height: int, is_time: bool = False, across_label: str = "",
    across_style: str = "whole",
) -> SafeString:  # fmt: skip
    points = [point for one in series for point in one.points]
    xs = [point.x for point in points]
    if min(xs) == max(xs):
        across = Across(min(xs) - 1, max(xs) + 1)
    else:
        across = Across(min(xs) if is_time else 0.0, max(xs))
    found = axis_over([v for p in points for v in (p.value, p.low, p.high)] + [reference], about=4)
    is_named = bool(across_label) and not is_time
    down = Down(*found, TOP, height - FOOT - NAME_ROW * is_named)
    tick_style = "percent" if style == "share" else style
    feet = (
        _time_feet(across, height) if is_time else _feet(across, height, across_style, across_label)
    )
    marks = [*_levels(across, down, tick_style)]
    if reference is not None:
        y = down.at(reference)
        marks.append(line("reference", across.at(across.low), y, across.at(across.high), y))
        is_low = down.bottom - y < AXIS  # where the words of the axis stand already
        marks.append(
            word("tick", "50%" if is_low else across.at(across.high), y - 5, reference_label,
                 "middle" if is_low else "end")
        )  # fmt: skip
    for one in series:
        marks += [stretched(height, _shape(one, across, down)), *_dots(one, across, down, style)]
    marks += [*_ends(series, across, down, style), *feet]
    return drawing(key, title, _line_words(series, style), height, marks)


def _shape(series: Series, across: Across, down: Down) -> Iterator[SafeString]:
    """The band of those points that have an interval, and the line."""
    banded = [p for p in series.points if p.low is not None and p.high is not None]
    if len(banded) > 1:
        upper = [(across.place(p.x), down.at(p.high or 0.0)) for p in banded]
        lower = [(across.place(p.x), down.at(p.low or 0.0)) for p in reversed(banded)]
        yield path(f"band tone-{series.tone}", upper + lower, closed=True)
    if len(series.points) > 1:
        places = [(across.place(p.x), down.at(p.value)) for p in series.points]
        yield path(f"line tone-{series.tone}", places)


def _dots(series: Series, across: Across, down: Down, style: str) -> Iterator[SafeString]:
    for point in series.points:
        x = across.at(point.x)
        if len(series.points) == 1 and point.low is not None and point.high is not None:
            yield line(f"whisker tone-{series.tone}", x, down.at(point.low), x, down.at(point.high))
        yield dot(
            f"estimate tone-{series.tone}", x, down.at(point.value), 3.5, _point_words(point, style)
        )


def _ends(series: Sequence[Series], across: Across, down: Down, style: str) -> Iterator[SafeString]:
    """Each line's name and last value at its end; the lower of two is named below its line."""
    last = sorted(((s, s.points[-1]) for s in series if s.points), key=lambda pair: -pair[1].value)
    for place, (one, point) in enumerate(last):
        is_below = place > 0 and place == len(last) - 1
        near = [
            _edge(p, down, is_below) for p in one.points if p is point or across.place(p.x) > FAR
        ]
        y = min(max(near) + 15, down.bottom - 3) if is_below else max(min(near) - 7, 12)
        words = f"{one.name} {written(point.value, style)}".strip()
        x = across.at(point.x)
        yield word(f"mark tone-{one.tone}", x, y, words, across.anchor(point.x))


def _edge(point: Point, down: Down, is_below: bool) -> float:
    bound = point.low if is_below else point.high
    return down.at(point.value if bound is None else bound)


def _levels(across: Across, down: Down, style: str) -> Iterator[SafeString]:
    marks = ticks(down.low, down.high, about=4)
    for value in marks:
        y = down.at(value)
        yield line("grid", "0%", y, "100%", y)
        yield word("tick", "0%", y - 4, tick_words(value, marks, style))


def _feet(across: Across, height: int, style: str, label: str) -> Iterator[SafeString]:
    marks = ticks(across.low, across.high, about=4)
    foot = height - 8 - NAME_ROW * bool(label)
    for value in marks:
        words = tick_words(value, marks, style)
        yield word("tick", across.at(value), foot, words, across.anchor(value))
    if label:
        yield word("tick", across.at(across.high), height - 8, f"{label} →", "end")


def _time_feet(across: Across, height: int) -> Iterator[SafeString]:
    span = across.high - across.low
    form = "%H:%M" if span < 86_400 else "%d %b" if span < 300 * 86_400 else "%b %Y"
    seen = set()
    for i in range(4):
        value = across.low + span * i / 3
        moment = timezone.localtime(datetime.fromtimestamp(value, tz=UTC))
        words = f"{moment:{form}}"
        if words not in seen:
            seen.add(words)
            yield word("tick", across.at(value), height - 8, words, across.anchor(value))


def _calibrated(each: CalibrationBin, across: Across, down: Down) -> Iterator[SafeString]:
    x, y = across.at(each.predicted), down.at(each.observed)
    if each.low is not None and each.high is not None:
        yield line("whisker tone-first", x, down.at(each.low), x, down.at(each.high))
    words = _("predicted %(p)s, observed %(o)s, n = %(n)s") % {
        "p": written(each.predicted, "percent"),
        "o": written(each.observed, "percent"),
        "n": f"{each.n:,}",
    }
    yield dot("estimate tone-first", x, y, 4, words)
    top = down.at(each.high if each.high is not None else each.observed)
    yield word("tick", x, max(top - 5, 12), f"{each.n:,}", across.anchor(each.predicted))


def _uncalibrated(each: CalibrationBin, across: Across, down: Down) -> SafeString:
    words = _("before: predicted %(p)s, observed %(o)s, n = %(n)s") % {
        "p": written(each.predicted, "percent"),
        "o": written(each.observed, "percent"),
        "n": f"{each.n:,}",
    }
    kind = "estimate estimate-hollow tone-second"
    return dot(kind, across.at(each.predicted), down.at(each.observed), 4, words)


def _bars(
    each: HistogramBin, across: Across, down: Down, marked_label: str
) -> Iterator[SafeString]:
    left = across.place(each.low)
    width = across.place(each.high) - left - 0.2
    words = f"{written(each.low, 'decimal')} – {written(each.high, 'decimal')}: {each.count:,}"
    if each.count:
        y = down.at(each.count)
        yield bar("bar", left=left, width=width, y=y, height=down.bottom - y, words=words)
    if each.marked:
        y = min(down.at(each.marked), down.bottom - 2)
        also = f"{words}, {marked_label} {each.marked:,}"
        yield bar("bar bar-marked", left=left, width=width, y=y, height=down.bottom - y, words=also)


def _point_words(point: Point, style: str) -> str:
    parts = [point.label, written(point.value, style)]
    if point.low is not None and point.high is not None:
        parts.append(f"[{written(point.low, style)}, {written(point.high, style)}]")
    if point.n is not None:
        parts.append(f"n = {point.n:,}")
    return " ".join(part for part in parts if part)


def _line_words(series: Sequence[Series], style: str) -> str:
    return "; ".join(
        f"{one.name} {_point_words(one.points[-1], style)}".strip() for one in series if one.points
    )
