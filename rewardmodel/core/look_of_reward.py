"""Does the reward follow what a response says, or how it looks? Rank correlation within prompts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from rewardmodel.core.measures import FEW_PROMPTS, interval_over
from rewardmodel.core.pairs import Floats, Ints


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rank correlation within prompts of the reward with one amount, with interval."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n_responses: int
    n_prompts: int
    note: str = ""


def correlations(
    rewards: Floats, prompts: Ints, amounts: Mapping[str, Floats], *, seed: int
) -> tuple[Correlation, ...]:
    """Of rewards (N,) of responses to prompts (N,) with each amount (N,); see `within_prompts`."""
    return tuple(
        within_prompts(name, rewards, prompts, values, seed=seed)
        for name, values in amounts.items()
    )


def within_prompts(
    name: str, rewards: Floats, prompts: Ints, amounts: Floats, *, seed: int
) -> Correlation:
    """Ranks within each prompt, centred there and pooled over prompts; interval over prompts.

    Prompts of which only one response is known, or whose responses have equally much, say nothing
    and are left out. Ranks are divided by the prompt's number of responses, so that a prompt with
    many responses weighs by their number and not by its square.
    """
    parts = [
        _sums(rewards[rows], amounts[rows]) for rows in _rows_by_prompt(prompts) if len(rows) > 1
    ]
    known = [part for part in parts if part[1] > 0 and part[2] > 0]
    sums = np.array(known).reshape(-1, 4)
    n = int(sums[:, 3].sum())
    if not len(sums):
        note = "No prompt has responses that differ in this."
        return Correlation(name, None, None, None, 0, 0, note)
    value = float(_pooled(sums.sum(axis=0)[None])[0])
    if len(sums) < FEW_PROMPTS:
        note = f"Only {len(sums)} prompts: too few for an interval that can be trusted."
        return Correlation(name, value, None, None, n, len(sums), note)
    low, high, note = interval_over(sums, _pooled, seed)
    return Correlation(
        name,
        value,
        None if low is None else min(low, value),
        None if high is None else max(high, value),
        n,
        len(sums),
        note,
    )


def _sums(one: Floats, other: Floats) -> tuple[float, float, float, float]:
    """What a prompt adds to the covariance and to both variances of centred ranks, and its n."""
    a, b = (rankdata(values) / len(values) for values in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b), float(a @ a), float(b @ b), float(len(a))


def _pooled(totals: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(totals[:, 0] / np.sqrt(totals[:, 1] * totals[:, 2]))


def _rows_by_prompt(prompts: Ints) -> list[Ints]:
    order = np.argsort(prompts, kind="stable")
    starts = np.flatnonzero(np.diff(prompts[order])) + 1
    return [np.asarray(part) for part in np.split(order, starts)] if len(order) else []
