"""Unusually large differences: the most telling pairs where they are sound, poison where not."""

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.beliefs import Array, Beliefs
from rewardmodel.core.pairs import FIRST, SECOND, Floats, Ints

# Quartile distances above the upper quartile from which on a difference is unusually large.
NARROW, WIDE = 0.0, 1.0
FEWEST_LARGE = 5
TRUSTED = 0.6


def is_ordinary(differences: Array, fence: float) -> NDArray[np.bool_]:
    """(m,) whether the length of each difference (m, k) is within the fence.

    The fence stands so many quartile distances above the upper quartile: Tukey (1977), Exploratory
    data analysis, whose own is 1.5. It has to be nearer, because up to 15 % may be broken.
    """
    size = np.linalg.norm(differences, axis=1)
    if not len(size):
        return np.ones(0, dtype=bool)
    low, high = np.quantile(size, [0.25, 0.75])
    return np.asarray(size <= high + fence * (high - low))


def fence_for(beliefs: Beliefs, differences: Floats, outcomes: Ints) -> float:
    """How far off the fence may stand, by the votes (n, k), (n,) on pairs drawn at random.

    Wide where votes on large differences go the way that the others foretell in 60 % or more (one
    more of either kind added), narrow where they do not or are fewer than five. The weights
    without them are one Newton step away.
    """
    decided = (outcomes == FIRST) | (outcomes == SECOND)
    large = decided & ~is_ordinary(differences, NARROW)
    if large.sum() < FEWEST_LARGE:
        return NARROW
    x, first = differences[large], outcomes[large] == FIRST
    chances = beliefs.probabilities(x @ beliefs.weights)
    lead = chances[:, FIRST] - chances[:, SECOND]
    slope = (lead - np.where(first, 1.0, -1.0)) / 2
    curvature = (chances[:, FIRST] + chances[:, SECOND] - lead**2) / 4
    precision = np.linalg.inv(beliefs.covariance) - (x * curvature[:, None]).T @ x
    without = beliefs.weights + np.linalg.solve(precision, x.T @ slope)
    hits = float((((x @ without) > 0) == first).sum())
    return WIDE if (hits + 1) / (float(large.sum()) + 2) >= TRUSTED else NARROW
