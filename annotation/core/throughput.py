"""How fast judgments come in, and when the last will be there, with how sure one can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy.stats import chi2


@dataclass(frozen=True, slots=True)
class Rate:
    """Judgments an hour with its 95 % interval, from `n` judgments in `hours`."""

    per_hour: float
    low: float
    high: float
    n: int
    hours: float

    def hours_for(self, wanted: int) -> tuple[float, float, float | None]:
        """Hours until `wanted` more are there: as estimated, soonest, and latest where bounded."""
        latest = wanted / self.low if self.low > 0 else None
        return wanted / self.per_hour, wanted / self.high, latest


def rate(counts: Sequence[int], hours: float, *, level: float = 0.95) -> Rate | None:
    """The rate of events counted in equal parts of a time of so many hours; None without any.

    The interval is the exact one of a Poisson count (Garwood 1936) for as many independent events
    as the count is worth: people come and go, so counts vary more than chance alone. That excess
    is Pearson's statistic over its degrees of freedom (McCullagh and Nelder 1989, section 6.2),
    never taken below 1.

    Raises:
        ValueError: where the time is not positive.
    """
    if hours <= 0:
        raise ValueError("A rate needs a time that is longer than nothing.")
    n = sum(counts)
    if n == 0:
        return None
    excess = dispersion(counts)
    events, tail = n / excess, (1 - level) / 2
    low = chi2.ppf(tail, 2 * events) / 2
    high = chi2.ppf(1 - tail, 2 * events + 2) / 2
    return Rate(n / hours, low * excess / hours, high * excess / hours, n, hours)


def dispersion(counts: Sequence[int]) -> float:
    """How many times as much as a Poisson count varies; 1 where it cannot be told or is less."""
    if len(counts) < 2:
        return 1.0
    mean = fmean(counts)
    if mean == 0:
        return 1.0
    return max(1.0, sum((count - mean) ** 2 for count in counts) / mean / (len(counts) - 1))
