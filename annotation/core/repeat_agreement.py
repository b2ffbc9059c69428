"""Do annotators agree with themselves? What they said of an item first, and what they said again.

Nobody can agree with others more than with themselves, so this bounds every other figure.
"""

from dataclasses import dataclass

import numpy as np

from annotation.core.agreement import AnnotatorAgreement
from annotation.core.coefficients import (
    Coefficient,
    Weighting,
    agreement_weights,
    kappas,
)
from annotation.core.estimates import Basis, Estimate, Sample, certain, estimate_of, gathered
from annotation.core.intervals import wilson
from annotation.core.ratings import Bools, Ints, Ratings, numbered
from annotation.core.resampling import Figure, Resampling

NO_REPEATS = "Nobody has judged an item a second time yet; show some items again to measure this."
ONE_REPEAT = "Only one item was judged a second time; that is too few."


@dataclass(frozen=True, slots=True)
class RepeatAgreement:
    """How often a second answer of the same annotator to the same item is the first again.

    `n_ratings` of the estimates counts repeats, and `n_units` the items they are of. kappa is
    Cohen's of first against second answers, all annotators together: chance is what their answers
    would coincide in anyway.
    """

    percent: Estimate
    kappa: Estimate
    by_annotator: tuple[AnnotatorAgreement, ...]


def repeat_agreement(
    ratings: Ratings,
    *,
    seed: int,
    weighting: Weighting = "identity",
    resamples: int = 1000,
    confidence: float = 0.95,
) -> RepeatAgreement:
    """Each answer after an annotator's first to a unit with the one before it.

    `ratings` are in the order in which they were given, repeats among them, amendments not: who
    corrects a slip does not disagree with themselves. The interval is over items (or clusters).
    """
    repeats = _repeats(ratings)
    values, places = numbered(repeats.values.reshape(-1))
    size = len(values)
    first, second = places.reshape(-1, 2).T
    cells = np.zeros((len(first), size * size))
    cells[np.arange(len(first)), first * size + second] = 1
    w = agreement_weights(values, weighting)
    basis = _basis(repeats)
    how = Resampling(seed, resamples, confidence)
    sample = None if basis.why_not else Sample(*gathered(cells, repeats.clusters))

    def measured(name: str, figure: Figure) -> Estimate:
        coefficient = Coefficient(name, "nominal", lambda counts: counts.astype(float), figure)
        return estimate_of(sample, coefficient, how, basis=basis, note=basis.why_not)

    percent = measured(
        "The same answer again",
        lambda totals: np.asarray(totals @ np.eye(size).reshape(-1) / totals.sum(axis=1)),
    )
    kappa = measured(
        "Cohen's kappa of first and second answers",
        lambda totals: kappas(totals.reshape(-1, size, size), w),
    )
    by_annotator = _by_annotator(repeats.annotators, first == second, confidence)
    return RepeatAgreement(certain(percent, confidence), kappa, by_annotator)


@dataclass(frozen=True, slots=True)
class _Repeats:
    """R repeats: annotators, units and clusters (R,), values (R, 2) the earlier answer first."""

    annotators: Ints
    units: Ints
    clusters: Ints
    values: Ints


def _repeats(ratings: Ratings) -> _Repeats:
    order = np.lexsort((np.arange(len(ratings.units)), ratings.annotators, ratings.units))
    units, annotators, values = (
        each[order] for each in (ratings.units, ratings.annotators, ratings.values)
    )
    clusters = units if ratings.clusters is None else ratings.clusters[order]
    again = np.flatnonzero((units[1:] == units[:-1]) & (annotators[1:] == annotators[:-1])) + 1
    return _Repeats(
        annotators=annotators[again],
        units=units[again],
        clusters=clusters[again],
        values=np.column_stack([values[again - 1], values[again]]),
    )


def _basis(repeats: _Repeats) -> Basis:
    n_units = len(np.unique(repeats.units))
    return Basis(
        n_units=n_units,
        n_ratings=len(repeats.units),
        n_annotators=len(np.unique(repeats.annotators)),
        n_alone=0,
        why_not="" if n_units > 1 else ONE_REPEAT if n_units else NO_REPEATS,
        is_uniform=len(np.unique(repeats.values)) < 2,
        what="items" if (repeats.clusters == repeats.units).all() else "groups of items",
    )


def _by_annotator(
    annotators: Ints, is_same: Bools, confidence: float
) -> tuple[AnnotatorAgreement, ...]:
    ids, who = numbered(annotators)
    same = np.bincount(who, weights=is_same, minlength=len(ids))
    sizes = np.bincount(who, minlength=len(ids))
    return tuple(
        AnnotatorAgreement(int(key), wilson(float(total), int(n), confidence=confidence))
        for key, total, n in zip(ids, same, sizes, strict=True)
    )
