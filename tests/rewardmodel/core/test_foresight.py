"""The ranking that all votes will give: what is foreseen of it, and what one more vote tells."""

from dataclasses import replace

import numpy as np
import pytest

from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.foresight import (
    Foresight,
    Slate,
    Strengths,
    foresee,
    policy_counts,
    response_strengths,
)
from rewardmodel.core.likelihood import davidson_value
from rewardmodel.core.narrowing import Foreseen, leaderboard_narrowing, order_matrix
from rewardmodel.core.pool import Pool, Standings

POLICIES, PROMPTS, VOTES = 4, 6, 3
PRECISION = 0.3


@pytest.fixture(scope="module")
def slate() -> Slate:
    """Every pair within a prompt, some of them judged up to twice."""
    random = np.random.default_rng(5)
    policy = np.repeat(np.arange(POLICIES), PROMPTS)
    places = [
        (a * PROMPTS + q, b * PROMPTS + q)
        for q in range(PROMPTS)
        for a in range(POLICIES)
        for b in range(POLICIES)
        if a < b
    ]
    first, second = np.array(places).T
    strengths = policy / 3 + random.normal(size=len(policy))
    counts = np.zeros((len(first), 3))
    for pair in random.integers(0, len(first), 50):
        wins = random.random() < 1 / (1 + np.exp(strengths[second[pair]] - strengths[first[pair]]))
        counts[pair, 2 if random.random() < 0.2 else int(not wins)] += 1
    return Slate(first, second, policy, POLICIES, counts, np.full(len(first), float(VOTES)))


@pytest.fixture(scope="module")
def strengths(slate: Slate) -> Strengths:
    return response_strengths(slate)


@pytest.fixture(scope="module")
def foresight(slate: Slate, strengths: Strengths) -> Foresight:
    return foresee(slate, strengths, PRECISION)


def after_a_vote(slate: Slate, before: Foresight, pair: int) -> Foresight:
    """By the definitions: the posterior conditioned, one vote fewer to come, all summed anew."""
    first, second = slate.first, slate.second
    found = before.strengths
    information = found.beliefs.information(found.mean[first] - found.mean[second])
    left = slate.left.copy()
    left[pair] -= 1
    z = np.zeros((len(first), len(slate.policy)))
    z[np.arange(len(first)), first], z[np.arange(len(first)), second] = 1, -1
    x = z @ np.eye(POLICIES)[slate.policy]
    curvature = np.linalg.inv(found.covariance) + information[pair] * np.outer(z[pair], z[pair])
    covariance = np.linalg.inv(curvature)
    weight = left * information
    through = before.by_score @ (x.T * weight) @ z
    noise = before.by_score @ (x.T * weight) @ x @ before.by_score
    return replace(
        before, strengths=replace(found, covariance=covariance), through=through,
        covariance=through @ covariance @ through.T + noise,
    )  # fmt: skip


def test_a_vote_is_worth_the_disorder_that_it_takes_off(slate: Slate, foresight: Foresight) -> None:
    wanted = order_matrix(foresight.ranking, foresight.covariance)
    utilities = Foreseen(foresight, slate.first, slate.second).utilities()
    for pair in range(0, len(slate.first), 5):
        after = after_a_vote(slate, foresight, pair)
        fallen = np.trace(wanted @ (foresight.covariance - after.covariance))
        assert utilities[pair] == pytest.approx(fallen)
        assert utilities[pair] > 0


def test_a_batch_knows_what_it_holds(slate: Slate, foresight: Foresight) -> None:
    wanted = order_matrix(foresight.ranking, foresight.covariance)
    function = Foreseen(foresight, slate.first, slate.second)
    at, now = slate, foresight
    for pair in (3, 3, 11):
        function.take(pair)
        now = after_a_vote(at, now, pair)
        left = at.left.copy()
        left[pair] -= 1
        at = replace(at, left=left)
    for pair in range(0, len(slate.first), 5):
        after = after_a_vote(at, now, pair)
        fallen = np.trace(wanted @ (now.covariance - after.covariance))
        assert function.utilities()[pair] == pytest.approx(fallen)


def test_strengths_are_where_the_posterior_is_highest(slate: Slate) -> None:
    found = response_strengths(slate, between=0.4, within=0.9, steps=1)
    same = slate.policy[:, None] == slate.policy
    prior = np.linalg.inv(0.4 * same + 0.9 * np.eye(len(same)))

    def height(mean: np.ndarray, eta: float) -> float:
        gap = mean[slate.first] - mean[slate.second]
        virtual = davidson_value(np.zeros(1), eta, np.full((1, 3), 0.5))
        return davidson_value(gap, eta, slate.counts) + virtual + float(mean @ prior @ mean) / 2

    lowest = height(found.mean, found.eta)
    random = np.random.default_rng(0)
    for _ in range(20):
        moved = found.mean + 0.02 * random.normal(size=len(found.mean))
        assert height(moved, found.eta + 0.02 * random.normal()) > lowest


def test_variances_of_policies_and_responses_are_found() -> None:
    random = np.random.default_rng(8)
    policies, prompts = 12, 10
    policy = np.repeat(np.arange(policies), prompts)
    truth = random.normal(size=policies)[policy] + 0.5 * random.normal(size=len(policy))
    first, second = random.integers(0, len(policy), (2, 900))
    kept = first != second
    first, second = first[kept], second[kept]
    chance = 1 / (1 + np.exp(truth[second] - truth[first]))
    wins = random.binomial(20, chance)
    counts = np.column_stack([wins, 20 - wins, np.zeros(len(wins))]).astype(float)
    slate = Slate(first, second, policy, policies, counts, np.zeros(len(first)))
    found = response_strengths(slate, steps=8)
    assert found.within == pytest.approx(0.25, rel=0.4)
    assert found.between == pytest.approx(truth.reshape(policies, -1).mean(axis=1).var(), rel=0.5)
    assert np.corrcoef(found.mean, truth)[0, 1] > 0.97
    sure = foresee(slate, found, PRECISION)
    assert np.abs(sure.covariance).max() == 0


def test_counts_are_added_up_by_policies_whichever_way_round() -> None:
    slate = Slate(
        np.array([0, 2, 0]), np.array([2, 0, 1]), np.array([0, 0, 1]), 2, np.zeros((3, 3)),
        np.zeros(3),
    )  # fmt: skip
    counts = np.array([[3.0, 1.0, 2.0], [5.0, 7.0, 0.0], [9.0, 9.0, 9.0]])
    found = policy_counts(slate, counts)
    assert (found.first.tolist(), found.second.tolist()) == ([0], [1])
    assert found.counts.tolist() == [[10.0, 6.0, 2.0]]


def test_a_round_narrows_by_what_is_foreseen(slate: Slate, foresight: Foresight) -> None:
    ids = np.array([7, 8, 9, 10])
    standings = Standings(ids, foresight.ranking, np.eye(4), foresight.eta, foresight)
    rows = np.arange(0, len(slate.first), 2)
    pool = Pool(
        np.zeros((len(slate.first), 0)), np.zeros(len(slate.first), dtype=np.int64),
        first=slate.first, second=slate.second, standings=standings,
        policies=ids[slate.policy[np.column_stack([slate.first, slate.second])]],
    )  # fmt: skip
    nothing = Beliefs(np.zeros(0), np.zeros((0, 0)), foresight.eta)
    whole = leaderboard_narrowing(pool, nothing, 0).utilities()
    part = leaderboard_narrowing(pool.at(rows), nothing, 0).utilities()
    assert part == pytest.approx(whole[rows])
    turned = replace(pool, first=pool.second, second=pool.first)
    assert leaderboard_narrowing(turned, nothing, 0).utilities() == pytest.approx(whole)
