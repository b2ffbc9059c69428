"""Which pairs of policies narrow the leaderboard?"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from rewardmodel.core.acquisition_batch import PredictionOriented
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.foresight import Foresight
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.pool import Function, Pool, Standings


def leaderboard_narrowing(pool: Pool, beliefs: Beliefs, seed: int) -> Function:
    """The most expected reduction of wrongly ordered pairs of policies by one vote.

    Two policies whose strengths differ by d with standard deviation s are wrongly ordered with
    chance Phi(-|d| / s). Variance taken off the gap matters by how likely the gap is to be zero,
    which is its density there; so a vote is worth the sum over all pairs of policies of density / s
    times the variance that it takes off: V-optimality with those weights.

    Where the standings foresee the ranking that the whole pool would give, it is that ranking's
    variance: see `Foreseen`. Else it is that of the policies' strengths, as if every vote on two
    policies told the same.
    """
    if pool.policies is None or pool.standings is None:
        raise NotEnoughData("The leaderboard needs to know which policy wrote each response.")
    standings = pool.standings
    if standings.foresight is not None and pool.first is not None and pool.second is not None:
        return Foreseen(standings.foresight, pool.first, pool.second)
    place = {int(policy): number for number, policy in enumerate(standings.policies)}
    size = len(standings.policies)
    rows = np.zeros((len(pool), size))
    for column, sign in ((0, 1.0), (1, -1.0)):
        at = np.array([place[int(policy)] for policy in pool.policies[:, column]], dtype=np.int64)
        rows[np.arange(len(pool)), at] += sign
    believed = Beliefs(standings.strengths, standings.covariance, standings.eta)
    wanted = order_matrix(standings.strengths, standings.covariance)
    return PredictionOriented(Pool(rows, pool.prompts), believed, wanted)


class Foreseen:
    """V-optimality for the ranking t that all votes will give, in which prompts differ.

    A vote on responses z = e_i - e_j by policies x = e_a - e_b is one of those to come. With
    information c about their difference it takes g' A g / (z'Sz + 1/c) off the expected disorder:
    by the law of total variance, g being the covariance of t with an unbiased reading of the vote,
    g = through S z + H^-1 x, in the terms of `foresee`. A second vote on the same responses is then
    worth less, and one on a policy most of whose votes are in can change little. A: `order_matrix`
    of t and its covariance.
    """

    def __init__(self, foresight: Foresight, first: Ints, second: Ints) -> None:
        """first, second: (m,) rows of the responses of the pairs that may be asked about."""
        found, policy = foresight.strengths, foresight.policy
        self.first, self.second, self.covariance = first, second, found.covariance
        mean, self.variance = found.moments(first, second)
        self.information = np.maximum(found.beliefs.information(mean), 1e-12)
        root = _root(order_matrix(foresight.ranking, foresight.covariance))
        moved = root @ foresight.by_score
        self.own = moved[:, policy[first]] - moved[:, policy[second]]
        carried = root @ foresight.through @ found.covariance
        self.towards = carried[:, first] - carried[:, second] + self.own
        self.taken: list[tuple[Floats, float]] = []

    def utilities(self) -> Floats:
        """(m,) gains of a vote on each pair, given those taken so far."""
        gain = np.einsum("ij,ij->j", self.towards, self.towards)
        return np.asarray(gain / (self.variance + 1 / self.information))

    def take(self, index: int) -> None:
        """Conditions on a vote on pair `index`, which is no longer one of those to come.

        S falls by s s' / scale with s = S z, and `through` by what the vote had a part in it.
        """
        one, other = self.first[index], self.second[index]
        along = self.covariance[:, one] - self.covariance[:, other]
        for before, scale in self.taken:
            along = along - before * ((before[one] - before[other]) / scale)
        variance, own = self.variance[index], self.own[:, index]
        scale = float(variance + 1 / self.information[index])
        self.taken.append((along, scale))
        covariances = along[self.first] - along[self.second]
        known = (self.towards[:, index] - own) / scale
        known += self.information[index] * own * (1 - variance / scale)
        self.towards -= np.outer(known, covariances)
        self.variance = np.maximum(self.variance - covariances**2 / scale, 0.0)


def _root(matrix: Floats) -> Floats:
    """R with R'R = matrix, which is symmetric and not negative."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))).T)


def order_matrix(strengths: Floats, covariance: Floats) -> Floats:
    """(p, p) sum over pairs of policies of weight * (e_a - e_b)(e_a - e_b)': a Laplacian."""
    gap, sd = gaps(strengths, covariance)
    weight = norm.pdf(gap / sd) / sd**2
    np.fill_diagonal(weight, 0.0)
    return np.asarray(np.diag(weight.sum(axis=1)) - weight)


def gaps(strengths: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Differences of strength (p, p) and their standard deviations; 1 on the diagonal."""
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    np.fill_diagonal(variance, 1.0)
    return strengths[:, None] - strengths, np.sqrt(np.maximum(variance, 1e-9))


def expected_disorder(standings: Standings) -> float:
    """Expected share of the pairs of policies that the strengths order wrongly."""
    gap, sd = gaps(standings.strengths, standings.covariance)
    upper = np.triu_indices(len(gap), 1)
    if not len(upper[0]):
        return 0.0
    return float(ndtr(-np.abs(gap[upper]) / sd[upper]).mean())
