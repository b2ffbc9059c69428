"""Calibration: a wrong temperature is found again, the error is nought where it should be."""

import numpy as np
import pytest

from rewardmodel.core.calibration import (
    best_temperature,
    crossed_temperature,
    expected_error,
    reliability,
)
from rewardmodel.core.pairs import Floats, Votes


def chances(difference: Floats) -> Floats:
    """Davidson's chances with a tie strength of 0.3."""
    weights = np.column_stack(
        [np.exp(difference / 2), np.exp(-difference / 2), np.full(len(difference), 0.3)]
    )
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def drawn(n: int = 6000, prompts: int = 60) -> tuple[Floats, Votes]:
    """Differences, and votes that fall just as `chances` says."""
    random = np.random.default_rng(2)
    difference = random.normal(0, 1.5, n)
    outcome = (random.random(n)[:, None] > chances(difference).cumsum(axis=1)).sum(axis=1)
    rows = np.arange(n)
    votes = Votes(2 * rows, 2 * rows + 1, outcome, np.ones(n), rows % prompts, rows % 7)
    return difference, votes


def test_a_temperature_is_found_again_and_mends_the_chances() -> None:
    difference, votes = drawn()
    assert best_temperature(3 * difference, chances, votes) == pytest.approx(3, rel=0.06)
    mended, temperature = crossed_temperature(3 * difference, chances, votes, seed=1)
    assert temperature == pytest.approx(3, rel=0.06)
    before = reliability(chances(3 * difference), votes, seed=1)
    after = reliability(mended, votes, seed=1)
    assert before.error.low > 0.08
    assert after.error.value < 0.03
    assert after.error.value < 2 * after.by_chance


def test_too_few_votes_get_no_temperature() -> None:
    difference, votes = drawn(20)
    found, temperature = crossed_temperature(difference, chances, votes, seed=1)
    assert temperature is None
    assert np.allclose(found, chances(difference))


def test_the_error_is_a_weighted_mean_of_gaps() -> None:
    chance = np.array([0.6, 0.6, 0.9, 0.1])
    won = np.array([True, False, True, False])
    # Two at 0.6 of which half come true; two at 0.9 (once as 0.1 of the first) that all do.
    assert expected_error(chance, won) == pytest.approx((2 * 0.1 + 2 * 0.1) / 4)


def test_few_prompts_get_a_figure_without_an_interval() -> None:
    difference, votes = drawn(40, prompts=3)
    found = reliability(chances(difference), votes, seed=1)
    assert found.error.low is None
    assert "3 prompts" in found.error.note
    nothing = votes.where(np.zeros(40, bool))
    assert reliability(np.zeros((0, 3)), nothing, seed=1).error.value is None
