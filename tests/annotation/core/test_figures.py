"""Round ticks, honest histograms, and CSV files that do no harm."""

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.figures import Interval, Table, histogram, interval_table, ticks

numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 9000, [0.0, 2000.0, 4000.0, 6000.0, 8000.0]),
        (0.37, 0.45, [0.38, 0.4, 0.42, 0.44]),
        (-0.2, 1, [0.0, 0.5, 1.0]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@given(numbers, numbers)
def test_ticks_stay_inside_and_rise(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    slack = 1e-6 * max(1.0, high - low)
    assert all(low - slack <= tick <= high + slack for tick in found)
    assert found == sorted(set(found))
    assert len(found) <= 7


@given(st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=60))
def test_every_value_is_counted_once(rows: list[tuple[float, bool]]) -> None:
    values, marked = [value for value, _ in rows], [flag for _, flag in rows]
    bins = histogram(values, marked=marked)
    assert sum(b.count for b in bins) == len(values)
    assert sum(b.marked for b in bins) == sum(marked)
    assert all(0 <= b.marked <= b.count for b in bins)
    assert all(left.high == right.low for left, right in pairwise(bins))
    slack = 1e-6 * max(1.0, max(values) - min(values))
    assert bins[0].low <= min(values) + slack
    assert bins[-1].high >= max(values) - slack


def test_histogram_puts_edges_where_they_belong() -> None:
    bins = histogram([0.0, 1.0, 1.0, 2.0], marked=[False, True, False, True], about=2)
    assert [(b.low, b.high, b.count, b.marked) for b in bins] == [(0, 1, 1, 0), (1, 2, 3, 2)]
    assert histogram([]) == []


def test_csv_is_read_back_as_it_was_and_holds_no_formula() -> None:
    table = Table("k", "t", ("name", "n"), (('a "quoted", one', 3), ("=1+1", None), ("-x", -2)))
    rows = list(csv.reader(io.StringIO(table.csv())))
    assert rows == [["name", "n"], ['a "quoted", one', "3"], ["'=1+1", ""], ["'-x", "-2"]]


def test_an_interval_table_keeps_what_the_chart_shows() -> None:
    rows = [Interval("a", 0.4, 0.3, 0.5, 12), Interval("b", None, note="too few")]
    table = interval_table("key", "title", rows, "alpha")
    assert table.columns == ("name", "alpha", "low", "high", "n", "note")
    assert table.rows == (("a", 0.4, 0.3, 0.5, 12, ""), ("b", None, None, None, None, "too few"))
