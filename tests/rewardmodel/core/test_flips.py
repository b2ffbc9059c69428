"""Flipped votes are found where there are some, and not where there are none or too few."""

import numpy as np
import pytest

from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.flips import FEWEST_VOTES, Flips, measure_flips
from rewardmodel.core.pairs import Votes

WIDTH = 4


def measured(flips: float, *, votes: int = 1_500, prompts: int = 60, seed: int = 5) -> Flips:
    """Votes of people who flip that many, held against weights that are known well."""
    random = np.random.default_rng(seed)
    beliefs = Beliefs(random.normal(size=WIDTH), np.eye(WIDTH) / 1e6, -0.5)
    x = 2 * random.normal(size=(votes, WIDTH))
    people = Beliefs(beliefs.weights, beliefs.covariance, beliefs.eta, flips=flips)
    chances = people.probabilities(x @ beliefs.weights)
    outcome = (random.random(votes)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    rows = np.arange(votes)
    return measure_flips(
        beliefs, x, Votes(rows, rows, outcome, np.ones(votes), rows % prompts, rows), seed=seed
    )


def test_flips_are_found_with_an_interval_over_prompts() -> None:
    found = measured(0.15)
    assert found.value == pytest.approx(0.15, abs=0.04)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.15 < found.high < 0.25
    assert found.believed == found.value
    assert (found.n_votes, found.n_prompts) == (1_500, 60)
    assert measured(0.15) == found


def test_where_nobody_flips_none_are_believed() -> None:
    believed = [measured(0.0, votes=400, seed=seed).believed for seed in range(40)]
    assert sum(share > 0 for share in believed) <= 4


@pytest.mark.parametrize(("votes", "prompts"), [(0, 60), (FEWEST_VOTES - 1, 60), (1_500, 19)])
def test_too_few_tell_nothing(votes: int, prompts: int) -> None:
    found = measured(0.2, votes=votes, prompts=prompts)
    assert (found.value, found.low, found.high, found.believed) == (None, None, None, 0.0)
