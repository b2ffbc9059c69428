"""Unusually large differences: the most telling pairs where they are sound, poison where not."""

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.beliefs import Array, Beliefs
from rewardmodel.core.pairs import FIRST, SECOND, Floats, Ints

# Quartile distances above the upper quartile from which on a difference is unusually large.
NARROW, WIDE = 0.0, 1.0
# Tukey's outer fence. A pool with this share or more beyond it is suspect.
FAR_OUT, MANY = 3.0, 0.01
FEWEST_LARGE = 8
TRUSTED = 0.6


def is_ordinary(differences: Array, fence: float) -> NDArray[np.bool_]:
    """(m,) whether the length of each difference (m, k) is within the fence of them all."""
    size = np.linalg.norm(differences, axis=1)
    return np.asarray(size <= length_limit(size, fence))


def is_suspect(differences: Array) -> bool:
    """Whether so many of the differences (m, k) are far out that some are likely to be broken."""
    if not len(differences):
        return True
    return float((~is_ordinary(differences, FAR_OUT)).mean()) >= MANY


def length_limit(size: Array, fence: float) -> float:
    """The length of the fence around lengths (m,): so many quartile distances above the quartile.

    Tukey (1977), Exploratory data analysis, whose inner fence is 1.5 and whose outer one is 3. It
    has to be nearer here, because up to 15 % may be broken.
    """
    if not len(size):
        return 0.0
    low, high = np.quantile(size, [0.25, 0.75])
    return float(high + fence * (high - low))


def fence_for(
    beliefs: Beliefs, differences: Floats, outcomes: Ints, by_chance: NDArray[np.bool_],
    pool: Array,
) -> float:  # fmt: skip
    """How far off the fence around a pool (m, k) may stand.

    Wide where the pool is not suspect. Else by votes (n, k), (n,), some (n,) drawn at random: wide
    where random votes on large differences go the way that the ordinary votes foretell in 60 % or
    more (one more of either kind added), narrow where they do not or are fewer than eight. The
    weights without any large one are a Newton step away.
    """
    if not is_suspect(pool):
        return WIDE
    if not by_chance.any():
        return NARROW
    size = np.linalg.norm(differences, axis=1)
    decided = (outcomes == FIRST) | (outcomes == SECOND)
    large = decided & (size > length_limit(size[by_chance], NARROW))
    tested = large & by_chance
    if tested.sum() < FEWEST_LARGE:
        return NARROW
    x, first = differences[large], outcomes[large] == FIRST
    chances = beliefs.probabilities(x @ beliefs.weights)
    lead = chances[:, FIRST] - chances[:, SECOND]
    slope = (lead - np.where(first, 1.0, -1.0)) / 2
    curvature = (chances[:, FIRST] + chances[:, SECOND] - lead**2) / 4
    precision = np.linalg.inv(beliefs.covariance) - (x * curvature[:, None]).T @ x
    without = beliefs.weights + np.linalg.solve(precision, x.T @ slope)
    right = ((differences[tested] @ without) > 0) == (outcomes[tested] == FIRST)
    return WIDE if (right.sum() + 1) / (len(right) + 2) >= TRUSTED else NARROW
