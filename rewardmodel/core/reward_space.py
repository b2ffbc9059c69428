"""The coordinates that an embedded model's heads share, with length taken out where that is asked.

Length is taken out as in a regression with a nuisance: every coordinate is replaced by what of it
the length columns do not tell (least squares over the responses), the length columns enter the fit
as covariates of their own, and their weights are dropped from the reward. Compare Dubois et al.
(2024), Length-controlled AlpacaEval, arXiv:2404.04475, which sets the same term to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.head import HeadConfig, RewardHead
from rewardmodel.core.pairs import Floats
from rewardmodel.core.prior_choice import Strength
from rewardmodel.core.projection import Projection, fit_projection

# Length may explain what it can before any other column does.
NUISANCE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Space:
    """projection: of raw features (n, D). coordinates: (n, k + q), the last q of nuisance.

    blocks: widths of the plain blocks among the coordinates, that of the nuisance last.
    """

    projection: Projection
    coordinates: Floats
    blocks: tuple[int, ...]
    nuisance: int = 0

    def config(self, base: HeadConfig) -> HeadConfig:
        """How a head on these coordinates is fitted."""
        fixed = (NUISANCE_SHARE,) if self.nuisance else ()
        return replace(base, blocks=self.blocks, fixed_shares=fixed)

    def reward(self, head: RewardHead) -> RewardHead:
        """The head without the nuisance, whose part of the posterior is integrated out."""
        if not self.nuisance:
            return replace(head, projection=self.projection)
        k = len(head.weights) - self.nuisance
        joint = None
        if head.joint is not None:
            kept = np.r_[0:k, k + self.nuisance : len(head.joint)]
            joint = np.ascontiguousarray(head.joint[np.ix_(kept, kept)])
        return replace(
            head, projection=self.projection, weights=head.weights[:k], joint=joint,
            covariance=np.ascontiguousarray(head.covariance[:k, :k]), shares=head.shares[:-1],
        )  # fmt: skip


def make_space(
    features: Floats, dimensions: int, *, blocks: Sequence[int], unused: int = 0,
    lengths: Sequence[int] = (),
) -> Space:  # fmt: skip
    """Coordinates of features (n, D).

    blocks: widths of the last blocks of the columns that count, which are taken as they are.
    unused: how many columns after those do not count. lengths: columns whose say is taken out.
    Raises FeaturesInvalid, NotEnoughData.
    """
    width = features.shape[1] - unused
    if width <= sum(blocks):
        raise FeaturesInvalid(
            f"Features have {features.shape[1]} columns, and {sum(blocks) + unused} of them should "
            "be plain ones.", hint="They were read in another way; read them again.",
        )  # fmt: skip
    found = fit_projection(features[:, :width], dimensions, plain=sum(blocks))
    projection = _padded(found, features, unused)
    plain = tuple(blocks)
    if not lengths:
        return Space(projection, projection.apply(features), plain)
    columns = np.arange(features.shape[1])[list(lengths)]
    away = features[:, columns] - projection.centre[columns]
    coordinates = projection.apply(features)
    told, *_ = np.linalg.lstsq(away, coordinates, rcond=None)
    axes = projection.axes.copy()
    axes[columns] -= projection.scale[columns, None] * told
    rest = replace(projection, axes=axes)
    nuisance = away / np.maximum(away.std(axis=0), 1e-12)
    return Space(
        rest, np.column_stack([rest.apply(features), nuisance]), (*plain, len(columns)),
        len(columns),
    )  # fmt: skip


def with_nuisance(strength: Strength, space: Space) -> Strength:
    """A prior that names no share for the nuisance gets a weak one there."""
    missing = len(space.blocks) - len(strength.shares)
    return replace(strength, shares=strength.shares + (NUISANCE_SHARE,) * max(0, missing))


def _padded(found: Projection, features: Floats, unused: int) -> Projection:
    """Columns that do not count get axes of nothing, so that whole rows can be given."""
    if not unused:
        return found
    rest = features[:, features.shape[1] - unused :]
    scale = rest.std(axis=0)
    return Projection(
        np.concatenate([found.centre, rest.mean(axis=0)]),
        np.concatenate([found.scale, np.where(scale > 1e-12, scale, 1.0)]),
        np.concatenate([found.axes, np.zeros((unused, found.axes.shape[1]))]),
    )
