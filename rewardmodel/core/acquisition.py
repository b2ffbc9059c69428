"""The acquisition functions by name: which pairs should people be asked about next?"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from rewardmodel.core.acquisition_batch import (
    BatchBald,
    LogDeterminant,
    PredictionOriented,
    targets_matrix,
)
from rewardmodel.core.beliefs import Beliefs, entropy, outlook
from rewardmodel.core.narrowing import leaderboard_narrowing
from rewardmodel.core.pool import Fixed, Function, Pool, random_draws
from rewardmodel.core.responses import delta_ucb, double_thompson, information_directed

Make = Callable[[Pool, Beliefs, int], Function]


def random_function(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Uniform draws, whatever is believed."""
    return Fixed(random_draws(len(pool), seed))


def uncertainty(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Entropy of the outcome at the posterior mean, noise of people included.

    At the mean and not averaged over the posterior: a difference that is large only because it is
    unusual is then not taken for an uncertain one.
    """
    return Fixed(entropy(beliefs.probabilities(pool.moments(beliefs)[0])))


def bald(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Mutual information of one vote's outcome and the weights, by quadrature.

    High where the model is unsure and a vote would tell, low where people would just disagree.
    Source: Houlsby et al. (2011), Bayesian active learning for classification and preference
    learning, arXiv:1112.5745, equation 2.
    """
    return Fixed(outlook(beliefs, *pool.moments(beliefs)).information)


def batch_bald(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """The same for a batch; see `BatchBald`."""
    return BatchBald(pool, beliefs)


def d_optimal(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Greedy D-optimality; see `LogDeterminant`."""
    return LogDeterminant(pool, beliefs)


def robust_d_optimal(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Greedy D-optimality on differences of ordinary size.

    What is unusually large is worth nothing, so that what is unusual because it is broken is not
    what is asked about.
    """
    ordinary = pool.is_ordinary()
    mean, variance = pool.moments(beliefs)
    within = replace(
        pool,
        differences=pool.differences * ordinary[:, None],
        known=(mean * ordinary, variance * ordinary),
    )
    return LogDeterminant(within, beliefs)


def prediction_oriented(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """Expected reduction of the log-loss on the pool's targets; see `PredictionOriented`.

    Only pairs of ordinary size are asked about and wanted for: of those beyond, a linear reward
    makes the most, and they are the likeliest to be broken.
    """
    ordinary = pool.is_ordinary()
    targets = pool.differences if pool.targets is None else pool.targets
    targets = targets[pool.is_ordinary(targets)]
    function = PredictionOriented(pool, beliefs, targets_matrix(targets, beliefs))
    function.gain = np.where(ordinary, function.gain, 0.0)
    function.differences = function.differences * ordinary[:, None]
    return function


FUNCTIONS: Mapping[str, Make] = {
    "random": random_function,
    "uncertainty": uncertainty,
    "bald": bald,
    "batch_bald": batch_bald,
    "d_optimal": d_optimal,
    "robust_d_optimal": robust_d_optimal,
    "prediction_oriented": prediction_oriented,
    "information_directed": information_directed,
    "delta_ucb": delta_ucb,
    "double_thompson": double_thompson,
    "leaderboard_narrowing": leaderboard_narrowing,
}
