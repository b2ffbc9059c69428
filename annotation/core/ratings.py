"""Ratings as sparse triples, and the table of them from which every coefficient is computed.

A rating is a triple (unit, annotator, value); nobody has to have rated everything, and no matrix of
units by annotators is ever made. Units with the same counts of values share a *pattern*: a hundred
thousand units of five ratings on five values have 126 of them, and a figure is computed once each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Invalid
from annotation.core.preferences import Verdict
from annotation.core.rankings import implied_pairs

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_VALUES = 20
EXACT_BITS = 52
DISTINCT_BITS = 40
MOST_IN_BITS = 2 ** (EXACT_BITS - DISTINCT_BITS)


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

    def where(self, kept: Bools) -> "Ratings":
        """The ratings that `kept`, shape (n,), marks: those of a batch, a language, a week."""
        clusters = None if self.clusters is None else self.clusters[kept]
        return Ratings(self.units[kept], self.annotators[kept], self.values[kept], clusters)


@dataclass(frozen=True, slots=True)
class Table:
    """Ratings with everything numbered from 0.

    Shapes for n ratings by A annotators of U units in P patterns with C values: unit_of,
    annotator_of, value_of (n,); units (U,), annotators (A,) and values (C,) are what the numbers
    stand for, in order; patterns (P, C) counts the values; pattern_of_unit, cluster_of_unit (U,).
    Without clusters `cluster_of_unit` is None and each unit is its own.
    """

    unit_of: Ints
    annotator_of: Ints
    value_of: Ints
    units: Ints
    annotators: Ints
    values: Ints
    patterns: Ints
    pattern_of_unit: Ints
    cluster_of_unit: Ints | None


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


def tabulate(ratings: Ratings, *, categories: Iterable[int] | None = None) -> Table:
    """Number everything and find the patterns. Linear in the ratings but for one sort.

    Args:
        categories: every value that could have been given, where some may never have been; chance
            in Gwet's and Brennan and Prediger's coefficients depends on how many there are.

    Raises:
        Invalid: where an annotator rated a unit twice, a value is none of the categories, there
            are over 20 values, or the arrays differ in length.
    """
    _refuse_ragged(ratings)
    annotators, annotator_of = numbered(ratings.annotators)
    units, unit_of = numbered(ratings.units)
    sizes = np.bincount(unit_of, minlength=len(units))
    _refuse_repeats(unit_of, annotator_of, sizes)
    values, value_of = _valued(ratings.values, categories)
    patterns, pattern_of_unit = _patterns(unit_of, value_of, sizes, len(values))
    cluster_of_unit = None
    if ratings.clusters is not None:
        clusters, cluster_of = numbered(ratings.clusters)
        if len(clusters) < len(units):
            cluster_of_unit = np.zeros(len(units), dtype=np.int64)
            cluster_of_unit[unit_of] = cluster_of
    return Table(
        unit_of=unit_of,
        annotator_of=annotator_of,
        value_of=value_of,
        units=units,
        annotators=annotators,
        values=values,
        patterns=patterns,
        pattern_of_unit=pattern_of_unit,
        cluster_of_unit=cluster_of_unit,
    )


def numbered(keys: Ints) -> tuple[Ints, Ints]:
    """The different keys in order, and each key's place among them; by counting where it can."""
    keys = np.asarray(keys, dtype=np.int64)
    if len(keys) == 0:
        return keys, keys
    low, high = int(keys.min()), int(keys.max())
    if high - low > 4 * len(keys) + 1024:
        found, places = np.unique(keys, return_inverse=True)
        return found, places.reshape(-1)
    shifted = keys - low if low else keys
    is_present = np.bincount(shifted) > 0
    if is_present.all():
        return np.arange(high - low + 1) + low, shifted
    return np.flatnonzero(is_present) + low, (np.cumsum(is_present) - 1)[shifted]


def has_repeats(unit_of: Ints, annotator_of: Ints, sizes: Ints) -> bool:
    """Whether somebody rated a unit twice; both arrays are numbered from 0, sizes count a unit's.

    Annotators are given one of 40 bits; where the sum of a unit's bits has as many ones as the unit
    has ratings, all were different. The rest, mostly few, are looked at one by one. That takes a
    fraction of the time of sorting, which would be most of the time of a coefficient.
    """
    if len(unit_of) < 2:
        return False
    bits = 2.0 ** (np.arange(int(annotator_of.max()) + 1) % DISTINCT_BITS)
    sums = np.bincount(unit_of, weights=bits[annotator_of], minlength=len(sizes))
    is_open = (np.bitwise_count(sums.astype(np.int64)) != sizes) | (sizes > MOST_IN_BITS)
    left = np.flatnonzero(is_open[unit_of])
    cells = unit_of[left] * len(bits) + annotator_of[left]
    return _has_equal(cells.astype(np.uint64))


def _has_equal(cells: NDArray[np.uint64]) -> bool:
    """Whether two are equal. Each claims a place by its hash, and the last claim stands.

    Who lost a place to an equal is a repeat; who lost it to another claims again by a new hash.
    """
    random = np.random.default_rng(1)
    while len(cells) > 1:
        bits = max(8, len(cells).bit_length() + 1)
        places = cells * np.uint64(2 * int(random.integers(2**62)) + 1) >> np.uint64(64 - bits)
        claims = np.zeros(2**bits, dtype=np.int32)
        claims[places] = np.arange(len(cells), dtype=np.int32)
        winners = claims[places]
        lost = np.flatnonzero(winners != np.arange(len(cells), dtype=np.int32))
        if (cells[winners[lost]] == cells[lost]).any():
            return True
        cells = cells[lost]
    return False


def _refuse_ragged(ratings: Ratings) -> None:
    shapes = {ratings.units.shape, ratings.annotators.shape, ratings.values.shape}
    if ratings.clusters is not None:
        shapes.add(ratings.clusters.shape)
    if len(shapes) > 1:
        raise Invalid(
            "Units, annotators and values must be equally many.",
            hint="Each rating is one unit, one annotator and one value.",
        )


def _refuse_repeats(unit_of: Ints, annotator_of: Ints, sizes: Ints) -> None:
    if has_repeats(unit_of, annotator_of, sizes):
        raise Invalid(
            "An annotator rated the same item twice.",
            hint="Keep the newest answer of each annotator, or give a repeat its own item.",
        )


def _valued(given: Ints, categories: Iterable[int] | None) -> tuple[Ints, Ints]:
    values, value_of = numbered(given)
    if categories is not None:
        known = np.unique(np.array(list(categories), dtype=np.int64))
        unknown = np.setdiff1d(values, known)
        if len(unknown):
            raise Invalid(
                f"The value {unknown[0]} is none of the {len(known)} possible ones.",
                hint="Name every value that can be given.",
            )
        values, value_of = known, np.searchsorted(known, values)[value_of]
    if len(values) > MOST_VALUES:
        raise Invalid(
            f"There are {len(values)} different values; agreement takes {MOST_VALUES} at most.",
            hint="Group them into fewer steps.",
        )
    return values, value_of


def _patterns(unit_of: Ints, value_of: Ints, sizes: Ints, n_values: int) -> tuple[Ints, Ints]:
    """The counts of a unit's values, read as digits of one number, a few values at a time."""
    n_units = len(sizes)
    patterns = np.zeros((min(n_units, 1), 0), dtype=np.int64)
    pattern_of_unit = np.zeros(n_units, dtype=np.int64)
    if n_units == 0:
        return patterns.reshape(0, n_values), pattern_of_unit
    base = int(sizes.max()) + 1
    width = max(1, int(EXACT_BITS * log(2) / log(base)))
    for start in range(0, n_values, width):
        stop = min(start + width, n_values)
        worth = np.zeros(n_values)
        worth[start:stop] = [float(base**place) for place in range(stop - start)]
        numbers = np.bincount(unit_of, weights=worth[value_of], minlength=n_units)
        found, places = numbered(numbers.astype(np.int64))
        digits = found[:, None] // base ** np.arange(stop - start) % base
        joint, pattern_of_unit = numbered(pattern_of_unit * len(found) + places)
        patterns = np.hstack([patterns[joint // len(found)], digits[joint % len(found)]])
    return patterns, pattern_of_unit
