"""Which pairs of policies narrow the leaderboard?"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from rewardmodel.core.acquisition_batch import PredictionOriented
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.pairs import Floats
from rewardmodel.core.pool import Function, Pool, Standings


def leaderboard_narrowing(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """The most expected reduction of wrongly ordered pairs of policies by one vote.

    Two policies whose strengths differ by d with standard deviation s are wrongly ordered with
    chance Phi(-|d| / s). Variance taken off the gap matters by how likely the gap is to be zero,
    which is its density there; so a vote is worth the sum over all pairs of policies of density / s
    times the variance that it takes off: V-optimality with those weights.
    """
    if pool.policies is None or pool.standings is None:
        raise NotEnoughData("The leaderboard needs to know which policy wrote each response.")
    standings = pool.standings
    place = {int(policy): number for number, policy in enumerate(standings.policies)}
    size = len(standings.policies)
    rows = np.zeros((len(pool), size))
    for column, sign in ((0, 1.0), (1, -1.0)):
        at = np.array([place[int(policy)] for policy in pool.policies[:, column]], dtype=np.int64)
        rows[np.arange(len(pool)), at] += sign
    believed = Beliefs(standings.strengths, standings.covariance, standings.eta)
    return PredictionOriented(Pool(rows, pool.prompts), believed, order_matrix(standings))


def order_matrix(standings: Standings) -> Floats:
    """(p, p) sum over pairs of policies of weight * (e_a - e_b)(e_a - e_b)': a Laplacian."""
    gap, sd = gaps(standings)
    weight = norm.pdf(gap / sd) / sd**2
    np.fill_diagonal(weight, 0.0)
    return np.asarray(np.diag(weight.sum(axis=1)) - weight)


def gaps(standings: Standings) -> tuple[Floats, Floats]:
    """Differences of strength (p, p) and their standard deviations; 1 on the diagonal."""
    strengths, covariance = standings.strengths, standings.covariance
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    np.fill_diagonal(variance, 1.0)
    return strengths[:, None] - strengths, np.sqrt(np.maximum(variance, 1e-12))


def expected_disorder(standings: Standings) -> float:
    """Expected share of the pairs of policies that the strengths order wrongly."""
    gap, sd = gaps(standings)
    upper = np.triu_indices(len(gap), 1)
    if not len(upper[0]):
        return 0.0
    return float(ndtr(-np.abs(gap[upper]) / sd[upper]).mean())
