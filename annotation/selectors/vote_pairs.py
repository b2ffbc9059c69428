"""Judgments as votes on pairs of responses, read in bulk into arrays.

A ranking gives each of its k(k-1)/2 pairs as a vote. Breaking it into all pairs keeps estimates
right (Azari Soufiani, Chen, Parkes and Xia, 2013, Generalized method-of-moments for rank
aggregation, NeurIPS 26); that such votes follow from each other is left to errors that are robust
to whatever one annotator's votes have in common.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from annotation.core.rankings import Groups, implied_pairs
from annotation.models import Candidate, Judgment
from annotation.selectors.judgments import read_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHUNK = 5_000
CLOCKS_APART = timedelta(minutes=1)


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
    known, the canonical one stands in. suggested: 1 for the first, -1 the second, 0 neither, or
    where it was not drawn whether the annotator should see it.
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
    heads: list[tuple[object, ...]] = []
    pairs: list[tuple[int, int, int, int, float, bool, float]] = []
    has_suggestions = False
    responses: dict[int, list[int]] = {}
    for chunk in _chunks(judgments):
        responses |= _responses({row[1] for row in chunk} - responses.keys())
        for row in chunk:
            comparison, groups, order, is_shown, suggestion = row[1], row[4], *row[9:12]
            heads.append(_head(row))
            # Only where it was drawn who sees it can the two be compared.
            is_drawn = suggestion is not None and is_shown is not None
            has_suggestions = has_suggestions or is_drawn
            named = _outcomes(read_groups(suggestion)) if is_drawn else {}
            outcomes = _outcomes(read_groups(groups))
            _add(pairs, len(heads) - 1, comparison, responses[comparison], outcomes, order, named)
    return _arranged(heads, pairs, has_suggestions=has_suggestions)


def _chunks(judgments: QuerySet[Judgment]) -> Iterator[list[tuple[Any, ...]]]:
    rows = judgments.order_by("pk").values_list(
        "pk", "comparison_id", "annotator_id", "comparison__prompt_id",
        Cast("groups", TextField()), "active_ms", "judged_at", "created_at", "source",
        "assignment__display_order", "assignment__suggestion_shown",
        Cast("comparison__suggestion", TextField()),
    )  # fmt: skip
    read = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(read, CHUNK)):
        yield chunk


def _responses(comparisons: set[int]) -> dict[int, list[int]]:
    """The completions of comparisons, by position."""
    found: dict[int, list[int]] = {key: [] for key in comparisons}
    rows = Candidate.objects.filter(comparison__in=comparisons)
    for comparison, completion in rows.order_by("comparison_id", "position").values_list(
        "comparison_id", "completion_id"
    ):
        found[comparison].append(completion)
    return found


def _head(row: tuple[Any, ...]) -> tuple[object, ...]:
    """What holds of the judgment, whatever its pairs."""
    (
        pk, comparison, annotator, prompt, _, active_ms, judged_at, created_at, source, _, shown, _,
    ) = row  # fmt: skip
    is_imported = source == Judgment.Source.IMPORT
    # Where a file does not tell when, the moment of its import stands in.
    is_timed = not is_imported or judged_at < created_at - CLOCKS_APART
    return (
        pk, annotator, prompt, comparison, np.nan if active_ms is None else active_ms / 1000,
        judged_at.timestamp() if is_timed else np.nan, is_imported, bool(shown),
    )  # fmt: skip


def _add(
    pairs: list[tuple[int, int, int, int, float, bool, float]],
    at: int,
    comparison: int,
    responses: Sequence[int],
    outcomes: Mapping[tuple[int, int], int],
    order: Sequence[int],
    named: Mapping[tuple[int, int], int],
) -> None:
    is_known = len(order) == len(responses)
    for (i, j), outcome in outcomes.items():
        sign = -1 if is_known and order.index(j) < order.index(i) else 1
        first, second = (i, j) if sign == 1 else (j, i)
        pairs.append((
            at, comparison * 100 + i * 10 + j, responses[first], responses[second],
            0.5 + sign * outcome / 2, is_known, float(sign * named.get((i, j), 0)),
        ))  # fmt: skip


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
