"""Judged pairs as arrays, with the votes of the same pair added up."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST, SECOND, TIE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Votes:
    """n weighted votes on pairs of completions; arrays of shape (n,).

    first, second: rows of the feature matrix. outcome: 0 the first won, 1 the second, 2 a tie.
    prompt, annotator: ids, the clusters within which votes are not independent.
    """

    first: Ints
    second: Ints
    outcome: Ints
    weight: Floats
    prompt: Ints
    annotator: Ints

    def __len__(self) -> int:
        return len(self.first)

    def where(self, mask: NDArray[np.bool_]) -> "Votes":
        """The votes for which `mask`, shape (n,), is true."""
        return Votes(
            self.first[mask], self.second[mask], self.outcome[mask], self.weight[mask],
            self.prompt[mask], self.annotator[mask],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Votes added up by pair: first < second (m,) and counts (m, 3) by outcome."""

    first: Ints
    second: Ints
    counts: Floats


def add_up(votes: Votes) -> PairCounts:
    """Votes of one pair in one place, whichever way round it was given; fitting then costs by
    pairs rather than by votes."""
    return cells_of(votes).add_up(votes.weight)


@dataclass(frozen=True, slots=True)
class Cells:
    """Where n votes are counted: pairs first < second (m,), and each vote's cell (n,) of 3 m."""

    first: Ints
    second: Ints
    cell: Ints

    def add_up(self, weight: Floats) -> PairCounts:
        """The votes with these weights (n,)."""
        counts = np.bincount(self.cell, weights=weight, minlength=3 * len(self.first))
        return PairCounts(self.first, self.second, counts.reshape(-1, 3).astype(float))


def cells_of(votes: Votes) -> Cells:
    """Of the votes, to be added up with one weighting or another."""
    is_turned = votes.first > votes.second
    low, high = np.minimum(votes.first, votes.second), np.maximum(votes.first, votes.second)
    outcome = np.where(is_turned & (votes.outcome != TIE), 1 - votes.outcome, votes.outcome)
    if not len(votes):
        return Cells(low, high, outcome.astype(np.int64))
    width = int(high.max()) + 1
    names, pair_of = np.unique(low * width + high, return_inverse=True)
    return Cells(names // width, names % width, pair_of * 3 + outcome)
