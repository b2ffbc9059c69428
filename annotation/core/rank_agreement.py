"""Do annotators order candidates alike? Coefficients for weak orders, ties and all.

Every order of a comparison ranks the same candidates. A coefficient of two orders is averaged over
the pairs of a comparison's annotators, then over comparisons, so that none counts more for having
been judged by more people.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import sqrt

import numpy as np

from annotation.core.coefficients import Coefficient, Floats
from annotation.core.errors import Invalid
from annotation.core.estimates import (
    NO_OVERLAP,
    NOTHING,
    ONE_ANNOTATOR,
    ONE_ITEM,
    Basis,
    Estimate,
    Sample,
    estimate_of,
)
from annotation.core.preferences import Verdict
from annotation.core.rankings import Groups, implied_pairs
from annotation.core.resampling import Resampling

PERSISTENCE = 0.9
ALL_TIED = "Every order ties all candidates, so there are no orders to compare."

Measure = Callable[[Sequence[Groups]], float | None]


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """Coefficients of the same orders, each with its interval over comparisons (or prompts).

    tau: Kendall's tau-b, -1 to 1. w: Kendall's W corrected for ties, 0 to 1, where chance gives
    1 / (number of annotators). overlap: rank-biased overlap, 0 to 1, which looks at the top more
    than at the rest. pairs: share of implied pairs with the same outcome, 0 to 1.
    """

    tau: Estimate
    w: Estimate
    overlap: Estimate
    pairs: Estimate


def rank_agreement(
    verdicts: Iterable[Verdict],
    *,
    seed: int,
    by_prompt: bool = False,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> RankAgreement:
    """Every coefficient of the verdicts on one criterion; comparisons of one prompt stay together.

    Raises:
        Invalid: where an annotator judged a comparison twice, or orders differ in candidates.
    """
    judged = _judged(verdicts)
    how = Resampling(seed, resamples, confidence)

    def measured(name: str, measure: Measure) -> Estimate:
        return _mean(judged, name, measure, how, by_prompt=by_prompt)

    return RankAgreement(
        tau=measured("Kendall's tau-b", lambda orders: _of_pairs(orders, kendall_tau_b)),
        w=measured("Kendall's W", kendall_w),
        overlap=measured(
            "Rank-biased overlap", lambda orders: _of_pairs(orders, rank_biased_overlap)
        ),
        pairs=measured("Agreeing implied pairs", lambda orders: _of_pairs(orders, pair_agreement)),
    )


@lru_cache(maxsize=100_000)
def kendall_tau_b(first: Groups, second: Groups) -> float | None:
    """Kendall's tau-b of two weak orders; None where one of them ties everything.

    ``(concordant - discordant) / sqrt(pairs untied in the first * pairs untied in the second)``.

    Source: Kendall (1945), Biometrika 33.
    """
    outcomes = [(int(a), int(b)) for a, b in _paired(first, second)]
    bottom = sum(a != 0 for a, _ in outcomes) * sum(b != 0 for _, b in outcomes)
    return sum(a * b for a, b in outcomes) / sqrt(bottom) if bottom else None


@lru_cache(maxsize=100_000)
def pair_agreement(first: Groups, second: Groups) -> float:
    """The share of pairs of candidates that both orders place alike: better, tied or worse."""
    outcomes = _paired(first, second)
    return sum(a == b for a, b in outcomes) / len(outcomes) if outcomes else 1.0


@lru_cache(maxsize=100_000)
def rank_biased_overlap(
    first: Groups, second: Groups, persistence: float = PERSISTENCE
) -> float | None:
    """How alike two orders are from the top down; a reader goes on with probability p each time.

    ``p^k + (1 - p) / p Σ_d p^d A_d`` over depths d of k candidates (the extrapolated form, for
    orders of the same candidates). A tied candidate is within depth d with the chance c that it
    is when ties are broken at random; ``A_d = Σ c c' / sqrt(Σ c² Σ c'²)``, so that equal orders
    overlap fully, ties or not.

    Sources: Webber, Moffat and Zobel (2010), ACM Transactions on Information Systems 28; Corsi and
    Urbano (2024), SIGIR, for ties that mean equal.
    """
    _paired(first, second)
    one, other = _presence(first), _presence(second)
    size = len(one)
    depths = np.arange(1, size + 1)
    norms = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    agreement = (one * other).sum(axis=1) / norms
    tail = (1 - persistence) / persistence * (persistence**depths * agreement).sum()
    return float(min(1.0, agreement[-1] * persistence**size + tail))


def kendall_w(orders: Sequence[Groups]) -> float | None:
    """Kendall's W of m orders of the same k candidates, corrected for ties; None if all tie.

    ``(12 Σ R² - 3 m² k (k + 1)²) / (m² k (k² - 1) - m Σ (t³ - t))`` with R the sum of a candidate's
    mid-ranks and t the size of each group of ties.

    Source: Kendall and Gibbons (1990), Rank Correlation Methods, 5th edition, chapter 6.
    """
    m, k = len(orders), sum(map(len, orders[0]))
    sums = [0.0] * k
    for groups in orders:
        placed = 0
        for group in groups:
            for position in group:
                sums[position] += placed + (len(group) + 1) / 2
            placed += len(group)
    ties = sum(len(group) ** 3 - len(group) for groups in orders for group in groups)
    bottom = m * m * k * (k * k - 1) - m * ties
    top = 12 * sum(rank * rank for rank in sums) - 3 * m * m * k * (k + 1) ** 2
    return top / bottom if m > 1 and bottom else None


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of each comparison that two or more judged: its orders (sorted), and its prompt."""

    orders: tuple[tuple[Groups, ...], ...]
    prompts: tuple[int, ...]
    n_annotators: int
    n_alone: int
    why_not: str


def _judged(verdicts: Iterable[Verdict]) -> _Judged:
    by_comparison: dict[int, dict[int, Verdict]] = {}
    for verdict in verdicts:
        own = by_comparison.setdefault(verdict.comparison_id, {})
        if verdict.annotator_id in own:
            raise Invalid(
                "An annotator judged the same comparison twice.",
                hint="Keep the newest answer of each annotator.",
            )
        own[verdict.annotator_id] = verdict
    shared = [own for own in by_comparison.values() if len(own) > 1]
    everyone = {who for own in by_comparison.values() for who in own}
    return _Judged(
        orders=tuple(tuple(sorted(v.groups for v in own.values())) for own in shared),
        prompts=tuple(next(iter(own.values())).prompt_id for own in shared),
        n_annotators=len({who for own in shared for who in own}),
        n_alone=len(by_comparison) - len(shared),
        why_not=_why_not(len(everyone), len(shared)),
    )


def _why_not(n_everyone: int, n_shared: int) -> str:
    if n_everyone == 0:
        return NOTHING
    if n_everyone == 1:
        return ONE_ANNOTATOR
    return NO_OVERLAP if n_shared == 0 else ONE_ITEM if n_shared == 1 else ""


def _mean(
    judged: _Judged, name: str, measure: Measure, how: Resampling, *, by_prompt: bool
) -> Estimate:
    """The mean over comparisons that have the figure; the others count as alone."""
    kinds = {orders: measure(orders) for orders in set(judged.orders)}
    found = [
        (value, len(orders), prompt)
        for orders, prompt in zip(judged.orders, judged.prompts, strict=True)
        if (value := kinds[orders]) is not None
    ]
    basis = Basis(
        n_units=len(found),
        n_ratings=sum(size for _, size, _ in found),
        n_annotators=judged.n_annotators,
        n_alone=judged.n_alone + len(judged.orders) - len(found),
        why_not=judged.why_not or ("" if found else ALL_TIED),
        is_uniform=False,
        what="prompts" if by_prompt else "comparisons",
    )
    sample = None if basis.why_not else _sample(found, by_prompt=by_prompt)
    coefficient = Coefficient(name, "ordinal", lambda counts: counts.astype(float), _share)
    return estimate_of(sample, coefficient, how, basis=basis, note=basis.why_not)


def _sample(found: Sequence[tuple[float, int, int]], *, by_prompt: bool) -> Sample:
    """Clusters of the same sums are one kind, so that drawing them is cheap."""
    clusters: dict[int, tuple[float, int]] = {}
    for at, (value, _, prompt) in enumerate(found):
        total, count = clusters.get(prompt if by_prompt else at, (0.0, 0))
        clusters[prompt if by_prompt else at] = (total + value, count + 1)
    kinds = Counter(clusters.values())
    return Sample(np.array(list(kinds), dtype=float), np.array(list(kinds.values()), dtype=float))


def _share(totals: Floats) -> Floats:
    return np.asarray(totals[:, 0] / np.maximum(totals[:, 1], 1))


def _of_pairs(
    orders: Sequence[Groups], measure: Callable[[Groups, Groups], float | None]
) -> float | None:
    values = [measure(first, second) for first, second in combinations(orders, 2)]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _paired(first: Groups, second: Groups) -> list[tuple[int, int]]:
    if sum(map(len, first)) != sum(map(len, second)):
        raise Invalid(
            "Two orders of one comparison rank different numbers of candidates.",
            hint="Compare orders of the same candidates.",
        )
    return [
        (a, b)
        for (_, _, a), (_, _, b) in zip(implied_pairs(first), implied_pairs(second), strict=True)
    ]


def _presence(groups: Groups) -> Floats:
    """(k, k): the chance that each candidate is among the first d, by depth d."""
    size = sum(map(len, groups))
    presence = np.zeros((size, size))
    depths = np.arange(1, size + 1)
    above = 0
    for group in groups:
        for position in group:
            presence[:, position] = np.clip((depths - above) / len(group), 0, 1)
        above += len(group)
    return presence
