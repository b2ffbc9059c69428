"""Answers as ratings whose units can be found again: which comparison, which responses, whose word.

A unit is a pair of a comparison's responses (rated -1, 0 or 1, or by steps of strength), or, where
each response got marks of its own, one response.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from annotation.core.preferences import Verdict
from annotation.core.rankings import Groups, implied_pairs
from annotation.core.ratings import Bools, Ints, Ratings, numbered

PLACES = 10
UNITS = PLACES * PLACES
NO_ROOTS: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Marked:
    """One judgment's marks, one for each completion, by canonical position."""

    judgment_id: int
    comparison_id: int
    prompt_id: int
    completion_ids: tuple[int, ...]
    annotator_id: int
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rated:
    """Ratings with where each of the n comes from; the comparisons are their clusters.

    judgments: (J,) ids of the judgments, in the order given; judgment_of: (n,) places among them.
    first, second: (n,) the completions that were compared, one and the same where marks were given.
    """

    ratings: Ratings
    judgments: Ints
    judgment_of: Ints
    first: Ints
    second: Ints

    def where(self, kept: Bools) -> "Rated":
        """Those ratings that `kept`, (n,), marks."""
        return Rated(
            ratings=self.ratings.where(kept),
            judgments=self.judgments,
            judgment_of=self.judgment_of[kept],
            first=self.first[kept],
            second=self.second[kept],
        )

    @property
    def comparisons(self) -> Ints:
        """(n,) the comparison of each rating."""
        return comparisons_of(self.ratings.units)

    @property
    def n_judgments(self) -> int:
        """How many judgments have a rating here."""
        return len(np.unique(self.judgment_of))

    def shared(self) -> "Rated":
        """The ratings of units that two or more rated."""
        units, unit_of = numbered(self.ratings.units)
        sizes = np.bincount(unit_of, minlength=len(units))
        return self.where(sizes[unit_of] > 1)

    @property
    def n_comparisons(self) -> int:
        """How many comparisons have a rating here."""
        return len(np.unique(self.comparisons))


def comparisons_of(units: Ints) -> Ints:
    """The comparisons that units belong to."""
    return units // UNITS


def rated_pairs(
    verdicts: Iterable[Verdict],
    *,
    is_graded: bool = False,
    roots: Mapping[int, int] = NO_ROOTS,
) -> Rated:
    """Each implied pair of each verdict; graded, by its strength: -3 to 3.

    `roots` names the comparison that a hidden repeat repeats, so that both are of the same units.
    """
    ids: list[int] = []
    rows: list[tuple[int, ...]] = []
    for at, verdict in enumerate(verdicts):
        ids.append(verdict.judgment_id)
        comparison = roots.get(verdict.comparison_id, verdict.comparison_id)
        grade = (verdict.strength or 1) if is_graded else 1
        shown = verdict.completion_ids
        for i, j, outcome in outcomes(verdict.groups):
            unit = unit_of(comparison, i, j)
            rows.append((unit, verdict.annotator_id, outcome * grade, at, shown[i], shown[j]))
    return _rated(ids, rows)


def rated_marks(marked: Iterable[Marked], *, roots: Mapping[int, int] = NO_ROOTS) -> Rated:
    """Each response of each judgment with its mark."""
    ids: list[int] = []
    rows: list[tuple[int, ...]] = []
    for at, each in enumerate(marked):
        ids.append(each.judgment_id)
        comparison = roots.get(each.comparison_id, each.comparison_id)
        for i, (completion, mark) in enumerate(zip(each.completion_ids, each.marks, strict=True)):
            unit = unit_of(comparison, i, i)
            rows.append((unit, each.annotator_id, mark, at, completion, completion))
    return _rated(ids, rows)


@dataclass(frozen=True, slots=True)
class ComparisonAgreement:
    """The share of a comparison's `n` pairs of ratings that are the same, by `judges` people."""

    comparison_id: int
    judges: int
    n: int
    agreement: float


def comparison_agreement(rated: Rated) -> tuple[ComparisonAgreement, ...]:
    """Each comparison that two or more judged, the most contested first, then the most judged."""
    ratings = rated.ratings
    units, unit_of = numbered(ratings.units)
    values, value_of = numbered(ratings.values)
    if len(units) == 0:
        return ()
    counts = np.zeros((len(units), len(values)), dtype=np.int64)
    np.add.at(counts, (unit_of, value_of), 1)
    sizes = counts.sum(axis=1)
    comparisons, comparison_of = numbered(comparisons_of(units))
    same = np.bincount(comparison_of, weights=(counts * (counts - 1)).sum(axis=1) / 2)
    pairs = np.bincount(comparison_of, weights=sizes * (sizes - 1) / 2)
    judges = np.zeros(len(comparisons), dtype=np.int64)
    np.maximum.at(judges, comparison_of, sizes)
    shares = same / np.maximum(pairs, 1)
    order = np.lexsort((comparisons, -judges, shares))
    return tuple(
        ComparisonAgreement(
            int(comparisons[at]), int(judges[at]), int(pairs[at]), float(shares[at])
        )
        for at in order
        if pairs[at]
    )


def most_shared(ratings: Ratings, most: int) -> Ints:
    """The annotators with the most ratings of units that others rated too, in order of ids."""
    annotators, annotator_of = numbered(ratings.annotators)
    if len(annotators) <= most:
        return annotators
    _units, unit_of = numbered(ratings.units)
    is_shared = np.bincount(unit_of)[unit_of] > 1
    shared = np.bincount(annotator_of[is_shared], minlength=len(annotators))
    return np.sort(annotators[np.lexsort((annotators, -shared))[:most]])


def unit_of(comparison: int, i: int, j: int) -> int:
    """The unit of two positions of a comparison, or of one and the same."""
    return comparison * UNITS + i * PLACES + j


@lru_cache(maxsize=4096)
def outcomes(groups: Groups) -> tuple[tuple[int, int, int], ...]:
    """Every pair of positions of an order with how the first fared; the same orders come again."""
    return tuple((i, j, int(outcome)) for i, j, outcome in implied_pairs(groups))


def _rated(ids: list[int], rows: list[tuple[int, ...]]) -> Rated:
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    units, annotators, values, judgment_of, first, second = table.T.copy()
    return Rated(
        ratings=Ratings(units, annotators, values, comparisons_of(units)),
        judgments=np.array(ids, dtype=np.int64),
        judgment_of=judgment_of,
        first=first,
        second=second,
    )
