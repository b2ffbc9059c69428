"""Labels as sparse triples with everything numbered from 0: who said what of which item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from annotation.core.errors import Invalid
from annotation.core.ratings import Bools, Ints, Ratings, has_repeats, numbered

Floats = NDArray[np.float64]

MOST_VALUES = 20
UNKNOWN = -1
FEWEST_ANNOTATORS = 3

NOTHING = "Nothing has been judged yet."
ALONE = "Only one annotator has judged so far; telling who errs needs at least three."
NO_OVERLAP = "No item has been judged by two annotators yet; raise the overlap to measure this."
TWO = (
    "Only two annotators have judged the same items: where they differ, nothing says who is right. "
    "A third annotator or gold questions would."
)
UNIFORM = "Every answer is the same, so nobody can be told apart."


@dataclass(frozen=True, slots=True)
class Labels:
    """n labels by A annotators of U units with C possible values.

    units (U,), annotators (A,) and values (C,) are ids, in order; unit_of, annotator_of and
    value_of (n,) are places among them. known (U,) is the place of the value that is known to
    hold (of gold), or -1.
    """

    units: Ints
    annotators: Ints
    values: Ints
    unit_of: Ints
    annotator_of: Ints
    value_of: Ints
    known: Ints

    def __len__(self) -> int:
        return len(self.unit_of)

    @property
    def cells(self) -> Ints:
        """(n,): annotator and value as one number, annotator x C + value."""
        return np.asarray(self.annotator_of * len(self.values) + self.value_of)

    @property
    def per_annotator(self) -> Ints:
        """(A,): how many labels each annotator gave."""
        return np.bincount(self.annotator_of, minlength=len(self.annotators))

    @property
    def per_unit(self) -> Ints:
        """(U,): how many labels each unit has."""
        return np.bincount(self.unit_of, minlength=len(self.units))

    @property
    def is_checked(self) -> Bools:
        """(n,): whether anything but the label itself tells what holds of its unit."""
        return np.asarray(((self.per_unit > 1) | (self.known != UNKNOWN))[self.unit_of])


def labels_from(
    ratings: Ratings,
    *,
    values: Iterable[int] | None = None,
    known: Mapping[int, int] | None = None,
) -> Labels:
    """Numbered labels.

    Args:
        values: every value that could have been given, where some may never have been.
        known: units of which it is known (gold) what holds, by unit id. Others are ignored.

    Raises:
        Invalid: where somebody labelled a unit twice, or a value is none of `values`, or there
            are over 20 values.
    """
    units, unit_of = numbered(ratings.units)
    annotators, annotator_of = numbered(ratings.annotators)
    if has_repeats(unit_of, annotator_of, np.bincount(unit_of)):
        raise Invalid(
            "An annotator judged the same item twice.",
            hint="Keep the newest answer of each annotator, or give a repeat its own item.",
        )
    given, places = numbered(ratings.values)
    gold = {unit: value for unit, value in (known or {}).items() if len(units)}
    possible = np.union1d(given, list(values or given)).astype(np.int64)
    if values is not None and len(possible) > len(set(values)):
        raise Invalid("A value was given that is not possible.", hint="Name every value.")
    possible = np.union1d(possible, list(gold.values())).astype(np.int64)
    if len(possible) > MOST_VALUES:
        raise Invalid(
            f"There are {len(possible)} different values; {MOST_VALUES} are the most.",
            hint="Group them into fewer steps.",
        )
    return Labels(
        units=units,
        annotators=annotators,
        values=possible,
        unit_of=unit_of,
        annotator_of=annotator_of,
        value_of=np.searchsorted(possible, given)[places],
        known=_known(units, possible, gold),
    )


def summed(places: Ints, weights: Floats, size: int) -> Floats:
    """(size,): the weights of each place added up."""
    return np.asarray(np.bincount(places, weights=weights, minlength=size), dtype=np.float64)


def why_not(labels: Labels) -> str:
    """A sentence that says why these labels cannot tell who errs; empty where they can."""
    if not len(labels):
        return NOTHING
    if len(labels.values) == 1:
        return UNIFORM
    if (labels.known != UNKNOWN).any():
        return ""
    checked = np.bincount(labels.annotator_of[labels.is_checked], minlength=len(labels.annotators))
    reasons = (
        (len(labels.annotators) == 1, ALONE),
        (not checked.any(), NO_OVERLAP),
        ((np.bincount(labels.value_of) > 0).sum() == 1, UNIFORM),
        ((checked > 0).sum() < FEWEST_ANNOTATORS, TWO),
    )
    return next((sentence for applies, sentence in reasons if applies), "")


def islands(labels: Labels) -> Ints:
    """(A,): annotators whose items connect them share a number, from 0."""
    order = np.argsort(labels.unit_of, kind="stable")
    unit, who = labels.unit_of[order], labels.annotator_of[order]
    meets = unit[1:] == unit[:-1]
    size = len(labels.annotators)
    edges = numbered(who[:-1][meets] * size + who[1:][meets])[0]
    graph = sparse.coo_array((np.ones(len(edges)), (edges // size, edges % size)), (size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _known(units: Ints, values: Ints, gold: Mapping[int, int]) -> Ints:
    known = np.full(len(units), UNKNOWN, dtype=np.int64)
    if gold:
        keys = np.fromiter(gold.keys(), dtype=np.int64)
        places = np.searchsorted(units, keys)
        is_here = units[np.minimum(places, len(units) - 1)] == keys
        held = np.fromiter(gold.values(), dtype=np.int64)
        known[places[is_here]] = np.searchsorted(values, held[is_here])
    return known
