"""The share of votes that went one way, with an interval that knows votes of one person are alike.

Source: Liang and Zeger (1986), Biometrika 73; two clusterings: Cameron, Gelbach and Miller (2011),
Journal of Business & Economic Statistics 29(2).
"""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, stdtr, stdtrit

from annotation.core.intervals import wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

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


def clustered_share(
    won: NDArray[np.bool_], clusterings: list[Ints], confidence: float
) -> ClusteredShare:
    """The share of votes won, tested against one half on the log-odds scale.

    `clusterings` holds the annotators first and may hold the items second.
    """
    n, n_annotators = len(won), len(np.unique(clusterings[0]))
    if n == 0:
        return ClusteredShare(None, None, None, 0, 0, None, None, LogOdds())
    share = float(won.mean())
    if share in {0.0, 1.0}:
        return one_sided_share(share, n, n_annotators, confidence)
    residuals = (won.astype(np.float64) - share)[:, None]
    variance = float(cluster_variance(residuals, clusterings)[0, 0]) / n**2
    df = degrees_of_freedom(clusterings, n)
    return share_of(share, variance, n=n, n_annotators=n_annotators, df=df, confidence=confidence)


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


def cluster_variance(scores: Floats, clusterings: list[Ints]) -> Floats:
    """(d, d) variance of the summed (n, d) scores, robust to one or two clusterings.

    A single cluster has no variance between clusters: its votes then count as independent.
    """
    if len(clusterings) == 1:
        return _one_way_variance(scores, clusterings[0])
    first, second = clusterings
    both = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)[1].reshape(-1)
    one, other = _one_way_variance(scores, first), _one_way_variance(scores, second)
    two_way = one + other - _one_way_variance(scores, both)
    return two_way if np.linalg.eigvalsh(two_way).min() > 0 else one + other


def _one_way_variance(scores: Floats, clusters: Ints) -> Floats:
    _, cluster_of = np.unique(clusters, return_inverse=True)
    count = int(cluster_of.max()) + 1
    if count < 2:
        return np.asarray(scores.T @ scores)
    sums = np.column_stack([np.bincount(cluster_of, weights=column) for column in scores.T])
    return np.asarray(sums.T @ sums * count / (count - 1))


def degrees_of_freedom(clusterings: list[Ints], n: int) -> int:
    fewest = min(len(np.unique(clusters)) for clusters in clusterings)
    return fewest - 1 if fewest > 1 else max(n - 1, 1)
