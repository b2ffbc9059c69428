"""Coefficients of agreement as functions of sums over units.

A unit's counts of values give a few statistics; their sums over units give the coefficient. So a
bootstrap is one product of matrices, and a new judgment only adds to the sums.

In what follows a unit has `n_c` ratings of value c and `m` in all; `w` weighs the agreement of two
values (1 the same, 0 as far apart as can be) and `d` is their disagreement.

Sources: Krippendorff (2018), Content Analysis, 4th edition, chapter 12; Gwet (2014), Handbook of
Inter-Rater Reliability, 4th edition, chapters 2 to 5; Fleiss (1971), Psychological Bulletin 76;
Brennan and Prediger (1981), Educational and Psychological Measurement 41; Cohen (1968),
Psychological Bulletin 70.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Invalid
from annotation.core.ratings import Ints

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Weighting = Literal["identity", "linear", "quadratic", "ordinal", "ratio"]
Chance = Literal["gwet", "fleiss", "brennan-prediger"]

WEIGHTING_OF_LEVEL: dict[Level, Weighting] = {
    "nominal": "identity",
    "ordinal": "ordinal",
    "interval": "quadratic",
    "ratio": "ratio",
}


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What to sum over units, and what the sums mean.

    statistics: (P, C) counts of values to (P, d) statistics, for units of any size.
    figure: (R, d) sums to (R,) figures, NaN where a figure is not defined.
    counts_single: whether a unit with one rating tells something (which values are common).
    needs_variety: whether the figure means nothing where all answers are the same.
    """

    name: str
    level: Level
    statistics: Callable[[Ints], Floats]
    figure: Callable[[Floats], Floats]
    counts_single: bool = False
    needs_variety: bool = True


def alpha(values: Ints, level: Level) -> Coefficient:
    """Krippendorff's alpha, ``1 - observed / expected disagreement``.

    Disagreement of two values is 1 (nominal), the squared difference of their mid-ranks in the
    pooled data (ordinal) or of themselves (interval), or ``((c - k) / (c + k))²`` (ratio).

    Raises:
        Invalid: on the ratio level, where a value is negative.
    """
    name = f"Krippendorff's alpha ({level})"
    if level == "ordinal":
        return Coefficient(name, level, _ordinal_statistics, _ordinal_alpha)
    d = distances(values, level)

    def statistics(counts: Ints) -> Floats:
        others = np.maximum(counts.sum(axis=1) - 1, 1)
        observed = np.einsum("pc,ck,pk->p", counts, d, counts) / others
        return np.column_stack([observed, _pairable(counts)])

    def figure(sums: Floats) -> Floats:
        ratings = sums[:, 1:].sum(axis=1)
        expected = np.einsum("rc,ck,rk->r", sums[:, 1:], d, sums[:, 1:])
        return 1 - _ratio(sums[:, 0] * (ratings - 1), expected)

    return Coefficient(name, level, statistics, figure)


def corrected(values: Ints, chance: Chance, weighting: Weighting = "identity") -> Coefficient:
    """``(observed - chance) / (1 - chance)`` with the chance of Gwet, Fleiss, or Brennan-Prediger.

    Observed is the mean over units of the weighted share of agreeing pairs of ratings. With p_c the
    mean over units of ``n_c / m`` and q the number of values, chance is: Gwet (AC1, weighted AC2)
    ``Σw / (q (q - 1)) Σ p_c (1 - p_c)``; Fleiss ``Σ w_ck p_c p_k``; Brennan-Prediger ``Σw / q²``.
    """
    w = agreement_weights(values, weighting)
    q = len(values)

    def chances(p: Floats) -> Floats:
        if chance == "gwet":
            return np.asarray(w.sum() / max(q * (q - 1), 1) * (p * (1 - p)).sum(axis=1))
        if chance == "fleiss":
            return np.asarray(np.einsum("rc,ck,rk->r", p, w, p))
        return np.full(len(p), w.sum() / max(q * q, 1))

    def figure(sums: Floats) -> Floats:
        observed = _ratio(sums[:, 0], sums[:, 1])
        by_chance = chances(_ratio(sums[:, 3:], sums[:, 2:3]))
        return _ratio(observed - by_chance, 1 - by_chance)

    return Coefficient(
        _corrected_name(chance, weighting),
        _level_of(weighting),
        lambda counts: _corrected_statistics(counts, w),
        figure,
        counts_single=True,
    )


def percent(values: Ints, weighting: Weighting = "identity") -> Coefficient:
    """The chance that two ratings of a random unit are the same, or its weighted form."""
    w = agreement_weights(values, weighting)
    how = "" if weighting == "identity" else f", {weighting} weights"
    return Coefficient(
        f"Agreeing pairs of annotators, averaged over items{how}",
        _level_of(weighting),
        lambda counts: _corrected_statistics(counts, w)[:, :2],
        lambda sums: _ratio(sums[:, 0], sums[:, 1]),
        needs_variety=False,
    )


def kappas(tables: Floats, w: Floats) -> Floats:
    """(R,) Cohen's (weighted) kappas of (R, C, C) tables of counts; NaN where there is none."""
    total = tables.sum(axis=(1, 2))
    observed = _ratio(np.einsum("rck,ck->r", tables, w), total)
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    by_chance = _ratio(np.einsum("rc,ck,rk->r", rows, w, columns), total * total)
    return _ratio(observed - by_chance, 1 - by_chance)


def distances(values: Ints, level: Level) -> Floats:
    """(C, C) disagreement of two values on the nominal, interval or ratio level."""
    points = values.astype(float)
    if level == "nominal":
        return np.asarray(1.0 - np.eye(len(points)))
    apart = points[:, None] - points[None, :]
    if level == "interval":
        return np.asarray(apart**2)
    if level == "ratio":
        _refuse_negative(values)
        return np.asarray(_ratio(apart, points[:, None] + points[None, :], otherwise=0.0) ** 2)
    raise ValueError("Ordinal disagreement depends on the data.")


def agreement_weights(values: Ints, weighting: Weighting) -> Floats:
    """(C, C) agreement of two values, in 0..1, 1 on the diagonal.

    Source: Gwet (2014), table 3.5 and following; ordinal weights count the pairs of values between.
    """
    points = values.astype(float)
    apart = np.abs(points[:, None] - points[None, :])
    if weighting == "identity":
        return np.eye(len(points))
    if weighting == "ordinal":
        steps = np.abs(np.subtract.outer(np.arange(len(points)), np.arange(len(points))))
        apart = steps * (steps + 1) / 2
    elif weighting == "quadratic":
        apart = apart**2
    elif weighting == "ratio":
        apart = distances(values, "ratio")
    return np.asarray(1.0 - apart / max(apart.max(initial=0.0), np.finfo(float).tiny))


def _pairable(counts: Ints) -> Floats:
    return np.asarray(counts * (counts.sum(axis=1) > 1)[:, None], dtype=float)


def _ordinal_statistics(counts: Ints) -> Floats:
    """How often each two values meet, c < k, then the counts of the units with two ratings."""
    c, k = np.triu_indices(counts.shape[1], 1)
    others = np.maximum(counts.sum(axis=1) - 1, 1)
    meetings = 2.0 * counts[:, c] * counts[:, k] / others[:, None]
    return np.hstack([meetings, _pairable(counts)])


def _ordinal_alpha(sums: Floats) -> Floats:
    n_values = int((np.sqrt(8 * sums.shape[1] + 1) - 1) // 2)
    c, k = np.triu_indices(n_values, 1)
    counts = sums[:, len(c) :]
    ranks = counts.cumsum(axis=1) - counts / 2
    d = (ranks[:, c] - ranks[:, k]) ** 2
    observed = (sums[:, : len(c)] * d).sum(axis=1)
    expected = 2 * (counts[:, c] * counts[:, k] * d).sum(axis=1)
    return 1 - _ratio(observed * (counts.sum(axis=1) - 1), expected)


def _corrected_statistics(counts: Ints, w: Floats) -> Floats:
    """The weighted share of agreeing pairs, whether there are any, 1, and the share of each."""
    m = counts.sum(axis=1)
    agreeing = (counts * (counts @ w - 1)).sum(axis=1)
    share = _ratio(agreeing, m * (m - 1.0), otherwise=0.0)
    shares = _ratio(counts, m[:, None], otherwise=0.0)
    return np.column_stack([share, m > 1, m > 0, shares])


def _corrected_name(chance: Chance, weighting: Weighting) -> str:
    is_plain = weighting == "identity"
    if chance == "gwet":
        return "Gwet's AC1" if is_plain else f"Gwet's AC2 ({weighting} weights)"
    name = "Fleiss' kappa" if chance == "fleiss" else "Brennan and Prediger's kappa"
    return name if is_plain else f"{name} ({weighting} weights)"


def _level_of(weighting: Weighting) -> Level:
    return next((k for k, v in WEIGHTING_OF_LEVEL.items() if v == weighting), "interval")


def _refuse_negative(values: Ints) -> None:
    if len(values) and values.min() < 0:
        raise Invalid(
            f"A ratio scale starts at zero, but there is the value {values.min()}.",
            hint="Use the interval level, or the ordinal one.",
        )


def _ratio(top: Floats | Ints, bottom: Floats | Ints, *, otherwise: float = np.nan) -> Floats:
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    is_safe = np.abs(bottom) > 1e-12
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, otherwise), where=is_safe))
