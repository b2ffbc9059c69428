"""What will the leaderboard say once every pair of a pool has been judged?

Its ranking is Bradley-Terry with ties on all votes, so what is open about it is what the votes to
come will say. That depends on responses more than on policies: a policy answers one prompt well and
another badly. So each response has a strength of its own, drawn around its policy's, and the votes
to come are predicted from those: the model-based prediction of a finite population's total of
Royall (1970), On finite population sampling theory under certain linear regression models,
Biometrika 57.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri

from rewardmodel.core.beliefs import Beliefs, outlook
from rewardmodel.core.likelihood import davidson_terms
from rewardmodel.core.pairs import Floats, Ints, PairCounts
from rewardmodel.core.posterior import newton

NEAR = 1e-3
MOST_STEPS = 25
LONGEST_STEP = 2.0
NODES = 7
# Half a virtual answer of each kind keeps the tie strength finite.
VIRTUAL = 0.5


@dataclass(frozen=True, slots=True)
class Slate:
    """m pairs of r responses by p policies, judged or not.

    first, second: (m,) rows of responses. policy: (r,) place of who wrote each. counts: (m, 3)
    votes so far by outcome. left: (m,) votes still to come.
    """

    first: Ints
    second: Ints
    policy: Ints
    policies: int
    counts: Floats
    left: Floats


@dataclass(frozen=True, slots=True)
class Strengths:
    """The posterior of responses: mean (r,), covariance (r, r), eta the tie strength.

    between, within: variances of policies around 0 and of responses around their policy.
    """

    mean: Floats
    covariance: Floats
    eta: float
    between: float
    within: float

    @property
    def beliefs(self) -> Beliefs:
        """The same, as a model that has a coordinate for every response."""
        return Beliefs(self.mean, self.covariance, self.eta)

    def moments(self, first: Ints, second: Ints) -> tuple[Floats, Floats]:
        """Mean and variance (m,) of the differences of responses (m,)."""
        own = np.diag(self.covariance)
        variance = own[first] + own[second] - 2 * self.covariance[first, second]
        return self.mean[first] - self.mean[second], np.maximum(variance, 0.0)


@dataclass(frozen=True, slots=True)
class Foresight:
    """The ranking that all votes are expected to give, and how it hangs on those to come.

    ranking: (p,) strengths; covariance: (p, p) of what they will be, given the votes so far.
    by_score: (p, p), what a vote's unforeseen score between two policies moves it by; through:
    (p, r), what a response that is stronger than believed moves it by.
    """

    strengths: Strengths
    policy: Ints
    ranking: Floats
    covariance: Floats
    by_score: Floats
    through: Floats
    eta: float


def laplacian(first: Ints, second: Ints, weight: Floats, size: int) -> Floats:
    """(size, size) sum of weight * (e_first - e_second)(e_first - e_second)'."""
    across = np.bincount(first * size + second, weight, size * size).reshape(size, size)
    total = -across - across.T
    places = np.arange(size)
    total[places, places] += np.bincount(first, weight, size) + np.bincount(second, weight, size)
    return np.asarray(total)


def response_strengths(
    slate: Slate, start: Strengths | None = None, *, between: float = 0.5, within: float = 0.5,
    steps: int = 3,
) -> Strengths:  # fmt: skip
    """Responses' strengths by Laplace's approximation, their variances by empirical Bayes.

    A response is N(its policy, within), a policy N(0, between); votes are Davidson's (1970). Each
    step fits the strengths and moves the two variances by EM: Dempster, Laird and Rubin (1977),
    Maximum likelihood from incomplete data via the EM algorithm, JRSS B 39. `start` is a fit to
    fewer votes, from which it goes on.
    """
    found = start or Strengths(np.zeros(len(slate.policy)), np.zeros((0, 0)), 0.0, between, within)
    for _ in range(steps):
        mean, covariance, eta = _fitted(slate, found)
        found = Strengths(mean, covariance, eta, found.between, found.within)
        between, within = _variances(slate, found)
        found = Strengths(mean, covariance, eta, between, within)
    return found


def _fitted(slate: Slate, start: Strengths) -> tuple[Floats, Floats, float]:
    """The mode's strengths (r,) by Newton's method, their covariance there, and eta."""
    size = len(slate.policy)
    theta = np.append(start.mean, start.eta)
    prior = np.zeros((size + 1, size + 1))
    prior[:size, :size] = _precision(slate, start)
    judged = np.flatnonzero(slate.counts.sum(axis=1))
    first, second, counts = slate.first[judged], slate.second[judged], slate.counts[judged]
    factor = prior
    for _ in range(MOST_STEPS):
        gradient, bent = _derivatives(first, second, counts, theta)
        factor, _ = cho_factor(prior + bent, lower=True)
        step = cho_solve((factor, True), gradient + prior @ theta)
        longest = float(np.abs(step).max())
        theta = theta - step * min(1.0, LONGEST_STEP / max(longest, 1e-12))
        if longest < NEAR:
            break
    lower = np.tril(dpotri(factor, lower=1)[0])
    covariance = lower + np.tril(lower, -1).T
    return theta[:size], np.asarray(covariance[:size, :size]), float(theta[size])


def _derivatives(first: Ints, second: Ints, counts: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """Gradient (r + 1,) and Hessian of Davidson's negative log-likelihood by strengths and eta."""
    size = len(theta) - 1
    strengths, eta = theta[:size], float(theta[size])
    terms = davidson_terms(strengths[first] - strengths[second], eta, counts)
    virtual = davidson_terms(np.zeros(1), eta, np.full((1, 3), VIRTUAL))
    gradient, bent = np.zeros(size + 1), np.zeros((size + 1, size + 1))
    gradient[:size] = _summed(first, second, terms.by_difference, size)
    gradient[size] = terms.by_eta + virtual.by_eta
    bent[:size, :size] = laplacian(first, second, terms.curvature, size)
    bent[:size, size] = bent[size, :size] = _summed(first, second, terms.cross, size)
    bent[size, size] = terms.eta_curvature + virtual.eta_curvature
    return gradient, bent


def _summed(first: Ints, second: Ints, values: Floats, size: int) -> Floats:
    """(size,) of each response's pairs, with the sign of its place."""
    return np.asarray(np.bincount(first, values, size) - np.bincount(second, values, size))


def _precision(slate: Slate, start: Strengths) -> Floats:
    """Inverse of the responses' prior covariance between * [same policy] + within * I."""
    between, within = start.between, start.within
    members = np.bincount(slate.policy, minlength=slate.policies)
    shared = between / (within * (within + members * between))
    same = slate.policy[:, None] == slate.policy
    precision = np.where(same, -shared[slate.policy][:, None], 0.0)
    places = np.arange(len(slate.policy))
    precision[places, places] += 1 / within
    return np.asarray(precision)


def _variances(slate: Slate, found: Strengths) -> tuple[float, float]:
    """Between and within after one step of EM, by the posterior's second moments."""
    policy, count = slate.policy, slate.policies
    members = np.bincount(policy, minlength=count)
    belongs = np.eye(count)[policy]
    among = np.einsum("ij,ij->j", belongs, found.covariance @ belongs)
    among += (found.mean @ belongs) ** 2
    alone = np.bincount(policy, np.diag(found.covariance) + found.mean**2, count)
    pull = found.between / (found.within + members * found.between)
    spare = found.within * pull
    within = alone - 2 * pull * among + pull**2 * members * among + members * spare
    seen = members > 0
    between = float((pull**2 * among + spare)[seen].mean())
    return max(between, 1e-3), max(float(within.sum() / len(policy)), 1e-3)


def foreseen_counts(slate: Slate, strengths: Strengths) -> PairCounts:
    """Votes by pair of policies once all are in: those that are, and what the rest should be."""
    mean, variance = strengths.moments(slate.first, slate.second)
    chances = outlook(strengths.beliefs, mean, variance, NODES).mean
    return policy_counts(slate, slate.counts + slate.left[:, None] * chances)


def policy_counts(slate: Slate, counts: Floats) -> PairCounts:
    """Counts (m, 3) of pairs of responses, added up by their policies."""
    first, second = slate.policy[slate.first], slate.policy[slate.second]
    turned = np.where((first > second)[:, None], counts[:, [1, 0, 2]], counts)
    key = np.minimum(first, second) * slate.policies + np.maximum(first, second)
    kept = (first != second) & (counts.sum(axis=1) > 0)
    unique, place = np.unique(key[kept], return_inverse=True)
    added = [np.bincount(place, turned[kept, kind], len(unique)) for kind in range(3)]
    return PairCounts(unique // slate.policies, unique % slate.policies, np.column_stack(added))


def foresee(slate: Slate, strengths: Strengths, precision: float) -> Foresight:
    """The ranking with all votes in and its covariance, to first order in the scores to come.

    The ranking's score equation moves it by H^-1 x (score - foreseen) for each vote, H being its
    Hessian with all votes in and x = e_a - e_b of the policies. A vote's score varies by c given
    the strengths, and its expectation follows a difference of responses with the same slope. So

    through = sum over votes to come of c H^-1 x z', z = e_i - e_j of the responses,
    covariance = through S through' + H^-1 (sum of c x x') H^-1.
    """
    policies = slate.policies
    counts = foreseen_counts(slate, strengths)
    ranking, eta, hessian = newton(counts, np.eye(policies), precision)
    by_score = np.asarray(np.linalg.inv(hessian[:-1, :-1]))
    mean, _ = strengths.moments(slate.first, slate.second)
    weight = slate.left * strengths.beliefs.information(mean)
    first, second = slate.policy[slate.first], slate.policy[slate.second]
    pulls = weight[:, None] * (by_score[first] - by_score[second])
    through = np.zeros((len(slate.policy), policies))
    np.add.at(through, slate.first, pulls)
    np.add.at(through, slate.second, -pulls)
    unforeseen = laplacian(first, second, weight, policies)
    covariance = through.T @ strengths.covariance @ through
    covariance += by_score @ unforeseen @ by_score
    return Foresight(strengths, slate.policy, ranking, covariance, by_score, through.T, eta)
