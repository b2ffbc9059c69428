"""What would change on the leaderboard without one annotator, for all of them, without refitting.

At the fitted strengths the slope of the whole likelihood is zero, so without somebody it is minus
the slope of their votes; one Newton step from there, with the curvature of the votes that remain,
is where the strengths would go. Who moves a strength by more than 0.05 is given a second step.

Source: Koh and Liang (2017), Understanding black-box predictions via influence functions, ICML;
the one-step form: Pregibon (1981), Logistic regression diagnostics, Annals of Statistics 9(4).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.core.bradley_terry import (
    Outcomes,
    PairTable,
    PairVotes,
    outcomes,
    pair_table,
)
from annotation.core.labels import NOTHING, Floats, summed
from annotation.core.ratings import Bools, Ints, numbered

PRECISION = 1e-3
VIRTUAL_TIE = 0.5
VIRTUAL_COUNT = 0.5
MOST_STEPS = 100
LARGE = 0.05
MOST_ITEMS = 1000

ALONE = "One annotator gave all votes; nothing is left without them."
ALL_TIES = "All votes are ties, so every strength is the same with or without anybody."


@dataclass(frozen=True, slots=True)
class Influence:
    """Shapes for A annotators and K items (policies).

    items (K,): ids. strengths (K,): log-odds against the average of their island. annotators (A,):
    ids. n (A,): weight of their votes. changes (A, K): what is added to the strengths without an
    annotator. ranks_moved (A,): how many items would stand elsewhere. is_top_moved (A,): whether
    another item would lead. disconnects (A,): whether items would fall into more islands, so that
    their change cannot be told and is 0.
    """

    items: Ints
    strengths: Floats
    annotators: Ints
    n: Floats
    changes: Floats
    ranks_moved: Ints
    is_top_moved: Bools
    disconnects: Bools
    why_not: str = ""

    @property
    def largest(self) -> Floats:
        """(A,): the largest change of any item, without its sign."""
        return np.asarray(np.abs(self.changes).max(axis=1, initial=0.0))


def influence(votes: PairVotes) -> Influence:
    """What everybody moves, one Newton step each. Fitted as the leaderboard is (Davidson's ties,
    half a virtual tie for each pair compared), so the strengths are the leaderboard's.
    """
    table = pair_table(votes)
    reason = _why_not(table)
    if reason:
        return _nothing(reason)
    fit = _Fit.of(table)
    strengths, eta = fit.solve()
    seen = outcomes(fit.differences @ strengths, eta)
    slopes = fit.slopes(seen)
    whole = fit.curvature(fit.total, seen) + fit.prior_curvature(eta)
    disconnects = np.zeros(len(table.annotators), dtype=bool)
    for who in np.unique(fit.single[fit.single >= 0]):
        disconnects[who] = _falls_apart(table, fit.single == who)
    changes = np.zeros((len(table.annotators), len(table.items)))
    for who, slope in enumerate(slopes):
        if not disconnects[who]:
            step = -np.linalg.solve(whole - fit.own_curvature(who, seen), slope)
            if np.abs(step).max() > LARGE:
                step += fit.without(who).step(np.append(strengths, eta) + step)
            changes[who] = step[:-1]
    return _told(table, strengths, changes, disconnects)


def one_step(hessian: Floats, gradients: Floats) -> Floats:
    """(A, k): how the weights of any fitted model move without each of A annotators.

    Args:
        hessian: (k, k), of the whole negative log posterior where it is fitted.
        gradients: (A, k), of each annotator's part of the log-likelihood there.

    The first-order form, which keeps the curvature of all votes: enough for a reward model, to
    which no annotator is more than a small part.
    """
    return np.asarray(-np.linalg.solve(hessian, gradients.T).T)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Totals by pair (P,), each with its half virtual tie; `single` (P,) is whose alone a pair is.

    `single` is -1 of a pair that several annotators voted on: the virtual tie of the others goes
    with the only annotator who compared them.
    """

    table: PairTable
    differences: sparse.csr_array
    total: Floats
    signed: Floats
    ties: float
    single: Ints

    @classmethod
    def of(cls, table: PairTable) -> "_Fit":
        """The fit's arrays, pairs by annotators, from the table of votes."""
        pairs = len(table.low)
        entries = table.total.tocoo()
        most = np.full(pairs, -1, dtype=np.int64)
        least = np.full(pairs, len(table.annotators), dtype=np.int64)
        np.maximum.at(most, entries.col, entries.row)
        np.minimum.at(least, entries.col, entries.row)
        return cls(
            table=table,
            differences=table.differences_of,
            total=np.asarray(table.total.sum(axis=0) + VIRTUAL_TIE, dtype=float),
            signed=np.asarray(table.signed.sum(axis=0)),
            ties=float(table.ties.sum()) + VIRTUAL_TIE * pairs,
            single=np.where(most == least, most, -1),
        )

    def prior_curvature(self, eta: float) -> Floats:
        """(K + 1, K + 1): of the prior, with half a virtual vote for each outcome of equals."""
        tie = float(outcomes(np.zeros(1), eta).tie[0])
        bend = 3 * VIRTUAL_COUNT * tie * (1 - tie)
        return np.diag(np.append(np.full(len(self.table.items), PRECISION), bend))

    def total_of(self, who: int) -> Floats:
        """(P,): the weight of one annotator's votes, and of the virtual ties that are theirs."""
        pairs, weights = self.own(who)
        return summed(pairs, weights, len(self.total))

    def own(self, who: int) -> tuple[Ints, Floats]:
        """The pairs on which one annotator voted, each once, with what `total_of` has of them."""
        row = slice(*self.table.total.indptr[who : who + 2])
        pairs, place = numbered(self.table.total.indices[row].astype(np.int64))
        weights = summed(place, self.table.total.data[row], len(pairs))
        return pairs, np.asarray(weights + VIRTUAL_TIE * (self.single[pairs] == who))

    def own_curvature(self, who: int, seen: Outcomes) -> Floats:
        """`curvature` of one annotator's votes, touching only what they compared."""
        pairs, weights = self.own(who)
        low, high = self.table.low[pairs], self.table.high[pairs]
        size = len(self.table.items)
        bent = np.zeros((size + 1, size + 1))
        bend = weights * seen.bend[pairs]
        both = weights * seen.lead[pairs] * seen.tie[pairs] / 2
        for place, sign in ((low, 1), (high, -1)):
            bent[np.arange(size), np.arange(size)] += summed(place, bend, size)
            bent[:size, size] -= sign * summed(place, both, size)
        np.subtract.at(bent, (low, high), bend)
        np.subtract.at(bent, (high, low), bend)
        bent[size, :size] = bent[:size, size]
        tie = seen.tie[pairs]
        bent[size, size] = float(weights @ (tie * (1 - tie)))
        return bent

    def slopes(self, seen: Outcomes) -> Floats:
        """(A, K + 1): of everybody's log-likelihood in strengths and eta."""
        alone = np.flatnonzero(self.single >= 0)
        shape = self.table.total.shape
        virtual = sparse.csr_array(
            (np.full(len(alone), VIRTUAL_TIE), (self.single[alone], alone)), shape=shape
        )
        total = self.table.total + virtual
        lead = total @ sparse.diags_array(seen.lead)
        by_strength = ((self.table.signed - lead) @ self.differences).toarray() / 2
        by_eta = self.table.ties + virtual.sum(axis=1) - total @ seen.tie
        return np.column_stack([by_strength, by_eta])

    def curvature(self, total: Floats, seen: Outcomes) -> Floats:
        """(K + 1, K + 1): minus the second derivatives of the log-likelihood of these totals."""
        size = len(self.table.items)
        bent = np.zeros((size + 1, size + 1))
        d = self.differences
        bent[:size, :size] = (d.T @ sparse.diags_array(total * seen.bend) @ d).toarray()
        bent[:size, size] = bent[size, :size] = d.T @ (-total * seen.lead * seen.tie / 2)
        bent[size, size] = float(total @ (seen.tie * (1 - seen.tie)))
        return bent

    def solve(self) -> tuple[Floats, float]:
        """Strengths and eta of highest posterior probability, by Newton's method."""
        here = np.zeros(len(self.table.items) + 1)
        value = self.objective(here)
        for _ in range(MOST_STEPS):
            step = self.step(here)
            if float(np.abs(step).max()) < 1e-9:
                break
            here, value = self._forward(here, step, value)
        return here[:-1], float(here[-1])

    def step(self, here: Floats) -> Floats:
        """(K + 1,): Newton's step from strengths and eta."""
        seen = outcomes(self.differences @ here[:-1], float(here[-1]))
        slope = np.empty(len(here))
        slope[:-1] = self.differences.T @ (self.signed - self.total * seen.lead) / 2
        slope[:-1] -= PRECISION * here[:-1]
        slope[-1] = self.ties - float(self.total @ seen.tie)
        virtual = float(outcomes(np.zeros(1), float(here[-1])).tie[0])
        slope[-1] += VIRTUAL_COUNT - 3 * VIRTUAL_COUNT * virtual
        bent = self.curvature(self.total, seen) + self.prior_curvature(float(here[-1]))
        return np.asarray(np.linalg.solve(bent, slope), dtype=float)

    def without(self, who: int) -> "_Fit":
        """The same without one annotator's votes."""
        ties = float(self.table.ties[who]) + VIRTUAL_TIE * float((self.single == who).sum())
        return replace(
            self,
            total=self.total - self.total_of(who),
            signed=self.signed - self.table.signed[[who]].sum(axis=0),
            ties=self.ties - ties,
        )

    def objective(self, here: Floats) -> float:
        """The penalised log-likelihood at strengths and tie parameter (K + 1,)."""
        d = self.differences @ here[:-1]
        gain = self.signed @ d / 2 - self.total @ outcomes(d, here[-1]).log_total
        equals = outcomes(np.zeros(1), here[-1]).log_total[0]
        virtual = VIRTUAL_COUNT * (here[-1] - 3 * equals)
        return float(gain + self.ties * here[-1] + virtual - PRECISION / 2 * here[:-1] @ here[:-1])

    def _forward(self, here: Floats, step: Floats, value: float) -> tuple[Floats, float]:
        for _ in range(40):
            there = here + step
            found = self.objective(there)
            if found >= value:
                return there, found
            step = step / 2
        return here, value


def _told(table: PairTable, strengths: Floats, changes: Floats, disconnects: Bools) -> Influence:
    islands = table.islands
    member = np.eye(int(islands.max()) + 1)[islands]
    centre = member @ (member / member.sum(axis=0)).T
    strengths, changes = strengths - centre @ strengths, changes - changes @ centre.T
    before, after = _ranks(strengths[None], islands), _ranks(strengths + changes, islands)
    moved = before != after
    return Influence(
        items=table.items,
        strengths=strengths,
        annotators=table.annotators,
        n=table.slots.sum(axis=1),
        changes=changes,
        ranks_moved=moved.sum(axis=1),
        is_top_moved=(moved & (before == 0)).any(axis=1),
        disconnects=disconnects,
    )


def _ranks(strengths: Floats, islands: Ints) -> Ints:
    """(A, K): each item's place in its island, the best 0; of equals the lower id first."""
    ranks = np.zeros(strengths.shape, dtype=np.int64)
    for island in np.unique(islands):
        places = np.flatnonzero(islands == island)
        order = np.argsort(-strengths[:, places], axis=1, kind="stable")
        ranks[:, places] = np.argsort(order, axis=1, kind="stable")
    return ranks


def _falls_apart(table: PairTable, own: Bools) -> bool:
    """Whether items fall into more islands without the pairs that `own` (P,) marks."""
    if not own.any():
        return False
    size = len(table.items)
    low, high = table.low[~own], table.high[~own]
    graph = sparse.coo_array((np.ones(len(low)), (low, high)), (size, size))
    return bool(connected_components(graph, directed=False)[0] > table.islands.max() + 1)


def _why_not(table: PairTable) -> str:
    if not len(table.annotators):
        return NOTHING
    if len(table.annotators) == 1:
        return ALONE
    if not table.slots[:, :2].any():
        return ALL_TIES
    if len(table.items) > MOST_ITEMS:
        return f"Influence is told of at most {MOST_ITEMS:,} policies."
    return ""


def _nothing(reason: str) -> Influence:
    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros(0)
    return Influence(
        none, empty, none, empty, np.zeros((0, 0)), none, none.astype(bool), none.astype(bool),
        reason,
    )  # fmt: skip
