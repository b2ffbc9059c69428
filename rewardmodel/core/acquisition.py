"""Which pairs to ask about next: utilities by name, and a selection that keeps a control arm."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from rewardmodel.core.head import RewardHead
from rewardmodel.core.pairs import Floats, Ints

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(16)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Pool:
    """m pairs that may be asked about.

    differences: (m, k) coordinates of the first minus the second. prompts: (m,) ids.
    """

    differences: Floats
    prompts: Ints

    def __len__(self) -> int:
        return len(self.prompts)


@dataclass(frozen=True, slots=True)
class Selection:
    """Indices into the pool by arm."""

    acquired: tuple[int, ...]
    control: tuple[int, ...]


Utility = Callable[[Pool, RewardHead, int], Floats]


def entropy(probabilities: Floats) -> Floats:
    """Shannon entropy in nats over the last axis."""
    return np.asarray(rel_entr(probabilities, 1.0).sum(axis=-1) * -1)


def random_draws(size: int, seed: int) -> Floats:
    """(size,) uniform draws: the baseline that every function has to beat."""
    return np.random.default_rng(seed).random(size)


def random_utility(pool: Pool, head: RewardHead, seed: int) -> Floats:
    """(m,) uniform draws, whatever the head says."""
    return random_draws(len(pool), seed)


def uncertainty(pool: Pool, head: RewardHead, seed: int) -> Floats:
    """(m,) entropy of the outcome's averaged prediction, noise of people included."""
    return entropy(_outcomes(pool, head).mean)


def bald(pool: Pool, head: RewardHead, seed: int) -> Floats:
    """(m,) mutual information of a vote's outcome and the weights, by 16-point quadrature.

    High where the model is unsure and a vote would tell, low where people would just disagree.
    Source: Houlsby et al. (2011), Bayesian active learning for classification and preference
    learning, arXiv:1112.5745, equation 2.
    """
    found = _outcomes(pool, head)
    return np.maximum(entropy(found.mean) - found.mean_entropy, 0.0)


def d_optimal(pool: Pool, head: RewardHead, seed: int) -> Floats:
    """(m,) gain in log-determinant of the posterior precision by one vote.

    Source: Chaloner and Verdinelli (1995), Bayesian experimental design, section 2.2.
    """
    mean, sd = head.score_coordinates(pool.differences)
    p = head.probabilities(mean)
    information = (p[:, 0] + p[:, 1] - (p[:, 0] - p[:, 1]) ** 2) / 4
    return np.asarray(np.log1p(information * sd**2))


FUNCTIONS: Mapping[str, Utility] = {
    "random": random_utility,
    "uncertainty": uncertainty,
    "bald": bald,
    "d_optimal": d_optimal,
}


def select(
    prompts: Ints, utilities: Floats, *, size: int, control_share: float, seed: int, per_prompt: int
) -> Selection:
    """The `size` pairs to open of m: by utility (m,), and a share at random from the same pool.

    The control arm is drawn first, without looking at utilities, so that it stands for the pool.
    No more than `per_prompt` pairs of one prompt (prompts: (m,) ids) are taken, both arms counted.
    """
    used: Counter[int] = Counter()
    drawn = np.random.default_rng(seed + 1).permutation(len(prompts))
    control = _take(drawn, prompts, round(control_share * size), used, per_prompt)
    rest = np.setdiff1d(np.arange(len(prompts)), control)
    ranked = rest[np.argsort(-utilities[rest], kind="stable")]
    acquired = _take(ranked, prompts, size - len(control), used, per_prompt)
    return Selection(tuple(acquired), tuple(control))


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """mean: (m, 3) predictive chances; mean_entropy: (m,) expected entropy given the weights."""

    mean: Floats
    mean_entropy: Floats


def _outcomes(pool: Pool, head: RewardHead) -> _Outcomes:
    centre, sd = head.score_coordinates(pool.differences)
    mean, mean_entropy = np.zeros((len(pool), 3)), np.zeros(len(pool))
    for node, weight in zip(NODES, NODE_WEIGHTS, strict=True):
        p = head.probabilities(centre + sd * node)
        mean += weight * p
        mean_entropy += weight * entropy(p)
    return _Outcomes(mean, mean_entropy)


def _take(order: Ints, prompts: Ints, size: int, used: Counter[int], per_prompt: int) -> list[int]:
    taken: list[int] = []
    for index in order:
        if len(taken) >= size:
            break
        prompt = int(prompts[index])
        if used[prompt] < per_prompt:
            used[prompt] += 1
            taken.append(int(index))
    return taken
