"""The crowd study's votes replayed: how soon is the leaderboard the one that all votes give?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from scipy.stats import kendalltau

from alignui.demo import sources
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.foresight import (
    Foresight,
    Slate,
    Strengths,
    foresee,
    policy_counts,
    response_strengths,
)
from rewardmodel.core.narrowing import leaderboard_narrowing
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints
from rewardmodel.core.pool import Function, Pool, Standings
from rewardmodel.core.posterior import newton

PRECISION = 0.3
BATCH = 100
GOAL = 0.9
MOST_WEIGHED = 500
MEASURED_EVERY = 3  # batches, where they are drawn at random


@dataclass(frozen=True)
class Ballots:
    """n votes between responses of policies, all numbered from 0.

    prompt, first, second (policies) and outcome: (n,).
    """

    prompt: Ints
    first: Ints
    second: Ints
    outcome: Ints
    policies: int

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def units(self) -> tuple[Slate, Ints, Ints]:
        """Every pair of responses with all its votes still to come; the pair of each vote (n,); and
        its outcome as the pair has it round."""
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        turned = (self.first > self.second) & (self.outcome != TIE)
        prompts = int(self.prompt.max()) + 1
        key = (low * self.policies + high) * prompts + self.prompt
        unique, unit = np.unique(key, return_inverse=True)
        prompt, pair = unique % prompts, unique // prompts
        one = pair // self.policies * prompts + prompt
        other = pair % self.policies * prompts + prompt
        responses, rows = np.unique(np.concatenate([one, other]), return_inverse=True)
        slate = Slate(
            rows[: len(unique)], rows[len(unique) :], responses // prompts, self.policies,
            np.zeros((len(unique), 3)), np.bincount(unit).astype(float),
        )  # fmt: skip
        return slate, unit, np.where(turned, 1 - self.outcome, self.outcome)

    def slate(self, taken: Ints) -> Slate:
        """The pairs once some of the votes are in."""
        whole, unit, outcome = self.units
        cells = unit[taken] * 3 + outcome[taken]
        counts = np.bincount(cells, minlength=3 * len(whole.left)).reshape(-1, 3).astype(float)
        return replace(whole, counts=counts, left=whole.left - counts.sum(axis=1))


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Kendall's tau with the ranking of all votes, after so many `votes` (b,).

    tau: (b,) of the ranking that all votes are expected to give; plain: (b,) of Bradley-Terry with
    ties on the votes that are in.
    """

    votes: Ints
    tau: Floats
    plain: Floats


@cache
def crowd_ballots() -> Ballots:
    """Every vote of the study, ties too."""
    number: dict[str, int] = {}
    prompts: dict[str, int] = {}
    rows = []
    for vote in sources.crowd_judgments():
        first, second = (
            number.setdefault(each["policy"], len(number)) for each in vote["completions"]
        )
        tied = len(vote["groups"]) == 1
        outcome = TIE if tied else SECOND if vote["groups"][0] == [1] else FIRST
        prompt = prompts.setdefault(vote["prompt"], len(prompts))
        rows.append((prompt, first, second, outcome))
    table = np.array(rows, dtype=np.int64)
    return Ballots(table[:, 0], table[:, 1], table[:, 2], table[:, 3], len(number))


def plain_strengths(slate: Slate) -> Floats:
    """(p,) Bradley-Terry with ties on the votes so far, each policy weakly held to be average."""
    pairs = policy_counts(slate, slate.counts)
    return newton(pairs, np.eye(slate.policies), PRECISION)[0]


def narrow(
    ballots: Ballots, *, by_function: bool, seed: int, batch: int = BATCH, until: int | None = None,
    measured_every: int = 1,
) -> Narrowed:  # fmt: skip
    """Takes votes batch by batch, on pairs of responses that the function chooses or chance.

    A pair can be asked about as often as people voted on it; which of its votes comes is chance.
    """
    left = np.random.default_rng([seed, 21]).permutation(len(ballots))
    truth = plain_strengths(ballots.slate(left))
    taken, left = left[:batch], left[batch:]
    rows: list[tuple[int, float, float]] = []
    believed: Strengths | None = None
    while True:
        if by_function or not len(left) or len(taken) % (measured_every * batch) == 0:
            slate = ballots.slate(taken)
            believed = response_strengths(slate, believed, steps=1 if believed else 3)
            found = foresee(slate, believed, PRECISION)
            foreseen, plain = (
                float(kendalltau(each, truth).statistic)
                for each in (found.ranking, plain_strengths(slate))
            )
            rows.append((len(taken), foreseen, plain))
        if not len(left) or (until is not None and len(taken) >= until):
            break
        if by_function:
            chosen = _chosen(ballots.units[1][left], slate, found, batch)
        else:
            chosen = np.arange(min(batch, len(left)))
        taken = np.append(taken, left[chosen])
        left = np.delete(left, chosen)
    table = np.array(rows)
    return Narrowed(table[:, 0].astype(np.int64), table[:, 1], table[:, 2])


def _chosen(units: Ints, slate: Slate, foresight: Foresight, batch: int) -> Ints:
    """Places among the votes left, on `units`, of those that the function asks for; first come of
    each pair."""
    order = np.argsort(units, kind="stable")
    numbers = np.bincount(units, minlength=len(slate.left))
    begins = np.cumsum(numbers) - numbers
    open_ones = np.flatnonzero(numbers)
    worth = _function(slate, foresight, open_ones).utilities()
    rows = open_ones[np.argsort(-worth, kind="stable")[: max(MOST_WEIGHED, batch)]]
    function = _function(slate, foresight, rows)
    asked = np.zeros(len(rows), dtype=np.int64)
    taken: list[int] = []
    while len(taken) < min(batch, len(units)) and (asked < numbers[rows]).any():
        best = int(np.argmax(np.where(asked < numbers[rows], function.utilities(), -1.0)))
        taken.append(int(order[begins[rows[best]] + asked[best]]))
        asked[best] += 1
        function.take(best)
    return np.array(taken)


def _function(slate: Slate, foresight: Foresight, rows: Ints) -> Function:
    first, second = slate.first[rows], slate.second[rows]
    policies = np.column_stack([slate.policy[first], slate.policy[second]])
    standings = Standings(
        np.arange(slate.policies), foresight.ranking, foresight.covariance, foresight.eta, foresight
    )
    pool = Pool(
        np.zeros((len(rows), 0)), np.zeros(len(rows), dtype=np.int64), first=first, second=second,
        policies=policies, standings=standings,
    )  # fmt: skip
    return leaderboard_narrowing(pool, Beliefs(np.zeros(0), np.zeros((0, 0)), foresight.eta), 0)


@dataclass(frozen=True, slots=True)
class Curves:
    """Replays with s seeds: tau and plain tau (s, b) after `votes` (b,)."""

    votes: Ints
    tau: Floats
    plain: Floats


def replays(seeds: Sequence[int], *, by_function: bool, batch: int = BATCH) -> Curves:
    """The crowd study's votes, all of them, once for each seed."""
    every = 1 if by_function else MEASURED_EVERY
    found = [
        narrow(
            crowd_ballots(), by_function=by_function, seed=seed, batch=batch, measured_every=every
        )
        for seed in seeds
    ]
    return Curves(
        found[0].votes, np.array([each.tau for each in found]),
        np.array([each.plain for each in found]),
    )  # fmt: skip


def reached(votes: Ints, curves: Floats, goal: float = GOAL) -> float:
    """Votes at which the mean of curves (s, b) is at the goal first, interpolated; all of them
    where it never is."""
    mean = curves.mean(axis=0)
    there = np.flatnonzero(mean >= goal)
    if not len(there):
        return float(votes[-1])
    at = int(there[0])
    if at == 0:
        return float(votes[0])
    share = (goal - mean[at - 1]) / (mean[at] - mean[at - 1])
    return float(votes[at - 1] + share * (votes[at] - votes[at - 1]))


def stays(votes: Ints, curves: Floats, goal: float = GOAL) -> Floats:
    """(s,) votes from which on each of the curves (s, b) stays at the goal; the last where none."""
    below = [np.flatnonzero(curve < goal) for curve in curves]
    at = [0 if not len(each) else int(each[-1]) + 1 for each in below]
    return np.array([votes[min(each, len(votes) - 1)] for each in at], dtype=float)
