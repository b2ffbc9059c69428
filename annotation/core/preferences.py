"""Preferences: what judgments say about pairs. Derived from judgments; never stored."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from annotation.core.rankings import Groups, Outcome, implied_pairs, is_tie


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgment's order on one criterion, with everything that a reader of it needs.

    `completion_ids` is indexed by canonical position; `display_order[slot]` is the canonical
    position of the candidate that stood in that slot.
    """

    judgment_id: int
    comparison_id: int
    prompt_id: int
    completion_ids: tuple[int, ...]
    annotator_id: int
    groups: Groups
    display_order: tuple[int, ...]
    strength: int | None = None
    criterion: str = "overall"


@dataclass(frozen=True, slots=True)
class Preference:
    """One completion preferred to another of the same prompt, or tied with it.

    Of a tie, `winner_id` is the completion of the lower canonical position: it means nothing.
    `shown_first` is the completion of this pair that stood in the earlier slot.
    """

    prompt_id: int
    winner_id: int
    loser_id: int
    is_tie: bool
    weight: float
    annotator_id: int
    strength: int | None
    criterion: str
    judgment_id: int
    shown_first: int


def preferences_from(verdict: Verdict) -> tuple[Preference, ...]:
    """The k(k-1)/2 preferences that an order of k completions implies, each of weight 2/k.

    Weights of one judgment sum to k-1: a chain of k-1 decisions settles an order and
    transitivity gives the other pairs, so they carry no evidence of their own. A pair weighs 1,
    and a ranking of four counts as three decisions rather than six.

    Strength is a step between two responses; of a ranking with more, or of a tie, it is None.
    """
    size = len(verdict.completion_ids)
    slot_of = {position: slot for slot, position in enumerate(verdict.display_order)}
    strength = verdict.strength if size == 2 and not is_tie(verdict.groups) else None

    def preference(i: int, j: int, outcome: Outcome) -> Preference:
        better, worse = (j, i) if outcome is Outcome.WORSE else (i, j)
        return Preference(
            prompt_id=verdict.prompt_id,
            winner_id=verdict.completion_ids[better],
            loser_id=verdict.completion_ids[worse],
            is_tie=outcome is Outcome.TIED,
            weight=2 / size,
            annotator_id=verdict.annotator_id,
            strength=strength,
            criterion=verdict.criterion,
            judgment_id=verdict.judgment_id,
            shown_first=verdict.completion_ids[min(i, j, key=slot_of.__getitem__)],
        )

    return tuple(preference(i, j, outcome) for i, j, outcome in implied_pairs(verdict.groups))


def all_preferences(verdicts: Iterable[Verdict]) -> Iterator[Preference]:
    """The preferences of many verdicts, in their order."""
    for verdict in verdicts:
        yield from preferences_from(verdict)
