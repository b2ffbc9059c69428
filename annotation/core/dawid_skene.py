"""What most likely holds of each item, and how each annotator errs, from labels alone.

Everybody's answers are weighed by how well they fit everybody else's. The full form gives each
annotator a table of errors (what they say, given what holds); the one-coin form only the chance
that they are right, which takes far fewer labels to learn. Both may stand in one model.

Source: Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
algorithm, Applied Statistics 28(1). One coin: Zhang, Chen, Zhou and Jordan (2016), Spectral methods
meet EM, Journal of Machine Learning Research 17. Acceleration: Varadhan and Roland (2008), Simple
and globally convergent methods for accelerating EM, Scandinavian Journal of Statistics 35 (SqS3).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.special import logsumexp

from annotation.core.labels import UNKNOWN, Floats, Labels, islands, why_not
from annotation.core.ratings import Bools, Ints

Form = Literal["auto", "full", "one coin"]

LABELS_PER_PARAMETER = 10
SMOOTHING = 0.5
TOLERANCE = 1e-7
MOST_ROUNDS = 300
LEAST_CHANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Consensus:
    """What holds, with its probability, and how everybody errs.

    Shapes for U units, C values, A annotators: probabilities (U, C), rows sum to 1; prior (C,), how
    often each value holds; confusion (A, C, C), the chance that an annotator gives value j (last
    axis) where i holds; is_full (A,), whose table is their own rather than of one coin; islands
    (A,), who is connected to whom by shared items.

    `why_not` says in a sentence why nothing can be told; every array but `labels` is then empty.
    `note` says what to be careful about.
    """

    labels: Labels
    probabilities: Floats
    prior: Floats
    confusion: Floats
    is_full: Bools
    islands: Ints
    log_likelihood: float
    rounds: int
    is_converged: bool
    why_not: str = ""
    note: str = ""

    @property
    def values(self) -> Ints:
        """(U,): the most likely value of each unit; of equally likely ones the lowest."""
        return np.asarray(self.labels.values[self.probabilities.argmax(axis=1)])

    @property
    def accuracy(self) -> Floats:
        """(A,): the chance that each annotator is right of a random unit."""
        diagonal = np.diagonal(self.confusion, axis1=1, axis2=2)
        return np.asarray(diagonal @ self.prior)

    def left_out(self) -> Floats:
        """(n, C): what would hold of each label's unit if that label had not been given.

        Of a unit with one label it is the prior, of gold what is known. Error tables stay as they
        are: one label among an annotator's many hardly moves them.
        """
        labels = self.labels
        own = np.log(self.confusion).transpose(0, 2, 1).reshape(-1, len(labels.values))
        tiny = np.finfo(float).tiny
        rest = (np.log(np.maximum(self.probabilities, tiny)))[labels.unit_of]
        rest -= own[labels.cells]
        rest -= rest.max(axis=1, keepdims=True)
        np.exp(rest, out=rest)
        rest /= rest.sum(axis=1, keepdims=True)
        is_gold = (labels.known != UNKNOWN)[labels.unit_of]
        rest[is_gold] = self.probabilities[labels.unit_of[is_gold]]
        return np.asarray(rest)


def dawid_skene(
    labels: Labels,
    *,
    form: Form = "auto",
    smoothing: float = SMOOTHING,
    tolerance: float = TOLERANCE,
    most_rounds: int = MOST_ROUNDS,
) -> Consensus:
    """The most likely truth and errors (EM from the majority's shares, accelerated).

    Args:
        form: "full" or "one coin" for everybody; by default each annotator with at least ten
            labels for every free parameter of a table gets their own, the others one coin.
        smoothing: labels that each row of a table is given beforehand, spread evenly (a Dirichlet
            prior); 0 is plain maximum likelihood, which calls who erred in no label infallible.
        tolerance: stops where a cycle gains less than this in log-likelihood per label.
    """
    reason = why_not(labels)
    if reason:
        return _nothing(labels, reason)
    is_full = _forms(labels, form)
    model = _Model.of(labels, is_full, smoothing)
    found = _climb(model, tolerance * len(labels), most_rounds)
    shares, log_likelihood = model.expect(found.logs)
    return Consensus(
        labels=labels,
        probabilities=np.ascontiguousarray(shares.T),
        prior=np.exp(found.logs.prior),
        confusion=np.exp(found.logs.confusion),
        is_full=is_full,
        islands=(apart := islands(labels)),
        log_likelihood=log_likelihood,
        rounds=found.rounds,
        is_converged=found.is_converged,
        note=_caution(labels, apart, found.is_converged),
    )


@dataclass(frozen=True, slots=True)
class _Logs:
    """Logarithms of the prior (C,) and of the tables (A, C, C): truth, then what is said."""

    prior: Floats
    confusion: Floats

    def mixed(self, weights: tuple[float, float, float], one: "_Logs", two: "_Logs") -> "_Logs":
        """A weighted sum of three, normalised again."""
        prior, confusion = (
            weights[0] * a + weights[1] * b + weights[2] * c
            for a, b, c in (
                (self.prior, one.prior, two.prior),
                (self.confusion, one.confusion, two.confusion),
            )
        )
        return _Logs(
            prior - logsumexp(prior), confusion - logsumexp(confusion, axis=2, keepdims=True)
        )

    def distance(self, other: "_Logs") -> float:
        """Squared, over everything."""
        return float(
            ((self.prior - other.prior) ** 2).sum()
            + ((self.confusion - other.confusion) ** 2).sum()
        )


@dataclass(frozen=True, slots=True)
class _Found:
    logs: _Logs
    rounds: int
    is_converged: bool


@dataclass(frozen=True, slots=True)
class _Model:
    """Labels as a sparse matrix, units by annotator and value, and back again."""

    labels: Labels
    given: sparse.csr_array
    taken: sparse.csr_array
    counts: Floats
    is_full: Bools
    smoothing: float

    @classmethod
    def of(cls, labels: Labels, is_full: Bools, smoothing: float) -> "_Model":
        shape = (len(labels.units), len(labels.annotators) * len(labels.values))
        cells = labels.cells
        given = _incidence(labels.unit_of, cells, shape)
        taken = _incidence(cells, labels.unit_of, shape[::-1])
        counts = np.bincount(cells, minlength=shape[1]).astype(float)
        return cls(labels, given, taken, counts, is_full, smoothing)

    def log_odds(self, logs: _Logs) -> Floats:
        """(C, U): log-probabilities of what holds against the last value, unnormalised."""
        size = len(logs.prior)
        odds = np.zeros((size, len(self.labels.units)))
        for value in range(size - 1):
            against = logs.confusion[:, value] - logs.confusion[:, -1]
            odds[value] = self.given @ against.reshape(-1)
            odds[value] += logs.prior[value] - logs.prior[-1]
        is_gold = self.labels.known != UNKNOWN
        if is_gold.any():
            held = self.labels.known[is_gold], np.flatnonzero(is_gold)
            kept = odds[held]
            odds[:, is_gold] = -np.inf
            odds[held] = kept
        return odds

    def expect(self, logs: _Logs) -> tuple[Floats, float]:
        """The E-step: probabilities (C, U), and the log-likelihood of the labels."""
        odds = self.log_odds(logs)
        top = odds.max(axis=0)
        shares = np.exp(odds - top)
        total = shares.sum(axis=0)
        shares /= total
        against = logs.confusion[:, -1, :].reshape(-1)
        likelihood = float((np.log(total) + top).sum() + self.counts @ against)
        return shares, likelihood + len(top) * float(logs.prior[-1])

    def objective(self, logs: _Logs, likelihood: float) -> float:
        """The log-likelihood with the logarithm of the Dirichlet prior."""
        size = len(logs.prior)
        tables = logs.confusion[self.is_full].sum() / size
        if not self.is_full.all():
            coins = logs.confusion[~self.is_full, 0]
            tables += coins.sum() / size
        return likelihood + self.smoothing * float(tables + logs.prior.sum())

    def maximise(self, shares: Floats) -> _Logs:
        """The M-step, from probabilities (C, U)."""
        size = len(shares)
        tables = np.empty((len(self.labels.annotators), size, size))
        for value in range(size - 1):
            tables[:, value] = (self.taken @ shares[value]).reshape(-1, size)
        said = self.counts.reshape(-1, size)
        tables[:, -1] = np.maximum(said - tables[:, :-1].sum(axis=1), 0.0)
        tables += self.smoothing / size
        if not self.is_full.all():
            tables[~self.is_full] = _coins(tables[~self.is_full], self.smoothing)
        total = tables.sum(axis=2, keepdims=True)
        confusion = np.divide(tables, total, out=np.full_like(tables, 1 / size), where=total > 0)
        prior = shares.sum(axis=1) + self.smoothing
        prior /= prior.sum()
        return _Logs(*(np.log(np.maximum(chance, LEAST_CHANCE)) for chance in (prior, confusion)))

    def step(self, logs: _Logs) -> tuple[_Logs, float]:
        """One round of EM, and the objective where it began."""
        shares, likelihood = self.expect(logs)
        return self.maximise(shares), self.objective(logs, likelihood)


def _coins(tables: Floats, smoothing: float) -> Floats:
    """Tables (a, C, C) of expected labels as those of one coin: right, or any wrong one alike."""
    size = tables.shape[1]
    surplus = smoothing * (size - 1) / size  # every row was smoothed; a coin has but one
    right = np.trace(tables, axis1=1, axis2=2) - surplus
    total = tables.sum(axis=(1, 2)) - smoothing * (size - 1)
    chance = np.divide(right, total, out=np.full_like(right, 1 / size), where=total > 0)
    wrong = (1 - chance) / (size - 1)
    same = np.eye(size, dtype=bool)[None]
    return np.asarray(np.where(same, chance[:, None, None], wrong[:, None, None]))


def _climb(model: _Model, least_gain: float, most_rounds: int) -> _Found:
    """EM with squared extrapolation; a leap that loses likelihood is not taken."""
    here, rounds, best = model.maximise(_majority(model)), 0, -np.inf
    while rounds < most_rounds:
        one, _ = model.step(here)
        two, reached = model.step(one)
        away, curve = one.distance(here), _curvature(here, one, two)
        leap = -max(1.0, float(np.sqrt(away / curve))) if curve > 0 else -1.0
        there = here.mixed(((1 + leap) ** 2, -2 * leap * (1 + leap), leap * leap), one, two)
        after, landed = model.step(there)
        rounds += 3
        here = after if landed >= reached else two
        top = max(landed, reached)
        if top - best < least_gain:
            return _Found(here, rounds, is_converged=True)
        best = top
    return _Found(here, rounds, is_converged=False)


def _curvature(here: _Logs, one: _Logs, two: _Logs) -> float:
    return float(
        ((two.prior - 2 * one.prior + here.prior) ** 2).sum()
        + ((two.confusion - 2 * one.confusion + here.confusion) ** 2).sum()
    )


def _majority(model: _Model) -> Floats:
    """(C, U): the shares of the values given to each unit; of gold what is known."""
    labels = model.labels
    size = len(labels.values)
    cells = labels.value_of * len(labels.units) + labels.unit_of
    shares = np.bincount(cells, minlength=len(labels.units) * size).reshape(size, -1).astype(float)
    shares /= labels.per_unit
    is_gold = labels.known != UNKNOWN
    shares[:, is_gold] = np.eye(size)[:, labels.known[is_gold]]
    return np.asarray(shares)


def _incidence(rows: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    """A matrix of ones, by counting; no entry comes twice."""
    ones = np.ones(len(rows))
    narrow = np.int32 if max(*shape, len(rows)) < 2**31 else np.int64
    table = sparse.coo_array((ones, (rows.astype(narrow), columns.astype(narrow))), shape=shape)
    return sparse.csr_array(table)


def _forms(labels: Labels, form: Form) -> Bools:
    size = len(labels.values)
    enough = labels.per_annotator >= LABELS_PER_PARAMETER * size * (size - 1)
    return {"auto": enough, "full": np.ones_like(enough), "one coin": np.zeros_like(enough)}[form]


def _caution(labels: Labels, apart: Ints, is_converged: bool) -> str:
    notes = []
    count = int(apart.max()) + 1
    if count > 1:
        notes.append(
            f"The annotators fall into {count} groups without a shared item; how reliable somebody "
            "is was told within their own group."
        )
    if labels.per_unit.max() < 3 and not (labels.known != UNKNOWN).any():
        notes.append("No item was judged by three annotators; probabilities are rough.")
    if not is_converged:
        notes.append("The fit had not settled when it was stopped; probabilities are rough.")
    return " ".join(notes)


def _nothing(labels: Labels, reason: str) -> Consensus:
    size = len(labels.values)
    return Consensus(
        labels=labels,
        probabilities=np.zeros((0, size)),
        prior=np.zeros(0),
        confusion=np.zeros((0, size, size)),
        is_full=np.zeros(0, dtype=bool),
        islands=np.zeros(0, dtype=np.int64),
        log_likelihood=0.0,
        rounds=0,
        is_converged=False,
        why_not=reason,
    )
