"""A map of prompts: near on it is alike to the reward model."""

import numpy as np

from rewardmodel.core.beliefs import Array
from rewardmodel.core.pairs import Floats, Ints


def flat_map(coordinates: Array, group: Ints) -> Floats:
    """(g, 2) places of groups, each at the mean of its rows' coordinates (r, k), within -1 and 1.

    group: (r,) numbers from 0. Principal axes of the means; each axis points where its largest
    loading is positive, so that the same data give the same map.
    """
    counts = np.bincount(group).astype(float)
    means = np.zeros((len(counts), coordinates.shape[1]))
    np.add.at(means, group, coordinates.astype(float))
    means /= counts[:, None]
    means -= means.mean(axis=0)
    _, _, axes = np.linalg.svd(means, full_matrices=False)
    axes = axes[:2]
    turned = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    places = np.zeros((len(counts), 2))
    places[:, : len(axes)] = means @ (axes * turned[:, None]).T
    reach = np.abs(places).max(axis=0)
    return np.asarray(places / np.where(reach > 0, reach, 1.0))
