"""Figures over votes with intervals over prompts: votes on one prompt stand and fall together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.core.resampling import Resampling, corrected_interval
from rewardmodel.core.pairs import FIRST, TIE, Floats, Votes

FEW_PROMPTS = 5
SMALLEST_CHANCE = 1e-12
METHOD = "95% bootstrap over prompts, corrected for bias, skewness and few prompts"
NO_VOTE = "There is no such vote on these prompts yet."


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with its interval and what it rests on; `value` is None where `note` says why."""

    value: float | None
    low: float | None
    high: float | None
    n_votes: int
    n_prompts: int
    note: str = ""

    @property
    def is_above(self) -> bool:
        """Whether the whole interval lies above nought."""
        return self.low is not None and self.low > 0

    @property
    def is_below(self) -> bool:
        """Whether the whole interval lies below nought."""
        return self.high is not None and self.high < 0


def log_losses(probabilities: Floats, votes: Votes) -> Floats:
    """(n,) negative log of the chance (n, 3) that was given to what each vote said, in nats."""
    chosen = probabilities[np.arange(len(votes)), votes.outcome]
    return np.asarray(-np.log(np.maximum(chosen, SMALLEST_CHANCE)))


def credit(favours: NDArray[np.number], won_first: NDArray[np.bool_]) -> Floats:
    """1 where the favoured side won, 0 where it lost, one half where neither is favoured.

    favours: (n,) positive for the first, negative for the second. won_first: (n,).
    """
    return np.asarray(np.where(favours == 0, 0.5, (favours > 0) == won_first), dtype=float)


def right(probabilities: Floats, votes: Votes) -> Floats:
    """(n,) whether the likelier side won; meant for decided votes."""
    return credit(probabilities[:, 0] - probabilities[:, 1], votes.outcome == FIRST)


def chance_of_first(probabilities: Floats) -> Floats:
    """(n,) chance that the first wins, given that one of them does."""
    either = np.maximum(probabilities[:, :2].sum(axis=1), SMALLEST_CHANCE)
    return np.asarray(probabilities[:, 0] / either)


def decided(votes: Votes) -> NDArray[np.bool_]:
    """(n,) which votes are no ties."""
    return np.asarray(votes.outcome != TIE)


def mean_over_prompts(
    values: Floats, votes: Votes, seed: int, *, confidence: float = 0.95, few: int = FEW_PROMPTS
) -> Figure:
    """The mean of per-vote values (n,), with an interval over prompts, see `METHOD`."""
    if not len(votes):
        return Figure(None, None, None, 0, 0, NO_VOTE)
    prompts, prompt_of = np.unique(votes.prompt, return_inverse=True)
    sums = np.column_stack(
        [np.bincount(prompt_of, weights=values), np.bincount(prompt_of).astype(float)]
    )
    found = corrected_interval(
        sums, np.ones(len(prompts)), _ratio, Resampling(seed, confidence=confidence)
    )
    low, high, note = found.low, found.high, found.note
    if len(prompts) < few:
        low = high = None
        note = f"Only {len(prompts)} prompts: too few for an interval that can be trusted."
    value = float(values.mean())
    return Figure(
        value,
        None if low is None else min(low, value),
        None if high is None else max(high, value),
        len(votes),
        len(prompts),
        note,
    )


def _ratio(totals: Floats) -> Floats:
    return np.asarray(totals[:, 0] / totals[:, 1])
