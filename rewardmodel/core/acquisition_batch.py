"""Functions that look at what a batch holds already: each choice changes what the others tell.

The posterior is Gaussian over weights and the likelihood is taken at its curvature, so that a vote
on coordinates x with information c takes ``c S x x' S / (1 + c x' S x)`` off the covariance S,
whatever its outcome (Chaloner and Verdinelli, 1995, Bayesian experimental design: a review,
Statistical Science 10). One choice costs one product of the pool and a vector.
"""

import numpy as np

from rewardmodel.core.beliefs import Array, Beliefs, outlook, quadrature
from rewardmodel.core.pool import Pool

CONDITIONAL_NODES = 7
MOST_TARGETS = 4_000


class Conditioned:
    """A pool's variances as votes are added to it; the base of the functions below.

    Products run in the precision of the pool's differences.
    """

    def __init__(self, pool: Pool, beliefs: Beliefs) -> None:
        self.differences = pool.differences
        self.beliefs = beliefs
        self.covariance = beliefs.covariance.astype(pool.differences.dtype)
        self.mean, self.variance = pool.moments(beliefs)
        self.information = beliefs.information(self.mean).astype(self.mean.dtype)

    def take(self, index: int) -> None:
        """Conditions on a vote on pair `index`."""
        along = self.covariance @ self.differences[index]
        covariances = self.differences @ along
        scale = 1 / self.information[index] + float(self.differences[index] @ along)
        self.condition(along, covariances, float(scale))

    def condition(self, along: Array, covariances: Array, scale: float) -> None:
        """Takes ``along along' / scale`` off the covariance; covariances: (m,) with each pair."""
        self.covariance -= np.outer(along, along) / scale
        self.variance = np.maximum(self.variance - covariances**2 / scale, 0.0)


class LogDeterminant(Conditioned):
    """D-optimality: the most gain in the log-determinant of the posterior's precision, greedily.

    Source: Chaloner and Verdinelli (1995), section 2.2; the gain of one vote is log(1 + c x'Sx).
    """

    def utilities(self) -> Array:
        """(m,) gains of a vote on each pair, given those taken so far."""
        return np.asarray(np.log1p(self.information * self.variance))


class PredictionOriented(Conditioned):
    """The most expected reduction of the log-loss on the targets.

    A prediction whose difference has variance v is expected to lose ``I v / 2`` nats more than one
    that knows the weights (I: information of a vote on the target), to second order. So a vote is
    worth ``x'S A S x / (1/c + x'Sx)`` with A the targets' mean of ``I t t' / 2``.

    The second-order form of the expected predictive information gain of Bickford Smith et al.
    (2023), Prediction-oriented Bayesian active learning, AISTATS, equation 6; with a linear model
    it is V-optimality, Chaloner and Verdinelli (1995), section 2.3.
    """

    def __init__(self, pool: Pool, beliefs: Beliefs, wanted: Array) -> None:
        """wanted: A, (k, k)."""
        super().__init__(pool, beliefs)
        differences = self.differences
        self.wanted = wanted.astype(differences.dtype)
        through = self.covariance @ self.wanted @ self.covariance
        self.gain = np.einsum("ij,ij->i", differences @ through, differences)

    def utilities(self) -> Array:
        """(m,) gains of a vote on each pair, given those taken so far."""
        told = 1 / np.maximum(self.information, 1e-12) + self.variance
        return np.asarray(np.maximum(self.gain, 0.0) / told)

    def condition(self, along: Array, covariances: Array, scale: float) -> None:
        """Takes the same off the covariance, and off every pair's gain."""
        towards = self.wanted @ along
        carried = self.differences @ (self.covariance @ towards)
        self.gain += (
            -2 * covariances * carried / scale
            + covariances**2 * float(along @ towards) / scale**2
        )  # fmt: skip
        super().condition(along, covariances, scale)


def targets_matrix(targets: Array, beliefs: Beliefs) -> Array:
    """A of `PredictionOriented` for targets (t, k), whose differences will have to be predicted.

    Of very many targets every so many-th stands for its neighbours.
    """
    targets = targets[:: max(1, len(targets) // MOST_TARGETS)]
    information = beliefs.information(targets @ beliefs.weights.astype(targets.dtype))
    weighted = targets * (information / (2 * len(targets)))[:, None].astype(targets.dtype)
    return np.asarray(weighted.T @ targets)


class BatchBald(Conditioned):
    """Batch-BALD: the most information that a batch's votes hold together about the weights.

    By the chain rule a further vote adds ``H(y | votes so far) - E H(y | weights)``. The votes so
    far move a difference's mean by a Gaussian of the variance that they took, and leave the rest;
    both are integrated by quadrature, so that no outcome needs to be enumerated.
    Source: Kirsch, van Amersfoort and Gal (2019), BatchBALD, NeurIPS, equations 5 and 8.
    """

    def __init__(self, pool: Pool, beliefs: Beliefs) -> None:
        super().__init__(pool, beliefs)
        self.before = self.variance.copy()
        self.disagreement = outlook(beliefs, self.mean, self.variance).disagreement

    def utilities(self) -> Array:
        """(m,) gains of a vote on each pair, given those taken so far."""
        places, weights = quadrature(CONDITIONAL_NODES)
        moved = np.sqrt(np.maximum(self.before - self.variance, 0.0))
        if not moved.any():
            alone = outlook(self.beliefs, self.mean, self.variance)
            return alone.information
        total = np.zeros(len(self.mean), dtype=self.mean.dtype)
        for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
            after = outlook(
                self.beliefs, self.mean + place * moved, self.variance, CONDITIONAL_NODES
            )
            total += weight * after.entropy
        return np.asarray(np.maximum(total - self.disagreement, 0.0))
