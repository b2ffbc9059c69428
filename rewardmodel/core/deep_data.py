"""Texts as token ids, votes as arrays, and batches of pairs of like length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from numpy.typing import NDArray
from torch import Tensor

from rewardmodel.core.errors import PromptRefused
from rewardmodel.core.pairs import TIE, Floats, Ints, Votes
from rewardmodel.core.reward_model import Message, Text

# Batches are cut from this many batches' pairs at a time, sorted by length: enough to leave little
# padding, few enough that what stands together in a batch changes from epoch to epoch.
SORTED_TOGETHER = 50
FEW_PROMPTS = 10
WORTH_JOINING = 0.9


@dataclass(frozen=True, slots=True)
class Tokens:
    """A conversation with its answer as the chat template writes it; shortened where too long."""

    ids: tuple[int, ...]
    is_truncated: bool

    def __len__(self) -> int:
        return len(self.ids)


class Reader:
    """Writes conversations in a tokenizer's chat template and cuts them to `max_tokens`.

    Of a long prompt the end is kept, of a long response the beginning; the marks that close the
    turn are always kept, because the reward is read off the last token.
    """

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        self.tokenizer, self.max_tokens = tokenizer, max_tokens

    def read(self, text: Text) -> Tokens:
        """The tokens of one response in its conversation. Raises PromptRefused."""
        turns = [
            {"role": m["role"], "content": self._disarmed(m["content"])} for m in text.messages
        ]
        answer = self._disarmed(text.text)
        before, whole = self._written(turns, answer)
        encoded = self.tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        starts = [start for start, _ in encoded["offset_mapping"]]
        opening = int(np.searchsorted(starts, len(before)))
        closing = int(np.searchsorted(starts, len(before) + len(answer)))
        ids = list(encoded["input_ids"])
        return self._cut(ids[:opening], ids[opening:closing], ids[closing:])

    def _written(self, turns: list[dict[str, str]], answer: str) -> tuple[str, str]:
        """What stands before the answer, and everything."""
        if not self.tokenizer.chat_template:
            before = "".join(f"{t['role']}: {t['content']}\n\n" for t in turns) + "assistant:"
            return before, f"{before}{answer}{self.tokenizer.eos_token or ''}"
        try:
            template = self.tokenizer.apply_chat_template
            before = str(template(turns, tokenize=False, add_generation_prompt=True))
            whole = str(template([*turns, assistant(answer)], tokenize=False))
        except TemplateError as error:
            raise PromptRefused(
                f"The model's chat template refuses this conversation: {error}.",
                hint="Use roles that the model knows.",
            ) from error
        return before, whole

    def _cut(self, prompt: list[int], answer: list[int], closing: list[int]) -> Tokens:
        room = self.max_tokens - len(closing)
        kept = min(len(answer), max(room - min(len(prompt), room // 2), 0))
        first = max(len(prompt) - (room - kept), 0)
        ids = prompt[first:] + answer[:kept] + closing
        return Tokens(tuple(ids), is_truncated=first > 0 or kept < len(answer))

    def _disarmed(self, content: str) -> str:
        """The same text with control tokens split, so that no text can forge a turn."""
        for token in self.tokenizer.all_special_tokens:
            content = content.replace(token, f"{token[0]}\u200b{token[1:]}")
        return content


def assistant(content: str) -> Message:
    """A turn of the model's own."""
    return {"role": "assistant", "content": content}


def padded(rows: Sequence[Tokens], pad_id: int) -> tuple[Tensor, Tensor]:
    """ids (n, width) padded on the right, and the place (n,) of each row's last token.

    As in transformers' own heads, that is the last one that is not the padding token.
    """
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row.ids)
    places = torch.arange(width).expand_as(ids)
    return ids, (places * (ids != pad_id)).argmax(dim=1)


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """m pairs of texts as one row each: what both begin with once, then each one's own rest.

    ids, places: (m, width), padded on the right; a rest's places go on where the common beginning
    ends. sees: (m, 1, width, width), which token may look at which: back only, and never from one
    rest into the other. last: (m, 2), where each text's last token stands. tokens_apart: how many
    there would be, with their padding, of each text in a row of its own.
    """

    ids: Tensor
    places: Tensor
    sees: Tensor
    last: Tensor
    tokens_apart: int

    @property
    def is_shorter(self) -> bool:
        """Whether this saves enough to make up for attention that has to heed a mask."""
        return self.ids.numel() <= WORTH_JOINING * self.tokens_apart


def joined(pairs: Sequence[tuple[Tokens, Tokens]], pad_id: int) -> Joined:
    """The pairs' rows. What a text is read as does not change: only the work is less.

    Both texts of a pair answer one prompt, so that much of what they are is the same.
    """
    parts = [(_common(a, b, pad_id), len(a), len(b)) for a, b in pairs]
    width = max(a + b - common for common, a, b in parts)
    ids = torch.full((len(pairs), width), pad_id)
    places = torch.zeros((len(pairs), width), dtype=torch.long)
    sees = torch.ones((width, width), dtype=torch.bool).tril().repeat(len(pairs), 1, 1)
    last = torch.zeros((len(pairs), 2), dtype=torch.long)
    for row, ((first, second), (common, a, b)) in enumerate(zip(pairs, parts, strict=True)):
        end = a + b - common
        ids[row, :end] = torch.tensor(first.ids + second.ids[common:])
        places[row, :a] = torch.arange(a)
        places[row, a:end] = torch.arange(common, b)
        sees[row, a:, common:a] = False
        last[row, 0] = _last(first.ids, pad_id)
        last[row, 1] = _last(second.ids, pad_id) + a - common
    apart = 2 * len(pairs) * max(max(a, b) for _, a, b in parts)
    return Joined(ids, places, sees[:, None], last, apart)


def _common(first: Tokens, second: Tokens, pad_id: int) -> int:
    """How many tokens both begin with; what the rewards are read off is never among them."""
    most = min(_last(first.ids, pad_id), _last(second.ids, pad_id))
    same = zip(first.ids[:most], second.ids[:most], strict=True)
    return next((place for place, (a, b) in enumerate(same) if a != b), most)


def _last(ids: Sequence[int], pad_id: int) -> int:
    return max((place for place, each in enumerate(ids) if each != pad_id), default=0)


@dataclass(frozen=True, eq=False)
class DeepVotes:
    """n votes on pairs of texts, on any criterion; arrays of shape (n,).

    first, second: rows of the texts. criterion: its index. strength: 1 and up, 0 where it was
    not said. prompt: ids, by which held-back votes are split off.
    """

    first: Ints
    second: Ints
    criterion: Ints
    outcome: Ints
    weight: Floats
    strength: Ints
    prompt: Ints

    def __len__(self) -> int:
        return len(self.first)

    def where(self, mask: NDArray[np.bool_]) -> "DeepVotes":
        """The votes for which `mask`, shape (n,), is true."""
        return DeepVotes(
            self.first[mask], self.second[mask], self.criterion[mask], self.outcome[mask],
            self.weight[mask], self.strength[mask], self.prompt[mask],
        )  # fmt: skip

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """The distinct pairs (m, 2) of rows, and the pair (n,) that each vote is about.

        A pair is read once for all its votes on all criteria.
        """
        keys = np.column_stack([self.first, self.second])
        pairs, pair_of = np.unique(keys, axis=0, return_inverse=True)
        return pairs, pair_of.reshape(-1)

    @property
    def has_decided(self) -> bool:
        """Whether any vote says which is better."""
        return bool((self.outcome != TIE).any())


def gathered(by_criterion: Mapping[str, Votes], strengths: Mapping[str, Ints]) -> DeepVotes:
    """The votes of all criteria, in the order of the mapping; strengths (n,) where known."""
    parts = list(by_criterion.values())
    empty = np.zeros(0, dtype=np.int64)

    def joined(name: str) -> Any:
        """One field of all criteria, end to end."""
        return np.concatenate([empty, *(getattr(part, name) for part in parts)])

    return DeepVotes(
        first=joined("first"),
        second=joined("second"),
        criterion=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        outcome=joined("outcome"),
        weight=joined("weight").astype(float),
        strength=np.concatenate(
            [empty]
            + [
                strengths.get(key, np.zeros(len(part), dtype=np.int64))
                for key, part in by_criterion.items()
            ]
        ),
        prompt=joined("prompt"),
    )


def hold_back(votes: DeepVotes, share: float, seed: int) -> NDArray[np.bool_]:
    """Mask (n,) of the votes on the prompts that early stopping looks at; none of few prompts."""
    prompts = np.unique(votes.prompt)
    if len(prompts) < FEW_PROMPTS or share <= 0:
        return np.zeros(len(votes), dtype=bool)
    np.random.default_rng([seed, 1]).shuffle(prompts)
    held = prompts[: max(1, round(share * len(prompts)))]
    mask = np.isin(votes.prompt, held)
    # What is left must still decide something, or there is nothing to train on.
    return mask if votes.where(~mask).has_decided else np.zeros(len(votes), dtype=bool)


def epoch_batches(lengths: Ints, size: int, *, seed: int, epoch: int) -> list[Ints]:
    """Pairs (m,) by length cut into batches of `size`, in an order that the seed draws anew."""
    rng = np.random.default_rng([seed, 2, epoch])
    order = rng.permutation(len(lengths))
    batches: list[Ints] = []
    for start in range(0, len(order), size * SORTED_TOGETHER):
        part = order[start : start + size * SORTED_TOGETHER]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[place : place + size] for place in range(0, len(part), size)]
    return [batches[place] for place in rng.permutation(len(batches))]


def in_length_order(lengths: Sequence[int], tokens_at_once: int) -> Iterator[list[int]]:
    """Rows, longest first, in groups that with their padding hold at most so many tokens."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        rows = max(1, tokens_at_once // max(lengths[order[start]], 1))
        yield order[start : start + rows]
        start += rows
