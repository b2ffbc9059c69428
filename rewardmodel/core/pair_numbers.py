"""Pairs by number, so that some of millions can be drawn without making each.

Within groups of items, each group's pairs follow one another as `itertools.combinations` gives
them: of n items pair (i, j) with i < j has the number i (2n - i - 1) / 2 + j - i - 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rewardmodel.core.pairs import Ints


@dataclass(frozen=True)
class PairNumbers:
    """All pairs of items of one group; sizes (g,): how many items each group has.

    Items are counted through all groups, and so are pairs.
    """

    sizes: Ints

    def __len__(self) -> int:
        return int(self._pairs_until[-1])

    def at(self, numbers: Ints) -> tuple[Ints, Ints]:
        """First and second item (m,) of the pairs with these numbers (m,)."""
        group = np.searchsorted(self._pairs_until[1:], numbers, side="right")
        rest, size = numbers - self._pairs_until[group], self.sizes[group]
        wide = 2 * size - 1
        row = ((wide - np.sqrt(wide.astype(float) ** 2 - 8.0 * rest)) / 2).astype(np.int64)
        row -= _before(row, size) > rest  # where the root was rounded
        row += _before(row + 1, size) <= rest
        first = self._items_until[group] + row
        return first, first + 1 + rest - _before(row, size)

    def of(self, first: Ints, second: Ints) -> Ints:
        """Numbers (m,) of pairs of items (m,), the first before the second and of its group."""
        group = np.searchsorted(self._items_until[1:], first, side="right")
        row = first - self._items_until[group]
        before = self._pairs_until[group] + _before(row, self.sizes[group])
        return np.asarray(before + second - first - 1)

    @cached_property
    def _items_until(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    @cached_property
    def _pairs_until(self) -> Ints:
        sizes = self.sizes.astype(np.int64)
        return np.concatenate([[0], np.cumsum(sizes * (sizes - 1) // 2)]).astype(np.int64)


def left_over(places: Ints, taken: Ints) -> Ints:
    """The numbers at these places (m,) among all that are not taken; `taken` ascends."""
    untaken_before = taken - np.arange(len(taken))
    return np.asarray(places + np.searchsorted(untaken_before, places, side="right"))


def _before(row: Ints, size: Ints) -> Ints:
    """Pairs of a group whose first item comes before this one."""
    return np.asarray(row * (2 * size - row - 1) // 2)
