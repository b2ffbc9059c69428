"""The reward head's own optimum on a few pairs, for replays that fit it thousands of times."""

import numpy as np

from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.posterior import SHAPE, Evidence, Prior, optimum


def quick_fit(
    x: Floats, outcomes: Ints, precision: float | Floats, start: Floats | None = None
) -> Beliefs:
    """The posterior for votes on differences x (n, k) with outcomes (n,), one vote each.

    precision: of the prior, one or (k,). start: (k + 1,) weights and eta to begin from.
    """
    k = x.shape[1]
    counts = np.zeros((len(x), 3))
    counts[np.arange(len(x)), outcomes] = 1.0
    evidence = Evidence(x, counts, np.zeros((0, k)), np.zeros((0, 2)))
    begin = None if start is None else np.append(start, 0.0)
    prior = Prior(np.zeros(k + SHAPE), np.append(np.full(k, precision), np.zeros(SHAPE)))
    theta, hessian = optimum(evidence, prior, begin)
    covariance = np.linalg.inv(hessian[: k + 1, : k + 1])[:k, :k]
    return Beliefs(theta[:k], (covariance + covariance.T) / 2, float(theta[k]))
