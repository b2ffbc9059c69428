"""Do annotators agree? Chance-corrected agreement from sparse ratings, with intervals.

Ratings are triples (unit, annotator, value) in three arrays; nobody has to have rated everything.
Units with one rating say nothing about agreement and are left out; every count returned is of the
ratings that remain ("pairable", in Krippendorff's word).

Source: Krippendorff (2018), Content Analysis, 4th edition, chapter 12.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion, wilson
from annotation.core.preferences import Verdict
from annotation.core.rankings import implied_pairs
from annotation.core.resampling import Figure, Floats, Resampling, percentile_interval

Level = Literal["nominal", "ordinal", "interval"]
Ints = NDArray[np.int64]

MOST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Ratings:
    """Who gave which value to which unit: three int64 arrays of shape (n,).

    `clusters`, shape (n,), names the prompt (or other source) that each rating's unit comes from,
    where units are not independent; the bootstrap then draws clusters. By default units.
    """

    units: Ints
    annotators: Ints
    values: Ints
    clusters: Ints | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that never travels alone. `value` is None where none can be given; `note` says why.

    `n_units`, `n_ratings` and `n_annotators` count what the figure rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    n_units: int
    n_ratings: int
    n_annotators: int
    level: Level
    method: str
    resamples: int
    seed: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """How often an annotator gives the value that another annotator of the same unit gave."""

    annotator_id: int
    agreement: Proportion


def ratings_from(
    verdicts: Iterable[Verdict], *, with_strength: bool = False, by_prompt: bool = False
) -> Ratings:
    """Each implied pair of each comparison as a unit, rated -1, 0 or 1 (the first of it is better).

    With strength a pair is rated -3..3: use it on the ordinal or interval level. The pairs of one
    comparison form a cluster, or all those of its prompt.
    """
    keys: dict[tuple[int, int, int], int] = {}
    rows = [
        (
            keys.setdefault((verdict.comparison_id, i, j), len(keys)),
            verdict.annotator_id,
            outcome * (verdict.strength or 1 if with_strength else 1),
            verdict.prompt_id if by_prompt else verdict.comparison_id,
        )
        for verdict in verdicts
        for i, j, outcome in implied_pairs(verdict.groups)
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Ratings(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def krippendorff_alpha(
    ratings: Ratings,
    *,
    seed: int,
    level: Level = "nominal",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha, ``1 - observed / expected disagreement``, with a bootstrap interval.

    1 is perfect agreement, 0 what chance gives, below 0 systematic disagreement. Disagreement
    between two values is 1 (nominal), the squared difference of their mid-ranks in the pooled
    data (ordinal) or of the values themselves (interval).

    The interval is the percentile interval over resampled clusters. It says how far the figure
    would move with other items judged by the same annotators.

    Raises:
        Invalid: where an annotator rated a unit twice, or there are over 20 different values.
    """
    table = _tabulate(ratings)
    size = len(table.values)
    points = table.values.astype(float)

    def alphas(totals: Floats) -> Floats:
        return _alpha(totals.reshape(-1, size, size), points, level)

    statistics = _coincidences(table.patterns).reshape(len(table.patterns), size * size)
    note = _why_not(table) or (
        "Every answer is the same, so agreement beyond chance cannot be told." if size == 1 else ""
    )
    name = f"Krippendorff's alpha ({level})"
    how = Resampling(seed, resamples, confidence)
    return _estimate(table, statistics, alphas, name=name, note=note, level=level, how=how)


def percent_agreement(
    ratings: Ratings, *, seed: int, resamples: int = 1000, confidence: float = 0.95
) -> Estimate:
    """The chance that two annotators of a random unit give it the same value (0..1)."""
    table = _tabulate(ratings)
    size = table.patterns.sum(axis=1)
    same = (table.patterns * (table.patterns - 1)).sum(axis=1) / np.maximum(size * (size - 1), 1)
    statistics = np.column_stack([same, np.ones(len(same))])

    def means(totals: Floats) -> Floats:
        return np.asarray(totals[:, 0] / totals[:, 1])

    name = "Agreeing pairs of annotators, averaged over items"
    note = _why_not(table)
    how = Resampling(seed, resamples, confidence)
    return _estimate(table, statistics, means, name=name, note=note, level="nominal", how=how)


def annotator_agreement(
    ratings: Ratings, *, confidence: float = 0.95
) -> tuple[AnnotatorAgreement, ...]:
    """Each annotator with the rest, in the order of their ids; n counts units that both rated.

    A unit contributes the share of its other annotators who gave the same value.
    """
    table = _tabulate(ratings)
    if len(table.unit_of) == 0:
        return ()
    counts = table.patterns[table.pattern_of_unit]
    others = counts.sum(axis=1)[table.unit_of] - 1
    agreed = (counts[table.unit_of, table.value_of] - 1) / others
    ids, annotator_of = np.unique(table.annotators, return_inverse=True)
    sums = np.bincount(annotator_of, weights=agreed)
    sizes = np.bincount(annotator_of)
    return tuple(
        AnnotatorAgreement(int(key), wilson(float(total), int(n), confidence=confidence))
        for key, total, n in zip(ids, sums, sizes, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Pairable ratings. Units with the same counts of values share a pattern, computed once.

    Shapes for n ratings of U units in P patterns with C values and K clusters: unit_of,
    value_of, annotators (n,); patterns (P, C); pattern_of_unit, cluster_of_unit (U,); values (C,).
    """

    unit_of: Ints
    value_of: Ints
    annotators: Ints
    values: Ints
    patterns: Ints
    pattern_of_unit: Ints
    cluster_of_unit: Ints
    n_everyone: int
    has_clusters: bool


def _tabulate(ratings: Ratings) -> _Table:
    _refuse_repeats(ratings)
    everyone = len(np.unique(ratings.annotators))
    _, unit, size = np.unique(ratings.units, return_inverse=True, return_counts=True)
    kept = size[unit] >= 2 if len(size) else np.zeros(0, dtype=bool)
    _, unit_of = np.unique(ratings.units[kept], return_inverse=True)
    values, value_of = np.unique(ratings.values[kept], return_inverse=True)
    if len(values) > MOST_VALUES:
        raise Invalid(
            f"There are {len(values)} different values; agreement takes {MOST_VALUES} at most.",
            hint="Group them into fewer steps.",
        )
    n_units, n_values = int(unit_of.max(initial=-1)) + 1, len(values)
    counts = np.bincount(unit_of * n_values + value_of, minlength=n_units * n_values)
    patterns, pattern_of_unit = np.unique(
        counts.reshape(n_units, n_values), axis=0, return_inverse=True
    )
    cluster_of_unit = np.arange(n_units)
    if ratings.clusters is not None:
        cluster_of_unit[unit_of] = np.unique(ratings.clusters[kept], return_inverse=True)[1]
    return _Table(
        unit_of=unit_of,
        value_of=value_of,
        annotators=ratings.annotators[kept],
        values=values,
        patterns=patterns,
        pattern_of_unit=pattern_of_unit.reshape(-1),
        cluster_of_unit=cluster_of_unit,
        n_everyone=everyone,
        has_clusters=len(np.unique(cluster_of_unit)) < n_units,
    )


def _refuse_repeats(ratings: Ratings) -> None:
    pairs = np.column_stack([ratings.units, ratings.annotators])
    if len(np.unique(pairs, axis=0)) < len(pairs):
        raise Invalid(
            "An annotator rated the same item twice.",
            hint="Keep the newest answer of each annotator, or give a repeat its own item.",
        )


def _why_not(table: _Table) -> str:
    if table.n_everyone == 0:
        return "Nothing has been judged yet."
    if table.n_everyone == 1:
        return "Only one annotator has judged so far; agreement needs at least two."
    if len(table.pattern_of_unit) == 0:
        return "No item has been judged by two annotators yet; raise the overlap to measure this."
    if len(table.pattern_of_unit) == 1:
        return "Only one item has been judged by two annotators; that is too few."
    return ""


def _coincidences(patterns: Ints) -> Floats:
    """(P, C, C): how often each pair of values meets in a unit, each unit weighing its ratings."""
    counts = patterns.astype(float)
    meetings = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(patterns.shape[1])
    meetings[:, diagonal, diagonal] -= counts
    return np.asarray(meetings / (counts.sum(axis=1) - 1)[:, None, None])


def _alpha(coincidences: Floats, points: Floats, level: Level) -> Floats:
    """(R,) alphas of (R, C, C) coincidence matrices; NaN where all values are the same."""
    marginals = coincidences.sum(axis=2)
    if level == "ordinal":
        points = marginals.cumsum(axis=1) - marginals / 2
    points = np.broadcast_to(points, marginals.shape)
    distance = (points[:, :, None] - points[:, None, :]) ** 2
    if level == "nominal":
        distance = 1.0 - np.eye(points.shape[1])[None]
    observed = (coincidences * distance).sum(axis=(1, 2))
    chance = marginals[:, :, None] * marginals[:, None, :] * distance
    expected = chance.sum(axis=(1, 2)) / (marginals.sum(axis=1) - 1)
    ratio = np.divide(observed, expected, out=np.full_like(expected, np.nan), where=expected > 0)
    return np.asarray(1 - ratio)


def _estimate(
    table: _Table,
    statistics: Floats,
    figure: Figure,
    *,
    name: str,
    note: str,
    level: Level,
    how: Resampling,
) -> Estimate:
    """The figure of all units and its interval; `statistics` (P, d) are summed over units."""
    value = low = high = None
    if not note:
        sums, times = _clustered(table, statistics)
        value = float(figure((times @ sums)[None])[0])
        low, high, note = percentile_interval(sums, times, figure, how)
    what = "groups of items" if table.has_clusters else "items"
    return Estimate(
        value=value,
        low=None if low is None or value is None else min(low, value),
        high=None if high is None or value is None else max(high, value),
        n_units=len(table.pattern_of_unit),
        n_ratings=len(table.unit_of),
        n_annotators=len(np.unique(table.annotators)),
        level=level,
        method=f"{name}; {how.confidence:.0%} percentile bootstrap over {what}",
        resamples=how.resamples,
        seed=how.seed,
        note=note,
    )


def _clustered(table: _Table, statistics: Floats) -> tuple[Floats, Floats]:
    """What a cluster adds, (S, d), and how many add it, (S,); without clusters, by pattern."""
    if not table.has_clusters:
        return statistics, np.bincount(table.pattern_of_unit).astype(float)
    ones = np.ones(len(table.pattern_of_unit))
    of_cluster = sparse.coo_array((ones, (table.cluster_of_unit, table.pattern_of_unit))).tocsr()
    sums = np.asarray(of_cluster @ statistics)
    return sums, np.ones(len(sums))
