"""How likely one person's judgment is right, from all that is known of them, with its uncertainty.

The model is Dawid and Skene's with one coin per person: whoever is right with probability q agrees
- with a known answer with probability q,
- with their own answer to the same comparison with probability q^2 + c (1 - q)^2,
- with another person of quality p with probability q p + c (1 - q)(1 - p),
where c is the chance that two wrong answers are the same. What is right is what the leads say
(gold) and what people who agree with each other say. The posterior of q is computed on a grid from
a uniform prior, so that few cases give a wide interval and none gives no figure.

Source: Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
algorithm, Applied Statistics 28(1); the grid as in Gelman et al. (2013), Bayesian Data Analysis,
section 3.7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion

Floats = NDArray[np.float64]

GRID = 512
CHUNK = 2_000
LEAST_SURE = 1e-9
METHOD = "one-coin Dawid-Skene posterior on a grid, uniform prior, equal-tailed 95% interval"


@dataclass(frozen=True, slots=True)
class Cases:
    """How many of `n` cases went well; a case may count in part (a ranking's share of pairs)."""

    right: float = 0.0
    n: int = 0


NO_CASES = Cases()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one person, by where it comes from."""

    gold: Cases = NO_CASES
    repeats: Cases = NO_CASES
    agreement: Cases = NO_CASES

    @property
    def n(self) -> int:
        return self.gold.n + self.repeats.n + self.agreement.n


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people with whom somebody is compared.

    quality: the chance that a judgment of theirs is right, on average.
    same_error: the chance that two wrong answers are the same; 1 for pairs without ties.
    """

    quality: float = 0.75
    same_error: float = 1.0


def crowd_of(*, agreement: Cases, answers: Sequence[int]) -> Crowd:
    """The crowd whose members agree that often and give each possible answer that often.

    Wrong answers are taken to spread evenly over the other answers; how many answers there are in
    effect is the inverse of Simpson's concentration, so that a tie that hardly anybody gives hardly
    counts. The quality solves p^2 + c (1 - p)^2 = agreement for the p that is better than chance.

    Source: Simpson (1949), Measurement of diversity, Nature 163.
    """
    total = sum(answers)
    if not total or not agreement.n:
        return Crowd()
    effective = 1 / sum((count / total) ** 2 for count in answers)
    same = min(1.0, 1 / max(effective - 1, LEAST_SURE))
    share = min(agreement.right / agreement.n, 1.0)
    # (1 + c) p^2 - 2 c p + c - share = 0
    inside = max(same * same - (1 + same) * (same - share), 0.0)
    return Crowd(quality=min((same + sqrt(inside)) / (1 + same), 1.0), same_error=same)


def quality_scores(
    people: Sequence[Evidence], crowd: Crowd, *, confidence: float = 0.95
) -> list[Proportion]:
    """For each person the mean of the posterior and its equal-tailed interval; `n` counts cases.

    Cost: people times grid points; 10,000 people take about half a second.

    Raises:
        Invalid: where more cases went well than there were.
    """
    found: list[Proportion] = []
    for start in range(0, len(people), CHUNK):
        found += _chunk(people[start : start + CHUNK], crowd, confidence)
    return found


def median_interval(
    values: Sequence[float], *, confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """The median with its interval between order statistics; None without values.

    Source: Conover (1999), Practical nonparametric statistics, 3rd edition, section 3.2, with the
    normal approximation of the binomial; below six values it spans them all.
    """
    if not values:
        return None
    ordered = np.sort(np.asarray(values, dtype=float))
    n, z = len(ordered), NormalDist().inv_cdf(0.5 + confidence / 2)
    reach = z * sqrt(n) / 2
    low = max(int(np.floor(n / 2 - reach)) - 1, 0)
    high = min(int(np.ceil(n / 2 + reach)), n - 1)
    return float(np.median(ordered)), float(ordered[low]), float(ordered[high])


def longest_run(choices: Sequence[int | None]) -> int:
    """The most times in a row that the same thing was chosen; None (a tie) ends a run."""
    longest = current = 0
    last: int | None = None
    for choice in choices:
        current = 0 if choice is None else current + 1 if choice == last else 1
        last = choice
        longest = max(longest, current)
    return longest


def run_chance(*, n: int, run: int, slots: int = 2) -> float:
    """The chance that `n` choices at random among `slots` hold a run of `run` or more.

    Source: Schilling (1990), The longest run of heads, The College Mathematics Journal 21(3); a run
    of any of the slots of length r is a run of r - 1 "same as the one before".
    """
    if run <= 1 or n == 0:
        return 1.0 if n >= run else 0.0
    if run > n:
        return 0.0
    same = 1 / slots
    # Of n - 1 steps, each "same" with chance 1/slots: no run of run - 1 of them.
    need = run - 1
    without = np.ones(n)  # without[m]: m steps hold no such run
    for m in range(need, n):
        ends_here = same**need
        without[m] = (
            without[m - 1] - ends_here * (1 - same) * without[m - need - 1]
            if m > need
            else 1 - ends_here
        )
    return float(1 - without[n - 1])


def _chunk(people: Sequence[Evidence], crowd: Crowd, confidence: float) -> list[Proportion]:
    q = (np.arange(GRID) + 0.5) / GRID
    chances = (
        q,
        q * q + crowd.same_error * (1 - q) ** 2,
        q * crowd.quality + crowd.same_error * (1 - q) * (1 - crowd.quality),
    )
    counts = np.array(
        [
            [(cases.right, cases.n) for cases in (one.gold, one.repeats, one.agreement)]
            for one in people
        ],
        dtype=float,
    ).reshape(-1, 3, 2)
    if (counts[:, :, 0] > counts[:, :, 1] + LEAST_SURE).any() or (counts < 0).any():
        raise Invalid("More cases went well than there were.")
    log = np.zeros((len(people), GRID))
    for at, chance in enumerate(chances):
        sure = np.clip(chance, LEAST_SURE, 1 - LEAST_SURE)
        right, n = counts[:, at, :1], counts[:, at, 1:]
        log += right * np.log(sure) + (n - right) * np.log1p(-sure)
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    low, high = (_quantile(weights, at) for at in ((1 - confidence) / 2, (1 + confidence) / 2))
    means = weights @ q
    return [
        Proportion(float(mean), float(min(a, mean)), float(max(b, mean)), one.n)
        if one.n
        else Proportion(None, None, None, 0)
        for one, mean, a, b in zip(people, means, low, high, strict=True)
    ]


def _quantile(weights: Floats, at: float) -> Floats:
    """(P,) quantiles of (P, GRID) weights, each cell's weight spread evenly over the cell."""
    below = np.cumsum(weights, axis=1)
    cell = (below < at).sum(axis=1).clip(max=weights.shape[1] - 1)
    rows = np.arange(len(weights))
    before = below[rows, cell] - weights[rows, cell]
    inside = (at - before) / np.maximum(weights[rows, cell], LEAST_SURE)
    return np.asarray((cell + inside.clip(0, 1)) / weights.shape[1])
