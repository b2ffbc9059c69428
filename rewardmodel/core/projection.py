"""From raw features to the coordinates that a reward's weights act on, found without any vote."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.errors import FeaturesInvalid, NotEnoughData
from rewardmodel.core.pairs import Floats

# Above so many rows the axes are found in single precision.
LARGE = 10_000
ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardisation and principal axes.

    centre, scale: (D,). axes: (D, k), orthonormal columns.
    """

    centre: Floats
    scale: Floats
    axes: Floats

    def apply(self, features: Floats) -> Floats:
        """(n, D) raw features to (n, k) coordinates. Raises FeaturesInvalid for another width."""
        if features.ndim != 2 or features.shape[1] != len(self.centre):
            raise FeaturesInvalid(
                f"Features have shape {features.shape}, and {len(self.centre)} columns are known.",
                hint="They were read by another model or in another way; read them again.",
            )
        turned = self.axes / self.scale[:, None]
        return np.asarray(features @ turned - self.centre @ turned)


def fit_projection(features: Floats, dimensions: int, *, plain: int = 0) -> Projection:
    """Principal axes of standardised features (n, D); constant columns keep their scale.

    The last `plain` columns are no part of them: each is an axis of its own.
    Raises FeaturesInvalid where a number is not finite, NotEnoughData for fewer than two rows.
    """
    check_features(features)
    n, width = features.shape
    centre = features.mean(axis=0)
    away, scale = _centred(features, centre)
    scale = np.where(scale > 1e-12, scale, 1.0)
    states = width - plain
    size = min(dimensions, states, n - 1)
    product = (away[:, :states].T @ away[:, :states]).astype(float)
    _, found = np.linalg.eigh(product / np.outer(scale[:states], scale[:states]))
    axes = np.zeros((width, size + plain))
    axes[:states, :size] = _signed(found[:, ::-1][:, :size])
    axes[states:, size:] = np.eye(plain)
    return Projection(centre, scale, axes)


def check_features(features: Floats) -> None:
    """Raises FeaturesInvalid or NotEnoughData where no projection can be fitted to them."""
    if len(features) < 2:
        raise NotEnoughData("At least two completions with features are needed.")
    if not np.isfinite(features).all():
        raise FeaturesInvalid("Some features are not finite numbers. Extract them again.")


def _centred(features: Floats, centre: Floats) -> tuple[NDArray[np.floating[Any]], Floats]:
    """(n, D) features less their centre, and their standard deviations (D,), in double precision;
    in blocks that fit a cache."""
    kind = np.float32 if len(features) > LARGE else np.float64
    away, squares = np.empty(features.shape, dtype=kind), np.zeros(features.shape[1])
    for start in range(0, len(features), ROWS_AT_ONCE):
        block = features[start : start + ROWS_AT_ONCE] - centre
        squares += np.einsum("ij,ij->j", block, block)
        away[start : start + ROWS_AT_ONCE] = block
    return away, np.sqrt(squares / len(features))


def _signed(axes: Floats) -> Floats:
    """The same axes, each pointing where its largest entry is positive: one answer everywhere."""
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * np.where(signs == 0, 1.0, signs))
