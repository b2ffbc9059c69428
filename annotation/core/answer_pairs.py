"""Answers of people on items, and how often each two people agree: sparse, never items × people."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_LEVELS = 20


@dataclass(frozen=True, slots=True)
class Answers:
    """(n,) items, annotators and values; one annotator answers an item once.

    A value is a rating; of a pair it is 1 for one side, 0 for the other and 0.5 for a tie: the
    sides of the item, not of the screen.
    """

    items: Ints
    annotators: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Pairs:
    """(A, A) sparse: items that two people both answered, and the sum of their agreement there.

    Agreement on an item is 1 less the distance of the answers over their whole range. Annotators
    stand in the order of their ids; the diagonal is empty.
    """

    seen: sparse.csr_array
    agreed: sparse.csr_array


def within_items(answers: Answers) -> Floats:
    """(n,) values less their item's mean; nought where an item was answered once."""
    if len(answers.items) == 0:
        return np.empty(0)
    items = np.unique(answers.items, return_inverse=True)[1]
    means = np.bincount(items, weights=answers.values) / np.bincount(items)
    return np.asarray(answers.values - means[items])


def pairs_of(answers: Answers) -> Pairs:
    """Counts by products of sparse tables, one for each step between neighbouring values.

    With steps of width w, |a - b| is the sum of w over the steps that lie between a and b, and
    whether one does is x + y - 2xy of the two people's 0-1 answers to "at or above it?".
    """
    items = np.unique(answers.items, return_inverse=True)[1]
    people = np.unique(answers.annotators, return_inverse=True)[1]
    values = _levels(answers.values)
    table = sparse.csr_array((np.ones(len(items)), (items, people)))
    seen = sparse.csr_array(table.T @ table)
    agreed = seen.copy()
    steps = np.unique(values)
    for low, high in pairwise(steps.tolist()):
        weight = (high - low) / (steps[-1] - steps[0])
        above = sparse.csr_array(
            ((values >= high).astype(np.float64), (items, people)), shape=table.shape
        )
        mixed = above.T @ table
        agreed = sparse.csr_array(agreed - weight * (mixed + mixed.T - 2 * (above.T @ above)))
    return Pairs(_without_diagonal(seen), _without_diagonal(agreed))


def _levels(values: Floats) -> Floats:
    """The values; of a fine scale, the nearest of twenty quantiles."""
    if len(np.unique(values)) <= MOST_LEVELS:
        return values
    marks = np.unique(np.quantile(values, np.linspace(0, 1, MOST_LEVELS)))
    return np.asarray(marks[np.abs(values[:, None] - marks).argmin(axis=1)])


def _without_diagonal(matrix: sparse.csr_array) -> sparse.csr_array:
    at = matrix.tocoo()
    apart = at.row != at.col
    return sparse.csr_array((at.data[apart], (at.row[apart], at.col[apart])), shape=matrix.shape)
