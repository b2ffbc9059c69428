"""Likelihoods of comparisons in numpy: Davidson's ties, and what "both are bad" says of a level.

With reward difference d and tie strength eta, the chances of first, second and tie are in the
proportions exp(d/2), exp(-d/2) and exp(eta): Davidson (1970), as in `loss`. Where a pair is tied,
both are called bad with chance sigmoid(bar - level), the level being the mean of their rewards.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats


@dataclass(frozen=True, slots=True)
class PairTerms:
    """What a summed negative log-likelihood of pairs needs for its derivatives.

    by_difference, curvature, cross: (m,) first and second derivatives by each difference, and by
    difference and eta; by_eta, eta_curvature: sums over the pairs.
    """

    value: float
    by_difference: Floats
    by_eta: float
    curvature: Floats
    cross: Floats
    eta_curvature: float


def davidson_log_chances(difference: Floats, eta: float) -> Floats:
    """Log-chances (n, 3) of first, second and tie for reward differences (n,)."""
    half = difference / 2
    total = _log_total(half, eta)
    logs = np.empty((len(half), 3))
    logs[:, FIRST], logs[:, SECOND], logs[:, TIE] = half - total, -half - total, eta - total
    return logs


def davidson_terms(difference: Floats, eta: float, counts: Floats) -> PairTerms:
    """Of weighted outcome counts (m, 3) at reward differences (m,)."""
    half = difference / 2
    total = _log_total(half, eta)
    first, second, tie = np.exp(half - total), np.exp(-half - total), np.exp(eta - total)
    n, ahead = _sides(counts)
    lead = first - second
    # The variance of (first - second), written so that rounding cannot make it negative.
    spread = (1 - tie) * tie + 4 * first * second
    return PairTerms(
        value=float(n @ total - ahead @ half - eta * counts[:, TIE].sum()),
        by_difference=(n * lead - ahead) / 2,
        by_eta=float((n * tie - counts[:, TIE]).sum()),
        curvature=n * spread / 4,
        cross=n * lead * tie / -2,
        eta_curvature=float((n * tie * (1 - tie)).sum()),
    )


def davidson_slope(difference: Floats, eta: float, counts: Floats) -> Floats:
    """First derivatives alone, of counts (m, 3) at several differences each, both (m, a).

    With u = exp(-|d| / 2) and t = exp(eta), tanh-like and never too large for a number: the lead of
    first over second is sign(d) (1 - u^2) / (1 + u^2 + u t).
    """
    n, ahead = _sides(counts)
    u = np.exp(np.abs(difference) / -2)
    square = u * u
    lead = np.sign(difference) * (1 - square) / (1 + square + u * np.exp(eta))
    return np.asarray((n[:, None] * lead - ahead[:, None]) / 2)


def davidson_value(difference: Floats, eta: float, counts: Floats) -> float:
    """The summed negative log-likelihood alone."""
    half = difference / 2
    n, ahead = _sides(counts)
    return float(n @ _log_total(half, eta) - ahead @ half - eta * counts[:, TIE].sum())


def _log_total(half: Floats, eta: float) -> Floats:
    """log(exp(h) + exp(-h) + exp(eta)) of half differences (n,), by columns: rows of three are
    slow to add up."""
    highest = np.maximum(np.abs(half), eta)
    total = np.exp(half - highest)
    total += np.exp(-half - highest)
    total += np.exp(eta - highest)
    return np.asarray(highest + np.log(total))


def _sides(counts: Floats) -> tuple[Floats, Floats]:
    """Of counts (m, 3): how many in all, and by how many the first is ahead, (m,) each."""
    first, second = counts[:, FIRST], counts[:, SECOND]
    return first + second + counts[:, TIE], first - second


@dataclass(frozen=True, slots=True)
class BarTerms:
    """Derivatives of the bar's likelihood by each pair's level minus the bar, (m,) each."""

    value: float
    by_level: Floats
    curvature: Floats


def bar_terms(above: Floats, counts: Floats) -> BarTerms:
    """Of tied pairs at `above` = level - bar (m,); counts (m, 2): both bad, and merely tied."""
    n = counts.sum(axis=1)
    fine = expit(above)
    value = -float((counts[:, 0] * log_expit(-above) + counts[:, 1] * log_expit(above)).sum())
    return BarTerms(value, n * fine - counts[:, 1], n * fine * (1 - fine))


def predictive_chances(mean: Floats, sd: Floats, eta: float, nodes: int = 16) -> Floats:
    """Davidson's chances (n, 3) averaged over d ~ N(mean, sd^2) by Gauss-Hermite quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    chances = np.zeros((len(mean), 3))
    for point, weight in zip(points, weights / weights.sum(), strict=True):
        chances += weight * np.exp(davidson_log_chances(mean + sd * point, eta))
    return chances
