"""Drift: a batch that moved is found, batches of one world are not flagged more than promised."""

import numpy as np

from rewardmodel.core.pairs import Floats, Ints, Votes
from rewardmodel.core.shift import Batch, Shift, has_drift, shifts


def world(
    *, moved: float = 0.0, wrong: float = 0.0, novel: float = 0.0, seed: int = 1
) -> tuple[Shift, ...]:
    """Three batches of 20 prompts with 4 responses; the last one may differ."""
    random = np.random.default_rng(seed)
    prompts: Ints = np.repeat(np.arange(60), 4)
    level = random.normal(size=(60, 6))
    features: Floats = level[prompts] + random.normal(size=(240, 6))
    features[160:] += moved
    novelty = random.random(240)
    novelty[160:][random.random(80) < novel] = 1.0
    n = 1200
    prompt = random.integers(0, 60, n)
    first = 4 * prompt
    sure = random.uniform(0.5, 0.95, n)
    holds = random.random(n) < np.where(prompt >= 40, sure - wrong, sure)
    votes = Votes(first, first + 1, np.where(holds, 0, 1), np.ones(n), prompt, prompt % 5)
    batches = [Batch(k, f"Batch {k}", np.arange(80 * k, 80 * (k + 1))) for k in range(3)]
    return shifts(
        batches, features, prompts, novelty,
        probabilities=np.column_stack([sure, 1 - sure, np.zeros(n)]), votes=votes,
        batch_of=prompt // 20, seed=seed,
    )  # fmt: skip


def test_what_moved_is_named() -> None:
    assert world(moved=1.5)[-1].is_drift == ("features",)
    assert world(wrong=0.3)[-1].is_drift == ("calibration",)
    assert "novelty" in world(novel=0.3)[-1].is_drift
    assert has_drift(world(moved=1.5))


def test_one_world_is_seldom_called_two() -> None:
    assert sum(has_drift(world(seed=seed)) for seed in range(40)) <= 4


def test_the_first_batch_has_nothing_before_it_and_says_so() -> None:
    first = world()[0]
    assert first.distance is None
    assert first.note
    assert shifts([], np.zeros((0, 2)), np.zeros(0, int), np.zeros(0),
                  probabilities=np.zeros((0, 3)), votes=Votes(*[np.zeros(0, int)] * 6),
                  batch_of=np.zeros(0, int), seed=1) == ()  # fmt: skip
