"""What rows of imported files mean: prompts, completions and judgments.

Each parser takes one row and gives one record, or raises Invalid with the field and what to do.
Columns that a parser does not know are left alone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from annotation.core import fields
from annotation.core.errors import Invalid
from annotation.core.fields import Row
from annotation.core.messages import (
    Message,
    checked_conversation,
    checked_messages,
    checked_text,
    split_conversation,
)
from annotation.core.rankings import Groups, is_tie, pairwise_groups, parse_groups

MOST_CANDIDATES = 9
UNKNOWN_POLICY = "unknown"

PROMPT_ID = ("prompt_id", "prompt_external_id")
POLICY = ("policy", "model")
COMPLETION = ("completion", "response", "text", "output")
ANNOTATOR = ("annotator", "annotator_id", "worker", "judge", "evaluator")

FIRST = {"a", "model_a", "first", "1"}
SECOND = {"b", "model_b", "second", "2"}
TIE = {"tie", "draw", "equal", "0"}
BOTH_BAD = {"both_bad", "bothbad", "both bad", "tie (bothbad)"}
SLOTS = {"left": 0, "right": 1}


@dataclass(frozen=True, slots=True)
class PromptRecord:
    messages: tuple[Message, ...]
    language: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    is_unsafe: bool = False
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class PromptReference:
    """The prompt that a row is about: in full, or by the external id of an imported one."""

    messages: tuple[Message, ...] | None
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """`sample_index` is None where the file does not say; number such rows as they come. `family`
    is that of the policy: models of one origin."""

    prompt: PromptReference
    policy: str
    text: str
    sample_index: int | None = None
    seed: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    mean_logprob: float | None = None
    finish_reason: str = "unknown"
    family: str = ""


@dataclass(frozen=True, slots=True)
class JudgedCompletion:
    policy: str
    text: str
    family: str = ""


@dataclass(frozen=True, slots=True)
class JudgmentRecord:
    """`groups` and `display_order` speak of positions in `completions`.

    `display_order` is None where the file does not say what was shown first. `judge_model` names
    the language model that judged, where one did.
    """

    prompt: PromptReference
    completions: tuple[JudgedCompletion, ...]
    groups: Groups
    annotator: str
    display_order: tuple[int, ...] | None = None
    strength: int | None = None
    both_bad: bool = False
    criterion: str = "overall"
    rationale: str = ""
    active_ms: int | None = None
    confidence: int | None = None
    judged_at: datetime | None = None
    external_id: str = ""
    judge_model: str = ""


def parse_prompt(row: Row) -> PromptRecord:
    """Columns: ``messages`` (conversational) or ``prompt`` (plain text, or conversational); also
    id or external_id, language, tags, source, metadata, is_unsafe. Audits read ``user_stance`` and
    ``response_stances`` (by policy) in the metadata."""
    messages = _messages(row)
    if messages is None:
        raise fields.absent(row, "prompt", "messages")
    return PromptRecord(
        messages=messages,
        language=fields.label(row, "language", limit=16, default=""),
        tags=fields.words(row, "tags", limit=64),
        source=fields.label(row, "source", limit=200, default=""),
        metadata=fields.metadata(row, "metadata"),
        is_unsafe=fields.flag(row, "is_unsafe"),
        external_id=fields.label(row, "external_id", "id", *PROMPT_ID, limit=128, default=""),
    )


def parse_completion(row: Row, *, allow_empty: bool = False) -> CompletionRecord:
    """Columns: the prompt (as for prompts, or ``prompt_id``), ``policy`` or ``model``, and
    ``completion``, ``response``, ``text`` or ``output``; also sample_index, seed, prompt_tokens,
    completion_tokens, mean_logprob, finish_reason (stop, length), family (of the policy)."""
    reason = fields.label(row, "finish_reason", limit=16, default="unknown").lower()
    return CompletionRecord(
        prompt=_prompt(row),
        policy=fields.label(row, *POLICY, limit=120),
        text=_answer(row, *COMPLETION, allow_empty=allow_empty),
        sample_index=fields.whole(row, "sample_index", low=0, high=2**31 - 1),
        seed=fields.whole(row, "seed", low=0, high=2**53),
        prompt_tokens=fields.whole(row, "prompt_tokens", low=0, high=2**31 - 1),
        completion_tokens=fields.whole(row, "completion_tokens", low=0, high=2**31 - 1),
        mean_logprob=fields.decimal(row, "mean_logprob"),
        finish_reason=reason if reason in {"stop", "length"} else "unknown",
        family=_family(row, "family"),
    )


def parse_judgment(row: Row, *, allow_empty: bool = False) -> JudgmentRecord:
    """A judgment in one of the known shapes, told by its columns:

    - ours: ``completions`` = [{policy, text}, ...] with ``groups`` (positions, best group first)
      or, for two, ``winner``;
    - arena: ``model_a``, ``model_b``, ``winner``, and ``conversation_a/b`` or the prompt with
      ``response_a/b``;
    - chosen and rejected: the prompt (or whole conversations), ``chosen``, ``rejected``.

    ``winner`` is a or model_a or 1 (the first), b or model_b or 2 (the second), tie or 0,
    both_bad, or left or right (as shown). Also: annotator (required, except for chosen and
    rejected), judge_model, display_order, strength (1 to 3), criterion, rationale, active_ms,
    confidence (1 to 5), judged_at, id; and the policies' families as ``family`` beside ``policy``,
    ``family_a`` and ``family_b``, or ``chosen_family`` and ``rejected_family``.
    """
    prompt, completions, groups, both_bad = _judged(row, allow_empty)
    order = _display_order(row, len(completions))
    return JudgmentRecord(
        prompt=prompt,
        completions=completions,
        groups=groups,
        annotator=_annotator(row),
        display_order=order,
        strength=_strength(row, groups),
        both_bad=both_bad,
        criterion=fields.label(row, "criterion", limit=40, default="overall"),
        rationale=_rationale(row),
        active_ms=fields.whole(row, "active_ms", low=0, high=2**31 - 1),
        confidence=fields.whole(row, "confidence", low=1, high=5),
        judged_at=fields.moment(row, "judged_at", "tstamp", "timestamp"),
        external_id=fields.label(
            row, "external_id", "id", "question_id", "comparison_id", limit=128, default=""
        ),
        judge_model=fields.label(row, "judge_model", limit=120, default=""),
    )


def _judged(
    row: Row, allow_empty: bool
) -> tuple[PromptReference, tuple[JudgedCompletion, ...], Groups, bool]:
    if fields.has(row, "chosen"):
        prompt, texts = _pair(row, "chosen", "rejected", allow_empty)
        names = [
            fields.label(row, f"{s}_policy", f"{s}_model", limit=120, default=UNKNOWN_POLICY)
            for s in ("chosen", "rejected")
        ]
        families = [_family(row, "chosen_family"), _family(row, "rejected_family")]
        return prompt, _together(names, texts, families), pairwise_groups(0), False
    if fields.has(row, "model_a"):
        is_conversation = fields.has(row, "conversation_a")
        shape = "conversation" if is_conversation else "response"
        prompt, texts = _pair(row, f"{shape}_a", f"{shape}_b", allow_empty)
        names = [fields.label(row, f"model_{side}", limit=120) for side in "ab"]
        families = [_family(row, f"family_{side}") for side in "ab"]
        return prompt, _together(names, texts, families), *_winner(row)
    completions = _completions(row, allow_empty)
    if fields.has(row, "groups"):
        groups = parse_groups(fields.structure(row, "groups")[1], len(completions))
        return _prompt(row), completions, groups, fields.flag(row, "both_bad") and is_tie(groups)
    if len(completions) != 2:
        raise Invalid("More than two completions need groups, best group first.", field="groups")
    return _prompt(row), completions, *_winner(row)


def _together(
    names: list[str], texts: list[str], families: list[str]
) -> tuple[JudgedCompletion, ...]:
    return tuple(JudgedCompletion(*each) for each in zip(names, texts, families, strict=True))


def _family(row: Row, name: str) -> str:
    return fields.label(row, name, limit=60, default="")


def _messages(row: Row) -> tuple[Message, ...] | None:
    name, value = fields.structure(row, "messages")
    if value is None:
        name, value = fields.find(row, "prompt")
    if value is None:
        return None
    if name == "messages" or isinstance(value, list):
        return checked_messages(value, field=name)
    return (Message(role="user", content=checked_text(value, field=name)),)


def _prompt(row: Row) -> PromptReference:
    messages = _messages(row)
    external_id = fields.label(row, *PROMPT_ID, limit=128, default="")
    if messages is None and not external_id:
        raise fields.absent(row, "prompt", "messages", "prompt_id")
    return PromptReference(messages, external_id)


def _answer(row: Row, *names: str, allow_empty: bool) -> str:
    """A completion as plain text or as one assistant's turn."""
    name, value = fields.find(row, *names)
    if value is None:
        present = next((n for n in names if isinstance(row.get(n), str)), None)
        if allow_empty and present:
            return ""
        raise fields.absent(row, *names)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0].get("content")
    return checked_text(value, field=name, allow_empty=allow_empty)


def _pair(
    row: Row, first: str, second: str, allow_empty: bool
) -> tuple[PromptReference, list[str]]:
    """Two answers beside a prompt, or two conversations that differ in their last turn."""
    read = fields.structure if first.startswith("conversation") else fields.find
    values = [read(row, name)[1] for name in (first, second)]
    if not all(isinstance(value, list) and len(value) > 1 for value in values):
        texts = [_answer(row, name, allow_empty=allow_empty) for name in (first, second)]
        return _prompt(row), texts
    (prompt, one), (other_prompt, other) = (
        split_conversation(checked_conversation(value, field=name), field=name)
        for name, value in zip((first, second), values, strict=True)
    )
    if prompt != other_prompt:
        raise Invalid(
            f"This and {first} differ before their last turn; keep conversations with one prompt.",
            field=second,
        )
    external_id = fields.label(row, *PROMPT_ID, limit=128, default="")
    texts = [
        checked_text(text, field=name, allow_empty=allow_empty)
        for name, text in ((first, one), (second, other))
    ]
    return PromptReference(prompt, external_id), texts


def _completions(row: Row, allow_empty: bool) -> tuple[JudgedCompletion, ...]:
    name, value = fields.structure(row, "completions")
    if value is None:
        raise fields.absent(row, "completions", "chosen", "model_a")
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_CANDIDATES:
        raise Invalid(f"This is a list of 2 to {MOST_CANDIDATES} completions.", field=name)
    found = []
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise Invalid(
                'This is an object {"policy": ..., "text": ...}.', field=f"{name}[{place}]"
            )
        try:
            policy = fields.label(item, *POLICY, limit=120, default=UNKNOWN_POLICY)
            text = _answer(item, *COMPLETION, allow_empty=allow_empty)
            found.append(JudgedCompletion(policy, text, _family(item, "family")))
        except Invalid as refusal:
            raise Invalid(refusal.message, field=f"{name}[{place}].{refusal.field}") from None
    return tuple(found)


def _winner(row: Row) -> tuple[Groups, bool]:
    """The order of two and whether both are bad; left and right go through the display order."""
    name, value = fields.required(row, "winner")
    said = str(value).strip().lower()
    if isinstance(value, bool) or said not in FIRST | SECOND | TIE | BOTH_BAD | SLOTS.keys():
        known = "a, b, left, right, tie, both_bad, or 1, 2 and 0 for a tie"
        raise Invalid(f"The winner is {known}, not {value!r:.40}.", field=name)
    if said in TIE | BOTH_BAD:
        return pairwise_groups(None), said in BOTH_BAD
    if said in SLOTS:
        order = _display_order(row, 2) or (0, 1)
        return pairwise_groups(0 if order[SLOTS[said]] == 0 else 1), False
    return pairwise_groups(0 if said in FIRST else 1), False


def _display_order(row: Row, size: int) -> tuple[int, ...] | None:
    """The position shown in each slot. Where the winner is left or right, positions are slots."""
    name, value = fields.structure(row, "display_order")
    if value is None:
        is_told = str(row.get("winner", "")).strip().lower() in SLOTS
        return tuple(range(size)) if is_told else None
    if not isinstance(value, list) or sorted(map(str, value)) != sorted(map(str, range(size))):
        raise Invalid(f"This names each position from 0 to {size - 1} once.", field=name)
    return tuple(int(position) for position in value)


def _strength(row: Row, groups: Groups) -> int | None:
    strength = fields.whole(row, "strength", low=1, high=3)
    if strength is not None and is_tie(groups):
        raise Invalid("A tie has no strength; leave it empty.", field="strength")
    if strength is not None and sum(map(len, groups)) > 2:
        raise Invalid("A ranking has no strength; leave it empty.", field="strength")
    return strength


def _annotator(row: Row) -> str:
    default = UNKNOWN_POLICY if fields.has(row, "chosen") else None
    return fields.label(row, *ANNOTATOR, limit=150, default=default)


def _rationale(row: Row) -> str:
    name, value = fields.find(row, "rationale", "reason")
    return "" if value is None else checked_text(value, field=name, allow_empty=True)
