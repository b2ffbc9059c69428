"""What charts and tables show: values that never travel without their interval and count."""

import csv
import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Interval:
    """One row of a forest plot. `value` is None where it cannot be told; `note` says why.

    `tone` (first, second or third) sets things of different kinds apart that share an axis.
    """

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""
    href: str = ""
    tone: str = "first"


@dataclass(frozen=True, slots=True)
class Point:
    """One dated or counted estimate of a line; `x` in seconds for a trend, a count for a curve."""

    x: float
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One line with its name, which stands at its end instead of in a legend."""

    name: str
    points: tuple[Point, ...]
    tone: str = "first"


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Predictions of about the same size: what was predicted, and how often it came true."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class HistogramBin:
    """How many values lie in [low, high), and how many of these are marked (chosen, say).

    The last bin includes its upper end.
    """

    low: float
    high: float
    count: int
    marked: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """The same figures as a table: below its chart, and as a CSV file called `key`.csv."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """RFC 4180; cells that a spreadsheet would take for a formula are kept as text."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(self.columns)
        writer.writerows([_harmless(cell) for cell in row] for row in self.rows)
        return out.getvalue()


def interval_table(key: str, title: str, rows: Sequence[Interval], what: str = "estimate") -> Table:
    """The table of a forest plot."""
    return Table(
        key=key,
        title=title,
        columns=("name", what, "low", "high", "n", "note"),
        rows=tuple((r.label, r.value, r.low, r.high, r.n, r.note) for r in rows),
    )


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers within [low, high], some `about` of them: steps of 1, 2 or 5 times 10^k."""
    if high <= low:
        return [low]
    step = _round_step((high - low) / max(about, 1))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def histogram(
    values: Sequence[float], *, marked: Sequence[bool] | None = None, about: int = 20
) -> list[HistogramBin]:
    """Counts in bins with round edges; every value is in exactly one. Empty for no values.

    `marked`, as long as `values`, says which of them to count apart.
    """
    if not values:
        return []
    flags = marked if marked is not None else [False] * len(values)
    edges = _round_edges(min(values), max(values), about)
    last = len(edges) - 2
    counts, chosen = [0] * (last + 1), [0] * (last + 1)
    for value, is_marked in zip(values, flags, strict=True):
        place = min(max(bisect_right(edges, value) - 1, 0), last)
        counts[place] += 1
        chosen[place] += is_marked
    return [HistogramBin(*rows) for rows in zip(edges[:-1], edges[1:], counts, chosen, strict=True)]


def _round_edges(low: float, high: float, about: int) -> list[float]:
    if low == high:
        return [low - 0.5, low + 0.5]
    step = _round_step((high - low) / about)
    start = floor(low / step + 1e-9)
    stop = max(ceil(high / step - 1e-9), start + 1)
    return [round(i * step, 12) for i in range(start, stop + 1)]


def _round_step(raw: float) -> float:
    power = 10.0 ** floor(log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)


def _harmless(cell: Cell) -> Cell:
    is_formula = isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{cell}" if is_formula else cell
