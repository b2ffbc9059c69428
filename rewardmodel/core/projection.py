"""From raw features to the coordinates that a reward's weights act on, found without any vote."""

from dataclasses import dataclass

import numpy as np

from rewardmodel.core.errors import FeaturesInvalid, NotEnoughData
from rewardmodel.core.pairs import Floats

# Above so many rows the axes are found in single precision.
LARGE = 10_000


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
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    states = width - plain
    standard = (features[:, :states] - centre[:states]) / scale[:states]
    if n > LARGE:
        standard = standard.astype(np.float32)
    size = min(dimensions, states, n - 1)
    _, found = np.linalg.eigh((standard.T @ standard).astype(float))
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


def _signed(axes: Floats) -> Floats:
    """The same axes, each pointing where its largest entry is positive: one answer everywhere."""
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * np.where(signs == 0, 1.0, signs))
