"""Rankings with ties: against enumeration of every order, and finite differences."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from rewardmodel.core.likelihood import davidson_log_chances
from rewardmodel.core.plackett_luce import (
    Rankings,
    choices_of,
    order_log_chance,
    ranking_terms,
    ranking_value,
)

REWARDS = np.array([0.7, -0.4, 1.3, 0.1])
DELTAS = np.array([-0.6, -1.1])


def weak_orders(size: int) -> list[list[list[int]]]:
    """Every order of the items with ties: each assignment of places that leaves none empty."""
    found = []
    for places in product(range(size), repeat=size):
        if set(places) == set(range(max(places) + 1)):
            levels = range(max(places) + 1)
            found.append([[i for i, p in enumerate(places) if p == level] for level in levels])
    return found


def plainly(rewards: np.ndarray, order: list[list[int]], deltas: np.ndarray) -> float:
    """Equation 4 of Firth, Kosmidis and Turner with worths, subsets listed one by one."""
    worth, delta = np.exp(rewards), np.append(1.0, np.exp(deltas))
    remaining, chance = [item for group in order for item in group], 1.0

    def strength(chosen: list[int]) -> float:
        return float(delta[len(chosen) - 1] * np.prod(worth[chosen]) ** (1 / len(chosen)))

    for group in order:
        subsets = [
            [item for item, is_in in zip(remaining, mask, strict=True) if is_in]
            for mask in product([0, 1], repeat=len(remaining))
        ]
        total = sum(strength(s) for s in subsets if 0 < len(s) <= len(delta))
        chance *= strength(group) / total
        remaining = [item for item in remaining if item not in group]
    return chance


@pytest.mark.parametrize("size", [2, 3, 4])
def test_it_is_the_published_model_for_every_order(size: int) -> None:
    rewards, total = REWARDS[:size], 0.0
    for order in weak_orders(size):
        if max(map(len, order)) > len(DELTAS) + 1:
            continue
        chance = np.exp(order_log_chance(rewards, order, DELTAS))
        assert chance == pytest.approx(plainly(rewards, order, DELTAS))
        total += chance
    assert total == pytest.approx(1)


def test_two_items_are_davidsons() -> None:
    eta = np.array([-0.6])
    orders = ([[0], [1]], [[1], [0]], [[0, 1]])
    found = [order_log_chance(REWARDS[:2], order, eta) for order in orders]
    assert found == pytest.approx(davidson_log_chances(REWARDS[:1] - REWARDS[1:2], -0.6)[0])


def test_without_ties_it_is_plackett_and_luces() -> None:
    worth = np.exp(REWARDS)
    for order in permutations(range(4)):
        left, chance = worth.sum(), 1.0
        for item in order:
            chance, left = chance * worth[item] / left, left - worth[item]
        found = order_log_chance(REWARDS, [[item] for item in order], np.zeros(0))
        assert np.exp(found) == pytest.approx(chance)


def some_rankings() -> Rankings:
    groups = np.array([[0, 1, 2, 3], [1, 0, 0, 2], [0, 0, 0, 1], [2, 1, 0, 0]])
    return Rankings(
        np.tile(np.arange(4), (4, 1)), groups, np.array([1.0, 0.5, 2.0, 1.0]), np.arange(4),
        np.arange(4),
    )  # fmt: skip


def test_derivatives_are_those_of_the_value() -> None:
    rankings = some_rankings()
    choices = choices_of(rankings, rankings.largest_tie)
    point = np.concatenate([np.random.default_rng(2).normal(size=16), DELTAS])

    def value(x: np.ndarray) -> float:
        return ranking_value(choices, x[:16].reshape(4, 4), x[16:])

    def gradient(x: np.ndarray) -> np.ndarray:
        terms = ranking_terms(choices, x[:16].reshape(4, 4), x[16:])
        return np.concatenate([terms.by_reward.ravel(), terms.by_delta])

    assert gradient(point) == pytest.approx(approx_fprime(point, value, 1e-7), abs=1e-5)
    slopes = np.array([
        (gradient(point + step) - gradient(point - step)) / 2e-5
        for step in 1e-5 * np.eye(len(point))
    ])  # fmt: skip
    terms = ranking_terms(choices, point[:16].reshape(4, 4), point[16:])
    for row in range(4):
        own = slice(4 * row, 4 * row + 4)
        assert terms.reward_curvature[row] == pytest.approx(slopes[own, own], abs=1e-6)
        assert terms.cross[row] == pytest.approx(slopes[own, 16:], abs=1e-6)
    assert terms.delta_curvature == pytest.approx(slopes[16:, 16:], abs=1e-6)
    assert terms.value == pytest.approx(value(point))


def test_a_larger_tie_than_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="a tie of 3 items"):
        choices_of(some_rankings(), 2)


def test_nobody_ranked() -> None:
    nothing = some_rankings().where(np.zeros(4, dtype=bool))
    assert nothing.largest_tie == 1
    assert ranking_value(choices_of(nothing, 1), np.zeros((0, 4)), np.zeros(0)) == 0
