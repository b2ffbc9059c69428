"""Cluster bootstrap for figures that are functions of sums: one matrix product, no loops."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]

FEW_CLUSTERS = 20
FEW_ANNOTATORS = 10
CHUNK_CELLS = 4_000_000
ONE_GROUP = "All items belong to one group, so no interval can be given."
HARDLY_DIFFER = "The answers hardly differ, so no interval can be given."


@dataclass(frozen=True, slots=True)
class Resampling:
    """How an interval was drawn; the same numbers give the same interval."""

    seed: int
    resamples: int = 1000
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Low and high are None where `note` says why; a note beside numbers is a warning."""

    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Crossed:
    """The part that annotators have in each statistic, where they are a sample as items are.

    shares: (A, d), what the sums lose without an annotator's ratings.
    cells: (K, d), what they lose without one annotator's ratings of one cluster, for K kinds.
    times: (K,), how many of each kind there are.
    """

    shares: Floats
    cells: Floats
    times: Floats


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
        return None, None, ONE_GROUP
    drawn = _draws(times, sums.shape[1], how)
    figures = np.concatenate([figure(counts @ sums) for counts in drawn])
    figures = figures[np.isfinite(figures)]
    if len(figures) < 0.9 * how.resamples:
        return None, None, HARDLY_DIFFER
    tail = (1 - how.confidence) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    return float(low), float(high), _rough(clusters)


def corrected_interval(
    sums: Floats,
    times: Floats,
    figure: Figure,
    how: Resampling,
    *,
    crossed: Crossed | None = None,
) -> Interval:
    """A bootstrap interval corrected for bias, skewness (BCa) and few clusters.

    The arguments are those of `percentile_interval`. The acceleration comes from the figure's
    linear influence; the tails are those of Student's distribution, since a bootstrap of n
    clusters varies like ``(n - 1) / n`` of what it estimates.

    With `crossed` annotators are drawn as well as clusters of items. What both draws contain (the
    noise of the single rating) is taken out of the annotators' part, so that it counts once:
    ``V = V(items) + V(annotators) - V(ratings)``.

    Sources: Efron (1987), Journal of the American Statistical Association 82; Hesterberg (2015),
    The American Statistician 69, section 4 (tails); Cameron, Gelbach and Miller (2011), Journal of
    Business and Economic Statistics 29 (two-way clustering).
    """
    clusters = int(times.sum())
    if clusters < 2:
        return Interval(None, None, ONE_GROUP)
    if crossed is not None and len(crossed.shares) < 3:
        return Interval(None, None, "With two annotators no interval over annotators can be given.")
    totals = times @ sums
    value = float(figure(totals[None])[0])
    slope = gradient(figure, totals)
    of_items = (sums - totals / clusters) @ slope
    of_people = np.zeros(0) if crossed is None else _own_influence(crossed, slope)
    drawn = _draws(times, sums.shape[1], how)
    figures = np.concatenate([figure(counts @ sums) for counts in drawn])
    figures = figures + _people_draws(of_people, how)
    figures = figures[np.isfinite(figures)]
    if len(figures) < 0.9 * how.resamples or np.ptp(figures) < 1e-12:
        return Interval(None, None, HARDLY_DIFFER)
    spread = _Spread(of_items, times, of_people)
    low, high = np.quantile(figures, _tails(figures, value, spread, how.confidence))
    few = "" if crossed is None else _few_people(len(crossed.shares))
    notes = [note for note in (_rough(clusters), few) if note]
    return Interval(float(low), float(high), " ".join(notes))


def gradient(figure: Figure, totals: Floats) -> Floats:
    """(d,) derivatives of a smooth figure with respect to its sums, by central differences."""
    step = 1e-5 * max(float(np.abs(totals).max()), 1e-9)
    moves = np.eye(len(totals)) * step
    slope = (figure(totals + moves) - figure(totals - moves)) / (2 * step)
    return np.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)


@dataclass(frozen=True, slots=True)
class _Spread:
    """Influences of clusters, (S,) with how often each occurs, and of annotators, (A,)."""

    of_items: Floats
    times: Floats
    of_people: Floats

    @property
    def variances(self) -> tuple[float, float]:
        return float(self.times @ self.of_items**2), float((self.of_people**2).sum())

    @property
    def acceleration(self) -> float:
        total = sum(self.variances)
        cubes = float(self.times @ self.of_items**3) + float((self.of_people**3).sum())
        return cubes / (6 * total**1.5) if total > 0 else 0.0

    @property
    def freedom(self) -> float:
        """Degrees of freedom after Satterthwaite: few annotators count as much as their part."""
        items, people = self.variances
        clusters, persons = float(self.times.sum()), len(self.of_people)
        slack = items**2 / (clusters - 1) + (people**2 / (persons - 1) if persons > 1 else 0.0)
        return (items + people) ** 2 / slack if slack > 0 else clusters - 1


def _tails(figures: Floats, value: float, spread: _Spread, confidence: float) -> Floats:
    """The shares of the draws at which the interval ends."""
    below = np.mean(figures < value) + np.mean(figures == value) / 2
    shift = float(special.ndtri(np.clip(below, 0.15, 0.85)))
    clusters = spread.times.sum()
    reach = special.stdtrit(spread.freedom, (1 + confidence) / 2) * np.sqrt(
        clusters / (clusters - 1)
    )
    ends = shift + np.array([-reach, reach])
    skew = float(np.clip(spread.acceleration, -0.2, 0.2))
    return np.asarray(special.ndtr(shift + ends / np.maximum(1 - skew * ends, 0.1)))


def _own_influence(crossed: Crossed, slope: Floats) -> Floats:
    """(A,) what each annotator moves the figure by, less what single ratings would anyway.

    Agreement is of pairs, and each annotator is also among the others whom the rest are compared
    with: that shrinks deviations from their mean by ``(A - 2) / (A - 1)``, which is made up for.
    """
    people = len(crossed.shares)
    moves = crossed.shares @ slope
    moves = moves - moves.mean()
    noise = float(crossed.times @ (crossed.cells @ slope) ** 2)
    total = float((moves**2).sum()) * people / (people - 1)
    left = max(0.0, total - noise) / total if total > 0 else 0.0
    grown = np.sqrt(people / (people - 1)) * (people - 1) / (people - 2)
    return np.asarray(moves * np.sqrt(left) * grown)


def _people_draws(of_people: Floats, how: Resampling) -> Floats | float:
    """(R,) how much the figure moves with other annotators; 0 where they are not drawn."""
    if not of_people.any():
        return 0.0
    random = np.random.default_rng([abs(how.seed), 1])
    people = len(of_people)
    counts = random.multinomial(people, np.full(people, 1 / people), size=how.resamples)
    return np.asarray((counts - 1.0) @ of_people)


def _draws(times: Floats, width: int, how: Resampling) -> Iterator[Floats]:
    """How often each of S kinds is drawn, (R, S), in chunks that stay small in memory."""
    random = np.random.default_rng(abs(how.seed))
    clusters = int(times.sum())
    step = max(1, CHUNK_CELLS // max(len(times), width))
    for start in range(0, how.resamples, step):
        size = min(step, how.resamples - start)
        yield random.multinomial(clusters, times / clusters, size=size).astype(float)


def _rough(clusters: int) -> str:
    if clusters >= FEW_CLUSTERS:
        return ""
    return f"Only {clusters} items or groups could be resampled: the interval is rough."


def _few_people(annotators: int) -> str:
    if annotators >= FEW_ANNOTATORS:
        return ""
    return f"Only {annotators} annotators took part: what others would say is a rough guess."
