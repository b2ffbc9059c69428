"""The share of votes that went one way, with an interval that knows votes of one person are alike.

Source: Liang and Zeger (1986), Biometrika 73, for the variance that is given here.
"""

from dataclasses import dataclass
from math import log, sqrt

from scipy.special import expit, stdtr, stdtrit

from annotation.core.intervals import wilson

POWER = 0.8
FEW_ANNOTATORS = 10


@dataclass(frozen=True, slots=True)
class LogOdds:
    value: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClusteredShare:
    """A share of `n` votes by `n_annotators`; None where it cannot be told.

    `p_value` tests the share against one half; `detectable` is the smallest shift from one half
    that would have shown with 80 % power.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_annotators: int
    p_value: float | None
    detectable: float | None
    log_odds: LogOdds
    note: str = ""


def share_of(
    share: float,
    variance: float,
    *,
    n: int,
    n_annotators: int,
    df: float,
    confidence: float = 0.95,
) -> ClusteredShare:
    """A share strictly between 0 and 1 whose cluster-robust variance is known.

    Votes that repel each other are still counted as varying like independent ones.
    """
    spread = sqrt(max(variance, share * (1 - share) / n))
    centre, error = log(share / (1 - share)), spread / (share * (1 - share))
    reach = float(stdtrit(df, 0.5 + confidence / 2)) * error
    null_error = spread * sqrt(0.25 / (share * (1 - share)))
    least = float(stdtrit(df, 0.5 + confidence / 2) + stdtrit(df, POWER)) * null_error
    return ClusteredShare(
        value=share,
        low=float(expit(centre - reach)),
        high=float(expit(centre + reach)),
        n=n,
        n_annotators=n_annotators,
        p_value=float(2 * stdtr(df, -abs(centre) / error)),
        detectable=min(least, 0.5),
        log_odds=LogOdds(centre, centre - reach, centre + reach),
        note=_caution(n_annotators),
    )


def one_sided_share(share: float, n: int, n_annotators: int, confidence: float) -> ClusteredShare:
    """All votes went one way: log-odds are infinite, and each annotator counts as one vote."""
    count = n_annotators if n_annotators > 1 else n
    bounds = wilson(share * count, count, confidence=confidence)
    note = "All decided votes went one way, so each annotator was counted as one vote."
    return ClusteredShare(
        value=share,
        low=bounds.low,
        high=bounds.high,
        n=n,
        n_annotators=n_annotators,
        p_value=min(1.0, 2 * 0.5**count),
        detectable=None,
        log_odds=LogOdds(),
        note=note if n_annotators > 1 else _caution(1),
    )


def _caution(n_annotators: int) -> str:
    if n_annotators == 1:
        return "One annotator: this tells about that person only."
    if n_annotators < FEW_ANNOTATORS:
        return f"Only {n_annotators} annotators: the interval is rough."
    return ""
