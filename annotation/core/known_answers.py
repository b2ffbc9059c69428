"""Comparisons whose right order is known: rows of a file, and orders written in letters.

An order is written as it is read: "B > A = C" says that B is best and A and C share the rest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotation.core import fields
from annotation.core.errors import Invalid
from annotation.core.messages import checked_text
from annotation.core.rankings import Groups, parse_groups
from annotation.core.records import (
    MOST_CANDIDATES,
    JudgedCompletion,
    PromptReference,
    parse_judgment,
)

Phase = Literal["training", "test"]
LETTERS = "ABCDEFGHI"
PHASES: tuple[Phase, ...] = ("training", "test")
EXPLANATION = ("explanation", "reason")


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A prompt, its completions, the order that the lead holds to be right, and why.

    `groups` speak of positions in `completions`.
    """

    prompt: PromptReference
    completions: tuple[JudgedCompletion, ...]
    groups: Groups
    explanation: str
    phase: Phase | None = None


def parse_known_answer(row: Mapping[str, Any]) -> KnownAnswer:
    """Columns: the prompt (``prompt``, ``messages`` or ``prompt_id``), ``completions`` (texts, or
    objects with policy and text), ``order`` ("A > B", or positions in groups, best first) and
    ``explanation``; also ``phase`` (training or test). Raises Invalid naming the field."""
    completions = _completions(row)
    name, order = fields.structure(row, "order", "groups")
    if order is None:
        raise fields.absent(row, "order")
    groups = (
        parse_order(order, len(completions), field=name)
        if isinstance(order, str)
        else _groups(order, len(completions), field=name)
    )
    read = {
        "annotator": "lead", "completions": completions, "groups": [list(g) for g in groups],
        **{key: row[key] for key in ("prompt", "messages", *_PROMPT_ID) if key in row},
    }  # fmt: skip
    judged = parse_judgment(read)
    return KnownAnswer(
        prompt=judged.prompt,
        completions=judged.completions,
        groups=groups,
        explanation=_explanation(row),
        phase=_phase(row),
    )


def parse_order(written: str, size: int, *, field: str = "order") -> Groups:
    """Read "B > A = C" as groups. Raises Invalid that names what is missing or unknown."""
    known = LETTERS[:size]
    groups: list[list[int]] = []
    for part in re.split(r"[>,]", written.upper()):
        letters = [letter.strip() for letter in part.split("=")]
        if not all(letter in known and len(letter) == 1 for letter in letters):
            raise Invalid(
                f"“{written[:60]}” is no order of {', '.join(known)}.",
                field=field,
                hint='Write the best first, such as "A > B", or "A = B" for a tie.',
            )
        groups.append([known.index(letter) for letter in letters])
    return _groups(groups, size, field=field)


def order_in_words(groups: Groups) -> str:
    """ "B > A = C"."""
    return " > ".join(" = ".join(LETTERS[at] for at in group) for group in groups)


_PROMPT_ID = ("prompt_id", "prompt_external_id")


def _groups(value: object, size: int, *, field: str) -> Groups:
    try:
        return parse_groups(value, size)
    except Invalid as refusal:
        raise Invalid(refusal.message, field=field, hint=refusal.hint) from None


def _completions(row: Mapping[str, Any]) -> list[object]:
    name, value = fields.structure(row, "completions", "responses")
    if value is None:
        raise fields.absent(row, "completions")
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_CANDIDATES:
        raise Invalid(f"This is a list of 2 to {MOST_CANDIDATES} completions.", field=name)
    return [{"text": each} if isinstance(each, str) else each for each in value]


def _explanation(row: Mapping[str, Any]) -> str:
    name, value = fields.find(row, *EXPLANATION)
    return "" if value is None else checked_text(value, field=name, allow_empty=True).strip()


def _phase(row: Mapping[str, Any]) -> Phase | None:
    said = fields.label(row, "phase", limit=16, default="").lower()
    for phase in PHASES:
        if said == phase:
            return phase
    if said:
        raise Invalid("The phase is training or test.", field="phase")
    return None
