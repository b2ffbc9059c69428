import numpy as np
import pytest

from rewardmodel.core.acquisition import (
    FUNCTIONS,
    Pool,
    bald,
    d_optimal,
    entropy,
    select,
    uncertainty,
)
from rewardmodel.core.head import HeadConfig, RewardHead, fit_head
from tests.rewardmodel.core.planted import plant


@pytest.fixture(scope="module")
def head() -> RewardHead:
    planted = plant(votes=500)
    return fit_head(planted.votes, planted.features, HeadConfig(precision=1.0))


@pytest.fixture(scope="module")
def pool(head: RewardHead) -> Pool:
    random = np.random.default_rng(4)
    return Pool(random.normal(size=(60, len(head.weights))), random.integers(0, 12, 60))


def test_quadrature_agrees_with_sampling_the_posterior(head: RewardHead, pool: Pool) -> None:
    random = np.random.default_rng(0)
    weights = random.multivariate_normal(head.weights, head.covariance, size=20_000)
    for index in range(5):
        p = head.probabilities(weights @ pool.differences[index])
        mean = p.mean(axis=0)
        expected = entropy(mean) - entropy(p).mean()
        assert bald(pool, head, 0)[index] == pytest.approx(expected, abs=2e-3)
        assert uncertainty(pool, head, 0)[index] == pytest.approx(entropy(mean), abs=5e-3)


def test_entropy_is_highest_when_nothing_is_known() -> None:
    assert entropy(np.full((1, 3), 1 / 3))[0] == pytest.approx(np.log(3))
    assert entropy(np.array([[1.0, 0.0, 0.0]]))[0] == 0


def test_d_optimal_is_the_gain_in_log_determinant(head: RewardHead, pool: Pool) -> None:
    precision = np.linalg.inv(head.covariance)
    for index in range(5):
        x = pool.differences[index]
        p = head.probabilities(np.array([x @ head.weights]))[0]
        information = (p[0] + p[1] - (p[0] - p[1]) ** 2) / 4
        gained = np.linalg.slogdet(precision + information * np.outer(x, x))[1]
        expected = gained - np.linalg.slogdet(precision)[1]
        assert d_optimal(pool, head, 0)[index] == pytest.approx(expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_utilities_do_not_depend_on_the_order_of_a_pair(
    head: RewardHead, pool: Pool, name: str
) -> None:
    swapped = Pool(-pool.differences, pool.prompts)
    assert FUNCTIONS[name](pool, head, 1) == pytest.approx(FUNCTIONS[name](swapped, head, 1))
    assert np.isfinite(FUNCTIONS[name](pool, head, 1)).all()


def test_the_most_useful_are_taken_beside_a_control_arm(pool: Pool) -> None:
    utilities = np.arange(60.0)
    chosen = select(
        pool.prompts, utilities, size=20, control_share=0.2, seed=1, per_prompt=60
    )  # fmt: skip
    assert (len(chosen.acquired), len(chosen.control)) == (16, 4)
    assert not set(chosen.acquired) & set(chosen.control)
    left = [k for k in range(59, -1, -1) if k not in chosen.control]
    assert list(chosen.acquired) == left[:16]


def test_the_control_arm_does_not_look_at_utilities(pool: Pool) -> None:
    one, other = (
        select(pool.prompts, utilities, size=20, control_share=0.5, seed=9, per_prompt=3)
        for utilities in (np.arange(60.0), -np.arange(60.0))
    )
    assert one.control == other.control


def test_no_prompt_takes_more_than_its_share(pool: Pool) -> None:
    chosen = select(pool.prompts, np.ones(60), size=60, control_share=0.3, seed=1, per_prompt=2)
    taken = pool.prompts[list(chosen.acquired + chosen.control)]
    assert np.bincount(taken).max() <= 2
