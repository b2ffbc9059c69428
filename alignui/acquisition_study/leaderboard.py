"""The crowd study's votes replayed: how soon is the leaderboard the one that all votes give?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import kendalltau

from alignui.demo import sources
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.narrowing import leaderboard_narrowing
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints, PairCounts
from rewardmodel.core.pool import Pool, Standings
from rewardmodel.core.posterior import newton

PRECISION = 0.3
BATCH = 50
GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Ballots:
    """n votes between policies, numbered from 0: first, second, outcome (n,)."""

    first: Ints
    second: Ints
    outcome: Ints
    policies: int

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Votes at which tau was measured (b,), and tau with the full data's ranking (b,)."""

    votes: Ints
    tau: Floats

    def needed(self, goal: float) -> float:
        """Votes from which on tau stays at the goal; all of them where it does not."""
        below = np.flatnonzero(self.tau < goal)
        at = 0 if not len(below) else int(below[-1]) + 1
        return float(self.votes[min(at, len(self.votes) - 1)])


@cache
def crowd_ballots() -> Ballots:
    """Every vote of the study, ties too."""
    number: dict[str, int] = {}
    rows = []
    for vote in sources.crowd_judgments():
        first, second = (
            number.setdefault(each["policy"], len(number)) for each in vote["completions"]
        )
        tied = len(vote["groups"]) == 1
        rows.append((first, second, TIE if tied else SECOND if vote["groups"][0] == [1] else FIRST))
    table = np.array(rows, dtype=np.int64)
    return Ballots(table[:, 0], table[:, 1], table[:, 2], len(number))


def standings_of(ballots: Ballots, taken: Ints, start: Floats | None = None) -> Standings:
    """Bradley-Terry with ties on some of the votes, each policy weakly held to be average."""
    first, second = ballots.first[taken], ballots.second[taken]
    low, high = np.minimum(first, second), np.maximum(first, second)
    outcome = ballots.outcome[taken]
    turned = np.where((first > second) & (outcome != TIE), 1 - outcome, outcome)
    key = low * ballots.policies + high
    unique, at = np.unique(key, return_inverse=True)
    counts = np.bincount(at * 3 + turned, minlength=3 * len(unique)).reshape(-1, 3).astype(float)
    pairs = PairCounts(unique // ballots.policies, unique % ballots.policies, counts)
    strengths, eta, hessian = newton(pairs, np.eye(ballots.policies), PRECISION, start)
    covariance = np.asarray(np.linalg.inv(hessian)[:-1, :-1], dtype=np.float64)
    return Standings(np.arange(ballots.policies), strengths, covariance, eta)


def narrow(ballots: Ballots, *, by_function: bool, seed: int, batch: int = BATCH) -> Narrowed:
    """Takes votes batch by batch, of pairs of policies that the function chooses or chance.

    A pair can be asked about as often as people voted on it; which of its votes comes is chance.
    """
    random = np.random.default_rng([seed, 21])
    truth = standings_of(ballots, np.arange(len(ballots))).strengths
    left = random.permutation(len(ballots))
    taken: list[int] = [int(vote) for vote in left[:batch]]
    left = left[batch:]
    votes, taus = [], []
    start: Floats | None = None
    while True:
        found = standings_of(ballots, np.array(taken), start)
        start = np.append(found.strengths, found.eta)
        votes.append(len(taken))
        taus.append(float(kendalltau(found.strengths, truth).statistic))
        if not len(left):
            break
        chosen = (
            _chosen(ballots, left, found, batch)
            if by_function
            else np.arange(min(batch, len(left)))
        )
        taken += [int(vote) for vote in left[chosen]]
        left = np.delete(left, chosen)
    return Narrowed(np.array(votes), np.array(taus))


def _chosen(ballots: Ballots, left: Ints, standings: Standings, batch: int) -> Ints:
    """Places in `left` of the votes that the function asks for; first come of each pair."""
    first, second = ballots.first[left], ballots.second[left]
    key = np.minimum(first, second) * ballots.policies + np.maximum(first, second)
    pairs, place = np.unique(key, return_inverse=True)
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place))
    begins = ends - np.bincount(place)
    policies = np.column_stack([pairs // ballots.policies, pairs % ballots.policies])
    pool = Pool(
        np.zeros((len(pairs), 0)), np.zeros(len(pairs), dtype=np.int64), policies=policies,
        standings=standings,
    )  # fmt: skip
    nothing = Beliefs(np.zeros(0), np.zeros((0, 0)), standings.eta)
    function = leaderboard_narrowing(pool, nothing, 0)
    taken: list[int] = []
    while len(taken) < min(batch, len(left)):
        best = int(np.argmax(np.where(begins < ends, function.utilities(), -1.0)))
        taken.append(int(order[begins[best]]))
        begins[best] += 1
        function.take(best)
    return np.array(taken)


def votes_saved(seeds: Sequence[int], *, goal: float = GOAL) -> tuple[Floats, Floats]:
    """Votes needed by the function and by chance, each (s,), one replay of each for every seed."""
    ballots = crowd_ballots()
    needed = [
        [narrow(ballots, by_function=chosen, seed=seed).needed(goal) for seed in seeds]
        for chosen in (True, False)
    ]
    return np.array(needed[0]), np.array(needed[1])
