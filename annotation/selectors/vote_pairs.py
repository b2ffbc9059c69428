"""Judgments as votes on pairs of responses, read in bulk into arrays.

A ranking gives each of its k(k-1)/2 pairs as a vote. Breaking it into all pairs keeps estimates
right (Azari Soufiani, Chen, Parkes and Xia, 2013, Generalized method-of-moments for rank
aggregation, NeurIPS 26); that such votes follow from each other is left to errors that are robust
to whatever one annotator's votes have in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotation.core.rankings import Groups, implied_pairs
from annotation.models import Candidate, Judgment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHUNK = 5_000
CLOCKS_APART = timedelta(minutes=1)
_READ = (
    "pk", "comparison_id", "annotator_id", "comparison__prompt_id", "groups", "active_ms",
    "judged_at", "created_at", "source", "assignment__display_order",
    "assignment__suggestion_shown", "comparison__suggestion",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """(m,) arrays, one entry for each judgment, in order; NaN where something is not known.

    times: seconds since 1970. shown: whether a suggestion was; False too where there was none.
    """

    ids: Ints
    annotators: Ints
    prompts: Ints
    comparisons: Ints
    seconds: Floats
    times: Floats
    is_imported: Flags
    shown: Flags


@dataclass(frozen=True, slots=True)
class VotePairs:
    """(v,) arrays, one entry for each pair of each judgment.

    judgment: its place in `judged`. items: one number for a pair of one comparison. won: 1 where
    the response shown first won, 0 where the second did, 0.5 a tie. Where the order shown is not
    known, the canonical one stands in. suggested: 1 for the first, -1 the second, 0 neither.
    """

    judged: Judged
    judgment: Ints
    items: Ints
    first: Ints
    second: Ints
    won: Floats
    order_known: Flags
    suggested: Floats
    has_suggestions: bool


def vote_pairs(judgments: QuerySet[Judgment]) -> VotePairs:
    """All pairs that the judgments imply, in order of judgment."""
    responses = _candidates(judgments)
    heads: list[tuple[object, ...]] = []
    pairs: list[tuple[int, int, int, int, float, bool, float]] = []
    has_suggestions = False
    rows = judgments.order_by("pk").values_list(*_READ)
    for (
        pk, comparison, annotator, prompt, groups, active_ms, judged_at, created_at, source, order,
        shown, suggestion,
    ) in rows.iterator(chunk_size=CHUNK):  # fmt: skip
        is_imported = source == Judgment.Source.IMPORT
        # Where a file does not tell when, the moment of its import stands in.
        is_timed = not is_imported or judged_at < created_at - CLOCKS_APART
        heads.append((
            pk, annotator, prompt, comparison, np.nan if active_ms is None else active_ms / 1000,
            judged_at.timestamp() if is_timed else np.nan, is_imported, bool(shown),
        ))  # fmt: skip
        has_suggestions = has_suggestions or suggestion is not None
        named = _outcomes(_groups(suggestion)) if suggestion else {}
        _add(pairs, len(heads) - 1, comparison, responses[comparison], groups, order, named)
    return _arranged(heads, pairs, has_suggestions=has_suggestions)


def _candidates(judgments: QuerySet[Judgment]) -> Mapping[int, Sequence[int]]:
    found: dict[int, list[int]] = {}
    rows = Candidate.objects.filter(comparison__in=judgments.values("comparison"))
    for comparison, completion in (
        rows.order_by("comparison", "position")
        .values_list("comparison", "completion")
        .iterator(chunk_size=CHUNK)
    ):
        found.setdefault(comparison, []).append(completion)
    return found


def _add(
    pairs: list[tuple[int, int, int, int, float, bool, float]],
    at: int,
    comparison: int,
    responses: Sequence[int],
    groups: list[list[int]],
    order: Sequence[int],
    named: Mapping[tuple[int, int], int],
) -> None:
    is_known = len(order) == len(responses)
    for (i, j), outcome in _outcomes(_groups(groups)).items():
        sign = -1 if is_known and order.index(j) < order.index(i) else 1
        first, second = (i, j) if sign == 1 else (j, i)
        pairs.append((
            at, comparison * 100 + i * 10 + j, responses[first], responses[second],
            0.5 + sign * outcome / 2, is_known, float(sign * named.get((i, j), 0)),
        ))  # fmt: skip


def _groups(value: Sequence[Sequence[int]]) -> Groups:
    return tuple(map(tuple, value))


@lru_cache(maxsize=4096)
def _outcomes(groups: Groups) -> Mapping[tuple[int, int], int]:
    """1 where the lower position fared better, -1 worse, 0 a tie."""
    return {(i, j): int(outcome) for i, j, outcome in implied_pairs(groups)}


def _arranged(
    heads: list[tuple[object, ...]],
    pairs: list[tuple[int, int, int, int, float, bool, float]],
    *,
    has_suggestions: bool,
) -> VotePairs:
    pk, annotator, prompt, comparison, seconds, times, imported, shown = _columns(heads, 8)
    at, item, first, second, won, known, suggested = _columns(pairs, 7)
    judged = Judged(
        ids=np.array(pk, dtype=np.int64),
        annotators=np.array(annotator, dtype=np.int64),
        prompts=np.array(prompt, dtype=np.int64),
        comparisons=np.array(comparison, dtype=np.int64),
        seconds=np.array(seconds, dtype=np.float64),
        times=np.array(times, dtype=np.float64),
        is_imported=np.array(imported, dtype=np.bool_),
        shown=np.array(shown, dtype=np.bool_),
    )
    return VotePairs(
        judged=judged,
        judgment=np.array(at, dtype=np.int64),
        items=np.array(item, dtype=np.int64),
        first=np.array(first, dtype=np.int64),
        second=np.array(second, dtype=np.int64),
        won=np.array(won, dtype=np.float64),
        order_known=np.array(known, dtype=np.bool_),
        suggested=np.array(suggested, dtype=np.float64),
        has_suggestions=has_suggestions,
    )


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> Sequence[Sequence[object]]:
    return list(zip(*rows, strict=True)) or [()] * width
