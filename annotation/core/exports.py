"""Preference datasets: rows with where each comes from, and what it is worth."""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypedDict

from annotation.core.messages import Message
from annotation.core.preferences import Preference, Verdict, preferences_from
from annotation.core.row_weights import NO_WEIGHTS, RowWeights

Split = Literal["train", "test"]
Kind = Literal["judgment", "adjudication"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A passage that an annotator marked in the response at a canonical position."""

    position: int
    label: str
    start: int
    end: int
    quote: str
    note: str


@dataclass(frozen=True, slots=True)
class Vote:
    """A live judgment on one criterion, with the texts that it is about.

    `texts` and `policies` are indexed by canonical position, as `verdict.completion_ids` is;
    `annotator` is a pseudonym; `split` is test for held-out prompts. Marks are of the whole
    judgment: give them to one criterion's vote only. A reviewer's decision of a dispute is a vote
    that `is_adjudication`.
    """

    verdict: Verdict
    messages: Sequence[Message]
    texts: tuple[str, ...]
    policies: tuple[str, ...]
    annotator: str
    batch_reason: str
    split: Split
    simulated: bool = False
    marks: tuple[Mark, ...] = ()
    is_adjudication: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """A response as its annotator rewrote it, beside what it was."""

    judgment_id: int
    prompt_id: int
    completion_id: int
    messages: Sequence[Message]
    original: str
    rewrite: str
    policy: str
    annotator: str
    split: Split
    simulated: bool = False


_Cast = tuple[Vote, Preference]
_Worth = tuple[float | None, float]  # probability and weight of a row


class SpanRow(TypedDict):
    """A marked passage; offsets count characters of the response's text."""

    response: Literal["chosen", "rejected"]
    label: str
    start: int
    end: int
    quote: str
    note: str
    annotator: str


class DemonstrationRow(TypedDict):
    """A conversation that ends with a rewritten response, for supervised fine-tuning."""

    messages: list[Message]
    annotator: str
    judgment_id: int
    prompt_id: int
    original_completion_id: int
    original_policy: str
    split: Split
    simulated: bool


class EditRow(TypedDict):
    """A rewrite preferred to what it was made from."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    annotator: str
    judgment_id: int
    prompt_id: int
    rejected_completion_id: int
    rejected_policy: str
    split: Split
    simulated: bool


class PreferenceRow(TypedDict):
    """One line of the dataset: TRL's conversational preference format, then where it comes from."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    kind: Kind
    criterion: str
    strength: float | None
    votes_chosen: int
    votes_rejected: int
    votes_tie: int
    probability: float | None
    weight: float
    n_candidates: int
    chosen_policy: str
    rejected_policy: str
    batch_reason: str
    annotators: list[str]
    judgment_ids: list[int]
    prompt_id: int
    chosen_completion_id: int
    rejected_completion_id: int
    split: Split
    simulated: bool
    spans: list[SpanRow]


@dataclass(frozen=True, slots=True)
class PreferenceSet:
    """Rows and what they rest on; `n_left_out` pairs prefer neither response and have no row.

    `follows_adjudication` says that a decided dispute speaks for all judges of its comparison;
    `weights` where the rows' probabilities and weights come from.
    """

    rows: tuple[PreferenceRow, ...]
    n_left_out: int
    n_judgments: int
    n_annotators: int
    n_prompts: int
    is_majority: bool
    follows_adjudication: bool = True
    weights: RowWeights = NO_WEIGHTS


def vote_rows(
    votes: Iterable[Vote], *, follows_adjudication: bool = True, weights: RowWeights = NO_WEIGHTS
) -> PreferenceSet:
    """A row for each pair that a judgment decides; ties are left out and counted.

    Where a reviewer has decided a comparison the decision takes the place of the judgments on that
    criterion, or stands beside them as a row of its own kind where it is not to be followed.
    """
    votes = list(votes)
    if follows_adjudication:
        decided = {_subject(vote) for vote in votes if vote.is_adjudication}
        votes = [v for v in votes if v.is_adjudication or _subject(v) not in decided]
    pairs = [(vote, preference) for vote in votes for preference in preferences_from(vote.verdict)]
    rows = tuple(
        _row([pair], pair[1].winner_id, _worth_of_vote(pair, weights))
        for pair in pairs
        if not pair[1].is_tie
    )
    return _preference_set(
        votes, rows, len(pairs) - len(rows), is_majority=False,
        follows_adjudication=follows_adjudication, weights=weights,
    )  # fmt: skip


def majority_rows(
    votes: Iterable[Vote], *, follows_adjudication: bool = True, weights: RowWeights = NO_WEIGHTS
) -> PreferenceSet:
    """A row for each pair of completions (and criterion) that more voters decided one way than the
    other way or as a tie; the rest are left out and counted.

    Where a reviewer has decided, the newest decision decides whatever the majority says; the votes
    of the row are still the judges'. Where it is not to be followed only the judges count.
    """
    votes = [vote for vote in votes if follows_adjudication or not vote.is_adjudication]
    by_pair: defaultdict[tuple[int, str, frozenset[int]], list[_Cast]] = defaultdict(list)
    for vote in votes:
        for preference in preferences_from(vote.verdict):
            ids = frozenset((preference.winner_id, preference.loser_id))
            by_pair[preference.prompt_id, preference.criterion, ids].append((vote, preference))
    casts = by_pair.values()
    rows = tuple(row for cast in casts if (row := _majority_row(cast, weights)) is not None)
    return _preference_set(
        votes, rows, len(by_pair) - len(rows), is_majority=True,
        follows_adjudication=follows_adjudication, weights=weights,
    )  # fmt: skip


def demonstration_row(edit: Edit) -> DemonstrationRow:
    """The prompt with the rewrite as the assistant's turn: TRL's conversational SFT format."""
    return DemonstrationRow(
        messages=[*edit.messages, _turn(edit.rewrite)],
        annotator=edit.annotator,
        judgment_id=edit.judgment_id,
        prompt_id=edit.prompt_id,
        original_completion_id=edit.completion_id,
        original_policy=edit.policy,
        split=edit.split,
        simulated=edit.simulated,
    )


def edit_row(edit: Edit) -> EditRow:
    """The rewrite as chosen, the original as rejected: TRL's conversational preference format."""
    return EditRow(
        prompt=list(edit.messages),
        chosen=[_turn(edit.rewrite)],
        rejected=[_turn(edit.original)],
        annotator=edit.annotator,
        judgment_id=edit.judgment_id,
        prompt_id=edit.prompt_id,
        rejected_completion_id=edit.completion_id,
        rejected_policy=edit.policy,
        split=edit.split,
        simulated=edit.simulated,
    )


def pseudonym(annotator_id: int, key: str) -> str:
    """A name that stays the same under one key and cannot be turned back without it."""
    digest = hmac.new(key.encode(), str(annotator_id).encode(), hashlib.sha256).hexdigest()
    return f"annotator-{digest[:10]}"


def _plurality(cast: Sequence[_Cast]) -> int | None:
    """The completion with more votes than the other and than ties; None if there is none."""
    tally: defaultdict[int | None, int] = defaultdict(int)
    for _, preference in cast:
        tally[None if preference.is_tie else preference.winner_id] += 1
    most = max(tally.values())
    leaders = [choice for choice, count in tally.items() if count == most]
    return leaders[0] if len(leaders) == 1 else None


def _subject(vote: Vote) -> tuple[int, str]:
    return vote.verdict.comparison_id, vote.verdict.criterion


def _worth_of_vote(cast: _Cast, weights: RowWeights) -> _Worth:
    """How sure the preference is, and the weight of who stated it; a decision is taken as it is."""
    vote, preference = cast
    if vote.is_adjudication:
        return None, 1.0
    return weights.probability(preference), weights.of_person(preference)


def _worth_of_majority(cast: Sequence[_Cast], winner_id: int, weights: RowWeights) -> _Worth:
    """How sure it is that the winner is better, which is the row's weight too where it is known."""
    preference = next(p for _, p in cast if p.winner_id == winner_id and not p.is_tie)
    probability = weights.probability(preference)
    return probability, 1.0 if probability is None else probability


def _majority_row(cast: Sequence[_Cast], weights: RowWeights) -> PreferenceRow | None:
    """The row of what was decided, else of what most say; None where neither prefers a response."""
    decision = max(
        (each for each in cast if each[0].is_adjudication),
        key=lambda each: each[1].judgment_id,
        default=None,
    )
    said = [each for each in cast if not each[0].is_adjudication]
    if decision is not None:
        preference = decision[1]
        if preference.is_tie:
            return None
        return _row(said, preference.winner_id, _worth_of_vote(decision, weights), decision)
    winner = _plurality(said)
    if winner is None:
        return None
    return _row(said, winner, _worth_of_majority(said, winner, weights))


def _row(
    cast: Sequence[_Cast], winner_id: int, worth: _Worth, decision: _Cast | None = None
) -> PreferenceRow:
    """A row of votes cast; with a decision its words count, and the votes are told beside it."""
    vote, preference = decision or cast[0]
    both = {preference.winner_id, preference.loser_id}
    (loser_id,) = both - {winner_id}
    ids = vote.verdict.completion_ids
    chosen, rejected = ids.index(winner_id), ids.index(loser_id)
    decided = [p for _, p in cast if not p.is_tie]
    won = [p for p in decided if p.winner_id == winner_id]
    telling = [preference] if decision else won
    strengths = [p.strength for p in telling if p.strength is not None]
    sources = [*cast, decision] if decision else cast
    return PreferenceRow(
        prompt=list(vote.messages),
        chosen=[_turn(vote.texts[chosen])],
        rejected=[_turn(vote.texts[rejected])],
        kind="adjudication" if vote.is_adjudication else "judgment",
        criterion=preference.criterion,
        strength=fmean(strengths) if strengths else None,
        votes_chosen=len(won),
        votes_rejected=len(decided) - len(won),
        votes_tie=len(cast) - len(decided),
        probability=worth[0],
        weight=worth[1],
        n_candidates=len(ids),
        chosen_policy=vote.policies[chosen],
        rejected_policy=vote.policies[rejected],
        batch_reason=", ".join(sorted({v.batch_reason for v, _ in sources})),
        annotators=[v.annotator for v, _ in sources],
        judgment_ids=[p.judgment_id for _, p in sources],
        prompt_id=preference.prompt_id,
        chosen_completion_id=winner_id,
        rejected_completion_id=loser_id,
        split=vote.split,
        simulated=any(v.simulated for v, _ in sources),
        spans=[row for v, _ in cast for row in _span_rows(v, winner_id, loser_id)],
    )


def _span_rows(vote: Vote, chosen_id: int, rejected_id: int) -> Iterator[SpanRow]:
    ids = vote.verdict.completion_ids
    for mark in vote.marks:
        if ids[mark.position] not in {chosen_id, rejected_id}:
            continue
        yield SpanRow(
            response="chosen" if ids[mark.position] == chosen_id else "rejected",
            label=mark.label,
            start=mark.start,
            end=mark.end,
            quote=mark.quote,
            note=mark.note,
            annotator=vote.annotator,
        )


def _turn(text: str) -> Message:
    return Message(role="assistant", content=text)


def _preference_set(
    votes: Sequence[Vote], rows: tuple[PreferenceRow, ...], left_out: int, *, is_majority: bool,
    follows_adjudication: bool, weights: RowWeights,
) -> PreferenceSet:  # fmt: skip
    return PreferenceSet(
        rows=rows,
        n_left_out=left_out,
        n_judgments=len({vote.verdict.judgment_id for vote in votes}),
        n_annotators=len({vote.annotator for vote in votes}),
        n_prompts=len({vote.verdict.prompt_id for vote in votes}),
        is_majority=is_majority,
        follows_adjudication=follows_adjudication,
        weights=weights,
    )
