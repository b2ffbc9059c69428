"""Rank correlation within prompts: Spearman's on one prompt, and blind to their levels."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from rewardmodel.core.look_of_reward import within_prompts


def test_it_is_spearmans_on_one_prompt_and_says_that_one_is_few() -> None:
    random = np.random.default_rng(1)
    rewards, lengths = random.normal(size=30), random.normal(size=30)
    found = within_prompts("length", rewards, np.zeros(30, int), lengths, seed=1)
    assert found.value == pytest.approx(spearmanr(rewards, lengths).statistic)
    assert found.low is None
    assert "1 prompts" in found.note


def test_levels_of_prompts_do_not_count() -> None:
    """Between prompts reward and length rise together; within each they fall."""
    prompts = np.repeat(np.arange(20), 5)
    within = np.tile(np.arange(5.0), 20)
    found = within_prompts("length", 100.0 * prompts - within, prompts, 100.0 * prompts + within,
                           seed=1)  # fmt: skip
    assert found.value == pytest.approx(-1)


def test_the_interval_holds_nought_where_there_is_no_relation() -> None:
    random = np.random.default_rng(3)
    prompts = np.repeat(np.arange(60), 4)
    found = within_prompts(
        "length", random.normal(size=240), prompts, random.normal(size=240), seed=1
    )
    assert found.low < 0 < found.high
    assert (found.n_responses, found.n_prompts) == (240, 60)


def test_equal_amounts_and_single_responses_say_nothing() -> None:
    found = within_prompts("bold", np.arange(4.0), np.array([1, 1, 2, 3]), np.ones(4), seed=1)
    assert found.value is None
    assert found.note
