"""How unusual is a response, beside those that were learned from?

Mahalanobis distance in the reward's own coordinates. What is usual is measured on responses whose
prompt was left out of mean and covariance, because a response to a new prompt is what a reward
model will meet; else every new prompt would look strange. Lee et al. (2018), A simple unified
framework for detecting out-of-distribution samples, arXiv:1807.03888, with one class.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.prior_choice import prompt_folds

FOLDS = 5
KEPT = 1_001
# The covariance is pulled this far towards equal spread: more coordinates than responses are usual.
SHRINKAGE = 0.1


@dataclass(frozen=True, slots=True)
class Novelty:
    """centre (k,), whitener (k, k): distance = |(x - centre) @ whitener|; usual: ascending."""

    centre: Floats
    whitener: Floats
    usual: Floats

    def distances(self, coordinates: Floats) -> Floats:
        """(n,) of (n, k) coordinates."""
        return np.asarray(np.linalg.norm((coordinates - self.centre) @ self.whitener, axis=1))

    def shares(self, coordinates: Floats) -> Floats:
        """(n,) the share, 0 to 1, of what was learned from that is less unusual."""
        if not len(self.usual):
            return np.zeros(len(coordinates))
        place = np.searchsorted(self.usual, self.distances(coordinates), side="left")
        return np.asarray(place / len(self.usual))


def fit_novelty(coordinates: Floats, prompts: Ints, seed: int) -> Novelty:
    """From coordinates (n, k) of the responses learned from, and their prompts (n,)."""
    centre, whitener = _shape(coordinates)
    masks = prompt_folds(prompts, FOLDS, seed)
    found = []
    for mask in masks:
        fitted = (centre, whitener) if len(masks) < 2 else _shape(coordinates[~mask])
        found.append(np.linalg.norm((coordinates[mask] - fitted[0]) @ fitted[1], axis=1))
    usual = np.sort(np.concatenate(found))
    if len(usual) > KEPT:
        usual = np.quantile(usual, np.linspace(0, 1, KEPT))
    return Novelty(centre, whitener, usual)


def novelty_arrays(novelty: Novelty) -> dict[str, Floats]:
    """As named arrays."""
    return {
        "novelty.centre": novelty.centre, "novelty.whitener": novelty.whitener,
        "novelty.usual": novelty.usual,
    }  # fmt: skip


def novelty_from(arrays: Mapping[str, Floats]) -> Novelty:
    """The inverse of `novelty_arrays`. Raises KeyError where one is missing."""
    return Novelty(*(arrays[f"novelty.{name}"] for name in ("centre", "whitener", "usual")))


def _shape(coordinates: Floats) -> tuple[Floats, Floats]:
    centre = coordinates.mean(axis=0)
    away = coordinates - centre
    covariance = away.T @ away / len(away)
    size = len(centre)
    spread = float(np.trace(covariance)) / size or 1.0
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * spread * np.eye(size)
    values, axes = np.linalg.eigh(covariance)
    return centre, axes / np.sqrt(np.maximum(values, 1e-12))
