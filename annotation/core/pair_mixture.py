"""Who judges, who tosses a coin and who answers the wrong way round, from votes on pairs.

Three classes of annotators. The honest follow the strengths of what they compare, with Davidson's
ties; the flipped follow them with winner and loser exchanged; of a biased coin each has their own
chances of the earlier slot, the later one and a tie, whatever stands there (random and always-left
are such coins). Class and strengths are found together, so the votes of who does not look move
nothing. Works without any overlap, as long as what is compared recurs.

Strengths are told apart from their mirror image only by most annotators being honest.

Source: mixture of Bradley-Terry models fitted by EM, after Chen, Bennett, Collins-Thompson and
Horvitz (2013), Pairwise ranking aggregation in a crowdsourced setting, WSDM; a coin's chances are
integrated over a uniform prior (Dirichlet-multinomial), so that it has no parameters to fit.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from annotation.core.bradley_terry import (
    NO_TIES,
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
    n (A,): weight of their votes. is_checked (A,): whether somebody else voted on what they
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
    eta: float
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
    table = pair_table(votes)
    reason = _why_not(table)
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
        eta=state.eta,
        log_likelihood=state.log_likelihood,
        rounds=rounds,
        is_converged=is_converged,
        note=_caution(len(counts), state, fit.is_checked, is_converged),
    )


@dataclass(frozen=True, slots=True)
class _State:
    strengths: Floats
    eta: float
    share: Floats
    classes: Floats
    log_likelihood: float


class _Fit:
    """EM over one table of votes."""

    def __init__(self, table: PairTable, precision: float, prior_people: Floats) -> None:
        self.table = table
        self.precision = precision
        self.prior_people = prior_people
        self.has_ties = bool(table.ties.any())
        self.coin = _coins(table.slots, has_ties=self.has_ties)
        self.is_checked = _checked(table)
        self.laplacian = Laplacian(table.low, table.high, len(table.items))
        self.signed_back, self.total_back = table.signed.T, table.total.T

    def climb(self, most_rounds: int, settled: float) -> tuple[_State, int, bool]:
        everybody = np.zeros((len(self.table.annotators), 3))
        everybody[:, HONEST] = 1.0
        share = self.prior_people / self.prior_people.sum()
        start = np.zeros(len(self.table.items))
        eta = -1.0 if self.has_ties else NO_TIES
        state = _State(start, eta, share, everybody, -np.inf)
        for rounds in range(1, most_rounds + 1):
            strengths, eta, seen = self.fitted(state)
            after = self.sorted_out(strengths, eta, seen, state.share)
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

    def sorted_out(self, strengths: Floats, eta: float, seen: Outcomes, share: Floats) -> _State:
        """The E-step: everybody's class; then how common classes are."""
        lead = self.table.signed @ (self.differences(strengths) / 2)
        rest = self.table.total @ seen.log_total
        ties = self.table.ties * eta if self.has_ties else 0.0
        logs = np.column_stack([lead - rest + ties, self.coin, -lead - rest + ties])
        logs += np.log(share)
        whole = logsumexp(logs, axis=1)
        classes = np.exp(logs - whole[:, None])
        classes[~self.is_checked] = share
        people = classes[self.is_checked].sum(axis=0) + self.prior_people
        return _State(strengths, eta, people / people.sum(), classes, float(whole.sum()))

    def fitted(self, state: _State) -> tuple[Floats, float, Outcomes]:
        """The M-step: one Newton step in the strengths and one in eta, halved until it gains."""
        honest, flipped = state.classes[:, HONEST], state.classes[:, FLIPPED]
        signed = self.signed_back @ (honest - flipped)
        total = self.total_back @ (honest + flipped)
        ties = float(self.table.ties @ (honest + flipped))
        here, eta = state.strengths, state.eta
        seen = outcomes(self.differences(here), eta)
        size = len(here)
        slope = (signed - total * seen.lead) / 2
        wanted = summed(self.table.low, slope, size)
        wanted -= summed(self.table.high, slope, size)
        wanted -= self.precision * here
        step = self.laplacian.solve(total * seen.bend, self.precision, wanted)
        turn = self._turn(total, ties, seen)

        def gained(strengths: Floats, eta: float, seen: Outcomes) -> float:
            differences = self.differences(strengths)
            gain = signed @ differences / 2 - total @ seen.log_total
            gain -= self.precision / 2 * strengths @ strengths
            # Half a virtual tie and half a decision keep eta finite.
            virtual = eta / 2 - np.log(2 + np.exp(eta)) if self.has_ties else 0.0
            return float(gain + (ties * eta if self.has_ties else 0.0) + virtual)

        before = gained(here, eta, seen)
        for _ in range(20):
            there, bent = here + step, eta + turn
            looked = outcomes(self.differences(there), bent)
            if gained(there, bent, looked) >= before - 1e-9 * abs(before):
                return there, bent, looked
            step, turn = step / 2, turn / 2
        return here, eta, seen

    def _turn(self, total: Floats, ties: float, seen: Outcomes) -> float:
        if not self.has_ties:
            return 0.0
        eta_chance = float(seen.tie @ total)
        bend = float((seen.tie * (1 - seen.tie)) @ total)
        return float(np.clip((ties - eta_chance) / max(bend, 1e-9), -1.0, 1.0))


def _coins(slots: Floats, *, has_ties: bool) -> Floats:
    """(A,): log-probability of somebody's slots under a coin of unknown chances."""
    seen = slots if has_ties else slots[:, :2]
    sides = seen.shape[1]
    whole = gammaln(sides) - gammaln(sides + seen.sum(axis=1))
    return np.asarray(whole + gammaln(1 + seen).sum(axis=1))


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


def _why_not(table: PairTable) -> str:
    people = len(table.annotators)
    if not people:
        return NOTHING
    if people < 3:
        return ALONE if people == 1 else TWO
    return ALL_TIES if not table.slots[:, :2].any() else ""


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
        NO_TIES, 0.0, 0, is_converged=False, why_not=reason,
    )  # fmt: skip
