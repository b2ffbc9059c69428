"""How each annotator works: figures beside each other, each with its interval and count."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion, wilson
from annotation.core.preferences import Verdict
from annotation.core.rankings import Groups, implied_pairs, is_tie, strict_winner

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Work:
    """A verdict with what only its annotator's figures need.

    words: of all responses shown. judged_at: when, in any unit that grows with time.
    earlier_groups: what the same annotator said when shown the same comparison before.
    """

    verdict: Verdict
    seconds: float | None = None
    gold_groups: Groups | None = None
    words: float | None = None
    judged_at: float | None = None
    earlier_groups: Groups | None = None


@dataclass(frozen=True, slots=True)
class AnnotatorFigures:
    """One annotator's row.

    majority: agreement with the majority of the *others*, over pairs where they have one.
    ties: share of judgments that prefer nothing.
    first_position: share of judgments with a single winner that stood in the first slot, of those
        with a single winner; 0.5 is expected of pairs, 1/k of k candidates.
    gold: share of judgments of gold comparisons that give the gold order.
    """

    annotator_id: int
    n: int
    majority: Proportion
    ties: Proportion
    first_position: Proportion
    median_seconds: float | None
    gold: Proportion


def annotator_figures(
    works: Iterable[Work], *, confidence: float = 0.95
) -> tuple[AnnotatorFigures, ...]:
    """A row for each annotator, in the order of their ids; each comparison once per annotator.

    A majority is a value (better, tied or worse, for each implied pair) that more of the other
    annotators gave than any other. Intervals are Wilson's; those of `majority` count judgments
    with at least one such pair, so that a ranking's pairs do not pass for independent.

    Raises:
        Invalid: where an annotator judged a comparison twice (pass the live judgments only).
    """
    rows = sorted(works, key=lambda work: work.verdict.annotator_id)
    majorities = _majority_shares([work.verdict for work in rows])
    by_annotator: dict[int, list[tuple[Work, float | None]]] = {}
    for work, share in zip(rows, majorities, strict=True):
        by_annotator.setdefault(work.verdict.annotator_id, []).append((work, share))
    return tuple(_figures(who, own, confidence) for who, own in by_annotator.items())


def agreement_with_others(
    own: Mapping[int, Groups],
    others: Mapping[int, Sequence[Groups]],
    *,
    confidence: float = 0.95,
) -> Proportion:
    """How often one annotator and another who judged the same comparison say the same of a pair.

    Both are keyed by comparison. Of each comparison that somebody else has judged, the share of
    (other annotator, implied pair) cases with the same outcome (better, tied or worse) is one
    case; `value` is their mean and `n` their number, so that neither a popular comparison nor a
    long ranking passes for many independent ones. The interval is Wilson's, which for shares
    between 0 and 1 is wider than it need be.
    """
    shares = [
        _share_of_pairs(groups, others[key]) for key, groups in own.items() if others.get(key)
    ]
    return wilson(sum(shares), len(shares), confidence=confidence)


def _share_of_pairs(groups: Groups, others: Sequence[Groups]) -> float:
    mine = list(implied_pairs(groups))
    same = sum(a == b for other in others for a, b in zip(mine, implied_pairs(other), strict=True))
    return same / (len(mine) * len(others))


def _figures(
    annotator_id: int, own: list[tuple[Work, float | None]], confidence: float
) -> AnnotatorFigures:
    verdicts = [work.verdict for work, _ in own]
    decided = [v for v in verdicts if strict_winner(v.groups) is not None]
    first = [strict_winner(v.groups) == v.display_order[0] for v in decided]
    seconds = [work.seconds for work, _ in own if work.seconds is not None]
    gold = [w.verdict.groups == w.gold_groups for w, _ in own if w.gold_groups is not None]

    def share(cases: Sequence[bool | float]) -> Proportion:
        return wilson(float(sum(cases)), len(cases), confidence=confidence)

    return AnnotatorFigures(
        annotator_id=annotator_id,
        n=len(own),
        majority=share([agreed for _, agreed in own if agreed is not None]),
        ties=share([is_tie(v.groups) for v in verdicts]),
        first_position=share(first),
        median_seconds=float(np.median(seconds)) if seconds else None,
        gold=share(gold),
    )


def _majority_shares(verdicts: Sequence[Verdict]) -> list[float | None]:
    """For each verdict, the share of its pairs that go with the others' majority; None if none."""
    keys: dict[tuple[int, int, int], int] = {}
    rows = [
        (index, keys.setdefault((verdict.comparison_id, i, j), len(keys)), outcome + 1)
        for index, verdict in enumerate(verdicts)
        for i, j, outcome in implied_pairs(verdict.groups)
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    judgment, pair, value = table[:, 0], table[:, 1], table[:, 2]
    _refuse_repeats(verdicts)
    others = np.bincount(pair * 3 + value, minlength=len(keys) * 3).reshape(-1, 3)[pair]
    others[np.arange(len(others)), value] -= 1
    most = others.max(axis=1, initial=0)
    is_clear = (others == most[:, None]).sum(axis=1) == 1
    agrees = is_clear & (others[np.arange(len(others)), value] == most)
    clear = np.bincount(judgment, weights=is_clear, minlength=len(verdicts))
    agreed = np.bincount(judgment, weights=agrees, minlength=len(verdicts))
    return [float(a / c) if c else None for a, c in zip(agreed, clear, strict=True)]


def _refuse_repeats(verdicts: Sequence[Verdict]) -> None:
    seen = {(verdict.comparison_id, verdict.annotator_id) for verdict in verdicts}
    if len(seen) < len(verdicts):
        raise Invalid(
            "An annotator judged the same comparison twice.",
            hint="Keep the newest answer of each annotator.",
        )
