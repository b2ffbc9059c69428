"""A Bayesian linear reward on frozen features: maximum a posteriori and a Laplace posterior.

reward(x) = w . project(x), with prior w ~ N(0, I / precision) and Davidson's likelihood. The
objective is convex, so Newton's method finds its one optimum; the posterior's covariance is the
inverse Hessian there. MacKay (1992), The evidence framework applied to classification networks.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.judged import Judged, evidence_from
from rewardmodel.core.likelihood import davidson_log_chances, predictive_chances
from rewardmodel.core.pairs import Floats, Votes
from rewardmodel.core.posterior import SHAPE, Prior, newton, optimum, weights_prior
from rewardmodel.core.prior_choice import Strength, choose_strength, prompt_folds
from rewardmodel.core.projection import Projection, fit_projection
from rewardmodel.core.tensor_files import broken, read_tensors, write_tensors

__all__ = [
    "HeadConfig", "Judged", "Projection", "RewardHead", "Strength", "fit_head",
    "fit_projection", "load_head", "newton", "prompt_folds", "save_head", "update_head",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """How a head is fitted; stored with it.

    blocks: widths of the last blocks of features that are taken as they are, not projected, each
    with a prior of its own. fixed_shares: of the last of these, that are not chosen.
    """

    dimensions: int = 128
    folds: int = 5
    precision: float | None = None
    seed: int = 0
    blocks: tuple[int, ...] = ()
    fixed_shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RewardHead:
    """weights (k,), covariance (k, k) of the weights, eta the log tie strength.

    shares: of each plain block, the share of the precision that its prior has. joint: (p, p)
    covariance of weights and shape parameters together. bar: the reward at which a tie is as often
    called bad as not, 0 where nobody said. deltas: (M - 1,) of rankings' ties.
    """

    projection: Projection
    weights: Floats
    covariance: Floats
    eta: float
    precision: float
    shares: tuple[float, ...] = ()
    bar: float = 0.0
    deltas: Floats = field(default_factory=lambda: np.zeros(0))
    joint: Floats | None = None

    def coordinates(self, features: Floats) -> Floats:
        """(n, D) raw features to the (n, k) coordinates that the weights act on."""
        return self.projection.apply(features)

    def score(self, features: Floats) -> tuple[Floats, Floats]:
        """Posterior mean and standard deviation (n,) of the rewards of (n, D) features."""
        return self.score_coordinates(self.coordinates(features))

    def score_coordinates(self, coordinates: Floats) -> tuple[Floats, Floats]:
        """The same for (n, k) coordinates, or for differences of them."""
        mean = coordinates @ self.weights
        variance = ((coordinates @ self.covariance) * coordinates).sum(axis=1)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def probabilities(self, difference: Floats, sd: Floats | None = None) -> Floats:
        """Chances (n, 3) of first, second and tie for reward differences (n,).

        With their posterior `sd` (n,), the average over it, which is nearer to even odds.
        """
        difference = np.asarray(difference, dtype=float)
        if sd is None:
            return np.exp(davidson_log_chances(difference, self.eta))
        return predictive_chances(difference, sd, self.eta)

    @property
    def theta(self) -> Floats:
        """(p,) weights and shape parameters, as `posterior` orders them."""
        return np.concatenate([self.weights, [self.eta, self.bar], self.deltas])

    @property
    def strength(self) -> Strength:
        """Of the prior."""
        return Strength(self.precision, self.shares)


def fit_head(
    votes: Votes | Judged, features: Floats, config: HeadConfig, *, start: RewardHead | None = None
) -> RewardHead:
    """The head for judgments of rows of `features` (n, D); deterministic for its arguments.

    The prior's precision is the one with the least log-loss in cross-validation over prompts,
    unless the config names it. `start`, a head on features of the same kind, keeps its projection,
    so that its weights and precision are a place to begin. Raises NotEnoughData where nothing is
    decided.
    """
    judged = as_judged(votes)
    if not judged.is_decided:
        raise NotEnoughData(
            "There is no decided vote to learn from: all are ties, or there are none."
        )
    if start is None:
        projection = fit_projection(features, config.dimensions, plain=sum(config.blocks))
    else:
        projection = start.projection
    coordinates = projection.apply(features)
    strength = strength_for(judged, coordinates, config, near=start)
    return fit_coordinates(judged, coordinates, projection, config, strength, start=start)


def strength_for(
    judged: Judged, coordinates: Floats, config: HeadConfig, *, near: RewardHead | None = None
) -> Strength:
    """What the config names, or the choice of cross-validation over these judgments' prompts."""
    if config.precision is not None:
        shares = near.shares if near else (1.0,) * len(config.blocks)
        return Strength(config.precision, shares)
    return choose_strength(
        judged, coordinates, blocks=config.blocks, fixed=config.fixed_shares,
        folds=config.folds, seed=config.seed,
        near=None if near is None else near.strength,
    )  # fmt: skip


def fit_coordinates(
    judged: Judged, coordinates: Floats, projection: Projection, config: HeadConfig,
    strength: Strength, *, start: RewardHead | None = None,
) -> RewardHead:  # fmt: skip
    """The head for judgments of rows of coordinates (n, k), with a given prior."""
    evidence = evidence_from(judged, coordinates)
    prior = weights_prior(strength.by_column(evidence.k, config.blocks), evidence.ties)
    begin = None if start is None else _fitting(start.theta, len(prior.mean))
    theta, hessian = optimum(evidence, prior, begin)
    return _head(projection, theta, hessian, strength, evidence.k)


def update_head(head: RewardHead, votes: Votes | Judged, features: Floats) -> RewardHead:
    """The head after a few more judgments, of rows of `features` (n, D), without the old ones.

    The posterior so far, normal by Laplace, is the prior of the new votes: right where both are,
    and a good place to begin otherwise. Opper (1998), A Bayesian approach to on-line learning.
    Rankings may tie no more items than the head has seen tied.
    """
    judged = as_judged(votes)
    if head.joint is None:
        raise NotEnoughData("This checkpoint is of an older kind and cannot be updated; train it.")
    named = [judged.votes.first, judged.votes.second, *(r.items.ravel() for r in judged.rankings)]
    rows = np.unique(np.concatenate(named))
    coordinates = np.zeros((len(features), len(head.weights)))
    coordinates[rows] = head.coordinates(features[rows])
    evidence = replace(evidence_from(judged, coordinates, len(head.deltas)), has_virtual=False)
    theta, hessian = optimum(evidence, Prior(head.theta, inverse(head.joint)), head.theta)
    return _head(head.projection, theta, hessian, head.strength, evidence.k)


def as_judged(votes: Votes | Judged) -> Judged:
    """Votes on pairs alone are judgments too."""
    return votes if isinstance(votes, Judged) else Judged(votes)


def save_head(
    head: RewardHead, folder: Path, *, config: HeadConfig, about: Mapping[str, str]
) -> str:
    """Writes head.safetensors and head.json into the folder; the SHA-256 of the former."""
    return write_tensors(folder, "head", head_arrays(head), {"config": asdict(config), **about})


def load_head(folder: Path) -> RewardHead:
    """The head that `save_head` wrote. Raises CheckpointBroken where it cannot be read back."""
    arrays, _ = read_tensors(folder, "head")
    try:
        return head_from(arrays)
    except KeyError as error:
        raise broken(folder, f"it holds no {error}") from error


def head_arrays(head: RewardHead) -> dict[str, Floats]:
    """A head as named arrays."""
    arrays = {
        "centre": head.projection.centre, "scale": head.projection.scale,
        "axes": head.projection.axes, "weights": head.weights, "covariance": head.covariance,
        "eta": np.array([head.eta]), "precision": np.array([head.precision]),
        "shares": np.array(head.shares), "bar": np.array([head.bar]), "deltas": head.deltas,
    }  # fmt: skip
    return arrays if head.joint is None else {**arrays, "joint": head.joint}


def head_from(arrays: Mapping[str, Floats]) -> RewardHead:
    """The head of `head_arrays`; older files know no shares, bar, deltas or joint covariance."""
    return RewardHead(
        Projection(arrays["centre"], arrays["scale"], arrays["axes"]),
        arrays["weights"], arrays["covariance"], float(arrays["eta"][0]),
        float(arrays["precision"][0]),
        shares=tuple(arrays["shares"].tolist()) if "shares" in arrays else (),
        bar=float(arrays["bar"][0]) if "bar" in arrays else 0.0,
        deltas=arrays.get("deltas", np.zeros(0)),
        joint=arrays.get("joint"),
    )  # fmt: skip


def _head(
    projection: Projection, theta: Floats, hessian: Floats, strength: Strength, k: int
) -> RewardHead:
    joint = inverse(hessian)
    return RewardHead(
        projection, theta[:k].copy(), np.ascontiguousarray(joint[:k, :k]), float(theta[k]),
        strength.precision, strength.shares, float(theta[k + 1]), theta[k + SHAPE :].copy(), joint,
    )  # fmt: skip


def inverse(matrix: Floats) -> Floats:
    """Of a symmetric matrix, exactly symmetric."""
    found = np.linalg.inv(matrix)
    return np.asarray((found + found.T) / 2)


def _fitting(theta: Floats, size: int) -> Floats:
    """A start of the right length, whatever ties the rankings had then and have now."""
    return np.concatenate([theta[:size], np.zeros(max(0, size - len(theta)))])
