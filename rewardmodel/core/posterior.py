"""The negative log posterior of a linear reward, its derivatives, and the way to its optimum.

theta = (w_1 .. w_k, eta, bar, log delta_2 .. log delta_M): weights on coordinates, Davidson's tie
strength, the bar of `likelihood`, and the ties of rankings (`plackett_luce`). Every likelihood is a
softmax of linear functions of theta and the prior is normal, so the optimum is unique.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg import cho_solve

from rewardmodel.core.likelihood import PairTerms, bar_terms, davidson_terms
from rewardmodel.core.pair_rows import Array, PairRows, weighted_gram
from rewardmodel.core.pairs import FIRST, TIE, Floats, PairCounts
from rewardmodel.core.plackett_luce import (
    Choices,
    Rankings,
    choices_of,
    ranking_terms,
    ranking_value,
)

SHAPE = 2  # eta and the bar come after the weights
MOST_STEPS = 50
# How near the optimum is near enough, in posterior variances: at the end, and on the way there.
TOLERANCE, TOLERANCE_OF_LARGE, ON_THE_WAY = 1e-9, 1e-6, 1e-2
# Half a virtual answer of each kind keeps the tie strength, the bar and the deltas finite.
VIRTUAL = 0.5
# Above so many numbers rows are kept in single precision and the start is found on a part of them.
LARGE = 4_000_000
PART = 8
# The curvature holds where the optimum is nearer than this, in posterior variances.
CURVATURE_HOLDS = 1e-4

Rows = Array | PairRows
Virtual = tuple[float, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Prior:
    """Of theta: normal with mean (p,) and precision, (p,) if it is diagonal or (p, p)."""

    mean: Floats
    precision: Floats

    def value(self, theta: Floats) -> float:
        """Minus its log-density, up to a constant."""
        return float((theta - self.mean) @ self.pull(theta)) / 2

    def pull(self, theta: Floats) -> Floats:
        """(p,) gradient of `value`."""
        away = theta - self.mean
        return np.asarray(
            self.precision * away if self.precision.ndim == 1 else self.precision @ away
        )

    def curvature(self) -> Floats:
        """(p, p)."""
        return np.diag(self.precision) if self.precision.ndim == 1 else self.precision


def weights_prior(precisions: Floats, ties: int = 0) -> Prior:
    """w ~ N(0, 1 / precisions), (k,); the shape parameters are held by virtual answers alone."""
    diagonal = np.concatenate([precisions, np.zeros(SHAPE + ties)])
    return Prior(np.zeros(len(diagonal)), diagonal)


@dataclass(frozen=True, slots=True)
class RankingRows:
    """coordinates (n, s, k) of the items of n rankings, and the choices these are."""

    coordinates: Floats
    choices: Choices


@dataclass(frozen=True)
class Evidence:
    """Judgments as a function of theta.

    rows: (m, k) coordinates of each pair's first minus second; counts: (m, 3) by outcome. levels:
    (b, k) mean coordinates of tied pairs; bad: (b, 2) counts of both bad, and merely tied.
    has_virtual: whether virtual answers are counted, which an update has no need of.
    """

    rows: Rows
    counts: Floats
    levels: Floats
    bad: Floats
    rankings: Sequence[RankingRows] = ()
    ties: int = 0
    has_virtual: bool = True
    last: list[tuple[Floats, PairTerms]] = field(default_factory=list, compare=False, repr=False)
    last_virtual: list[tuple[Floats, Virtual]] = field(
        default_factory=list, compare=False, repr=False
    )

    @property
    def k(self) -> int:
        """How many coordinates there are."""
        return int(self.rows.shape[1])

    @property
    def rounding(self) -> float:
        """By what share of itself the value may be off, as precise as the rows are."""
        return float(np.finfo(self.rows.dtype).eps)

    @cached_property
    def is_large(self) -> bool:
        """Whether it pays to look at a part of the pairs first."""
        return self.rows.size > LARGE

    def part(self) -> "Evidence":
        """Every eighth pair, counted eight times; all else as it is."""
        chosen = np.random.default_rng(0).permutation(len(self.rows))[: len(self.rows) // PART]
        chosen.sort()
        return Evidence(
            self.rows[chosen], self.counts[chosen] * PART, self.levels, self.bad, self.rankings,
            self.ties, self.has_virtual,
        )  # fmt: skip

    def value(self, theta: Floats) -> float:
        """The negative log-likelihood, virtual answers included."""
        k = self.k
        weights, bar, deltas = theta[:k], theta[k + 1], theta[k + SHAPE :]
        total = self._pair_terms(theta).value
        if len(self.bad):
            total += bar_terms(self.levels @ weights - bar, self.bad).value
        for ranking in self.rankings:
            total += ranking_value(ranking.choices, ranking.coordinates @ weights, deltas)
        return total + (self._virtual(theta)[0] if self.has_virtual else 0.0)

    def gradient(self, theta: Floats) -> Floats:
        """(p,)."""
        return self._derivatives(theta, with_hessian=False)[0]

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """Gradient (p,) and Hessian (p, p)."""
        return self._derivatives(theta, with_hessian=True)

    def _derivatives(self, theta: Floats, *, with_hessian: bool) -> tuple[Floats, Floats]:
        k, size = self.k, len(theta)
        gradient = np.zeros(size)
        hessian = np.zeros((size, size) if with_hessian else (0, 0))
        self._add_pairs(theta, gradient, hessian)
        if len(self.bad):
            terms = bar_terms(self.levels @ theta[:k] - theta[k + 1], self.bad)
            rows = np.column_stack([self.levels, np.zeros(len(self.bad)), -np.ones(len(self.bad))])
            gradient[: k + SHAPE] += rows.T @ terms.by_level
            if with_hessian:
                hessian[: k + SHAPE, : k + SHAPE] += (rows * terms.curvature[:, None]).T @ rows
        for ranking in self.rankings:
            _add_ranking(ranking, theta, k, gradient, hessian)
        if self.has_virtual:
            _, pull, curvature = self._virtual(theta)
            gradient[k:] += pull
            if with_hessian:
                hessian[k:, k:] += curvature
        return gradient, hessian

    def _add_pairs(self, theta: Floats, gradient: Floats, hessian: Floats) -> None:
        k = self.k
        terms = self._pair_terms(theta)
        kind = self.rows.dtype
        gradient[:k] += terms.by_difference.astype(kind) @ self.rows
        gradient[k] += terms.by_eta
        if not hessian.size:
            return
        hessian[:k, :k] += weighted_gram(self.rows, terms.curvature)
        cross = terms.cross.astype(kind) @ self.rows
        hessian[:k, k] += cross
        hessian[k, :k] += cross
        hessian[k, k] += terms.eta_curvature

    def _pair_terms(self, theta: Floats) -> PairTerms:
        """Of the pairs; the last are kept, for a value is followed by its gradient."""
        at = theta[: self.k + 1]
        if not self.last or not np.array_equal(self.last[0][0], at):
            found = np.asarray(self.rows @ at[:-1].astype(self.rows.dtype), dtype=float)
            self.last[:] = [(at.copy(), davidson_terms(found, at[-1], self.counts))]
        return self.last[0][1]

    def _virtual(self, theta: Floats) -> Virtual:
        """Of half an answer of each kind; the last are kept too."""
        shape = theta[self.k :]
        if not self.last_virtual or not np.array_equal(self.last_virtual[0][0], shape):
            self.last_virtual[:] = [(shape.copy(), virtual_answers(shape))]
        return self.last_virtual[0][1]


def evidence_of(
    pairs: PairCounts, coordinates: Floats, *, both_bad: PairCounts | None = None,
    rankings: Sequence[Rankings] = (), ties: int | None = None,
) -> Evidence:  # fmt: skip
    """Judgments over rows of coordinates (n, k).

    both_bad: the tied pairs of which it is known whether both were called bad; the counts that it
    has under FIRST are of both bad, under TIE of merely tied. ties: M - 1 of the rankings' ties, by
    default as many as they show.
    """
    large = len(pairs.first) * coordinates.shape[1] > LARGE
    kept = coordinates.astype(np.float32) if large else coordinates
    levels, bad = np.zeros((0, coordinates.shape[1])), np.zeros((0, 2))
    if both_bad is not None:
        levels = (coordinates[both_bad.first] + coordinates[both_bad.second]) / 2
        bad = both_bad.counts[:, [FIRST, TIE]]
    if ties is None:
        ties = max((r.largest_tie for r in rankings), default=1) - 1
    ordered = [RankingRows(coordinates[r.items], choices_of(r, ties + 1)) for r in rankings]
    rows: Rows
    if large and len(kept) < len(pairs.first):
        rows = PairRows(kept, pairs.first, pairs.second)
    else:
        rows = kept[pairs.first] - kept[pairs.second]
    return Evidence(rows, pairs.counts, levels, bad, ordered, ties)


def virtual_answers(shape: Floats) -> Virtual:
    """Value, gradient and Hessian by the shape parameters of half an answer of each kind."""
    pair = davidson_terms(np.zeros(1), shape[0], np.full((1, 3), VIRTUAL))
    level = bar_terms(np.array([-shape[1]]), np.full((1, 2), VIRTUAL))
    gradient, hessian = np.zeros(len(shape)), np.zeros((len(shape), len(shape)))
    gradient[0], hessian[0, 0] = pair.by_eta, pair.eta_curvature
    gradient[1], hessian[1, 1] = -level.by_level[0], level.curvature[0]
    value = pair.value + level.value
    for place in range(SHAPE, len(shape)):
        # A set of this size against a single item: one logistic choice each way.
        one = bar_terms(shape[place : place + 1], np.full((1, 2), VIRTUAL))
        gradient[place], hessian[place, place] = one.by_level[0], one.curvature[0]
        value += one.value
    return value, gradient, hessian


def optimum(evidence: Evidence, prior: Prior, start: Floats | None = None) -> tuple[Floats, Floats]:
    """theta (p,) of most posterior density, and the Hessian (p, p) of its negative logarithm there.

    Of many pairs a part is fitted first, and its curvature serves for as long as it does.
    """
    tolerance, bent = (TOLERANCE_OF_LARGE if evidence.is_large else TOLERANCE), None
    if evidence.is_large and start is None:
        found = descend(evidence.part(), prior, None, ON_THE_WAY)
        start, bent = found.theta, found.bent
    found = descend(evidence, prior, start, tolerance, bent)
    bent = found.bent
    if found.moved > CURVATURE_HOLDS:
        bent = evidence.derivatives(found.theta)[1]
    return found.theta, bent + prior.curvature()


@dataclass(frozen=True, slots=True)
class Descent:
    """Where a descent ended; `bent`, the last Hessian (p, p) of the likelihood that it worked with,
    and how far from the end that one was made."""

    theta: Floats
    bent: Floats
    moved: float


def descend(
    evidence: Evidence, prior: Prior, start: Floats | None, tolerance: float = ON_THE_WAY,
    bent: Floats | None = None,
) -> Descent:  # fmt: skip
    """Newton's method with halved steps, until the optimum is nearer than `tolerance` (posterior
    variances). A Hessian of the likelihood serves again for as long as each step comes four times
    nearer with it; so does `bent`, one of similar evidence. Where a step would lower the objective
    by less than its rounding, the gradient alone is believed."""
    theta = np.zeros(len(prior.mean)) if start is None else start.copy()
    at = _Place(theta, evidence.value(theta) + prior.value(theta))
    curvature, is_own = (np.zeros((0, 0)), True) if bent is None else (bent, False)
    for _ in range(MOST_STEPS):
        if is_own:
            curvature = evidence.derivatives(at.theta)[1]
        at = _walk(evidence, prior, at, curvature, tolerance)
        if at.is_end:
            break
        is_own = True
    return Descent(at.theta, curvature, at.began if is_own else np.inf)


@dataclass(frozen=True, slots=True)
class _Place:
    """On the way down: the objective there, how far the end was when the last Hessian was taken up,
    and whether this is the end."""

    theta: Floats
    value: float
    began: float = np.inf
    is_end: bool = False


def _walk(
    evidence: Evidence, prior: Prior, at: _Place, curvature: Floats, tolerance: float
) -> _Place:
    """Steps with one Hessian of the likelihood, for as long as it serves."""
    factor = _factor(curvature + prior.curvature())
    theta, value, began, before = at.theta, at.value, np.inf, np.inf
    while True:
        gradient = evidence.gradient(theta) + prior.pull(theta)
        step = cho_solve(factor, gradient)
        distance = float(gradient @ step)
        began = distance if before == np.inf else began
        is_rounding = distance < evidence.rounding * abs(value)
        is_stuck = is_rounding and before == np.inf and distance > at.began / 2
        if distance < tolerance or is_stuck:
            return _Place(theta, value, began, is_end=True)
        if distance > before / 4:
            return _Place(theta, value, began)
        if is_rounding:
            theta = theta - step
        elif (found := _line_search(evidence, prior, theta, step, value, distance)) is not None:
            theta, value = found
        else:
            return _Place(theta, value, began, is_end=True)
        before = distance


def newton(
    pairs: PairCounts, coordinates: Floats, precision: float, start: Floats | None = None
) -> tuple[Floats, float, Floats]:
    """Of pairs alone: weights (k,), eta, and the Hessian (k+1, k+1) there."""
    k = coordinates.shape[1]
    begin = None if start is None else np.append(start, 0.0)
    theta, hessian = optimum(
        evidence_of(pairs, coordinates), weights_prior(np.full(k, precision)), begin
    )
    return theta[:k], float(theta[k]), hessian[: k + 1, : k + 1]


def _factor(hessian: Floats) -> tuple[Floats, bool]:
    """Cholesky's; a trace of a ridge stands in where equal columns leave it singular.

    By numpy: scipy brings a second library with threads of its own, and the two keep each other
    waiting.
    """
    try:
        found = np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        ridge = 1e-9 * float(np.trace(hessian)) / len(hessian)
        found = np.linalg.cholesky(hessian + ridge * np.eye(len(hessian)))
    return np.asarray(found.T), False


def _line_search(
    evidence: Evidence, prior: Prior, theta: Floats, step: Floats, value: float, slope: float
) -> tuple[Floats, float] | None:
    """The step, halved until it lowers the objective by Armijo's rule; None where none does."""
    size = 1.0
    for _ in range(30):
        moved = theta - size * step
        found = evidence.value(moved) + prior.value(moved)
        if found <= value - 1e-4 * size * slope:
            return moved, found
        size /= 2
    return None


def _add_ranking(
    ranking: RankingRows, theta: Floats, k: int, gradient: Floats, hessian: Floats
) -> None:
    rows, deltas = ranking.coordinates, theta[k + SHAPE :]
    terms = ranking_terms(ranking.choices, rows @ theta[:k], deltas)
    flat, own = rows.reshape(-1, k), slice(k + SHAPE, k + SHAPE + len(terms.by_delta))
    gradient[:k] += flat.T @ terms.by_reward.reshape(-1)
    gradient[own] += terms.by_delta
    if not hessian.size:
        return
    bent = np.matmul(terms.reward_curvature, rows).reshape(-1, k)
    hessian[:k, :k] += flat.T @ bent
    cross = flat.T @ terms.cross.reshape(len(flat), -1)
    hessian[:k, own] += cross
    hessian[own, :k] += cross.T
    hessian[own, own] += terms.delta_curvature
