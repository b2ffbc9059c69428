"""Figures over votes with intervals over prompts: votes on one prompt stand and fall together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotation.core.resampling import (
    HARDLY_DIFFER,
    Resampling,
    corrected_interval,
    gradient,
)
from annotation.core.resampling import Figure as Formula
from rewardmodel.core.pairs import FIRST, TIE, Floats, Votes

FEW_PROMPTS = 5
SMALLEST_CHANCE = 1e-12
MANY_PROMPTS = 200
METHOD = (
    "95% bootstrap over prompts, corrected for bias, skewness and few prompts; from 200 prompts on "
    "Student's t by the prompts' influence"
)
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
    low, high, note = interval_over(sums, _ratio, seed, confidence=confidence)
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


def interval_over(
    sums: Floats, figure: Formula, seed: int, *, confidence: float = 0.95
) -> tuple[float | None, float | None, str]:
    """Low, high and a note for a smooth figure of sums (P, d) that one row a prompt adds up to.

    From 200 prompts on the figure is as good as normal: its interval is that of Student's t by each
    prompt's linear influence, which costs nothing. With fewer it is a corrected bootstrap.
    """
    size = len(sums)
    if size < MANY_PROMPTS:
        found = corrected_interval(sums, np.ones(size), figure, Resampling(seed, 1000, confidence))
        return found.low, found.high, found.note
    value, error = linear_error(sums, figure)
    if not np.isfinite(value) or error <= 0:
        return None, None, HARDLY_DIFFER
    reach = float(stdtrit(size - 1, 0.5 + confidence / 2)) * error
    return value - reach, value + reach, ""


def linear_error(sums: Floats, figure: Formula) -> tuple[float, float]:
    """A figure of summed rows (P, d), and its standard error by their linear influence."""
    size = len(sums)
    totals = sums.sum(axis=0)
    pulls = (sums - totals / size) @ gradient(figure, totals)
    error = float(np.sqrt((pulls**2).sum() * size / (size - 1)))
    return float(figure(totals[None])[0]), error


def _ratio(totals: Floats) -> Floats:
    return np.asarray(totals[:, 0] / totals[:, 1])
