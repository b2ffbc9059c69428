"""A Bayesian linear reward on frozen features: maximum a posteriori and a Laplace posterior.

reward(x) = w . project(x), with prior w ~ N(0, I / precision) and Davidson's likelihood. The
objective is convex, so Newton's method finds its one optimum; the posterior's covariance is the
inverse Hessian there. MacKay (1992), The evidence framework applied to classification networks.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, NotEnoughData
from rewardmodel.core.loss import davidson_loss, outcome_log_probs
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints, PairCounts, Votes, add_up

PRECISIONS = (1e4, 3e3, 1e3, 3e2, 1e2, 30.0, 10.0, 3.0, 1.0)
MOST_STEPS = 50
TOLERANCE = 1e-7
# Half a virtual vote for a tie and for each winner keeps the tie strength finite.
VIRTUAL_COUNTS = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """How a head is fitted; stored with it."""

    dimensions: int = 128
    folds: int = 5
    precision: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardisation and principal axes, found without looking at any vote.

    centre, scale: (D,). axes: (D, k), orthonormal columns.
    """

    centre: Floats
    scale: Floats
    axes: Floats

    def apply(self, features: Floats) -> Floats:
        """(n, D) raw features to (n, k) coordinates."""
        return np.asarray((features - self.centre) / self.scale @ self.axes)


@dataclass(frozen=True, slots=True)
class RewardHead:
    """weights (k,), covariance (k, k) of the weights, eta the log tie strength."""

    projection: Projection
    weights: Floats
    covariance: Floats
    eta: float
    precision: float

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

    def probabilities(self, difference: Floats) -> Floats:
        """Chances (n, 3) of first, second and tie for reward differences (n,)."""
        logs = outcome_log_probs(
            torch.from_numpy(np.asarray(difference, dtype=float)),
            torch.tensor(self.eta, dtype=torch.float64),
        )
        return np.asarray(logs.exp().numpy())


def fit_projection(features: Floats, dimensions: int) -> Projection:
    """Principal axes of standardised features (n, D); constant columns keep their scale."""
    if len(features) < 2:
        raise NotEnoughData("At least two completions with features are needed.")
    if not np.isfinite(features).all():
        raise FeaturesInvalid("Some features are not finite numbers. Extract them again.")
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    standard = (features - centre) / scale
    size = min(dimensions, features.shape[1], len(features) - 1)
    _, axes = np.linalg.eigh(standard.T @ standard)
    return Projection(centre, scale, np.ascontiguousarray(axes[:, ::-1][:, :size]))


def fit_head(votes: Votes, features: Floats, config: HeadConfig) -> RewardHead:
    """The head for votes on rows of `features` (n, D); deterministic for a config.

    The prior's precision is the one with the least log-loss in cross-validation over prompts,
    unless the config names it. Raises NotEnoughData where no vote decides anything.
    """
    if not len(votes) or not (votes.outcome != TIE).any():
        raise NotEnoughData(
            "There is no decided vote to learn from: all are ties, or there are none."
        )
    projection = fit_projection(features, config.dimensions)
    coordinates = projection.apply(features)
    precision = config.precision or choose_precision(votes, coordinates, config)
    weights, eta, hessian = newton(add_up(votes), coordinates, precision)
    covariance = np.linalg.inv(hessian)[:-1, :-1]
    return RewardHead(projection, weights, (covariance + covariance.T) / 2, eta, precision)


def prompt_folds(prompts: Ints, folds: int, seed: int) -> list[NDArray[np.bool_]]:
    """Masks (n,) of the votes of each fold; a prompt's votes all fall into one fold."""
    unique = np.unique(prompts)
    np.random.default_rng(seed).shuffle(unique)
    parts = np.array_split(unique, min(folds, len(unique)))
    return [np.isin(prompts, part) for part in parts]


def choose_precision(votes: Votes, coordinates: Floats, config: HeadConfig) -> float:
    """The precision with the least held-out log-loss; the strongest where one prompt is all."""
    masks = prompt_folds(votes.prompt, config.folds, config.seed)
    if len(masks) < 2:
        return PRECISIONS[0]
    losses = np.zeros(len(PRECISIONS))
    for mask in masks:
        train, test = votes.where(~mask), votes.where(mask)
        if not (train.outcome != TIE).any():
            continue
        losses += _path_losses(train, test, coordinates)
    return PRECISIONS[int(np.argmin(losses))]


def newton(
    pairs: PairCounts, coordinates: Floats, precision: float, start: Floats | None = None
) -> tuple[Floats, float, Floats]:
    """Weights (k,), eta, and the Hessian (k+1, k+1) of the negative log posterior there."""
    x = torch.from_numpy(coordinates[pairs.first] - coordinates[pairs.second])
    counts = torch.from_numpy(pairs.counts)
    size = x.shape[1]
    theta = torch.zeros(size + 1, dtype=torch.float64)
    if start is not None:
        theta = torch.from_numpy(start.copy())
    value = _objective(theta, x, counts, precision)
    for _ in range(MOST_STEPS):
        gradient, hessian = _derivatives(theta, x, counts, precision)
        step = torch.linalg.solve(hessian, gradient)
        theta, value, moved = _line_search(theta, step, value, gradient, x, counts, precision)
        if not moved or float(gradient @ step) < TOLERANCE:
            break
    _, hessian = _derivatives(theta, x, counts, precision)
    found = theta.numpy()
    return found[:-1].copy(), float(found[-1]), hessian.numpy()


def data_hash(votes: Votes, features: Floats, keys: Sequence[int]) -> str:
    """SHA-256 over what a head is fitted to; `keys` names the completion of each feature row."""
    digest = hashlib.sha256()
    for part in (votes.first, votes.second, votes.outcome, votes.weight, votes.prompt):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(np.ascontiguousarray(features).tobytes())
    digest.update(np.asarray(keys, dtype=np.int64).tobytes())
    return digest.hexdigest()


def save_head(head: RewardHead, folder: Path, *, config: HeadConfig, about: dict[str, str]) -> str:
    """Writes head.safetensors and head.json into the folder; the SHA-256 of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "centre": head.projection.centre, "scale": head.projection.scale,
        "axes": head.projection.axes, "weights": head.weights, "covariance": head.covariance,
        "eta": np.array([head.eta]), "precision": np.array([head.precision]),
    }  # fmt: skip
    save_file(arrays, folder / "head.safetensors")
    (folder / "head.json").write_text(
        json.dumps({"config": asdict(config), **about}, indent=2) + "\n", encoding="utf-8"
    )
    return hashlib.sha256((folder / "head.safetensors").read_bytes()).hexdigest()


def load_head(folder: Path) -> RewardHead:
    """The head that `save_head` wrote. Raises CheckpointBroken where it cannot be read back."""
    try:
        arrays = load_file(folder / "head.safetensors")
    except (OSError, SafetensorError) as error:
        raise CheckpointBroken(
            f"The checkpoint in {folder.name} cannot be read: {error}. "
            "Train again, or restore the backup of var/checkpoints."
        ) from error
    projection = Projection(arrays["centre"], arrays["scale"], arrays["axes"])
    return RewardHead(
        projection, arrays["weights"], arrays["covariance"], float(arrays["eta"][0]),
        float(arrays["precision"][0]),
    )  # fmt: skip


def _path_losses(train: Votes, test: Votes, coordinates: Floats) -> Floats:
    """Summed log-loss on `test` for each precision, each fit starting from the one before."""
    pairs, tested = add_up(train), add_up(test)
    counts = torch.from_numpy(tested.counts)
    difference = coordinates[tested.first] - coordinates[tested.second]
    losses, start = [], None
    for precision in PRECISIONS:
        weights, eta, _ = newton(pairs, coordinates, precision, start)
        start = np.append(weights, eta)
        predicted = torch.from_numpy(difference @ weights)
        losses.append(float(davidson_loss(predicted, torch.tensor(eta).double(), counts)))
    return np.array(losses)


def _objective(
    theta: torch.Tensor, x: torch.Tensor, counts: torch.Tensor, precision: float
) -> torch.Tensor:
    weights, eta = theta[:-1], theta[-1]
    prior = precision / 2 * weights @ weights
    virtual = davidson_loss(torch.zeros(1).double(), eta, torch.tensor([VIRTUAL_COUNTS]).double())
    return davidson_loss(x @ weights, eta, counts) + prior + virtual


def _derivatives(
    theta: torch.Tensor, x: torch.Tensor, counts: torch.Tensor, precision: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient (k+1,) and Hessian (k+1, k+1) in closed form."""
    weights, eta = theta[:-1], theta[-1]
    zero = torch.zeros(1, dtype=torch.float64)
    difference = torch.cat([x @ weights, zero])
    all_counts = torch.cat([counts, torch.tensor([VIRTUAL_COUNTS]).double()])
    rows = torch.cat([x, torch.zeros(1, x.shape[1], dtype=torch.float64)])
    n = all_counts.sum(dim=1)
    p = outcome_log_probs(difference, eta).exp()
    lead, tie = p[:, FIRST] - p[:, SECOND], p[:, TIE]
    by_difference = n * lead / 2 - (all_counts[:, FIRST] - all_counts[:, SECOND]) / 2
    by_eta = (n * tie - all_counts[:, TIE]).sum()
    gradient = torch.cat([rows.T @ by_difference + precision * weights, by_eta[None]])
    curvature = n * (p[:, FIRST] + p[:, SECOND] - lead**2) / 4
    cross = rows.T @ (-n * lead * tie / 2)
    size = len(weights)
    hessian = torch.empty(size + 1, size + 1, dtype=torch.float64)
    hessian[:size, :size] = (rows * curvature[:, None]).T @ rows
    hessian[:size, :size] += precision * torch.eye(size, dtype=torch.float64)
    hessian[:size, size] = hessian[size, :size] = cross
    hessian[size, size] = (n * tie * (1 - tie)).sum()
    return gradient, hessian


def _line_search(
    theta: torch.Tensor, step: torch.Tensor, value: torch.Tensor, gradient: torch.Tensor,
    x: torch.Tensor, counts: torch.Tensor, precision: float,
) -> tuple[torch.Tensor, torch.Tensor, bool]:  # fmt: skip
    """Halves Newton's step until it lowers the objective by Armijo's rule."""
    slope = float(gradient @ step)
    for halvings in range(30):
        size = 0.5**halvings
        moved = theta - size * step
        found = _objective(moved, x, counts, precision)
        if float(found) <= float(value) - 1e-4 * size * slope:
            return moved, found, True
    return theta, value, False
