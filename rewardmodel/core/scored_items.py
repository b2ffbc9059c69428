"""What people ask to have scored: checked at the door, and the answers in their order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotation.core.errors import Invalid
from annotation.core.messages import Message, checked_messages, checked_text
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import OUT_OF_DISTRIBUTION, Prediction, Text

MOST_ITEMS = 256
MOST_BYTES = 2 * 1024 * 1024
_FIELDS = {"prompt", "messages", "completion"}


@dataclass(frozen=True, slots=True)
class Item:
    """A completion of a conversation that ends with the user's turn."""

    messages: tuple[Message, ...]
    completion: str

    def to_dict(self) -> dict[str, object]:
        """JSON-safe; `checked_items` reads it back."""
        return {"messages": [dict(turn) for turn in self.messages], "completion": self.completion}

    @property
    def text(self) -> Text:
        """As a reward model reads it."""
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in self.messages]
        return Text(turns, self.completion)


def checked_items(given: object) -> list[Item]:
    """Items as they came: `{"prompt": text}` or `{"messages": turns}`, with a `completion` each.

    Raises:
        Invalid: naming item and field, as in ``items[3].completion``; for none, for more than
            MOST_ITEMS, or for more than MOST_BYTES of text in all.
    """
    if not isinstance(given, list) or not given:
        raise Invalid('Give a list of items: [{"prompt": "…", "completion": "…"}].', field="items")
    if len(given) > MOST_ITEMS:
        raise Invalid(
            f"These are {len(given):,} items; at once there may be {MOST_ITEMS}.", field="items",
            hint="Send the others in further requests.",
        )  # fmt: skip
    items = [_checked_item(item, f"items[{place}]") for place, item in enumerate(given)]
    size = sum(len(json.dumps(item.to_dict(), ensure_ascii=False).encode()) for item in items)
    if size > MOST_BYTES:
        raise Invalid(
            f"The items take {size:,} bytes; at once there may be {MOST_BYTES:,}.", field="items",
            hint="Send them in several requests.",
        )  # fmt: skip
    return items


def scored(
    items: Sequence[Item], predictions: Mapping[str, Prediction], truncated: Sequence[bool]
) -> list[dict[str, Any]]:
    """For each item its reward by criterion, JSON-safe.

    rank: 1 for the best mean among the items of the same conversation, where it has several; equal
    means share a rank. is_truncated: the model reads only a part of so long a text.
    """
    found: list[dict[str, Any]] = [
        {"item": place, "criteria": {}, "is_truncated": bool(is_truncated)}
        for place, is_truncated in enumerate(truncated)
    ]
    for criterion, prediction in predictions.items():
        ranks = _ranks(items, prediction.mean)
        for place, row in enumerate(found):
            novelty = float(prediction.novelty[place])
            row["criteria"][criterion] = {
                "mean": float(prediction.mean[place]),
                "sd": float(prediction.sd[place]),
                "novelty": novelty,
                "out_of_distribution": novelty > OUT_OF_DISTRIBUTION,
                "rank": ranks[place],
            }
    return found


def _ranks(items: Sequence[Item], means: Floats) -> list[int | None]:
    together: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for place, item in enumerate(items):
        key = tuple((turn["role"], turn["content"]) for turn in item.messages)
        together.setdefault(key, []).append(place)
    ranks: list[int | None] = [None] * len(items)
    for places in together.values():
        if len(places) > 1:
            for place in places:
                ranks[place] = 1 + int(np.sum(means[places] > means[place]))
    return ranks


def _checked_item(given: object, field: str) -> Item:
    if not isinstance(given, dict):
        raise Invalid('This is no item; it looks like {"prompt": "…", "completion": "…"}.',
                      field=field)  # fmt: skip
    if unknown := sorted(set(map(str, given)) - _FIELDS):
        raise Invalid(
            f"There is no field “{unknown[0]}” here.", field=f"{field}.{unknown[0]}",
            hint="An item has a prompt or messages, and a completion.",
        )  # fmt: skip
    if ("prompt" in given) == ("messages" in given):
        raise Invalid("An item has either a prompt or messages.", field=field)
    if "prompt" in given:
        text = checked_text(given["prompt"], field=f"{field}.prompt")
        messages: tuple[Message, ...] = (Message(role="user", content=text),)
    else:
        messages = checked_messages(given["messages"], field=f"{field}.messages")
    completion = checked_text(
        given.get("completion"), field=f"{field}.completion", allow_empty=True
    )
    return Item(messages, completion)
