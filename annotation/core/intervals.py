"""Shares of a count, with the interval that belongs to them."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share in 0..1 of `n` cases with its interval; None where there is no case."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def wilson(successes: float, n: int, *, confidence: float = 0.95) -> Proportion:
    """The share `successes / n` with Wilson's score interval.

    `successes` may be a sum of shares in 0..1 (of an item's other annotators, say): these vary
    less than yes and no, so the interval is then wider than it need be, never narrower.

    Source: Wilson (1927), Probable inference, Journal of the American Statistical Association 22.
    """
    if n == 0:
        return Proportion(None, None, None, 0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Proportion(share, min(low, share), max(high, share), n)
