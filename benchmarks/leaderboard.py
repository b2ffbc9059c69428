"""Narrowing the leaderboard: the crowd study's 8,931 votes replayed, batch by batch.

Votes needed until Kendall's tau with the ranking that all votes give is 0.9, in the mean over
seeds: by the pairs that narrowing chooses, and by votes drawn at random. Both rank by what all
votes are expected to give; beside it stands Bradley-Terry on the votes that are in, and when tau
*stays* at 0.9, which a single replay's noise decides. Which vote on a pair comes is chance; the
interval is a bootstrap over seeds, and chance is random against random.
"""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, of_samples

if TYPE_CHECKING:
    from alignui.acquisition_study.leaderboard import Curves
    from rewardmodel.core.pairs import Floats, Ints

# Not the seeds that it was built with.
FIRST_SEED = 1_000
SEEDS, SEEDS_SHORT = 20, 1
BATCH, BATCH_SHORT = 100, 600
GOAL = 0.30
DRAWS = 1_000


def measure(*, short: bool) -> list[Figure]:
    """The short form is of one seed, in large batches."""
    from alignui.acquisition_study.leaderboard import reached, replays, stays

    seeds = range(FIRST_SEED, FIRST_SEED + (SEEDS_SHORT if short else SEEDS))
    batch = BATCH_SHORT if short else BATCH
    chosen = replays(seeds, by_function=True, batch=batch)
    random = replays(seeds, by_function=False, batch=batch)
    late, late_random = stays(chosen.votes, chosen.tau), stays(random.votes, random.tau)
    return [
        Figure("votes needed by narrowing", reached(chosen.votes, chosen.tau), "votes",
               baseline=reached(random.votes, random.tau), baseline_name="random votes",
               n=len(seeds)),
        _saved("votes saved by narrowing", chosen, random, plain=False, goal=not short),
        _saved("votes saved, ranked by the votes so far alone", chosen, random, plain=True),
        of_samples("votes until tau stays", late.tolist(), "votes",
                   baseline=float(np.median(late_random)), baseline_name="random votes"),
    ]  # fmt: skip


def _saved(
    name: str, chosen: "Curves", random: "Curves", *, plain: bool, goal: bool = False
) -> Figure:
    """With its 95 % interval, and what random saves against random in 95 of 100."""
    from alignui.acquisition_study.leaderboard import reached

    mine, others = (chosen.plain, random.plain) if plain else (chosen.tau, random.tau)
    draws = np.random.default_rng(0)
    count = len(mine)

    def drawn(votes: "Ints", curves: "Floats", rows: "Ints") -> float:
        return reached(votes, curves[rows])

    saved, chance = np.empty(DRAWS), np.empty(DRAWS)
    for place in range(DRAWS):
        rows, again = draws.integers(0, count, (2, count))
        by_chance = drawn(random.votes, others, rows)
        saved[place] = 1 - drawn(chosen.votes, mine, rows) / by_chance
        chance[place] = 1 - drawn(random.votes, others, again) / by_chance
    low, high = (float(each) for each in np.quantile(saved, [0.025, 0.975]))
    value = 1 - reached(chosen.votes, mine) / reached(random.votes, others)
    return Figure(
        name, float(value), "share", goal=GOAL if goal else None, better="higher", n=count,
        min=low, max=high,
        detail=f"Random against random saves up to {np.quantile(chance, 0.95):.0%} (95 of 100).",
    )  # fmt: skip
