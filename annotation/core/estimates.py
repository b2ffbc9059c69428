"""Figures of agreement that never travel alone: interval, counts, and words where there is none."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse

from annotation.core.coefficients import Coefficient, Floats, Level
from annotation.core.intervals import wilson
from annotation.core.ratings import Ints, Table, numbered
from annotation.core.resampling import Crossed, Resampling, corrected_interval

Over = Literal["items", "items and annotators"]

NOTHING = "Nothing has been judged yet."
ONE_ANNOTATOR = "Only one annotator has judged so far; agreement needs at least two."
NO_OVERLAP = "No item has been judged by two annotators yet; raise the overlap to measure this."
ONE_ITEM = "Only one item has been judged by two annotators; that is too few."
ALL_THE_SAME = "Every answer is the same, so agreement beyond chance cannot be told."
NOT_DEFINED = "These answers leave nothing to compare with chance, so no figure can be given."


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that never travels alone. `value` is None where none can be given; `note` says why.

    `n_units`, `n_ratings` and `n_annotators` count what the figure rests on: units that two or more
    rated. `n_alone` units had one rating and could not be compared. `missing` is the share of the
    ratings, of these units by these annotators, that were not given; None where there are none.
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
    n_alone: int = 0
    missing: float | None = None


@dataclass(frozen=True, slots=True)
class Basis:
    """The counts of an estimate, and why there can be none ("" where there can)."""

    n_units: int
    n_ratings: int
    n_annotators: int
    n_alone: int
    why_not: str
    is_uniform: bool
    what: str = "items"

    @property
    def missing(self) -> float | None:
        cells = self.n_units * self.n_annotators
        return 1 - self.n_ratings / cells if cells else None


@dataclass(frozen=True, slots=True)
class Sample:
    """What is resampled: (S, d) sums of each kind of cluster, and (S,) how many there are."""

    sums: Floats
    times: Floats
    crossed: Crossed | None = None


def basis_of(table: Table) -> Basis:
    """Count what can be compared."""
    sizes = table.patterns.sum(axis=1)
    units = np.bincount(table.pattern_of_unit, minlength=len(sizes))
    is_pairable = (sizes > 1)[table.pattern_of_unit]
    is_all = bool(is_pairable.all())
    compared = table.annotator_of if is_all else table.annotator_of[is_pairable[table.unit_of]]
    n_units = int(units[sizes > 1].sum())
    n_used = int((table.patterns[sizes > 1].sum(axis=0) > 0).sum())
    return Basis(
        n_units=n_units,
        n_ratings=len(compared),
        n_annotators=int((np.bincount(compared) > 0).sum()),
        n_alone=len(table.pattern_of_unit) - n_units,
        why_not=_why_not(len(table.annotators), n_units),
        is_uniform=n_used < 2,
        what="items" if table.cluster_of_unit is None else "groups of items",
    )


def estimate(
    table: Table, coefficient: Coefficient, how: Resampling, *, over: Over = "items"
) -> Estimate:
    """A coefficient of the table with its interval; `resamples=0` gives none."""
    basis = basis_of(table)
    note = basis.why_not
    if not note and coefficient.needs_variety and basis.is_uniform:
        note = ALL_THE_SAME
    sample = None if note else sample_of(table, coefficient, is_crossed=over != "items")
    return estimate_of(sample, coefficient, how, basis=basis, note=note, over=over)


def estimate_of(
    sample: Sample | None,
    coefficient: Coefficient,
    how: Resampling,
    *,
    basis: Basis,
    note: str = "",
    over: Over = "items",
) -> Estimate:
    """The figure of all clusters together, its interval, and a note; None of it without sample."""
    value = low = high = None
    if sample is not None:
        found = float(coefficient.figure((sample.times @ sample.sums)[None])[0])
        value = found if np.isfinite(found) else None
        note = "" if value is not None else NOT_DEFINED
    if sample is not None and value is not None and how.resamples:
        interval = corrected_interval(
            sample.sums, sample.times, coefficient.figure, how, crossed=sample.crossed
        )
        low, high, note = interval.low, interval.high, interval.note
    what = basis.what + (" and annotators" if over != "items" else "")
    return Estimate(
        value=value,
        low=None if low is None or value is None else min(low, value),
        high=None if high is None or value is None else min(1.0, max(high, value)),
        n_units=basis.n_units,
        n_ratings=basis.n_ratings,
        n_annotators=basis.n_annotators,
        level=coefficient.level,
        method=f"{coefficient.name}; {how.confidence:.0%} bootstrap (BCa) over {what}",
        resamples=how.resamples,
        seed=how.seed,
        note=note,
        n_alone=basis.n_alone,
        missing=basis.missing,
    )


def sample_of(table: Table, coefficient: Coefficient, *, is_crossed: bool = False) -> Sample:
    """The clusters that the coefficient can use, and the annotators' part in them if crossed."""
    statistics = coefficient.statistics(table.patterns)
    counts = np.bincount(table.pattern_of_unit, minlength=len(statistics)).astype(float)
    is_used = table.patterns.sum(axis=1) >= (1 if coefficient.counts_single else 2)
    crossed = _crossed(table, coefficient, statistics) if is_crossed else None
    if table.cluster_of_unit is None:
        return Sample(statistics[is_used], counts[is_used], crossed)
    kept = is_used[table.pattern_of_unit]
    clusters = numbered(table.cluster_of_unit[kept])[1]
    sums = _summed(statistics, table.pattern_of_unit[kept], clusters)
    return Sample(sums, np.ones(len(sums)), crossed)


def certain(percent: Estimate, confidence: float) -> Estimate:
    """Agreement of 0 or 1 everywhere has no spread to resample, which is not to be certain."""
    if percent.value not in (0, 1) or not percent.resamples:
        return percent
    share = wilson(percent.value * percent.n_units, percent.n_units, confidence=confidence)
    note = "Wilson's interval: every item is alike, so resampling them would show no spread."
    return replace(percent, low=share.low, high=share.high, note=note)


def gathered(sums: Floats, clusters: Ints) -> tuple[Floats, Floats]:
    """Sums by cluster; clusters with the same sums become one kind."""
    found, of = numbered(clusters)
    if len(found) < len(sums):
        joined = np.zeros((len(found), sums.shape[1]))
        np.add.at(joined, of, sums)
        sums = joined
    kinds, times = np.unique(sums, axis=0, return_counts=True)
    return kinds, times.astype(float)


def _crossed(table: Table, coefficient: Coefficient, statistics: Floats) -> Crossed:
    """What the sums lose with a rating depends on its pattern and value alone."""
    n_values = table.patterns.shape[1]
    kinds = table.pattern_of_unit[table.unit_of] * n_values + table.value_of
    found, kind_of = numbered(kinds)
    pattern, value = np.divmod(found, n_values)
    without = table.patterns[pattern]
    without[np.arange(len(found)), value] -= 1
    cells = statistics[pattern] - coefficient.statistics(without)
    shares = _summed(cells, kind_of, table.annotator_of)
    if table.cluster_of_unit is None:
        return Crossed(shares, cells, np.bincount(kind_of).astype(float))
    people = len(table.annotators)
    meeting = table.cluster_of_unit[table.unit_of] * people + table.annotator_of
    both = _summed(cells, kind_of, numbered(meeting)[1])
    return Crossed(shares, both, np.ones(len(both)))


def _summed(rows: Floats, row_of: Ints, group_of: Ints) -> Floats:
    """(G, d): the rows of each group together, where `row_of` and `group_of` are (n,)."""
    where = (group_of, row_of)
    shape = (int(group_of.max()) + 1, len(rows))
    held = sparse.coo_array((np.ones(len(row_of)), where), shape=shape).tocsr()
    return np.asarray(held @ rows)


def _why_not(n_everyone: int, n_units: int) -> str:
    if n_everyone == 0:
        return NOTHING
    if n_everyone == 1:
        return ONE_ANNOTATOR
    return NO_OVERLAP if n_units == 0 else ONE_ITEM if n_units == 1 else ""
