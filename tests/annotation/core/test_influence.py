import numpy as np
import pytest

from annotation.core.bradley_terry import PairVotes
from annotation.core.influence import ALL_TIES, ALONE, influence, one_step
from annotation.core.labels import NOTHING
from rewardmodel.core import leaderboard as board
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Votes


def votes(n: int, people: int, policies: int, *, seed: int = 0) -> PairVotes:
    random = np.random.default_rng(seed)
    strengths = random.normal(0, 1, policies)
    first = random.integers(policies, size=n)
    second = (first + random.integers(1, policies, size=n)) % policies
    chance = 1 / (1 + np.exp(strengths[second] - strengths[first]))
    outcome = np.where(random.random(n) < chance, 1, -1)
    outcome[random.random(n) < 0.15] = 0
    who = random.integers(people, size=n)
    outcome = np.where((who == 0) & (outcome != 0), np.where(first < second, 1, -1), outcome)
    return PairVotes(first, second, outcome, who, random.random(n) < 0.5, np.ones(n))


def refitted(given: PairVotes) -> np.ndarray:
    """The leaderboard's own strengths, by policy."""
    swap = given.first > given.second
    first, second = np.where(swap, given.second, given.first), np.maximum(given.first, given.second)
    sign = np.where(swap, -given.outcome, given.outcome)
    outcome = np.select([sign == 1, sign == -1], [FIRST, SECOND], TIE)
    found = board.leaderboard(
        Votes(first, second, outcome, given.weight, given.annotators, given.annotators),
        seed=0,
        resamples=1,
    )
    return np.array([s.strength for s in sorted(found.standings, key=lambda s: s.policy)])


def test_strengths_are_the_leaderboards() -> None:
    given = votes(600, 8, 6)
    assert influence(given).strengths == pytest.approx(refitted(given), abs=1e-4)


def test_one_step_is_close_to_refitting() -> None:
    given = votes(900, 10, 7, seed=2)
    found = influence(given)
    for who in range(10):
        without = refitted(given.where(given.annotators != who)) - found.strengths
        size = np.abs(without).max()
        assert found.changes[who] == pytest.approx(without, abs=0.05 * size + 0.003)
    assert found.largest.argmax() == 0


def test_whose_pairs_hold_items_together_is_told() -> None:
    first, second = np.array([1, 1, 2, 3, 3, 4, 2]), np.array([2, 2, 1, 4, 4, 3, 3])
    who = np.array([1, 2, 3, 1, 2, 3, 9])
    given = PairVotes(first, second, np.array([1, 1, 1, 1, -1, 1, 1]), who,
                      np.ones(7, dtype=bool), np.ones(7))  # fmt: skip
    found = influence(given)
    assert found.disconnects.tolist() == [False, False, False, True]
    assert not found.changes[3].any()
    assert np.isfinite(found.changes).all()


def test_a_leader_that_one_person_made() -> None:
    rows = [(who, 1, 2, 1) for who in range(3) for _ in range(4)] + [(9, 2, 1, 1)] * 30
    who, first, second, outcome = np.array(rows).T
    n = len(rows)
    found = influence(PairVotes(first, second, outcome, who, np.ones(n, bool), np.ones(n)))
    assert found.is_top_moved.tolist() == [False, False, False, True]
    assert found.ranks_moved.tolist() == [0, 0, 0, 2]


def test_too_little_is_a_sentence() -> None:
    none = votes(0, 3, 4)
    assert influence(none).why_not == NOTHING
    assert influence(votes(20, 1, 4)).why_not == ALONE
    given = votes(50, 3, 4)
    ties = given.where(given.outcome == 0)
    assert influence(ties).why_not == ALL_TIES


def test_the_first_order_form_of_any_model() -> None:
    """Of least squares with a ridge the step is known."""
    random = np.random.default_rng(0)
    x, y = random.normal(size=(400, 3)), random.normal(size=400)
    hessian = x.T @ x + np.eye(3)
    weights = np.linalg.solve(hessian, x.T @ y)
    part = slice(0, 10)
    gradient = x[part].T @ (y[part] - x[part] @ weights)
    rest_x, rest_y = x[10:], y[10:]
    exact = np.linalg.solve(rest_x.T @ rest_x + np.eye(3), rest_x.T @ rest_y) - weights
    assert one_step(hessian, gradient[None])[0] == pytest.approx(exact, rel=0.1, abs=1e-3)
