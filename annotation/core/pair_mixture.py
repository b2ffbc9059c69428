"""Who judges, who tosses a coin and who answers the wrong way round, from votes on pairs.

Three classes of annotators. The honest follow the strengths of what they compare; the flipped
follow them with winner and loser exchanged; of a biased coin each has their own chance of the
earlier slot, whatever stands there (random and always-left are such coins). How often somebody
calls a tie is a habit that tells nothing of their class, so only decided votes count. Class and
strengths are found together, so the votes of who does not look move nothing. Works without any
overlap, as long as what is compared recurs.

Strengths are told apart from their mirror image only by most annotators being honest.

Source: mixture of Bradley-Terry models fitted by EM, after Chen, Bennett, Collins-Thompson and
Horvitz (2013), Pairwise ranking aggregation in a crowdsourced setting, WSDM; a coin's chance is
integrated over a uniform prior (beta-binomial), so that it has no parameter to fit.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from annotation.core.bradley_terry import (
    NO_TIES,
    TIE,
    Laplacian,
    Outcomes,
    PairTable,
    PairVotes,
    outcomes,
    pair_table,
)
from annotation.core.labels import NOTHING, Floats, summed
from annotation.core.ratings import Bools, Ints, numbered

HONEST, COIN, FLIPPED = 0, 1, 2
# Before any vote four in five are taken for honest; this weighs as much as five annotators.
PRIOR_PEOPLE = (4.0, 0.5, 0.5)
PRECISION = 0.1
MOST_ROUNDS = 100
SETTLED = 1e-6

ALONE = "Only one annotator has voted so far; telling who judges needs at least three."
TWO = "Only two annotators have voted: where they differ, nothing says who is right."
ALL_TIES = "All votes are ties, so nothing can be said about who judges."


@dataclass(frozen=True, slots=True)
class PairMixture:
    """Everybody's class and the strengths of K items.

    annotators (A,): ids. classes (A, 3): chances of honest, coin and flipped; rows sum to 1.
    n (A,): weight of their decided votes. is_checked (A,): whether somebody else voted on what they
    compared; of the others the row is only the share of each class. share (3,): how common the
    classes are. items (K,): ids. strengths (K,): log-odds against the average of their island.
    islands (K,): which items comparisons connect.

    `why_not` says in a sentence why nothing can be told; all arrays are then empty.
    """

    annotators: Ints
    classes: Floats
    n: Floats
    is_checked: Bools
    share: Floats
    items: Ints
    strengths: Floats
    islands: Ints
    log_likelihood: float
    rounds: int
    is_converged: bool
    why_not: str = ""
    note: str = ""

    @property
    def weights(self) -> Floats:
        """(A,): what a vote is worth: the chance that who cast it judges."""
        return np.asarray(self.classes[:, HONEST])


def pair_mixture(
    votes: PairVotes,
    *,
    precision: float = PRECISION,
    prior_people: tuple[float, float, float] = PRIOR_PEOPLE,
    most_rounds: int = MOST_ROUNDS,
    settled: float = SETTLED,
) -> PairMixture:
    """Classes and strengths of highest posterior probability, by EM from "all are honest".

    Args:
        precision: of strengths beforehand, 1 / variance in log-odds; keeps who always won finite.
        prior_people: how many honest, coin and flipped annotators are imagined beforehand.
        settled: stops where no chance and no strength moves further than this (SETTLED x 100).
    """
    table = pair_table(votes.where(votes.outcome != TIE))
    reason = _why_not(table, has_votes=len(votes.outcome) > 0)
    if reason:
        return _nothing(reason)
    fit = _Fit(table, precision, np.array(prior_people))
    state, rounds, is_converged = fit.climb(most_rounds, settled)
    islands = table.islands
    strengths = state.strengths.copy()
    counts = np.bincount(islands)
    strengths -= (np.bincount(islands, weights=strengths) / counts)[islands]
    return PairMixture(
        annotators=table.annotators,
        classes=state.classes,
        n=table.slots.sum(axis=1),
        is_checked=fit.is_checked,
        share=state.share,
        items=table.items,
        strengths=strengths,
        islands=islands,
        log_likelihood=state.log_likelihood,
        rounds=rounds,
        is_converged=is_converged,
        note=_caution(len(counts), state, fit.is_checked, is_converged),
    )


@dataclass(frozen=True, slots=True)
class _State:
    strengths: Floats
    share: Floats
    classes: Floats
    log_likelihood: float


class _Fit:
    """EM over one table of votes."""

    def __init__(self, table: PairTable, precision: float, prior_people: Floats) -> None:
        self.table = table
        self.precision = precision
        self.prior_people = prior_people
        self.coin = _coins(table.slots[:, :2])
        self.is_checked = _checked(table)
        self.laplacian = Laplacian(table.low, table.high, len(table.items))
        self.signed_back, self.total_back = table.signed.T, table.total.T

    def climb(self, most_rounds: int, settled: float) -> tuple[_State, int, bool]:
        everybody = np.zeros((len(self.table.annotators), 3))
        everybody[:, HONEST] = 1.0
        share = self.prior_people / self.prior_people.sum()
        start = np.zeros(len(self.table.items))
        state = _State(start, share, everybody, -np.inf)
        for rounds in range(1, most_rounds + 1):
            strengths, seen = self.fitted(state)
            after = self.sorted_out(strengths, seen, state.share)
            moved = max(
                float(np.abs(after.classes - state.classes).max()),
                float(np.abs(strengths - state.strengths).max()) / 100,
            )
            state = after
            if moved < settled:
                return state, rounds, True
        return state, most_rounds, False

    def differences(self, strengths: Floats) -> Floats:
        return np.asarray(strengths[self.table.low] - strengths[self.table.high])

    def sorted_out(self, strengths: Floats, seen: Outcomes, share: Floats) -> _State:
        """The E-step: everybody's class; then how common classes are."""
        lead = self.table.signed @ (self.differences(strengths) / 2)
        rest = self.table.total @ seen.log_total
        logs = np.column_stack([lead - rest, self.coin, -lead - rest])
        logs += np.log(share)
        whole = logsumexp(logs, axis=1)
        classes = np.exp(logs - whole[:, None])
        classes[~self.is_checked] = share
        people = classes[self.is_checked].sum(axis=0) + self.prior_people
        return _State(strengths, people / people.sum(), classes, float(whole.sum()))

    def fitted(self, state: _State) -> tuple[Floats, Outcomes]:
        """The M-step: one Newton step in the strengths, halved until it gains."""
        honest, flipped = state.classes[:, HONEST], state.classes[:, FLIPPED]
        signed = self.signed_back @ (honest - flipped)
        total = self.total_back @ (honest + flipped)
        here, size = state.strengths, len(state.strengths)
        seen = outcomes(self.differences(here), NO_TIES)
        slope = (signed - total * seen.lead) / 2
        wanted = -self.precision * here
        wanted += summed(self.table.low, slope, size)
        wanted -= summed(self.table.high, slope, size)
        step = self.laplacian.solve(total * seen.bend, self.precision, wanted)

        def gained(strengths: Floats, looked: Outcomes) -> float:
            gain = signed @ self.differences(strengths) / 2 - total @ looked.log_total
            return float(gain - self.precision / 2 * strengths @ strengths)

        before = gained(here, seen)
        for _ in range(20):
            looked = outcomes(self.differences(here + step), NO_TIES)
            if gained(here + step, looked) >= before - 1e-9 * abs(before):
                return here + step, looked
            step = step / 2
        return here, seen


def _coins(slots: Floats) -> Floats:
    """(A,): log-probability of somebody's slots (A, 2) under a coin of unknown chance."""
    whole = gammaln(2) - gammaln(2 + slots.sum(axis=1))
    return np.asarray(whole + gammaln(1 + slots).sum(axis=1))


def _checked(table: PairTable) -> Bools:
    """(A,): who compared two items that somebody else voted on as well."""
    entries = table.total.tocoo()
    size = len(table.items)
    who = np.concatenate([entries.row, entries.row]).astype(np.int64)
    item = np.concatenate([table.low[entries.col], table.high[entries.col]])
    seen = numbered(who * size + item)[0]
    people = np.bincount(seen % size, minlength=size)
    is_shared = (people[table.low] > 1) & (people[table.high] > 1)
    return np.asarray(table.total @ is_shared.astype(float) > 0)


def _why_not(table: PairTable, *, has_votes: bool) -> str:
    people = len(table.annotators)
    if not people:
        return ALL_TIES if has_votes else NOTHING
    return {1: ALONE, 2: TWO}.get(people, "")


def _caution(n_islands: int, state: _State, is_checked: Bools, is_converged: bool) -> str:
    notes = []
    if n_islands > 1:
        notes.append(
            f"What was compared falls into {n_islands} groups that were never compared with one "
            "another; strengths of different groups cannot be compared."
        )
    alone = int((~is_checked).sum())
    if alone:
        whom = "1 annotator" if alone == 1 else f"{alone} annotators"
        notes.append(f"Nobody else voted on what {whom} compared, so their class cannot be told.")
    if state.share[HONEST] < 0.5:
        notes.append("Fewer than half seem to judge; which half does cannot be told from votes.")
    if not is_converged:
        notes.append("The fit had not settled when it was stopped; chances are rough.")
    return " ".join(notes)


def _nothing(reason: str) -> PairMixture:
    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros(0)
    return PairMixture(
        none, np.zeros((0, 3)), empty, none.astype(bool), empty, none, empty, none,
        0.0, 0, is_converged=False, why_not=reason,
    )  # fmt: skip
