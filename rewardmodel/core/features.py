"""What a frozen language model makes of a completion, read after its prompt.

The features are the mean of the middle layers' states over the completion's tokens, and how likely
the model finds the text. Frozen features make a reward head train in seconds on a CPU; the middle
tells more than the last layer, which is bent towards the next word (Skean et al., 2025, Layer by
layer: uncovering hidden representations in language models, arXiv:2502.02013). Several layers are
averaged, so that nothing hangs on the choice of one. Plain facts of the text come last
(`text_features`), so that a head may do without them.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from rewardmodel.core.errors import FeaturesInvalid, PromptRefused
from rewardmodel.core.language_model import LanguageModel, Message
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Text
from rewardmodel.core.text_features import ABOUT_LENGTH, text_columns
from rewardmodel.core.text_features import NAMES as TEXTS

Float32s = NDArray[np.float32]
Pooling = Literal["mean", "last"]

FORMAT = 3
EXTRAS = ("mean_logprob", "total_logprob", "log_tokens", "is_empty")
# From the end of a vector: what is the length of the response, in tokens, characters and words.
LENGTH_COLUMNS = (
    EXTRAS.index("log_tokens") - len(EXTRAS) - len(TEXTS),
    *(TEXTS.index(name) - len(TEXTS) for name in ABOUT_LENGTH),
)
# Of a network of 30 layers: 14, 16, 18, 20 and 22.
MIDDLE = (14 / 30, 16 / 30, 18 / 30, 20 / 30, 22 / 30)
TOKENS_AT_ONCE = {"cpu": 1024, "cuda": 65536}
ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ExtractorSettings:
    """What is read. Of a long prompt the end is kept, of a long completion the beginning.

    layers: whose states are averaged, 0 being the embeddings; by default five from the middle.
    """

    reference: str = "smollm2"
    layers: tuple[int, ...] = ()
    pooling: Pooling = "mean"
    max_prompt_tokens: int = 512
    max_completion_tokens: int = 512


@dataclass(frozen=True, slots=True)
class FeatureRequest:
    """One completion to read. `key` is the caller's own name for it and comes back unchanged."""

    key: Any
    messages: Sequence[Message]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class CompletionFeatures:
    """vector: float32 (D,), the pooled states, EXTRAS, TEXTS. Log-probabilities are in nats.

    Of an empty completion the state at the end of the turn is taken, and the log-probability of
    ending there; `n_tokens` is then 0.
    """

    key: Any
    vector: Float32s
    mean_logprob: float
    total_logprob: float
    n_tokens: int
    is_truncated: bool
    is_empty: bool


class FeatureExtractor:
    """A language model as a reader. Raises FeaturesInvalid for a layer that it does not have."""

    def __init__(self, model: LanguageModel, settings: ExtractorSettings) -> None:
        layers = int(model.network.config.get_text_config().num_hidden_layers)
        settings = replace(settings, layers=settings.layers or middle_layers(layers))
        for layer in settings.layers:
            if not 0 <= layer <= layers:
                raise FeaturesInvalid(
                    f"{model.reference} has no layer {layer}.",
                    hint=f"Choose 0 (embeddings) to {layers} (the last).",
                )
        self.model, self.settings = model, settings
        self.extractor_id = _extractor_id(model, settings)
        self.size = int(model.network.config.get_text_config().hidden_size)
        self.size += len(EXTRAS) + len(TEXTS)

    def extract(
        self,
        requests: Sequence[FeatureRequest],
        *,
        should_stop: Callable[[], bool] = lambda: False,
        refused: Callable[[FeatureRequest, PromptRefused], None] | None = None,
    ) -> Iterator[CompletionFeatures]:
        """Reads all, batch by batch, longest first; ends early once `should_stop()` says so.

        A text's features do not depend on its batch but for rounding. A conversation that the
        model's chat template cannot write is told to `refused` and left out; without that,
        PromptRefused is raised.
        """
        texts = []
        for request in requests:
            try:
                texts.append(self._tokens(request))
            except PromptRefused as error:
                if refused is None:
                    raise
                refused(request, error)
        texts.sort(key=len, reverse=True)
        budget = TOKENS_AT_ONCE.get(self.model.device.type, TOKENS_AT_ONCE["cpu"])
        start = 0
        while start < len(texts) and not should_stop():
            rows = max(1, min(ROWS_AT_ONCE, budget // len(texts[start])))
            yield from self._read(texts[start : start + rows])
            start += rows

    def _tokens(self, request: FeatureRequest) -> "_Tokens":
        prompt = self.model.prompt_ids(request.messages)[-self.settings.max_prompt_tokens :]
        whole = self.model.text_ids(request.text)
        most = min(self.settings.max_completion_tokens, self.model.context_length - len(prompt))
        kept = whole[:most] or [self.model.end_of_turn_id]
        facts = text_columns([Text(request.messages, request.text)])[0]
        return _Tokens(request.key, prompt, kept, len(whole), facts)

    @torch.inference_mode()
    def _read(self, texts: Sequence["_Tokens"]) -> list[CompletionFeatures]:
        ids, mask = self._padded(texts)
        longest = max(len(text.completion) for text in texts)
        read = self.model.network(
            input_ids=ids,
            attention_mask=mask,
            position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
            output_hidden_states=True,
            use_cache=False,
            logits_to_keep=longest + 1,
        )
        states = read.hidden_states[self.settings.layers[0]].float()
        for layer in self.settings.layers[1:]:
            states = states + read.hidden_states[layer].float()
        states = states / len(self.settings.layers)
        return [
            self._features(text, states[row], read.logits[row], ids[row])
            for row, text in enumerate(texts)
        ]

    def _padded(self, texts: Sequence["_Tokens"]) -> tuple[Tensor, Tensor]:
        """Token ids and mask (rows, width), padded on the left: completions end together."""
        width = max(len(text) for text in texts)
        ids = torch.full((len(texts), width), self.model.pad_id)
        mask = torch.zeros((len(texts), width), dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, width - len(text) :] = torch.tensor(text.prompt + text.completion)
            mask[row, width - len(text) :] = 1
        return ids.to(self.model.device), mask.to(self.model.device)

    def _features(
        self, text: "_Tokens", states: Tensor, logits: Tensor, ids: Tensor
    ) -> CompletionFeatures:
        """states (width, d); logits (<= width, vocabulary), of the last positions; ids (width,)."""
        length = len(text.completion)
        over = states[-length:].float()
        pooled = over.mean(dim=0) if self.settings.pooling == "mean" else over[-1]
        before = logits[-length - 1 : -1].float()
        logprobs = -cross_entropy(before, ids[-length:], reduction="none").double()
        mean, total = float(logprobs.mean()), float(logprobs.sum())
        is_empty = text.whole_length == 0
        extras = [mean, total, np.log1p(text.whole_length), float(is_empty)]
        vector = np.concatenate([pooled.cpu().numpy(), np.array(extras), text.facts])
        if not np.isfinite(vector).all():
            raise FeaturesInvalid(
                f"{self.model.reference} gave features that are not finite for {text.key}.",
                hint="The model may be broken on this device; try another device or model.",
            )
        return CompletionFeatures(
            key=text.key,
            vector=vector.astype(np.float32),
            mean_logprob=mean,
            total_logprob=total,
            n_tokens=text.whole_length,
            is_truncated=text.whole_length > length,
            is_empty=is_empty,
        )


@dataclass(frozen=True, slots=True)
class _Tokens:
    key: Any
    prompt: list[int]
    completion: list[int]
    whole_length: int
    facts: Floats

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def _extractor_id(model: LanguageModel, settings: ExtractorSettings) -> str:
    """Names what is read and how, so that caches of different readers never mix."""
    how = asdict(settings) | {"reference": model.fingerprint, "format": FORMAT}
    digest = hashlib.sha256(repr(sorted(how.items())).encode()).hexdigest()
    first, last = min(settings.layers), max(settings.layers)
    return f"layers{first}-{last}-{settings.pooling}-{digest[:20]}"


def middle_layers(layers: int) -> tuple[int, ...]:
    """The layers that are read of a network that has so many."""
    return tuple(sorted({round(share * layers) for share in MIDDLE}))
