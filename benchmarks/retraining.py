"""How fast a reward head is fitted to very many pairs, and taught one batch more."""

import os
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figure, of_samples, seconds
from rewardmodel.core.head import HeadConfig, RewardHead, fit_head, update_head
from rewardmodel.core.likelihood import davidson_log_chances
from rewardmodel.core.pairs import Floats, Votes

PAIRS, PAIRS_SHORT = 100_000, 5_000
RESPONSES_PER_PROMPT = 10
FEATURES = 385
BATCH = 100
RETRAIN_GOAL, UPDATE_GOAL = 1.0, 0.1
TIE_STRENGTH = -0.5


def measure(*, short: bool) -> list[Figure]:
    """Planted rewards on random features; every feature has a weight, none is projected away."""
    pairs = PAIRS_SHORT if short else PAIRS
    features, votes = planted(pairs)
    config = HeadConfig(dimensions=FEATURES)
    new = votes.where(np.arange(pairs) >= pairs - BATCH)
    heads: list[RewardHead] = []
    repeats = 2 if short else 5
    fits = _timed(lambda: heads.append(fit_head(votes, features, config)), repeats)
    reduced = HeadConfig(dimensions=128)
    quick = _timed(lambda: fit_head(votes, features, reduced), repeats)
    updates = _timed(lambda: update_head(heads[0], new, features), repeats)
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    size = f"{pairs:,} pairs x {FEATURES} features, threads: {threads}"
    goal = None if short else RETRAIN_GOAL
    return [
        of_samples(f"refit of {size}, prior chosen anew", fits, "s", goal=goal),
        of_samples(f"refit of {size}, 128 axes of them", quick, "s", goal=goal),
        of_samples(f"update after a batch of {BATCH}, {FEATURES} weights", updates, "s",
                   goal=UPDATE_GOAL),
    ]  # fmt: skip


def planted(pairs: int, seed: int = 0) -> tuple[Floats, Votes]:
    """Features (pairs / 5, 385), and votes between responses of one prompt."""
    random = np.random.default_rng(seed)
    prompts = pairs // 5 // RESPONSES_PER_PROMPT
    features = random.normal(size=(prompts * RESPONSES_PER_PROMPT, FEATURES))
    reward = features @ (random.normal(size=FEATURES) * 1.5 / np.sqrt(FEATURES))
    prompt = random.integers(0, prompts, pairs)
    one = random.integers(0, RESPONSES_PER_PROMPT, pairs)
    other = (one + random.integers(1, RESPONSES_PER_PROMPT, pairs)) % RESPONSES_PER_PROMPT
    first, second = prompt * RESPONSES_PER_PROMPT + one, prompt * RESPONSES_PER_PROMPT + other
    chances = np.exp(davidson_log_chances(reward[first] - reward[second], TIE_STRENGTH))
    outcome = (random.random(pairs)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    nobody = np.zeros(pairs, dtype=np.int64)
    return features, Votes(first, second, outcome, np.ones(pairs), prompt, nobody)


def _timed(work: Callable[[], object], repeats: int) -> list[float]:
    return [seconds(work) for _ in range(repeats)]
