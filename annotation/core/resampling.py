"""Cluster bootstrap for figures that are functions of sums: one matrix product, no loops."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]

FEW_CLUSTERS = 20
CHUNK_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Resampling:
    """How an interval was drawn; the same numbers give the same interval."""

    seed: int
    resamples: int = 1000
    confidence: float = 0.95


def percentile_interval(
    sums: Floats, times: Floats, figure: Figure, how: Resampling
) -> tuple[float | None, float | None, str]:
    """Low, high and a note on the interval (no interval: why not; few clusters: a warning).

    Args:
        sums: (S, d), what one cluster of each kind adds to the sufficient statistics.
        times: (S,), how many clusters of each kind there are. Drawing among kinds by frequency
            equals drawing among clusters, and is far cheaper where many are alike.
        figure: (R, d) totals to (R,) figures, NaN where a figure is not defined.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    clusters = int(times.sum())
    if clusters < 2:
        return None, None, "All items belong to one group, so no interval can be given."
    drawn = _draws(times, sums.shape[1], how)
    figures = np.concatenate([figure(counts @ sums) for counts in drawn])
    figures = figures[np.isfinite(figures)]
    if len(figures) < 0.9 * how.resamples:
        return None, None, "The answers hardly differ, so no interval can be given."
    tail = (1 - how.confidence) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    rough = f"Only {clusters} items or groups could be resampled: the interval is rough."
    return float(low), float(high), rough if clusters < FEW_CLUSTERS else ""


def _draws(times: Floats, width: int, how: Resampling) -> Iterator[Floats]:
    """How often each of S kinds is drawn, (R, S), in chunks that stay small in memory."""
    random = np.random.default_rng(abs(how.seed))
    clusters = int(times.sum())
    step = max(1, CHUNK_CELLS // max(len(times), width))
    for start in range(0, how.resamples, step):
        size = min(step, how.resamples - start)
        yield random.multinomial(clusters, times / clusters, size=size).astype(float)
