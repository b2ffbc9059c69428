"""Narrowing the leaderboard: the crowd study's 8,931 votes replayed, batch by batch.

Votes needed until Kendall's tau with the ranking that all votes give is 0.9 and stays there: by the
pairs of policies that are still open, and by pairs drawn at random. Which vote on a pair comes is
chance; the interval is over seeds.
"""

import numpy as np

from benchmarks.figures import Figure, of_samples

SEEDS, SEEDS_SHORT = 20, 1
GOAL = 0.30


def measure(*, short: bool) -> list[Figure]:
    """The short form is of one seed."""
    from alignui.acquisition_study.leaderboard import votes_saved

    seeds = range(SEEDS_SHORT if short else SEEDS)
    chosen, random = votes_saved(seeds)
    shares = 1 - chosen / random
    value = float(1 - chosen.mean() / random.mean())
    draws = np.random.default_rng(0).integers(0, len(shares), size=(1000, len(shares)))
    drawn = 1 - chosen[draws].mean(axis=1) / random[draws].mean(axis=1)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    return [
        of_samples("votes needed by narrowing", chosen.tolist(), "votes",
                   baseline=float(np.median(random)), baseline_name="random pairs"),
        Figure("votes saved by narrowing", value, "share", goal=None if short else GOAL,
               better="higher", n=len(shares), min=low, max=high),
    ]  # fmt: skip
