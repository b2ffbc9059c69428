"""Whose answers are too alike to have been given apart: shared answers and doubled accounts.

People who judge well agree because they are right. What counts is agreement beyond that: for two
annotators, each item that both judged has a chance that they say the same, given what everybody
*else* says holds and how each of the two errs. Equal answers far above the sum of these chances,
equal errors above all, were not given independently. It may be copying, one person with two
accounts, or a taste that two people share and the rest does not: evidence to look at, no verdict.

The upper tail of a sum of unequal chances is at most the binomial tail at their mean, so p-values
are never too small. Source: Hoeffding (1956), On the distribution of the number of successes in
independent trials, Annals of Mathematical Statistics 27; Holm (1979) for many pairs at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.stats import binom

from annotation.core.dawid_skene import Consensus
from annotation.core.labels import UNKNOWN, Floats, summed
from annotation.core.ratings import Ints, numbered

FEWEST_SHARED = 8
LEAST_EXCESS = 0.5
DUPLICATE_SAME = 0.95
DUPLICATE_SHARED = 20
LEVEL = 0.01
MOST_MEETINGS = 5_000_000

NO_MEETINGS = (
    f"No two annotators have judged {FEWEST_SHARED} items in common, so it cannot be told whether "
    "answers are too alike."
)


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two annotators whose answers are too alike.

    same: equal answers of `n` shared items; expected: how many chance and being right explain.
    excess: (same - expected) / (n - expected), the share of what could be more that is.
    p_value: adjusted for all pairs looked at. is_duplicate: nearly all are equal, of many.
    """

    one: int
    other: int
    n: int
    same: int
    expected: float
    excess: float
    p_value: float
    is_duplicate: bool


@dataclass(frozen=True, slots=True)
class Collusion:
    """pairs: the most alike first. groups: who is connected by such pairs, ids in order.

    n_pairs: how many pairs had enough shared items to be looked at.
    """

    pairs: tuple[AlikePair, ...]
    groups: tuple[tuple[int, ...], ...]
    n_pairs: int
    why_not: str = ""
    note: str = ""

    def group_of(self, annotator_id: int) -> tuple[int, ...]:
        """The group of an annotator; empty where there is none."""
        return next((group for group in self.groups if annotator_id in group), ())


def collusion(consensus: Consensus, *, level: float = LEVEL, seed: int = 0) -> Collusion:
    """Pairs and groups too alike at a family-wise error of `level`.

    Where annotators meet more than five million times, items are drawn (by `seed`) until they do
    not; `note` says so. Of two annotators with fewer than eight shared items nothing is said.
    """
    if consensus.why_not:
        return Collusion((), (), 0, consensus.why_not)
    met, note = _met(consensus, seed)
    enough = met.n >= FEWEST_SHARED
    if not enough.any():
        return Collusion((), (), 0, NO_MEETINGS, note)
    met = _Met(met.keys[enough], met.n[enough], met.same[enough], met.expected[enough])
    tails = binom.sf(met.same - 1, met.n, np.clip(met.expected / met.n, 0, 1))
    p_values = _holm(np.asarray(tails, dtype=float))
    excess = (met.same - met.expected) / np.maximum(met.n - met.expected, 1e-9)
    found = np.flatnonzero((p_values < level) & (excess >= LEAST_EXCESS))
    found = found[np.lexsort((-excess[found], p_values[found]))]
    pairs = tuple(_pair(consensus, met, int(at), excess, p_values) for at in found)
    return Collusion(pairs, _groups(pairs), len(met.n), note=note)


@dataclass(frozen=True, slots=True)
class _Met:
    """Pairs of annotators (m,): key one x A + other, shared items, equal answers, expected."""

    keys: Ints
    n: Ints
    same: Ints
    expected: Floats


def _met(consensus: Consensus, seed: int) -> tuple[_Met, str]:
    rows, note = _rows(consensus, seed)
    found = list(_meetings(consensus, rows))
    same = np.concatenate([each[1] for each in found])
    chance = np.concatenate([each[2] for each in found])
    pairs, place = numbered(np.concatenate([each[0] for each in found]))
    size = len(pairs)
    n = np.bincount(place, minlength=size)
    equal = summed(place, same, size).round().astype(np.int64)
    return _Met(pairs, n, equal, summed(place, chance, size)), note


def _rows(consensus: Consensus, seed: int) -> tuple[Ints, str]:
    """Places of the labels to look at, sorted by unit and annotator."""
    labels = consensus.labels
    sizes = labels.per_unit.astype(float)
    meetings = sizes * (sizes - 1) / 2
    kept = np.ones(len(sizes), dtype=bool)
    note = ""
    if meetings.sum() > MOST_MEETINGS:
        order = np.random.default_rng(seed).permutation(len(sizes))
        kept[order] = np.cumsum(meetings[order]) <= MOST_MEETINGS
        note = f"Looked at {int(kept.sum()):,} of {len(sizes):,} items, drawn at random."
    rows = np.flatnonzero(kept[labels.unit_of])
    order = np.lexsort((labels.annotator_of[rows], labels.unit_of[rows]))
    return rows[order], note


def _meetings(consensus: Consensus, rows: Ints) -> Iterator[tuple[Ints, Floats, Floats]]:
    """Of labels that stand k apart in one unit: pair of annotators, equal or not, its chance."""
    labels = consensus.labels
    unit, who, said = labels.unit_of[rows], labels.annotator_of[rows], labels.value_of[rows]
    people, size = len(labels.annotators), len(labels.values)
    own = np.log(consensus.confusion).transpose(0, 2, 1).reshape(-1, size)[labels.cells[rows]]
    logs = np.log(np.maximum(consensus.probabilities, np.finfo(float).tiny))
    is_gold = labels.known != UNKNOWN
    yield np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    for apart in range(1, int(labels.per_unit.max())):
        one = np.flatnonzero(unit[apart:] == unit[:-apart])
        other = one + apart
        truth = logs[unit[one]] - own[one] - own[other]
        truth = np.exp(truth - truth.max(axis=1, keepdims=True))
        truth /= truth.sum(axis=1, keepdims=True)
        gold = is_gold[unit[one]]
        truth[gold] = consensus.probabilities[unit[one[gold]]]
        pair, place = numbered(who[one] * people + who[other])
        both = np.einsum(
            "pcl,pcl->pc", consensus.confusion[pair // people], consensus.confusion[pair % people]
        )
        chance = np.einsum("nc,nc->n", truth, both[place])
        yield pair[place], (said[one] == said[other]).astype(float), chance


def _holm(p_values: Floats) -> Floats:
    """Adjusted for all of them, family-wise."""
    order = np.argsort(p_values)
    left = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(np.maximum.accumulate(p_values[order] * left), 1.0)
    out = np.empty_like(adjusted)
    out[order] = adjusted
    return out


def _pair(consensus: Consensus, met: _Met, at: int, excess: Floats, p_values: Floats) -> AlikePair:
    ids = consensus.labels.annotators
    one, other = divmod(int(met.keys[at]), len(ids))
    n, same = int(met.n[at]), int(met.same[at])
    return AlikePair(
        one=int(ids[one]),
        other=int(ids[other]),
        n=n,
        same=same,
        expected=float(met.expected[at]),
        excess=float(excess[at]),
        p_value=float(p_values[at]),
        is_duplicate=n >= DUPLICATE_SHARED and same >= DUPLICATE_SAME * n,
    )


def _groups(pairs: tuple[AlikePair, ...]) -> tuple[tuple[int, ...], ...]:
    ends = np.array([(pair.one, pair.other) for pair in pairs], dtype=np.int64).reshape(-1, 2)
    ids, place = numbered(ends.reshape(-1))
    if not len(ids):
        return ()
    one, other = place.reshape(-1, 2).T
    graph = sparse.coo_array((np.ones(len(one)), (one, other)), (len(ids), len(ids)))
    _, group = connected_components(graph, directed=False)
    return tuple(tuple(ids[group == each].tolist()) for each in range(int(group.max()) + 1))
