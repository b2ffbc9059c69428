"""The gate: decided by the interval and not by the point, also for the worst group."""

import numpy as np
import pytest

from rewardmodel.core.pairs import Floats, Votes
from rewardmodel.core.promotion import decide


def world(n: int = 2000, prompts: int = 50) -> Votes:
    random = np.random.default_rng(1)
    rows = np.arange(n)
    return Votes(
        2 * rows, 2 * rows + 1, random.integers(0, 2, n), np.ones(n), rows % prompts, rows % 20
    )


def predicting(votes: Votes, sure: Floats | float) -> Floats:
    """Chances that give what happened `sure`, (n,) or all the same."""
    of_first = np.where(votes.outcome == 0, sure, 1 - np.asarray(sure))
    return np.column_stack([of_first, 1 - of_first, np.full(len(votes), 1e-9)])


def noisy(votes: Votes, mean: float, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    return predicting(votes, np.clip(mean + 0.15 * random.normal(size=len(votes)), 0.05, 0.95))


def test_worse_beyond_noise_stays_out_and_equal_goes_in() -> None:
    votes = world()
    good, bad = noisy(votes, 0.65, 2), noisy(votes, 0.55, 3)
    refused = decide(bad, good, votes, seed=1)
    assert not refused.is_promoted
    assert "worse beyond noise" in refused.reason
    assert refused.change.log_loss.low > 0
    assert decide(good, good, votes, seed=1).is_promoted
    better = decide(good, bad, votes, seed=1)
    assert better.is_promoted
    assert better.reason.startswith("Better beyond noise")


def test_worse_by_a_point_that_noise_explains_goes_in() -> None:
    votes = world(200, prompts=20)
    mine, theirs = noisy(votes, 0.64, 2), noisy(votes, 0.645, 3)
    decision = decide(mine, theirs, votes, seed=1)
    assert decision.is_promoted
    assert decision.change.log_loss.low < 0 < decision.change.log_loss.high


def test_worse_in_one_group_beyond_noise_stays_out() -> None:
    votes = world()
    minority = votes.annotator < 3
    theirs = noisy(votes, 0.65, 2)
    mine = noisy(votes, 0.70, 3)
    mine[minority] = predicting(votes, np.where(minority, 0.45, 0.7))[minority]
    groups = {"region: north": minority, "region: south": ~minority}
    assert decide(mine, theirs, votes, seed=1).is_promoted
    refused = decide(mine, theirs, votes, seed=1, groups=groups)
    assert not refused.is_promoted
    assert "“region: north”" in refused.reason
    assert "2 groups" in refused.reason


def test_many_groups_of_noise_do_not_keep_an_equal_model_out() -> None:
    kept_out = 0
    for seed in range(20):
        votes = world(800, prompts=40)
        groups = {str(k): votes.annotator == k for k in range(10)}
        mine, theirs = noisy(votes, 0.65, 100 + seed), noisy(votes, 0.65, 200 + seed)
        kept_out += not decide(mine, theirs, votes, seed=seed, groups=groups).is_promoted
    assert kept_out <= 3


def test_without_test_or_predecessor_the_reason_says_so() -> None:
    votes = world(100)
    chances = noisy(votes, 0.6, 1)
    assert "first" in decide(chances, None, votes, seed=1).reason
    unknown = decide(chances, None, votes, seed=1, unknown="its files are gone")
    assert "its files are gone" in unknown.reason
    nothing = decide(chances[:0], None, votes.where(np.zeros(100, bool)), seed=1)
    assert nothing.is_promoted
    assert "without a test" in nothing.reason


@pytest.mark.parametrize(("mean", "goes_in"), [(0.3, False), (0.7, True)])
def test_on_too_few_prompts_the_point_decides(mean: float, goes_in: bool) -> None:
    votes = world(60, prompts=3)
    decision = decide(noisy(votes, mean, 1), noisy(votes, 0.65, 2), votes, seed=1)
    assert decision.is_promoted is goes_in
    assert decision.change.log_loss.low is None
