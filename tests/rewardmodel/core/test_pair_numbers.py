"""Pairs by number against `itertools.combinations`, which makes each."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from rewardmodel.core.pair_numbers import PairNumbers, left_over

SIZES = some.lists(some.integers(0, 9), min_size=1, max_size=6)


def every_pair(sizes: list[int]) -> list[tuple[int, int]]:
    ends = np.cumsum(sizes).tolist()
    groups = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    return [pair for group in groups for pair in combinations(group, 2)]


@given(SIZES)
def test_pairs_have_the_numbers_of_their_places(sizes: list[int]) -> None:
    pairs, numbers = every_pair(sizes), PairNumbers(np.array(sizes))
    assert len(numbers) == len(pairs)
    first, second = numbers.at(np.arange(len(pairs)))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == pairs
    assert numbers.of(first, second).tolist() == list(range(len(pairs)))


@given(some.integers(0, 60), some.sets(some.integers(0, 59)))
def test_what_is_left_over_is_all_that_is_not_taken(size: int, chosen: set[int]) -> None:
    taken = {number for number in chosen if number < size}
    places = np.arange(size - len(taken))
    found = left_over(places, np.array(sorted(taken), dtype=np.int64))
    assert found.tolist() == [number for number in range(size) if number not in taken]


def test_large_groups_are_numbered_without_an_error_of_rounding() -> None:
    size = 3_000_001
    numbers = PairNumbers(np.array([2, size]))
    rows = np.array([0, 1, 2, size // 2, size - 3, size - 2])
    starts = 1 + rows * (2 * size - rows - 1) // 2
    first, second = numbers.at(np.concatenate([starts, starts[1:] - 1]))
    assert first.tolist() == (2 + np.concatenate([rows, rows[1:] - 1])).tolist()
    assert second.tolist() == [*(2 + rows + 1).tolist(), *[size + 1] * 5]
    assert numbers.of(first, second).tolist() == [*starts.tolist(), *(starts[1:] - 1).tolist()]
