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
    """Votes added up by ordered pair: first, second (m,) and counts (m, 3) by outcome."""

    first: Ints
    second: Ints
    counts: Floats


def add_up(votes: Votes) -> PairCounts:
    """Votes of one pair in one place; fitting then costs by pairs rather than by votes."""
    keys = np.column_stack([votes.first, votes.second])
    pairs, pair_of = np.unique(keys, axis=0, return_inverse=True)
    cell = pair_of.reshape(-1) * 3 + votes.outcome
    counts = np.bincount(cell, weights=votes.weight, minlength=3 * len(pairs)).reshape(-1, 3)
    return PairCounts(pairs[:, 0], pairs[:, 1], counts.astype(float))
