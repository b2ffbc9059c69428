"""Functions that choose responses: which two of one prompt's should be shown?"""

import numpy as np

from rewardmodel.core.beliefs import Array, Beliefs, outlook
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.pool import Fixed, Function, Pool

DRAWS = 32
OPTIMISM = 2.0


def delta_ucb(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """The largest reward difference that is still plausible: |mean| + 2 sd.

    A clear winner beside a clear loser teaches a policy most, where the difference may be large.
    The bound is that of Auer, Cesa-Bianchi and Fischer (2002), Finite-time analysis of the
    multiarmed bandit problem, applied to the difference.
    """
    mean, variance = pool.moments(beliefs)
    return Fixed(np.abs(mean) + OPTIMISM * np.sqrt(variance))


def double_thompson(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """How often two draws of the weights name the two as best, times the difference's sd.

    Where both draws name the same response, the second draw's runner-up stands for it.
    Source: Wu and Liu (2016), Double Thompson sampling for dueling bandits, NeurIPS, as used for
    responses by Dwaracherla et al. (2024), Efficient exploration for LLMs, arXiv:2402.00396.
    """
    rewards, owner = _drawn(pool, beliefs, seed)
    first, second = _rows(pool)
    named = np.zeros(len(pool))
    for draw in range(0, len(rewards), 2):
        best = _best(rewards[draw], owner)
        again = rewards[draw + 1].copy()
        again[best[best >= 0]] = -np.inf
        other = _best(again, owner)
        one, two = best[owner[first]], other[owner[first]]
        named += ((first == one) & (second == two)) | ((first == two) & (second == one))
    _, variance = pool.moments(beliefs)
    return Fixed(named / (len(rewards) // 2) * np.sqrt(variance))


def information_directed(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """What a vote tells for each squared unit of reward that showing these two gives up.

    What is given up is the expected best reward of the prompt less the mean reward of the two.
    Source: Russo and Van Roy (2018), Learning to optimize via information-directed sampling,
    Operations Research 66, equation 5; the ratio is turned over so that more is better.
    """
    rewards, owner = _drawn(pool, beliefs, seed)
    first, second = _rows(pool)
    best = np.full((len(rewards), int(owner.max()) + 1), -np.inf)
    for draw, row in enumerate(rewards):
        np.maximum.at(best[draw], owner, row)
    shown = (rewards[:, first] + rewards[:, second]) / 2
    given_up = (best[:, owner[first]] - shown).mean(axis=0)
    told = outlook(beliefs, *pool.moments(beliefs)).information
    floor = max(float(np.median(given_up)) / 10, 1e-6)
    return Fixed(told / np.maximum(given_up, floor) ** 2)


def _rows(pool: Pool) -> tuple[Ints, Ints]:
    if pool.responses is None or pool.first is None or pool.second is None:
        raise NotEnoughData("This function needs the single responses, not only their differences.")
    return pool.first, pool.second


def _drawn(pool: Pool, beliefs: Beliefs, seed: int) -> tuple[Floats, Ints]:
    """Rewards (draws, r) under draws of the weights, and the prompt (r,) of each, numbered."""
    first, second = _rows(pool)
    random = np.random.default_rng(seed)
    root = np.linalg.cholesky(beliefs.covariance + 1e-12 * np.eye(len(beliefs.weights)))
    weights = beliefs.weights + random.standard_normal((DRAWS, len(beliefs.weights))) @ root.T
    responses = np.asarray(pool.responses)
    _, number = np.unique(pool.prompts, return_inverse=True)
    owner = np.full(len(responses), number.max() + 1, dtype=np.int64)
    owner[first] = owner[second] = number
    return np.asarray(weights.astype(responses.dtype) @ responses.T), owner


def _best(rewards: Array, owner: Ints) -> Ints:
    """(prompts,) the row of each prompt's best response, -1 where there is none."""
    order = np.argsort(rewards, kind="stable")
    best = np.full(int(owner.max()) + 1, -1, dtype=np.int64)
    finite = order[np.isfinite(rewards[order])]
    best[owner[finite]] = finite
    return best
