"""Conversations and texts as the database can keep them: checked once, at the door."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from typing import TypedDict

from annotation.core.errors import Invalid

LONGEST_TEXT = 256 * 1024
ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


def checked_text(
    value: object, *, field: str, allow_empty: bool = False, limit: int = LONGEST_TEXT
) -> str:
    """The value, if it is text that can be stored and shown.

    Raises:
        Invalid: for another type, an empty text (unless allowed), more than `limit` UTF-8 bytes,
            a NUL character or half a surrogate pair (PostgreSQL stores neither).
    """
    if not isinstance(value, str):
        raise Invalid(f"This is {_kind(value)}, not text: {value!r:.60}.", field=field)
    if not allow_empty and not value.strip():
        raise Invalid("This is empty; leave the row out or fill it in.", field=field)
    if "\0" in value:
        raise Invalid("This holds a NUL character; remove it.", field=field)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as broken:
        raise Invalid(
            f"Character {broken.start + 1} is half of a surrogate pair; write it as one character.",
            field=field,
        ) from None
    if size > limit:
        raise Invalid(
            f"This takes {size:,} bytes; the limit for one text is {limit:,}. Shorten it.",
            field=field,
        )
    return value


def checked_messages(value: object, *, field: str = "messages") -> tuple[Message, ...]:
    """A prompt: turns of system (first only), user and assistant that end with the user's.

    Raises:
        Invalid: naming the turn, as in ``messages[2].content``.
    """
    messages = checked_conversation(value, field=field)
    if messages[-1]["role"] != "user":
        raise Invalid(
            f"A prompt ends with the user's turn; this one ends with the {messages[-1]['role']}'s.",
            field=field,
        )
    return messages


def checked_conversation(value: object, *, field: str) -> tuple[Message, ...]:
    """One or more turns, whoever has the last word."""
    if not isinstance(value, list | tuple) or not value:
        raise Invalid(
            'This is no conversation; it looks like [{"role": "user", "content": "..."}].',
            field=field,
        )
    return tuple(
        _checked_turn(turn, place, f"{field}[{place}]") for place, turn in enumerate(value)
    )


def split_conversation(
    messages: Sequence[Message], *, field: str
) -> tuple[tuple[Message, ...], str]:
    """The prompt and the assistant's text that answers it.

    Raises:
        Invalid: unless the conversation is a prompt followed by one assistant's turn.
    """
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise Invalid("This does not end with the assistant's turn after a prompt.", field=field)
    return checked_messages(messages[:-1], field=field), messages[-1]["content"]


def content_hash(messages: Sequence[Message]) -> str:
    """64 hexadecimal digits: SHA-256 of the conversation's canonical JSON, in Unicode NFC."""
    turns = [
        [message["role"], unicodedata.normalize("NFC", message["content"])] for message in messages
    ]
    canonical = json.dumps(turns, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _checked_turn(turn: object, place: int, field: str) -> Message:
    if not isinstance(turn, dict) or not {"role", "content"} <= turn.keys():
        raise Invalid("A turn needs a role and a content.", field=field)
    role = turn["role"]
    if role not in ROLES:
        raise Invalid(
            f"A role is system, user or assistant, not {role!r:.40}.", field=f"{field}.role"
        )
    if role == "system" and place > 0:
        raise Invalid("The system's turn comes first or not at all.", field=f"{field}.role")
    allow_empty = role == "assistant"
    content = checked_text(turn["content"], field=f"{field}.content", allow_empty=allow_empty)
    return Message(role=role, content=content)


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", dict: "an object"}
    if value is None:
        return "nothing"
    return kinds.get(type(value), "a list" if isinstance(value, list) else type(value).__name__)
