"""The table under every coefficient: numbering, repeats and patterns."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.ratings import Ratings, has_repeats, numbered, tabulate

Row = tuple[int, int, int]


def ratings(rows: list[Row], clusters: list[int] | None = None) -> Ratings:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    grouped = None if clusters is None else np.array(clusters)
    return Ratings(table[:, 0], table[:, 1], table[:, 2], grouped)


@settings(max_examples=60)
@given(st.lists(st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)), max_size=20))
def test_numbers_are_places_in_order(keys: list[int]) -> None:
    found, places = numbered(np.array(keys, dtype=np.int64))
    assert found.tolist() == sorted(set(keys))
    assert found[places].tolist() == keys


def test_a_part_of_the_ratings_keeps_its_clusters() -> None:
    whole = ratings([(1, 1, 0), (1, 2, 1), (2, 1, 1)], clusters=[7, 7, 8])
    part = whole.where(np.array([True, False, True]))
    assert (part.units.tolist(), part.annotators.tolist()) == ([1, 2], [1, 1])
    assert part.clusters is not None
    assert part.clusters.tolist() == [7, 8]
    assert ratings([(1, 1, 0)]).where(np.array([False])).clusters is None


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 40, 41, 80, 99])), max_size=20))
def test_repeats_are_found_without_sorting(cells: list[tuple[int, int]]) -> None:
    """Annotators 0, 40 and 80 share a bit, and so do 1 and 41."""
    units, annotators = np.array(cells, dtype=np.int64).reshape(-1, 2).T
    sizes = np.bincount(units, minlength=5)
    assert has_repeats(units, annotators, sizes) == (len(set(cells)) < len(cells))


def test_a_repeat_in_a_huge_unit_is_found() -> None:
    """Thousands of equal bits carry into other annotators' bits; they are not relied on."""
    annotators = np.concatenate([np.arange(9000), [17]])
    units = np.zeros(9001, dtype=np.int64)
    assert has_repeats(units, annotators, np.array([9001]))
    assert not has_repeats(units[:-1], annotators[:-1], np.array([9000]))


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(1, 12), st.randoms(use_true_random=False))
def test_patterns_hold_every_unit_whatever_their_number(n_values: int, most: int, random) -> None:
    """Twelve ratings on twenty values need more digits than one number has."""
    rows = [
        (10**12 * unit, who, random.randrange(n_values))
        for unit in range(15)
        for who in range(random.randint(1, most))
    ]
    table = tabulate(ratings(rows), categories=range(n_values))
    assert len(np.unique(table.patterns, axis=0)) == len(table.patterns)
    for number in range(15):
        marks = [mark for unit, _, mark in rows if unit == 10**12 * number]
        expected = np.bincount(marks, minlength=n_values)
        assert table.patterns[table.pattern_of_unit[number]].tolist() == expected.tolist()
