"""Agreement that keeps up: a new judgment changes a few sums, and every figure follows from them.

The sums over clusters of items, and of their products, are all that figures and their standard
errors need. They take the same room after ten judgments and after ten million, can be kept as JSON,
and are changed by what one cluster was before and is after. `agreement_figures` over the same
ratings gives the same values; its intervals are bootstrapped, these are linear.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse, special

from annotation.core import coefficients
from annotation.core.agreement import Agreement
from annotation.core.agreement_readings import parting
from annotation.core.coefficients import Coefficient, Floats, Level
from annotation.core.errors import Invalid
from annotation.core.estimates import (
    ALL_THE_SAME,
    NO_OVERLAP,
    NOT_DEFINED,
    NOTHING,
    ONE_ITEM,
    Estimate,
)
from annotation.core.ratings import Ints, Ratings, Table, tabulate
from annotation.core.resampling import HARDLY_DIFFER, ONE_GROUP, gradient

Cluster = Sequence[Sequence[int]]

VERSION = 1


@dataclass(frozen=True, slots=True)
class RunningAgreement:
    """Sums over clusters of units, (d,), and of their products, (d, d); never changed in place.

    `counts` is how often each value was given; `n_pairable` counts units with two ratings or more
    and `n_paired` their ratings.
    """

    values: tuple[int, ...]
    level: Level
    totals: Floats
    squares: Floats
    counts: Ints
    n_clusters: int
    n_units: int
    n_pairable: int
    n_paired: int

    def changed(self, *, before: Cluster, after: Cluster) -> "RunningAgreement":
        """What the figures rest on once a cluster's ratings went from `before` to `after`.

        A cluster is the lists of values of each of its units: a comparison of a pair is one unit,
        a ranking one for each implied pair. Pass [] where it was not yet, or is no longer, there.

        Raises:
            Invalid: where a value is none of those that were named at the start.
        """
        old, new = self._counted(before), self._counted(after)
        was, will = (_statistics(each, self._parts).sum(axis=0) for each in (old, new))
        sizes = [each.sum(axis=1) for each in (old, new)]
        paired = [size[size > 1] for size in sizes]
        return RunningAgreement(
            values=self.values,
            level=self.level,
            totals=self.totals + will - was,
            squares=self.squares + np.outer(will, will) - np.outer(was, was),
            counts=self.counts + new.sum(axis=0) - old.sum(axis=0),
            n_clusters=self.n_clusters + bool(sizes[1].any()) - bool(sizes[0].any()),
            n_units=self.n_units + int((sizes[1] > 0).sum()) - int((sizes[0] > 0).sum()),
            n_pairable=self.n_pairable + len(paired[1]) - len(paired[0]),
            n_paired=self.n_paired + int(paired[1].sum()) - int(paired[0].sum()),
        )

    def figures(self, *, n_annotators: int, confidence: float = 0.95) -> Agreement:
        """Every coefficient with a linear interval; who judged is known to the caller only."""
        percent, alpha, ac, fleiss, brennan_prediger = (
            self._estimate(part, start, n_annotators, confidence)
            for part, start in zip(self._parts, _starts(self._parts, self.values), strict=True)
        )
        total = int(self.counts.sum())
        share = float(self.counts.max() / total) if total else None
        return Agreement(
            percent=percent,
            alpha=alpha,
            ac=ac,
            fleiss=fleiss,
            brennan_prediger=brennan_prediger,
            commonest=self.values[int(self.counts.argmax())] if total else None,
            commonest_share=share,
            parting=parting(alpha, ac, percent.value, share),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "version": VERSION,
            "values": list(self.values),
            "level": self.level,
            "totals": self.totals.tolist(),
            "squares": self.squares.tolist(),
            "counts": self.counts.tolist(),
            "n_clusters": self.n_clusters,
            "n_units": self.n_units,
            "n_pairable": self.n_pairable,
            "n_paired": self.n_paired,
        }

    @property
    def _parts(self) -> tuple[Coefficient, ...]:
        return _coefficients(self.values, self.level)

    def _counted(self, cluster: Cluster) -> Ints:
        counts = np.zeros((len(cluster), len(self.values)), dtype=np.int64)
        place = {value: at for at, value in enumerate(self.values)}
        for row, marks in enumerate(cluster):
            for mark in marks:
                if mark not in place:
                    raise Invalid(
                        f"The value {mark} is none of the {len(place)} possible ones.",
                        hint="Count all ratings anew, with every value that can be given.",
                    )
                counts[row, place[mark]] += 1
        return counts

    def _estimate(
        self, part: Coefficient, where: slice, n_annotators: int, confidence: float
    ) -> Estimate:
        note = self._why_not(part)
        value = low = high = None
        if not note:
            found = float(part.figure(self.totals[None, where])[0])
            value = found if np.isfinite(found) else None
            note = NOT_DEFINED if value is None else ""
        if value is not None:
            reach = self._reach(part, where, confidence)
            if reach > 1e-9:
                low, high = value - reach, min(1.0, value + reach)
            else:
                note = HARDLY_DIFFER if self.n_clusters > 1 else ONE_GROUP
        cells = self.n_pairable * n_annotators
        return Estimate(
            value=value,
            low=low,
            high=high,
            n_units=self.n_pairable,
            n_ratings=self.n_paired,
            n_annotators=n_annotators,
            level=part.level,
            method=f"{part.name}; {confidence:.0%} by linear approximation over items",
            resamples=0,
            seed=0,
            note=note,
            n_alone=self.n_units - self.n_pairable,
            missing=1 - self.n_paired / cells if cells else None,
        )

    def _reach(self, part: Coefficient, where: slice, confidence: float) -> float:
        """Half the interval: the delta method, with Student's distribution for few clusters."""
        slope = gradient(part.figure, self.totals[where])
        n = self.n_clusters
        if n < 2:
            return 0.0
        spread = slope @ self.squares[where, where] @ slope
        variance = max(0.0, float(spread - (slope @ self.totals[where]) ** 2 / n)) * n / (n - 1)
        return float(special.stdtrit(n - 1, (1 + confidence) / 2) * np.sqrt(variance))

    def _why_not(self, part: Coefficient) -> str:
        if self.n_units == 0:
            return NOTHING
        if self.n_pairable < 2:
            return NO_OVERLAP if self.n_pairable == 0 else ONE_ITEM
        compared = self.totals[_starts(self._parts, self.values)[1]][-len(self.values) :]
        return ALL_THE_SAME if part.needs_variety and (compared > 0.5).sum() < 2 else ""


def running_agreement(
    ratings: Ratings, *, categories: Iterable[int], level: Level = "nominal"
) -> RunningAgreement:
    """The sums of all ratings so far; keep them, and change them with each judgment.

    Args:
        categories: every value that can be given, for later ratings may give any of them.

    Raises:
        Invalid: where an annotator rated a unit twice, or a value is none of the categories.
    """
    table = tabulate(ratings, categories=categories)
    known = tuple(table.values.tolist())
    statistics = _statistics(table.patterns, _coefficients(known, level))
    sums, times = _clusters(table, statistics)
    sizes = table.patterns.sum(axis=1)
    units = np.bincount(table.pattern_of_unit, minlength=len(sizes))
    return RunningAgreement(
        values=known,
        level=level,
        totals=times @ sums,
        squares=(sums * times[:, None]).T @ sums,
        counts=units @ table.patterns,
        n_clusters=int(times.sum()),
        n_units=int(units.sum()),
        n_pairable=int(units[sizes > 1].sum()),
        n_paired=int((units * sizes)[sizes > 1].sum()),
    )


def running_from_dict(kept: Mapping[str, Any]) -> RunningAgreement:
    """What `to_dict` wrote.

    Raises:
        Invalid: where it was written by another version.
    """
    if kept.get("version") != VERSION:
        raise Invalid("These sums are of another version.", hint="Count all ratings anew.")
    return RunningAgreement(
        values=tuple(kept["values"]),
        level=kept["level"],
        totals=np.array(kept["totals"], dtype=float),
        squares=np.array(kept["squares"], dtype=float),
        counts=np.array(kept["counts"], dtype=np.int64),
        n_clusters=kept["n_clusters"],
        n_units=kept["n_units"],
        n_pairable=kept["n_pairable"],
        n_paired=kept["n_paired"],
    )


@lru_cache(maxsize=256)
def _coefficients(known: tuple[int, ...], level: Level) -> tuple[Coefficient, ...]:
    values = np.array(known, dtype=np.int64)
    weighting = coefficients.WEIGHTING_OF_LEVEL[level]
    return (
        coefficients.percent(values),
        coefficients.alpha(values, level),
        coefficients.corrected(values, "gwet", weighting),
        coefficients.corrected(values, "fleiss", weighting),
        coefficients.corrected(values, "brennan-prediger", weighting),
    )


def _statistics(counts: Ints, parts: Sequence[Coefficient]) -> Floats:
    """(P, d): the statistics of percent, alpha and, once for all three, the corrected ones."""
    return np.hstack([part.statistics(counts) for part in parts[:3]])


def _starts(parts: Sequence[Coefficient], values: Sequence[int]) -> list[slice]:
    none = np.zeros((1, len(values)), dtype=np.int64)
    widths = [part.statistics(none).shape[1] for part in parts[:3]]
    percent, alpha, corrected = np.cumsum([0, *widths[:2]]).tolist()
    last = slice(corrected, corrected + widths[2])
    return [slice(percent, alpha), slice(alpha, corrected), last, last, last]


def _clusters(table: Table, statistics: Floats) -> tuple[Floats, Floats]:
    if table.cluster_of_unit is None:
        times = np.bincount(table.pattern_of_unit, minlength=len(statistics))
        return statistics, times.astype(float)
    where = (table.cluster_of_unit, table.pattern_of_unit)
    membership = sparse.coo_array((np.ones(len(where[0])), where)).tocsr()
    sums = np.asarray(membership @ statistics)
    return sums, np.ones(len(sums))
