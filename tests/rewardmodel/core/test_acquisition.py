"""Acquisition functions against brute force and closed forms; properties of what is selected."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardmodel.core.acquisition import FUNCTIONS
from rewardmodel.core.acquisition_batch import BatchBald, PredictionOriented, targets_matrix
from rewardmodel.core.beliefs import Beliefs, entropy, flip_rate, outlook
from rewardmodel.core.function_names import FUNCTION_NAMES
from rewardmodel.core.narrowing import expected_disorder, order_matrix
from rewardmodel.core.pairs import Votes
from rewardmodel.core.pool import Pool, Standings
from rewardmodel.core.selection import Limits, Plan, select

SIZE, WIDTH = 60, 4
RESPONSES = 24


@pytest.fixture(scope="module")
def beliefs() -> Beliefs:
    random = np.random.default_rng(3)
    root = random.normal(size=(WIDTH, WIDTH)) / 3
    return Beliefs(random.normal(size=WIDTH), root @ root.T + 0.1 * np.eye(WIDTH), -0.5)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Twelve prompts of two policies' responses, and every function's needs."""
    random = np.random.default_rng(4)
    responses = random.normal(size=(RESPONSES, WIDTH))
    first = random.integers(0, RESPONSES // 4, SIZE) * 4
    second = first + random.integers(1, 4, SIZE)
    return Pool(
        responses[first] - responses[second], first // 4, responses, first, second,
        policies=np.column_stack([first % 4, second % 4]),
        standings=Standings(np.arange(4), np.array([0.0, 0.1, 1.0, 2.0]), np.eye(4) / 4, -1.0),
        fence=100.0,
    )  # fmt: skip


def test_every_name_has_a_function_and_a_sentence() -> None:
    assert set(FUNCTION_NAMES) == set(FUNCTIONS) | {"portfolio"}


def test_chances_and_information_are_those_of_davidson(beliefs: Beliefs) -> None:
    gap, step = np.array([-2.0, 0.0, 0.7]), 1e-5
    for believed in (beliefs, Beliefs(beliefs.weights, beliefs.covariance, -0.5, flips=0.2)):
        p = believed.probabilities(gap)
        slopes = (
            (believed.probabilities(gap + step) - believed.probabilities(gap - step)) / 2 / step
        )
        assert p.sum(axis=1) == pytest.approx(1)
        assert believed.information(gap) == pytest.approx((slopes**2 / p).sum(axis=1), rel=1e-5)
    p = beliefs.probabilities(gap)
    expected = (p[:, 0] + p[:, 1] - (p[:, 0] - p[:, 1]) ** 2) / 4
    assert beliefs.information(gap) == pytest.approx(expected)


def test_quadrature_agrees_with_sampling_the_posterior(beliefs: Beliefs, pool: Pool) -> None:
    random = np.random.default_rng(0)
    weights = random.multivariate_normal(beliefs.weights, beliefs.covariance, size=40_000)
    found = outlook(beliefs, *beliefs.moments(pool.differences))
    for index in range(5):
        p = beliefs.probabilities(weights @ pool.differences[index])
        told = entropy(p.mean(axis=0)) - entropy(p).mean()
        assert found.information[index] == pytest.approx(told, abs=0.01)
    assert FUNCTIONS["bald"](pool, beliefs, 0).utilities() == pytest.approx(found.information)


def test_greedy_d_optimal_is_the_gain_in_log_determinant(beliefs: Beliefs, pool: Pool) -> None:
    function = FUNCTIONS["d_optimal"](pool, beliefs, 0)
    precision = np.linalg.inv(beliefs.covariance)
    information = beliefs.information(pool.differences @ beliefs.weights)
    for taken in (7, 7, 12):
        for index in range(6):
            x = pool.differences[index]
            more = np.linalg.slogdet(precision + information[index] * np.outer(x, x))[1]
            expected = more - np.linalg.slogdet(precision)[1]
            assert function.utilities()[index] == pytest.approx(expected)
        function.take(taken)
        x = pool.differences[taken]
        precision = precision + information[taken] * np.outer(x, x)


def test_prediction_oriented_is_the_expected_fall_of_the_targets_loss(
    beliefs: Beliefs, pool: Pool
) -> None:
    targets = pool.differences[20:40]
    function = PredictionOriented(pool, beliefs, targets_matrix(targets, beliefs))
    curvature = beliefs.information(targets @ beliefs.weights)
    precision = np.linalg.inv(beliefs.covariance)
    information = beliefs.information(pool.differences @ beliefs.weights)

    def loss(precision: np.ndarray) -> float:
        spread = np.einsum("ij,jk,ik->i", targets, np.linalg.inv(precision), targets)
        return float((curvature * spread).mean() / 2)

    for taken in (3, 9):
        for index in range(6):
            x = pool.differences[index]
            after = loss(precision + information[index] * np.outer(x, x))
            assert function.utilities()[index] == pytest.approx(loss(precision) - after)
        function.take(taken)
        x = pool.differences[taken]
        precision = precision + information[taken] * np.outer(x, x)


def joint_information(beliefs: Beliefs, differences: np.ndarray) -> float:
    """Mutual information of several votes and the weights: every configuration of outcomes."""
    random = np.random.default_rng(1)
    weights = random.multivariate_normal(beliefs.weights, beliefs.covariance, size=60_000)
    chances = [beliefs.probabilities(weights @ x) for x in differences]
    told = [
        np.prod([p[:, o] for p, o in zip(chances, outcomes, strict=True)], axis=0).mean()
        for outcomes in product(range(3), repeat=len(chances))
    ]
    return float(entropy(np.array(told)) - sum(entropy(p).mean() for p in chances))


def test_batch_bald_adds_what_enumerating_the_outcomes_adds(beliefs: Beliefs, pool: Pool) -> None:
    function = BatchBald(pool, beliefs)
    taken: list[int] = []
    for index in (5, 17, 30):
        before = joint_information(beliefs, pool.differences[taken]) if taken else 0.0
        added = joint_information(beliefs, pool.differences[[*taken, index]]) - before
        assert function.utilities()[index] == pytest.approx(added, abs=0.02)
        function.take(index)
        taken.append(index)


def test_robust_d_optimal_leaves_the_unusually_large_alone(beliefs: Beliefs, pool: Pool) -> None:
    differences = pool.differences.copy()
    differences[:6] *= 10
    large = Pool(differences, pool.prompts)
    for name in ("robust_d_optimal", "prediction_oriented"):
        utilities = FUNCTIONS[name](large, beliefs, 0).utilities()
        assert (utilities[:6] == 0).all()
        assert (utilities[6:] > 0).any()


def test_narrowing_prefers_what_is_close_and_knows_that_order_is_all(pool: Pool) -> None:
    standings = pool.standings
    assert standings is not None
    matrix = order_matrix(standings.strengths, standings.covariance)
    assert matrix.sum(axis=1) == pytest.approx(0)
    assert (np.linalg.eigvalsh(matrix) > -1e-12).all()
    nothing = Beliefs(np.zeros(WIDTH), np.eye(WIDTH), -1.0)
    utilities = FUNCTIONS["leaderboard_narrowing"](pool, nothing, 0).utilities()
    policies = np.sort(pool.policies, axis=1)
    near = utilities[(policies == [0, 1]).all(axis=1)]
    far = utilities[(policies == [0, 3]).all(axis=1)]
    assert near.min() > far.max()
    surer = Standings(standings.policies, standings.strengths, np.eye(4) / 400, -1.0)
    assert expected_disorder(surer) < expected_disorder(standings)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_utilities_follow_their_pairs(beliefs: Beliefs, pool: Pool, name: str) -> None:
    """They do not depend on the order in a pair, nor on that of the pool; none is negative."""
    utilities = FUNCTIONS[name](pool, beliefs, 1).utilities()
    assert np.isfinite(utilities).all()
    assert (utilities >= 0).all()
    if name == "random":
        return
    swapped = Pool(
        -pool.differences, pool.prompts, pool.responses, pool.second, pool.first,
        pool.policies[:, ::-1], pool.standings, fence=pool.fence,
    )  # fmt: skip
    assert FUNCTIONS[name](swapped, beliefs, 1).utilities() == pytest.approx(utilities)
    order = np.random.default_rng(0).permutation(SIZE)
    mixed = FUNCTIONS[name](pool.at(order), beliefs, 1).utilities()
    assert mixed == pytest.approx(utilities[order])


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(FUNCTIONS)), size=st.integers(1, 20), per_prompt=st.integers(1, 4),
    control=st.sampled_from([0.0, 0.1, 0.5]), unit=st.sampled_from(["pair", "pool", "prompt"]),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_limits_are_kept(
    beliefs: Beliefs, pool: Pool, name: str, size: int, per_prompt: int, control: float, unit: str,
    seed: int,
) -> None:  # fmt: skip
    limits = Limits(per_prompt=per_prompt, similarity=0.9)
    asked = pool.differences[:5]
    plan = Plan(size, control, {name: 0.7, "random": 0.3}, seed, limits, unit, asked)
    found = select(pool, beliefs, plan)
    taken = [each.index for each in (*found.control, *found.acquired)]
    assert len(set(taken)) == len(taken) <= size
    assert np.bincount(pool.prompts[taken]).max(initial=0) <= (per_prompt if unit == "pair" else 1)
    assert all(each.similarity < 0.9 for each in found.acquired)
    again = select(pool, beliefs, plan)
    assert (again.acquired, again.control) == (found.acquired, found.control)


def test_the_control_arm_does_not_look_at_utilities(beliefs: Beliefs, pool: Pool) -> None:
    one, other = (
        select(pool, beliefs, Plan(20, 0.5, {name: 1.0}, 9)).control for name in ("bald", "random")
    )
    assert [each.index for each in one] == [each.index for each in other]


def test_a_costly_pair_is_worth_less(beliefs: Beliefs, pool: Pool) -> None:
    seconds = np.ones(SIZE)
    best = int(np.argmax(FUNCTIONS["bald"](pool, beliefs, 0).utilities()))
    seconds[best] = 1000.0
    slow = Pool(pool.differences, pool.prompts, seconds=seconds)
    plan = Plan(5, 0.0, {"bald": 1.0}, 0, Limits(per_prompt=60))
    assert best in {each.index for each in select(pool, beliefs, plan).acquired}
    assert best not in {each.index for each in select(slow, beliefs, plan).acquired}


def test_a_large_pool_is_narrowed_before_it_is_weighed_again(beliefs: Beliefs) -> None:
    random = np.random.default_rng(2)
    large = Pool(random.normal(size=(9_000, WIDTH)).astype(np.float32), np.arange(9_000))
    found = select(large, beliefs, Plan(30, 0.0, {"d_optimal": 1.0}, 0))
    assert len(found.acquired) == 30
    assert found.acquired[0].index == int(np.argmax(found.utilities))


def test_the_share_of_flipped_votes_is_found(beliefs: Beliefs) -> None:
    random = np.random.default_rng(5)
    x = 2 * random.normal(size=(4_000, WIDTH))
    surely = Beliefs(beliefs.weights, beliefs.covariance / 1e6, beliefs.eta, flips=0.15)
    chances = surely.probabilities(x @ surely.weights)
    outcome = (random.random(len(x))[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    rows = np.arange(len(x))
    votes = Votes(rows, rows, outcome, np.ones(len(x)), rows, rows)
    assert flip_rate(surely, x, votes) == pytest.approx(0.15, abs=0.03)
