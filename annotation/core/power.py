"""What would have been found? The smallest effect that these data promise to show.

Source: Bloom (1995), Minimum detectable effects, Evaluation Review 19(5); the threshold under a
false discovery rate after Benjamini and Hochberg (1995), JRSS B 57.
"""

from collections.abc import Sequence

from scipy.special import stdtrit


def detectable(error: float, df: float, *, alpha: float, power: float) -> float:
    """The smallest effect, on the scale of its standard error, found with this `power`."""
    return float(error * (stdtrit(df, 1 - alpha / 2) + stdtrit(df, power)))


def threshold_of_next(adjusted: Sequence[float | None], *, rate: float) -> float:
    """The p-value that one more audit would have needed to be a discovery among these.

    `adjusted` are p-values by Benjamini and Hochberg; None was no test. With R discoveries among m
    tests, one more p-value is a discovery where it is at most rate x (R + 1) / m.
    """
    tests = [p for p in adjusted if p is not None]
    found = sum(p <= rate for p in tests)
    return rate * min(found + 1, max(len(tests), 1)) / max(len(tests), 1)
