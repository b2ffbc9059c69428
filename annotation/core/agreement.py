"""Do annotators agree? Coefficients of agreement from sparse ratings, with intervals.

Ratings are triples (unit, annotator, value) in three arrays; nobody has to have rated everything.
What each coefficient is, and its source, stands in `coefficients`; `agreement_figures` gives all of
them at once, side by side, with a sentence where they part.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from annotation.core import coefficients
from annotation.core.agreement_readings import parting
from annotation.core.coefficients import Coefficient, Floats, Level, Weighting
from annotation.core.errors import Invalid
from annotation.core.estimates import (
    NO_OVERLAP,
    ONE_ITEM,
    Basis,
    Estimate,
    Over,
    Sample,
    basis_of,
    certain,
    estimate,
    estimate_of,
    gathered,
)
from annotation.core.intervals import Proportion, wilson
from annotation.core.ratings import Bools, Ints, Ratings, Table, numbered, ratings_from, tabulate
from annotation.core.resampling import Resampling

__all__ = [
    "Agreement",
    "AnnotatorAgreement",
    "Estimate",
    "Level",
    "Ratings",
    "UnitAgreement",
    "agreement_between",
    "agreement_figures",
    "annotator_agreement",
    "brennan_prediger",
    "cohen_kappa",
    "fleiss_kappa",
    "gwet_ac",
    "krippendorff_alpha",
    "percent_agreement",
    "ratings_from",
    "unit_agreement",
]


@dataclass(frozen=True, slots=True)
class AnnotatorAgreement:
    """How often an annotator gives the value that another annotator of the same unit gave."""

    annotator_id: int
    agreement: Proportion


@dataclass(frozen=True, slots=True)
class UnitAgreement:
    """The share of a unit's pairs of ratings, `n` of them, that give the same value."""

    unit_id: int
    n: int
    agreement: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Every coefficient of the same ratings. `parting` says why alpha and AC differ, if they do.

    `commonest` is the value given most often and `commonest_share` its part of the ratings.
    """

    percent: Estimate
    alpha: Estimate
    ac: Estimate
    fleiss: Estimate
    brennan_prediger: Estimate
    commonest: int | None
    commonest_share: float | None
    parting: str


def agreement_figures(
    ratings: Ratings,
    *,
    seed: int,
    level: Level = "nominal",
    categories: Iterable[int] | None = None,
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Agreement:
    """All coefficients on one level of measurement, each with its interval.

    Args:
        level: what alpha takes the values for; the others are weighted to match (nominal: not at
            all; ordinal: ordinal; interval: quadratic; ratio: ratio weights).
        categories: every value that could have been given; by default those that were.
        over: what the interval allows to be others: the items, or the annotators as well.

    Raises:
        Invalid: where an annotator rated a unit twice, or there are over 20 different values.
    """
    how = Resampling(seed, resamples, confidence)
    table = tabulate(ratings, categories=categories)
    weighting = coefficients.WEIGHTING_OF_LEVEL[level]

    def measured(coefficient: Coefficient) -> Estimate:
        return estimate(table, coefficient, how, over=over)

    percent = measured(coefficients.percent(table.values))
    alpha = measured(coefficients.alpha(table.values, level))
    ac = measured(coefficients.corrected(table.values, "gwet", weighting))
    commonest, share = _commonest(table)
    return Agreement(
        percent=certain(percent, confidence),
        alpha=alpha,
        ac=ac,
        fleiss=measured(coefficients.corrected(table.values, "fleiss", weighting)),
        brennan_prediger=measured(
            coefficients.corrected(table.values, "brennan-prediger", weighting)
        ),
        commonest=commonest,
        commonest_share=share,
        parting=parting(alpha, ac, percent.value, share),
    )


def krippendorff_alpha(
    ratings: Ratings,
    *,
    seed: int,
    level: Level = "nominal",
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Krippendorff's alpha: 1 is perfect agreement, 0 what chance gives, below 0 the contrary.

    The interval says how far the figure would move with other items (or groups of items) judged by
    the same annotators, or, over both, with other annotators too.

    Raises:
        Invalid: where an annotator rated a unit twice, or there are over 20 different values.
    """
    table = tabulate(ratings)
    how = Resampling(seed, resamples, confidence)
    return estimate(table, coefficients.alpha(table.values, level), how, over=over)


def percent_agreement(
    ratings: Ratings,
    *,
    seed: int,
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """The chance that two annotators of a random unit give it the same value (0..1).

    Where all agree, or none do, nothing varies to resample: the interval is then Wilson's.
    """
    table = tabulate(ratings)
    how = Resampling(seed, resamples, confidence)
    found = estimate(table, coefficients.percent(table.values), how, over=over)
    return certain(found, confidence)


def gwet_ac(
    ratings: Ratings,
    *,
    seed: int,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Gwet's AC1, or with weights AC2: steady where one answer is far more common than others."""
    table = tabulate(ratings, categories=categories)
    how = Resampling(seed, resamples, confidence)
    coefficient = coefficients.corrected(table.values, "gwet", weighting)
    return estimate(table, coefficient, how, over=over)


def fleiss_kappa(
    ratings: Ratings,
    *,
    seed: int,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Fleiss' kappa, in the form that allows units with different numbers of ratings."""
    table = tabulate(ratings, categories=categories)
    how = Resampling(seed, resamples, confidence)
    coefficient = coefficients.corrected(table.values, "fleiss", weighting)
    return estimate(table, coefficient, how, over=over)


def brennan_prediger(
    ratings: Ratings,
    *,
    seed: int,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    over: Over = "items",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Brennan and Prediger's kappa: chance is that of answers drawn evenly from all values."""
    table = tabulate(ratings, categories=categories)
    how = Resampling(seed, resamples, confidence)
    coefficient = coefficients.corrected(table.values, "brennan-prediger", weighting)
    return estimate(table, coefficient, how, over=over)


def cohen_kappa(
    ratings: Ratings,
    *,
    first: int,
    second: int,
    seed: int,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """Cohen's (weighted) kappa of two annotators, named by their ids, on the units of both.

    Raises:
        Invalid: where the two are the same, or one of them rated a unit twice.
    """
    return agreement_between(
        ratings, firsts=[first], seconds=[second], seed=seed, weighting=weighting,
        categories=categories, resamples=resamples, confidence=confidence, name="Cohen's kappa",
    )  # fmt: skip


def agreement_between(
    ratings: Ratings,
    *,
    firsts: Iterable[int],
    seconds: Iterable[int],
    seed: int,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
    name: str = "Kappa between two groups",
) -> Estimate:
    """Kappa of two groups of annotators: people and LLM judges, two pools, or one and one.

    A unit that both groups rated adds a table that sums to 1: the share of each value in the one
    group by its share in the other. Agreement within a group plays no part. With one annotator in
    each it is Cohen's kappa. The interval is over items, or groups of items.

    Source: Vanbelle and Albert (2009), Psychometrika 74, for two groups of raters.

    Raises:
        Invalid: where a person is in both groups, or rated a unit twice.
    """
    sides = (_members(firsts), _members(seconds))
    if np.intersect1d(*sides).size:
        raise Invalid("The two groups have a member in common.", hint="Compare separate groups.")
    everyone = np.concatenate(sides)
    own = ratings.where(np.isin(ratings.annotators, everyone))
    table = tabulate(own, categories=categories)
    is_first = np.isin(table.annotators, sides[0])[table.annotator_of]
    sums, clusters, basis = _between(table, is_first)
    w = coefficients.agreement_weights(table.values, weighting)
    size = len(table.values)
    coefficient = Coefficient(
        f"{name} ({weighting} weights)" if weighting != "identity" else name,
        "nominal" if weighting == "identity" else "interval",
        lambda counts: counts.astype(float),
        lambda totals: coefficients.kappas(totals.reshape(-1, size, size), w),
    )
    note = basis.why_not
    sample = None if note else Sample(*gathered(sums, clusters))
    how = Resampling(seed, resamples, confidence)
    return estimate_of(sample, coefficient, how, basis=basis, note=note)


def annotator_agreement(
    ratings: Ratings, *, confidence: float = 0.95
) -> tuple[AnnotatorAgreement, ...]:
    """Each annotator with the rest, in the order of their ids; n counts units that both rated.

    A unit contributes the share of its other annotators who gave the same value.
    """
    table = tabulate(ratings)
    pattern = table.pattern_of_unit[table.unit_of]
    others = table.patterns.sum(axis=1)[pattern] - 1
    kept = others > 0
    same = table.patterns[pattern[kept], table.value_of[kept]] - 1
    ids, annotator_of = numbered(table.annotators[table.annotator_of[kept]])
    sums = np.bincount(annotator_of, weights=same / others[kept])
    return tuple(
        AnnotatorAgreement(int(key), wilson(float(total), int(n), confidence=confidence))
        for key, total, n in zip(ids, sums, np.bincount(annotator_of), strict=True)
    )


def unit_agreement(ratings: Ratings) -> tuple[UnitAgreement, ...]:
    """Each unit that two or more rated, the most contested first, and of these the most rated."""
    table = tabulate(ratings)
    m = table.patterns.sum(axis=1)
    same = (table.patterns * (table.patterns - 1)).sum(axis=1)
    pairs = (m * (m - 1))[table.pattern_of_unit]
    shares = same[table.pattern_of_unit] / np.maximum(pairs, 1)
    order = np.lexsort((table.units, -pairs, shares))
    return tuple(
        UnitAgreement(int(table.units[at]), int(pairs[at]) // 2, float(shares[at]))
        for at in order
        if pairs[at]
    )


def _commonest(table: Table) -> tuple[int | None, float | None]:
    counts = np.bincount(table.value_of, minlength=len(table.values))
    if counts.sum() == 0:
        return None, None
    most = int(counts.argmax())
    return int(table.values[most]), float(counts[most] / counts.sum())


def _members(ids: Iterable[int]) -> Ints:
    return np.unique(np.array(list(ids), dtype=np.int64))


def _between(table: Table, is_first: Bools) -> tuple[Floats, Ints, Basis]:
    """(S, C * C) tables of the units that both groups rated, their clusters, and their counts."""
    size, n_units = len(table.values), len(table.pattern_of_unit)
    cells = table.unit_of * size + table.value_of
    counts = [
        np.bincount(cells[side], minlength=n_units * size).reshape(n_units, size).astype(float)
        for side in (is_first, ~is_first)
    ]
    totals = [side.sum(axis=1) for side in counts]
    both = (totals[0] > 0) & (totals[1] > 0)
    rows, columns = (
        side[both] / total[both, None] for side, total in zip(counts, totals, strict=True)
    )
    clusters = np.flatnonzero(both)
    if table.cluster_of_unit is not None:
        clusters = table.cluster_of_unit[both]
    sums = (rows[:, :, None] * columns[:, None, :]).reshape(int(both.sum()), size * size)
    kept = both[table.unit_of]
    return sums, clusters, _between_basis(table, kept, both)


def _between_basis(table: Table, kept: Bools, both: Bools) -> Basis:
    basis = basis_of(table)
    why_not = basis.why_not
    if len(both) and not both.any():
        why_not = NO_OVERLAP if len(table.annotators) > 1 else why_not
    return Basis(
        n_units=int(both.sum()),
        n_ratings=int(kept.sum()),
        n_annotators=len(np.unique(table.annotator_of[kept])),
        n_alone=int((~both).sum()),
        why_not=why_not or (ONE_ITEM if both.sum() == 1 else ""),
        is_uniform=basis.is_uniform,
        what=basis.what,
    )
