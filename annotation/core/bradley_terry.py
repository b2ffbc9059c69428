"""Votes on pairs as sparse tables, and the Bradley-Terry likelihood with ties over them.

With strengths s and tie strength eta = log(nu), the chances of "first", "second" and "tie" are
proportional to exp(d/2), exp(-d/2) and nu, where d = s[first] - s[second].

Source: Davidson (1970), On extending the Bradley-Terry model to accommodate ties in paired
comparison experiments, Journal of the American Statistical Association 65, equation 2.3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.core.errors import Invalid
from annotation.core.labels import Floats, summed
from annotation.core.preferences import Preference
from annotation.core.ratings import Bools, Ints, numbered

FIRST, TIE, SECOND = 1, 0, -1
Places = NDArray[np.int32 | np.int64]

NO_TIES = -np.inf
CG_ROUNDS = 60
CG_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class PairVotes:
    """n votes on pairs; arrays of shape (n,).

    first, second: ids of what was compared (completions, or their policies). outcome: 1 the first
    won, -1 the second, 0 a tie. is_first_shown_first: whether `first` stood in the earlier slot.
    """

    first: Ints
    second: Ints
    outcome: Ints
    annotators: Ints
    is_first_shown_first: Bools
    weight: Floats

    def where(self, kept: Bools) -> "PairVotes":
        """The votes that `kept`, shape (n,), marks."""
        return PairVotes(
            self.first[kept], self.second[kept], self.outcome[kept], self.annotators[kept],
            self.is_first_shown_first[kept], self.weight[kept],
        )  # fmt: skip


def pair_votes_from(
    preferences: Iterable[Preference], *, policies: Mapping[int, int] | None = None
) -> PairVotes:
    """The votes that preferences are: on completions, or on `policies` by completion id.

    Votes of a policy against itself tell nothing and are left out. Weights are those of the
    preferences, so that a ranking's implied pairs do not count as votes of their own.
    """
    found = list(preferences)
    rows = [
        (p.winner_id, p.loser_id, not p.is_tie, p.annotator_id, p.shown_first == p.winner_id)
        for p in found
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    weight = np.array([p.weight for p in found], dtype=float)
    first, second = table[:, 0], table[:, 1]
    if policies is not None:
        first, second = (
            np.array([policies[int(each)] for each in ids], dtype=np.int64)
            for ids in (first, second)
        )
    votes = PairVotes(first, second, table[:, 2], table[:, 3], table[:, 4].astype(bool), weight)
    return votes.where(votes.first != votes.second)


@dataclass(frozen=True, slots=True)
class PairTable:
    """Votes by annotator and pair: A annotators, P pairs of K items.

    low, high (P,): places among `items`, low < high. total, signed (A, P): weights of votes, and
    these with the sign of who won: 1 `low`, -1 `high`, 0 neither. ties (A,): weight of ties. slots
    (A, 3): weights of votes for the earlier slot, the later one, and neither.
    """

    items: Ints
    annotators: Ints
    low: Ints
    high: Ints
    total: sparse.csr_array
    signed: sparse.csr_array
    ties: Floats
    slots: Floats

    @property
    def differences_of(self) -> sparse.csr_array:
        """(P, K): takes strengths to differences, low less high."""
        pairs = np.arange(len(self.low))
        ones = np.ones(len(pairs))
        return sparse.csr_array(
            (
                np.concatenate([ones, -ones]),
                (np.concatenate([pairs, pairs]), np.concatenate([self.low, self.high])),
            ),
            shape=(len(pairs), len(self.items)),
        )

    @property
    def islands(self) -> Ints:
        """(K,): items that comparisons connect share a number, from 0."""
        size = len(self.items)
        graph = sparse.coo_array((np.ones(len(self.low)), (self.low, self.high)), (size, size))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def pair_table(votes: PairVotes) -> PairTable:
    """Votes added up.

    Raises:
        Invalid: where a vote compares something with itself, or an outcome is none of -1, 0, 1.
    """
    _refuse(votes)
    n = len(votes.first)
    items, places = numbered(np.concatenate([votes.first, votes.second]))
    annotators, who = numbered(votes.annotators)
    first, second = places[:n], places[n:]
    low, high = np.minimum(first, second), np.maximum(first, second)
    keys, pair = numbered(low * len(items) + high)
    signed = votes.weight * votes.outcome * np.where(first < second, 1, -1)
    shape = (len(annotators), len(keys))
    order, columns, ends = _gathered(who, pair, shape)
    total, net = (
        sparse.csr_array((each[order], columns, ends), shape=shape)
        for each in (votes.weight, signed)
    )
    weight = np.where(votes.outcome == TIE, 0.0, votes.weight)
    is_earlier = (votes.outcome == FIRST) == votes.is_first_shown_first
    ties = summed(who, votes.weight - weight, shape[0])
    earlier = summed(who, weight * is_earlier, shape[0])
    later = summed(who, weight * ~is_earlier, shape[0])
    slots = np.column_stack([earlier, later, ties])
    width = max(len(items), 1)
    return PairTable(items, annotators, keys // width, keys % width, total, net, ties, slots)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of differences (P,): the log of what chances are divided by, its slope and its bend in d.

    log_total: log(exp(d/2) + exp(-d/2) + nu). lead: P(first) - P(second) = 2 x slope. tie: P(tie).
    bend: the second derivative, (P(first) + P(second) - lead^2) / 4.
    """

    log_total: Floats
    lead: Floats
    tie: Floats
    bend: Floats


def outcomes(differences: Floats, eta: float) -> Outcomes:
    """Davidson's chances; `eta` is NO_TIES where a tie cannot be given."""
    size = np.abs(differences)
    half = np.exp(-size / 2)
    loser, tie = half * half, np.exp(eta) * half  # exp(NO_TIES) is 0
    total = 1.0 + loser + tie
    lead = np.copysign((1.0 - loser) / total, differences)
    tie = tie / total
    return Outcomes(size / 2 + np.log(total), lead, tie, (1.0 - tie - lead**2) / 4)


class Laplacian:
    """Solves (incidence' diag(c) incidence + ridge) x = b for K items by conjugate gradients.

    The places of its entries are found once; only their sizes change from one fit to the next.
    """

    def __init__(self, low: Ints, high: Ints, size: int) -> None:
        rows, columns = np.concatenate([low, high]), np.concatenate([high, low])
        self._low, self._high, self._size = low, high, size
        order, self._columns, self._ends = _gathered(rows, columns, (size, size))
        self._pair_of_entry = order % max(len(low), 1)

    def solve(self, curvature: Floats, ridge: float, wanted: Floats) -> Floats:
        """x (K,), preconditioned by the diagonal."""
        diagonal = np.full(self._size, ridge)
        diagonal += summed(self._low, curvature, self._size)
        diagonal += summed(self._high, curvature, self._size)
        entries = (curvature[self._pair_of_entry], self._columns, self._ends)
        meetings = sparse.csr_array(entries, shape=(self._size, self._size))
        found, rest = np.zeros(self._size), wanted.copy()
        way = scaled = rest / diagonal
        power = float(rest @ scaled)
        enough = CG_TOLERANCE**2 * power
        for _ in range(CG_ROUNDS):
            if power <= enough or power == 0.0:
                break
            moved = diagonal * way - meetings @ way
            length = power / float(way @ moved)
            found = found + length * way
            rest = rest - length * moved
            scaled = rest / diagonal
            power, before = float(rest @ scaled), power
            way = scaled + power / before * way
        return np.asarray(found)


def _gathered(rows: Ints, columns: Ints, shape: tuple[int, int]) -> tuple[Ints, Places, Places]:
    """Where entries go in rows: their order, their columns and the ends of rows.

    Entries in the same place stay apart: products add them up all the same.
    """
    narrow = np.int32 if max(*shape, len(rows)) < 2**31 else np.int64
    placed = sparse.coo_array(
        (np.arange(len(rows)), (rows.astype(narrow), columns.astype(narrow))), shape=shape
    )
    placed.has_canonical_format = True
    found = placed.tocsr()
    return found.data.astype(np.int64), found.indices, found.indptr


def _refuse(votes: PairVotes) -> None:
    if (votes.first == votes.second).any():
        raise Invalid(
            "A vote compares something with itself.", hint="Leave such votes out; they say nothing."
        )
    if not np.isin(votes.outcome, (FIRST, TIE, SECOND)).all():
        raise Invalid(
            "An outcome is 1 (the first won), -1 (the second) or 0 (a tie).",
            hint="Check the column of outcomes.",
        )
    if not (np.isfinite(votes.weight).all() and (votes.weight > 0).all()):
        raise Invalid("Weights of votes are positive numbers.", hint="Leave out what weighs 0.")
