"""Completions from a causal language model: batched, seeded per sample, streamed as they finish.

A token is drawn by the Gumbel-max rule, with noise that is a function of the sample's seed, the
step and the token alone (Maddison, Tarlow and Minka, 2014, A* sampling, section 2). So a seed gives
the same text in any batch and on any device as long as the network gives the same logits; where
their rounding differs (bfloat16 in a batch of another shape), it tips only what was nearly even.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import torch
from torch import Tensor
from torch.nn.functional import log_softmax
from transformers import DynamicCache

from rewardmodel.core.errors import DecodingInvalid, PromptRefused
from rewardmodel.core.language_model import LanguageModel, Message

FinishReason = Literal["stop", "length"]
ShouldStop = Callable[[], bool]

MOST_NEW_TOKENS = 8192
BATCH = {"cpu": 16, "cuda": 64}
STOP_EVERY = 16
NUCLEUS_FIRST_LOOK = 256


@dataclass(frozen=True, slots=True)
class DecodingSettings:
    """How a policy draws tokens. `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 cut nothing.

    `repetition_penalty` divides the logits of tokens that prompt or completion hold already:
    Keskar et al. (2019), CTRL, section 4.1.
    """

    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int = 0
    max_new_tokens: int = 256
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        _require(0 <= self.temperature <= 5, "temperature", "0 (greedy) to 5")
        _require(0 < self.top_p <= 1, "top_p", "above 0, up to 1")
        _require(self.top_k >= 0, "top_k", "0 (off) or more")
        _require(1 <= self.max_new_tokens <= MOST_NEW_TOKENS, "max_new_tokens", "1 to 8192")
        _require(0.5 <= self.repetition_penalty <= 2, "repetition_penalty", "0.5 to 2")

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Settings as a policy stores them. Raises DecodingInvalid for what cannot be used."""
        kinds = {field.name: field.type for field in fields(cls)}
        if unknown := sorted(set(values) - set(kinds)):
            raise DecodingInvalid(
                f"“{unknown[0]}” is no decoding setting.", hint=f"Known are: {', '.join(kinds)}."
            )
        return cls(**{name: _number(name, value, kinds[name]) for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One completion wanted. `key` is the caller's own name for it and comes back unchanged."""

    key: Any
    messages: Sequence[Message]
    seed: int
    system_prompt: str = ""


@dataclass(frozen=True, slots=True)
class SampledCompletion:
    """What the model wrote.

    `completion_tokens` and `mean_logprob` (nats, the model's own distribution: no temperature, no
    cut) are of the text's tokens, without the end of the turn; None for an empty text.
    """

    key: Any
    seed: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    mean_logprob: float | None
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class SampleFailed:
    """Why this one request cannot be answered; the others are."""

    key: Any
    seed: int
    reason: str


def generate(
    model: LanguageModel,
    requests: Sequence[SampleRequest],
    *,
    settings: DecodingSettings,
    should_stop: ShouldStop = lambda: False,
    batch_size: int | None = None,
) -> Iterator[SampledCompletion | SampleFailed]:
    """Answers requests, each as soon as it is finished, shortest prompts first.

    Ends early, without what is unfinished, once `should_stop()` says so (asked every 16 tokens).
    Where memory on the device runs out, a batch is halved and begun again.
    """
    ready: list[_Row] = []
    for request in requests:
        prompt = _prompt(model, request, settings)
        if isinstance(prompt, SampleFailed):
            yield prompt
        else:
            ready.append(_Row(request, prompt))
    ready.sort(key=lambda row: len(row.prompt))
    size = batch_size or BATCH.get(model.device.type, BATCH["cpu"])
    waiting = [ready[start : start + size] for start in range(0, len(ready), size)]
    while waiting and not should_stop():
        rows, finished = waiting.pop(0), set[int]()
        try:
            for index, completion in _write(model, rows, settings, should_stop):
                finished.add(index)
                yield completion
        except torch.OutOfMemoryError:
            left = [row for index, row in enumerate(rows) if index not in finished]
            if len(left) < 2:
                raise
            waiting[:0] = [left[: len(left) // 2], left[len(left) // 2 :]]


@dataclass(frozen=True, slots=True)
class _Row:
    request: SampleRequest
    prompt: list[int]


def _prompt(
    model: LanguageModel, request: SampleRequest, settings: DecodingSettings
) -> list[int] | SampleFailed:
    try:
        ids = model.prompt_ids(request.messages, system_prompt=request.system_prompt)
    except PromptRefused as error:
        return SampleFailed(request.key, request.seed, str(error))
    if len(ids) + settings.max_new_tokens <= model.context_length:
        return ids
    return SampleFailed(
        request.key,
        request.seed,
        f"The prompt has {len(ids):,} tokens; with {settings.max_new_tokens:,} new ones it does "
        f"not fit into the {model.context_length:,} that {model.reference} reads. Shorten the "
        "prompt, lower max_new_tokens, or choose another model.",
    )


@torch.inference_mode()
def _write(
    model: LanguageModel,
    rows: Sequence[_Row],
    settings: DecodingSettings,
    should_stop: ShouldStop,
) -> Iterator[tuple[int, SampledCompletion]]:
    """One batch, token by token; rows that have finished leave it."""
    batch = _Batch.start(model, rows)
    for step in range(settings.max_new_tokens):
        if step % STOP_EVERY == STOP_EVERY - 1 and should_stop():
            return
        logits = batch.read_on(model)
        tokens = choose(logits, batch.seen, batch.seeds, step, settings)
        batch.take(tokens, log_softmax(logits, dim=-1))
        ended = [int(token) in model.stop_ids for token in tokens]
        over = [True] * len(ended) if step + 1 == settings.max_new_tokens else ended
        for place, index in enumerate(batch.indices):
            if over[place]:
                reason: FinishReason = "stop" if ended[place] else "length"
                yield index, _completion(model, rows[index], batch, place, reason)
        if all(over):
            return
        if any(over):
            batch.keep([place for place, done in enumerate(over) if not done])


class _Batch:
    """The rows still being written. `indices` are their places in the batch as it began.

    seen: (rows, vocabulary) tokens that a repetition penalty counts. seeds: (rows,).
    """

    def __init__(self, ids: Tensor, mask: Tensor, seen: Tensor, seeds: Tensor) -> None:
        self.indices = list(range(len(ids)))
        self.ids, self.mask, self.seen, self.seeds = ids, mask, seen, seeds
        self.cache = DynamicCache()
        self.positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        self.written: list[list[int]] = [[] for _ in self.indices]
        self.logprobs: list[list[float]] = [[] for _ in self.indices]

    @classmethod
    def start(cls, model: LanguageModel, rows: Sequence[_Row]) -> "_Batch":
        """Prompts padded on the left, so that every row's next token is in the last column."""
        width = max(len(row.prompt) for row in rows)
        ids = torch.full((len(rows), width), model.pad_id)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        seen = torch.zeros((len(rows), model.network.config.vocab_size), dtype=torch.bool)
        for place, row in enumerate(rows):
            ids[place, width - len(row.prompt) :] = torch.tensor(row.prompt)
            mask[place, width - len(row.prompt) :] = 1
            seen[place, row.prompt] = True
        seeds = torch.tensor([row.request.seed for row in rows])
        return cls(*(part.to(model.device) for part in (ids, mask, seen, seeds)))

    def read_on(self, model: LanguageModel) -> Tensor:
        """Reads what is new and returns the logits (rows, vocabulary) of what comes next."""
        read = model.network(
            input_ids=self.ids,
            attention_mask=self.mask,
            position_ids=self.positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = read.logits[:, -1].float()
        return logits

    def take(self, tokens: Tensor, logprobs: Tensor) -> None:
        """Appends one token (rows,) to each row."""
        chosen = logprobs.gather(1, tokens[:, None])[:, 0].tolist()
        for place, token in enumerate(tokens.tolist()):
            self.written[place].append(token)
            self.logprobs[place].append(chosen[place])
        self.seen.scatter_(1, tokens[:, None], value=True)
        self.ids = tokens[:, None]
        self.mask = torch.cat([self.mask, torch.ones_like(self.ids)], dim=1)
        self.positions = self.positions[:, -1:] + 1

    def keep(self, places: list[int]) -> None:
        """Drops all other rows, from the attention cache too."""
        chosen = torch.tensor(places, device=self.ids.device)
        self.cache.batch_select_indices(chosen)
        for name in ("ids", "mask", "seen", "seeds", "positions"):
            setattr(self, name, getattr(self, name)[chosen])
        for name in ("indices", "written", "logprobs"):
            setattr(self, name, [getattr(self, name)[place] for place in places])


def choose(
    logits: Tensor, seen: Tensor, seeds: Tensor, step: int, settings: DecodingSettings
) -> Tensor:
    """The next token of each row, shape (rows,).

    Args:
        logits: (rows, vocabulary), float32, as the network gave them.
        seen: (rows, vocabulary), true for tokens already in the text.
        seeds: (rows,), int64.
        step: how many tokens each row has written before.
    """
    if settings.repetition_penalty != 1:
        penalty = torch.where(
            logits > 0, 1 / settings.repetition_penalty, settings.repetition_penalty
        )
        logits = torch.where(seen, logits * penalty, logits)
    if settings.temperature == 0:
        return logits.argmax(dim=-1)
    likely, tokens = _candidates(torch.softmax(logits / settings.temperature, dim=-1), settings)
    best = (likely.double().log() + gumbel(seeds, step, tokens)).argmax(dim=-1, keepdim=True)
    return tokens.gather(1, best)[:, 0]


def gumbel(seeds: Tensor, step: int, tokens: Tensor) -> Tensor:
    """Standard Gumbel noise (rows, m) for tokens (rows, m), the same wherever it is asked for.

    The uniforms beneath are the SplitMix64 hash of (seed, step, token): Steele, Lea and Flood
    (2014), Fast splittable pseudorandom number generators, figure 14.
    """
    steps = torch.full_like(seeds, step + 1)
    streams = _mix(_mix(seeds + _GOLDEN) + steps * _GOLDEN)
    hashed = _mix(streams[:, None] + (tokens + 1) * _GOLDEN)
    uniform = (_shift(hashed, 11).double() + 0.5) * 2.0**-53
    return -(-uniform.log()).log()


# The odd constants of SplitMix64 as signed 64-bit numbers; int64 products wrap around.
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)) * _FIRST
    z = (z ^ _shift(z, 27)) * _SECOND
    return z ^ _shift(z, 31)


def _shift(z: Tensor, bits: int) -> Tensor:
    """A logical right shift; torch's own keeps the sign."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _candidates(probs: Tensor, settings: DecodingSettings) -> tuple[Tensor, Tensor]:
    """Probabilities (rows, m) and their tokens (rows, m), zero beyond top-k and the nucleus.

    The nucleus is the smallest set of likeliest tokens whose mass reaches top_p: Holtzman et al.
    (2020), The curious case of neural text degeneration, section 3.1. The first 256 tokens
    nearly always hold it, and finding these is far cheaper than sorting a vocabulary.
    """
    if not settings.top_k and settings.top_p == 1:
        return probs, torch.arange(probs.shape[1], device=probs.device).expand_as(probs)
    look = min(probs.shape[1], settings.top_k or NUCLEUS_FIRST_LOOK)
    likely, tokens = probs.topk(look, dim=-1)
    if not settings.top_k and bool((likely.sum(dim=-1) < settings.top_p).any()):
        likely, tokens = probs.sort(dim=-1, descending=True)
    whole = likely.sum(dim=-1, keepdim=True) if settings.top_k else 1.0
    before = likely.cumsum(dim=-1) - likely
    return torch.where(before < settings.top_p * whole, likely, 0.0), tokens


def _completion(
    model: LanguageModel, row: _Row, batch: _Batch, place: int, reason: FinishReason
) -> SampledCompletion:
    length = len(batch.written[place]) - (reason == "stop")
    logprobs = batch.logprobs[place][:length]
    return SampledCompletion(
        key=row.request.key,
        seed=row.request.seed,
        text=model.text(batch.written[place][:length]),
        prompt_tokens=len(row.prompt),
        completion_tokens=length,
        mean_logprob=math.fsum(logprobs) / length if length else None,
        finish_reason=reason,
    )


def _number(name: str, value: object, kind: object) -> Any:
    whole = kind in {int, "int"}
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DecodingInvalid(f"{name} must be a number, not {value!r}.")
    if whole and value != int(value):
        raise DecodingInvalid(f"{name} must be a whole number, not {value!r}.")
    return int(value) if whole else float(value)


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise DecodingInvalid(f"{name} is out of range.", hint=f"Use {wanted}.")
