"""A linear reward on a language model's states, as a sequence classifier that stands alone.

This module goes into packages as it is, and the two that it reads texts with: it needs torch,
transformers and numpy only. Given whole conversations in the model's chat template, it reads the
last assistant turn after what stands before it, just as the rewards were learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.modeling_outputs import SequenceClassifierOutputWithPast

from rewardmodel.core.reward_model import Text
from rewardmodel.core.text_features import text_columns


class PackagedRewardConfig(PretrainedConfig):  # type: ignore[misc]
    """`base`: the language model's config. opening, closing, asking: how the chat template writes
    the beginning and the end of an assistant's turn, and the beginning of a user's; `opening_ids`
    and `end_id` are the first two as tokens. `features`: how many the rewards rest on."""

    model_type = "alignui_reward"

    def __init__(
        self, base: dict[str, Any] | None = None, layers: Sequence[int] = (),
        pooling: str = "mean", max_prompt_tokens: int = 512, max_completion_tokens: int = 512,
        context_length: int = 2048,
        opening: str = "", closing: str = "", asking: str = "", opening_ids: Sequence[int] = (),
        end_id: int = 0, features: int = 0, **rest: Any,
    ) -> None:  # fmt: skip
        self.base, self.layers, self.pooling = dict(base or {}), list(layers), pooling
        self.max_prompt_tokens = max_prompt_tokens
        self.max_completion_tokens = max_completion_tokens
        self.context_length = context_length
        self.opening, self.closing, self.asking = opening, closing, asking
        self.opening_ids, self.end_id, self.features = list(opening_ids), end_id, features
        super().__init__(**rest)


class LinearReward(nn.Module):
    """Rewards (n, outputs) of features (n, D): ((x - centre) / scale) times the weights."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(features), requires_grad=False)
        self.scale = nn.Parameter(torch.ones(features), requires_grad=False)
        self.weight = nn.Parameter(torch.zeros(outputs, features), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """(n, outputs) rewards of features (n, D)."""
        x = (features.double() - self.centre.double()) / self.scale.double()
        return (x @ self.weight.double().T).float()


@dataclass(frozen=True)
class _Turn:
    """One conversation: what stands before the last assistant's turn, and that turn."""

    prompt: list[int]
    completion: list[int]
    whole_length: int
    facts: Any

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


class PackagedReward(PreTrainedModel):  # type: ignore[misc]
    """The language model with the rewards that were learned on its states."""

    config_class = PackagedRewardConfig
    base_model_prefix = "network"
    _keep_in_fp32_modules_strict = {"reward"}
    _supports_sdpa = True

    def __init__(self, config: PackagedRewardConfig) -> None:
        super().__init__(config)
        base = dict(config.base)
        self.network = AutoModelForCausalLM.from_config(
            AutoConfig.for_model(base.pop("model_type"), **base)
        )
        self.reward = LinearReward(config.features, config.num_labels)
        self._tokenizer: Any = None
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Everything comes from the file."""

    @torch.inference_mode()
    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **ignored: Any
    ) -> SequenceClassifierOutputWithPast:
        """Rewards as `logits` (n, outputs) of conversations `input_ids` (n, width).

        Raises ValueError where a conversation has no assistant's turn.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        turns = [self._turn(row[keep.bool()]) for row, keep in zip(input_ids, mask, strict=True)]
        rewards = self.reward(self._features(turns, input_ids.device))
        return SequenceClassifierOutputWithPast(logits=rewards)

    @property
    def tokenizer(self) -> Any:
        """The package's own: facts of a text are told from the text itself."""
        if self._tokenizer is None:
            self._tokenizer = PreTrainedTokenizerFast.from_pretrained(self.config._name_or_path)
        return self._tokenizer

    def _turn(self, given: Tensor) -> _Turn:
        ids = given.tolist()
        start = _last_place(ids, self.config.opening_ids)
        whole = ids[start:]
        if self.config.end_id in whole:
            whole = whole[: whole.index(self.config.end_id)]
        prompt = ids[:start][-self.config.max_prompt_tokens :]
        most = min(self.config.max_completion_tokens, self.config.context_length - len(prompt))
        kept = whole[:most] or [self.config.end_id]
        return _Turn(prompt, kept, len(whole), self._facts(ids))

    def _facts(self, ids: list[int]) -> Any:
        written = self.tokenizer.decode(
            ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        before, _, after = written.rpartition(self.config.opening)
        _, _, asked = before.rpartition(self.config.asking)
        end = self.config.closing.strip()
        question = {"role": "user", "content": asked.split(end)[0]}
        return text_columns([Text([question], after.split(end)[0])])[0]

    def _features(self, turns: Sequence[_Turn], device: torch.device) -> Tensor:
        """(n, D): pooled states, log-probabilities and length, facts of the text."""
        width = max(len(turn) for turn in turns)
        ids = torch.full((len(turns), width), self.config.end_id, device=device)
        mask = torch.zeros((len(turns), width), dtype=torch.long, device=device)
        for row, turn in enumerate(turns):
            ids[row, width - len(turn) :] = torch.tensor(turn.prompt + turn.completion)
            mask[row, width - len(turn) :] = 1
        read = self.network(
            input_ids=ids, attention_mask=mask, use_cache=False, output_hidden_states=True,
            position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
            logits_to_keep=max(len(turn.completion) for turn in turns) + 1,
        )  # fmt: skip
        states = sum(read.hidden_states[layer].float() for layer in self.config.layers)
        states = states / len(self.config.layers)
        rows = [
            self._row(turn, states[row], read.logits[row], ids[row])
            for row, turn in enumerate(turns)
        ]
        return torch.stack(rows).to(device)

    def _row(self, turn: _Turn, states: Tensor, logits: Tensor, ids: Tensor) -> Tensor:
        length = len(turn.completion)
        over = states[-length:]
        pooled = over.mean(dim=0) if self.config.pooling == "mean" else over[-1]
        logprobs = -cross_entropy(
            logits[-length - 1 : -1].float(), ids[-length:], reduction="none"
        ).double()  # fmt: skip
        extras = [
            float(logprobs.mean()), float(logprobs.sum()), float(np.log1p(turn.whole_length)),
            float(turn.whole_length == 0),
        ]  # fmt: skip
        facts = torch.tensor([*extras, *(float(fact) for fact in turn.facts)])
        return torch.cat([pooled.cpu(), facts])


def _last_place(ids: list[int], opening: list[int]) -> int:
    """Where the last assistant's turn begins.

    The opening's last token may have grown together with the turn's first characters.
    """
    known = opening[:-1] if len(opening) > 1 else opening
    for place in range(len(ids) - len(known), -1, -1):
        if ids[place : place + len(known)] == known:
            return place + len(opening)
    raise ValueError("This conversation has no assistant's turn in the model's chat template.")
