"""What a linear reward model believes: a Gaussian over its weights, and how people answer."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Votes

Array = NDArray[Any]
NODES = 16
FLIP_RATES = np.linspace(0.0, 0.4, 41)


@dataclass(frozen=True, slots=True)
class Beliefs:
    """A Laplace posterior and Davidson's answers.

    weights: (k,). covariance: (k, k). eta: the log tie strength, minus infinity where nobody may
    tie. flips: the share of decided votes that go to the other side whatever the rewards.
    """

    weights: Floats
    covariance: Floats
    eta: float
    flips: float = 0.0

    def moments(self, differences: Array) -> tuple[Array, Array]:
        """Mean and variance (m,) of the reward differences of (m, k) coordinates."""
        covariance = self.covariance.astype(differences.dtype)
        mean = differences @ self.weights.astype(differences.dtype)
        variance = np.einsum("ij,ij->i", differences @ covariance, differences)
        return mean, np.maximum(variance, 0.0)

    def probabilities(self, difference: Array) -> Array:
        """Chances (..., 3) of first, second and tie for reward differences (...)."""
        half = difference / 2
        logits = np.stack([half, -half, np.full_like(half, self.eta)], axis=-1)
        odds = np.exp(logits - np.abs(half)[..., None])
        chances = odds / odds.sum(axis=-1, keepdims=True)
        if self.flips:
            swapped = chances[..., [SECOND, FIRST, TIE]]
            chances = (1 - self.flips) * chances + self.flips * swapped
        return np.asarray(chances)

    def information(self, difference: Array) -> Array:
        """(m,) Fisher information of one vote about the reward difference (m,), flips included.

        Without flips it is (p1 + p2 - (p1 - p2)^2) / 4, the curvature of Davidson's likelihood.
        """
        told = replace(self, flips=0.0).probabilities(difference)
        lead = told[..., FIRST] - told[..., SECOND]
        slopes = told * (np.array([0.5, -0.5, 0.0]) - lead[..., None] / 2)
        if self.flips:
            swapped = slopes[..., [SECOND, FIRST, TIE]]
            slopes = (1 - self.flips) * slopes + self.flips * swapped
        chances = np.maximum(self.probabilities(difference), 1e-30)
        return np.asarray((slopes**2 / chances).sum(axis=-1))


@dataclass(frozen=True, slots=True)
class Outlook:
    """mean: (m, 3) chances averaged over the posterior; disagreement: (m,) expected entropy.

    The disagreement is what people's answers would still vary by if the weights were known.
    """

    mean: Array
    disagreement: Array

    @property
    def entropy(self) -> Array:
        """(m,) entropy of the averaged chances, nats."""
        return entropy(self.mean)

    @property
    def information(self) -> Array:
        """(m,) mutual information of a vote and the weights: entropy less disagreement."""
        return np.asarray(np.maximum(self.entropy - self.disagreement, 0.0))


def entropy(probabilities: Array) -> Array:
    """Shannon entropy in nats over the last axis."""
    return np.asarray(-rel_entr(probabilities, 1.0).sum(axis=-1))


def outlook(beliefs: Beliefs, mean: Array, variance: Array, nodes: int = NODES) -> Outlook:
    """What votes on pairs with these moments (m,) of the reward difference will say.

    Gauss-Hermite quadrature over the difference, which is Gaussian under the posterior.
    """
    places, weights = quadrature(nodes)
    sd = np.sqrt(variance)
    average = np.zeros((len(mean), 3), dtype=mean.dtype)
    disagreement = np.zeros(len(mean), dtype=mean.dtype)
    for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
        chances = beliefs.probabilities(mean + sd * place)
        average += weight * chances
        disagreement += weight * entropy(chances)
    return Outlook(average, disagreement)


@lru_cache(maxsize=8)
def quadrature(nodes: int) -> tuple[Floats, Floats]:
    """Places and weights (nodes,) of the standard normal's Gauss-Hermite rule."""
    places, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return places, weights / weights.sum()


def flip_rate(beliefs: Beliefs, differences: Floats, votes: Votes) -> float:
    """The share of flipped votes (0 to 0.4) under which the votes are likeliest; on a grid.

    differences: (n, k) coordinates of each vote's first less its second. Votes that the beliefs
    were fitted to make the rate look too small, so pass votes on other prompts where there are any.
    """
    if not len(votes):
        return beliefs.flips
    likelihoods = flip_likelihoods(beliefs, differences, votes).sum(axis=1)
    return float(FLIP_RATES[int(np.argmax(likelihoods))])


def flip_likelihoods(beliefs: Beliefs, differences: Floats, votes: Votes) -> Floats:
    """(r, n) weighted log-likelihood of each vote under each of FLIP_RATES, posterior and all."""
    mean, variance = beliefs.moments(differences)
    told = outlook(replace(beliefs, flips=0.0), mean, variance).mean
    seen = told[np.arange(len(votes)), votes.outcome]
    other = told[np.arange(len(votes)), np.array([SECOND, FIRST, TIE])[votes.outcome]]
    chances = (1 - FLIP_RATES[:, None]) * seen + FLIP_RATES[:, None] * other
    return np.asarray(votes.weight * np.log(np.maximum(chances, 1e-12)))
