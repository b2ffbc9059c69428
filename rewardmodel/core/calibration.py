"""Does 70 % mean 70 %? Reliability before and after one number, the temperature.

The temperature divides reward differences. Source: Guo et al. (2017), On calibration of modern
neural networks, arXiv:1706.04599, sections 2 (expected calibration error) and 4.2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from rewardmodel.core.evaluate import BINS, Bin, calibration_bins
from rewardmodel.core.measures import (
    FEW_PROMPTS,
    Figure,
    chance_of_first,
    credit,
    decided,
    log_losses,
)
from rewardmodel.core.pairs import FIRST, Floats, Ints, Votes

FLOOR, ROOF = 0.1, 10.0
FEWEST_VOTES = 30
RESAMPLES, DRAWS = 1000, 30

Chances = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Expected calibration error with its interval, and the bins it is summed over.

    `by_chance` is the error that a perfectly calibrated model would show on so few votes.
    """

    error: Figure
    by_chance: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Without and with the temperature, on the same decided votes."""

    before: Reliability
    after: Reliability
    temperature: float | None
    note: str = ""


def reliability(probabilities: Floats, votes: Votes, *, seed: int) -> Reliability:
    """Calibration of chances (n, 3) on the decided ones of n votes."""
    part = decided(votes)
    chance, won = chance_of_first(probabilities[part]), votes.outcome[part] == FIRST
    return Reliability(
        error=_error(chance, won, votes.where(part), seed),
        by_chance=_error_by_chance(chance, seed),
        bins=calibration_bins(chance, won),
    )


def best_temperature(difference: Floats, chances: Chances, votes: Votes) -> float:
    """The divisor of reward differences (n,) with the least log-loss on the n votes."""

    def loss(log_temperature: float) -> float:
        given = chances(difference / np.exp(log_temperature))
        return float((log_losses(given, votes) * votes.weight).sum())

    found = minimize_scalar(loss, bounds=(np.log(FLOOR), np.log(ROOF)), method="bounded")
    return float(np.exp(found.x))


def crossed_temperature(
    difference: Floats, chances: Chances, votes: Votes, *, seed: int, folds: int = 5
) -> tuple[Floats, float | None]:
    """Chances (n, 3), each vote's temperature chosen on other prompts; and that of all votes.

    With too few votes or prompts chances stay as they are, and there is no temperature.
    """
    prompts = np.unique(votes.prompt)
    if len(votes) < FEWEST_VOTES or len(prompts) < FEW_PROMPTS:
        return chances(difference), None
    np.random.default_rng(seed).shuffle(prompts)
    found = np.zeros((len(votes), 3))
    for part in np.array_split(prompts, min(folds, len(prompts))):
        mask = np.isin(votes.prompt, part)
        warmth = best_temperature(difference[~mask], chances, votes.where(~mask))
        found[mask] = chances(difference[mask] / warmth)
    return found, best_temperature(difference, chances, votes)


def _error(chance: Floats, won: np.ndarray, votes: Votes, seed: int) -> Figure:
    """Interval by a bootstrap over prompts; each resample is binned and summed anew.

    Resampling adds noise of its own to a sum of absolute gaps, so the interval is moved to the
    estimate by what the resamples lie above it on average.
    """
    prompts, prompt_of = np.unique(votes.prompt, return_inverse=True)
    if not len(votes):
        return Figure(None, None, None, 0, 0, "There is no decided vote on these prompts yet.")
    value = expected_error(chance, won)
    if len(prompts) < FEW_PROMPTS:
        note = f"Only {len(prompts)} prompts: too few for an interval that can be trusted."
        return Figure(value, None, None, len(votes), len(prompts), note)
    random = np.random.default_rng(abs(seed))
    size = len(prompts)
    counts = random.multinomial(size, np.full(size, 1 / size), size=RESAMPLES).astype(float)
    place, gap = _gaps(chance, won)
    sums = np.bincount(prompt_of * BINS + place, weights=gap, minlength=size * BINS)
    drawn = np.abs(counts @ sums.reshape(size, BINS)).sum(axis=1) / (
        counts @ np.bincount(prompt_of)
    )
    low, high = np.quantile(drawn - (drawn.mean() - value), [0.025, 0.975])
    return Figure(
        value, max(0.0, min(float(low), value)), max(float(high), value), len(votes), len(prompts)
    )


def expected_error(chance: Floats, won: np.ndarray) -> float:
    """Mean gap between what was said and what came true over ten bins of the favourite's chance."""
    place, gap = _gaps(chance, won)
    return float(np.abs(np.bincount(place, weights=gap)).sum() / len(chance))


def _gaps(chance: Floats, won: np.ndarray) -> tuple[Ints, Floats]:
    """(n,) bins of the favourite's chance, and whether it won minus that chance."""
    confidence = np.maximum(chance, 1 - chance)
    hit = credit(chance - 0.5, won)
    place = np.clip(((confidence - 0.5) * 2 * BINS).astype(np.int64), 0, BINS - 1)
    return place, np.asarray(hit - confidence)


def _error_by_chance(chance: Floats, seed: int) -> float | None:
    """Mean error where every vote falls as often as was said: what n alone makes of it."""
    if not len(chance):
        return None
    random = np.random.default_rng([abs(seed), 2])
    drawn = [expected_error(chance, random.random(len(chance)) < chance) for _ in range(DRAWS)]
    return float(np.mean(drawn))
