"""Votes drawn from a reward that is known, so that what is found can be compared with the truth."""

from dataclasses import dataclass

import numpy as np

from rewardmodel.core.pairs import Floats, Ints, Votes


@dataclass(frozen=True)
class Planted:
    """features (N, D), the true reward (N,), votes on pairs of one prompt's rows, lengths (N,)."""

    features: Floats
    reward: Floats
    votes: Votes
    lengths: Ints


def plant(
    *, prompts: int = 40, per_prompt: int = 6, votes: int = 1500, dimensions: int = 8,
    eta: float = -0.5, strength: float = 1.5, seed: int = 0,
) -> Planted:  # fmt: skip
    random = np.random.default_rng(seed)
    size = prompts * per_prompt
    features = random.normal(size=(size, dimensions))
    weights = random.normal(size=dimensions) * strength / np.sqrt(dimensions)
    reward = features @ weights
    prompt_of = np.repeat(np.arange(prompts), per_prompt)
    prompt = random.integers(0, prompts, votes)
    one = random.integers(0, per_prompt, votes)
    other = (one + random.integers(1, per_prompt, votes)) % per_prompt
    first, second = prompt * per_prompt + one, prompt * per_prompt + other
    difference = reward[first] - reward[second]
    chances = np.exp(np.column_stack([difference / 2, -difference / 2, np.full(votes, eta)]))
    chances /= chances.sum(axis=1, keepdims=True)
    outcome = (random.random(votes)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    found = Votes(
        first, second, outcome, np.ones(votes), prompt_of[first], random.integers(0, 20, votes)
    )
    return Planted(features, reward, found, random.integers(1, 500, size))
