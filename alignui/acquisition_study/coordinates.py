"""What a replay's reward model looks at: few axes, along which responses to one prompt differ."""

import numpy as np

from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.projection import check_features

DIMENSIONS = 32
REACH = 3.0
# A normal variable's quartiles are so many standard deviations apart.
NORMAL_QUARTILES = 1.349


def coordinates(
    features: Floats, prompt_of: Ints, dimensions: int = DIMENSIONS, *, plain: int = 0
) -> Floats:
    """(n, k) coordinates of features (n, D) of responses to the prompts numbered (n,).

    Features are bent at three standard deviations, so that no odd response outweighs all others.
    Axes are the principal ones of what is left when each prompt's mean is taken away, because only
    that decides a comparison. The last `plain` columns are axes of their own. Both blocks have a
    mean square of one within prompts. Raises FeaturesInvalid, NotEnoughData.
    """
    check_features(features)
    level = _bent(features)
    own = _within(level, prompt_of)
    scale = own.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    level, own = (level - level.mean(axis=0)) / scale, own / scale
    states = features.shape[1] - plain
    _, axes = np.linalg.eigh(own[:, :states].T @ own[:, :states])
    blocks = [level[:, :states] @ axes[:, ::-1][:, :dimensions], level[:, states:]]
    return np.hstack([_of_unit_size(block, prompt_of) for block in blocks if block.shape[1]])


def _bent(features: Floats) -> Floats:
    """Columns about their medians, by a hyperbolic tangent of robust standard deviations."""
    low, middle, high = np.quantile(features, [0.25, 0.5, 0.75], axis=0)
    spread = (high - low) / NORMAL_QUARTILES
    spread = REACH * np.where(spread > 1e-9, spread, features.std(axis=0) + 1e-12)
    return np.asarray(middle + spread * np.tanh((features - middle) / spread))


def _within(values: Floats, prompt_of: Ints) -> Floats:
    """Values (n, D) less the mean of their prompt."""
    _, number = np.unique(prompt_of, return_inverse=True)
    sums = np.zeros((number.max() + 1, values.shape[1]))
    np.add.at(sums, number, values)
    return np.asarray(values - (sums / np.bincount(number)[:, None])[number])


def _of_unit_size(block: Floats, prompt_of: Ints) -> Floats:
    size = np.sqrt((_within(block, prompt_of) ** 2).mean())
    return np.asarray(block / size if size > 0 else block)
