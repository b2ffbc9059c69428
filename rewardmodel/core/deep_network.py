"""A transformers sequence classifier as a reward: one output for each criterion.

The network is the one that AutoModelForSequenceClassification makes of a causal language model: the
last token's final state, read by a linear layer without bias. Trained whole or by LoRA (Hu et al.
2021, arXiv:2106.09685), which is merged into the weights when training ends.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rewardmodel.core.deep_loss import tie_parameter
from rewardmodel.core.deep_settings import DeepConfig, Precision, Ties
from rewardmodel.core.errors import ModelUnavailable
from rewardmodel.core.language_model import LOADING_ERRORS, be_quiet_and_modest, local_source
from rewardmodel.core.pairs import TIE, Floats, Ints


class RewardNetwork(nn.Module):
    """Rewards of token ids; `eta` (criteria,) is each criterion's tie parameter."""

    def __init__(self, classifier: Any, criteria: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.eta = nn.Parameter(torch.zeros(criteria))

    def forward(
        self, ids: Tensor, last: Tensor, places: Tensor | None = None, sees: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Rewards (..., criteria) and the states (..., H) that they are read off, in float32.

        ids: (n, width), padded on the right; last: (n,) or (n, k), the places that are read. No
        mask is needed: attention looks back only, so that a token never sees the padding after it,
        and attention without a mask is the fastest there is. `places` and `sees` are those of
        `Joined`.
        """
        plain = self.plain
        body = getattr(plain, plain.base_model_prefix)
        states = body(
            input_ids=ids, position_ids=places, attention_mask=sees, use_cache=False
        ).last_hidden_state
        rows = torch.arange(len(ids), device=ids.device).reshape(-1, *[1] * (last.ndim - 1))
        final = states[rows, last].float()
        with torch.autocast(final.device.type, enabled=False):
            return plain.score(final), final

    def start_ties(self, outcome: Ints, criterion: Ints, weight: Floats, ties: Ties) -> None:
        """Sets each criterion's tie parameter to where equal rewards tie as often as its votes."""
        for index in range(len(self.eta)):
            mine = criterion == index
            total = float(weight[mine].sum())
            share = (float(weight[mine & (outcome == TIE)].sum()) + 0.5) / (total + 1.5)
            self.eta.data[index] = tie_parameter(min(share, 0.95), ties)

    @property
    def plain(self) -> Any:
        """The classifier itself, without what LoRA wraps around it."""
        get = getattr(self.classifier, "get_base_model", None)
        return get() if get else self.classifier

    @property
    def head(self) -> Tensor:
        """The linear layer's weights (criteria, H)."""
        score = self.plain.score
        part = getattr(score, "modules_to_save", None)
        weight: Tensor = (part["default"] if part is not None else score).weight
        return weight


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A loaded network with its tokenizer. `source` is where it came from; a head `is_new` that
    did not come along."""

    network: RewardNetwork
    tokenizer: Any
    source: str
    pad_id: int
    context_length: int
    is_new: bool = False


def load_base(config: DeepConfig, *, criteria: int, models_dir: Path) -> Base:
    """The base that the config names, with a new head drawn from its seed, ready for training.

    Raises ModelUnavailable where it cannot be loaded or is no decoder with a linear head.
    """
    source = str(local_source(config.reference, models_dir=models_dir))
    torch.manual_seed(config.seed)
    tokenizer, classifier, is_headless = _loaded(source, config.reference, criteria)
    if not hasattr(classifier, "score"):
        raise ModelUnavailable(
            f"{config.reference} has no linear head named “score”.",
            hint="Use a causal language model, or a classifier made from one.",
        )
    pad_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    classifier.config.get_text_config().pad_token_id = pad_id
    if is_headless:
        _draw_head(classifier.score.weight, config.seed)
    if config.gradient_checkpointing:
        # The newer name came during version 5 of transformers; the older one goes with 6.
        has_new = hasattr(classifier, "activation_checkpointing_enable")
        name = f"{'activation' if has_new else 'gradient'}_checkpointing_enable"
        getattr(classifier, name)({"use_reentrant": False})
    context = int(getattr(classifier.config, "max_position_embeddings", config.max_tokens))
    if config.method == "lora":
        classifier = with_lora(classifier, config)
    network = RewardNetwork(classifier, criteria)
    return Base(network, tokenizer, source, pad_id, context, is_headless)


def _draw_head(weight: Tensor, seed: int) -> None:
    """Rewards of variance about one, as Stiennon et al. (2020, arXiv:2009.01325) begin."""
    with torch.no_grad():
        drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
        weight.copy_(drawn / (drawn.shape[1] + 1) ** 0.5)


def _loaded(source: str, reference: str, criteria: int) -> tuple[Any, Any, bool]:
    """Tokenizer, classifier, and whether its head is new: a reward goes on with the one it has."""
    be_quiet_and_modest()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        classifier, loading = AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=criteria, dtype=torch.float32, trust_remote_code=False,
            ignore_mismatched_sizes=True, output_loading_info=True,
        )  # fmt: skip
    except LOADING_ERRORS as error:
        raise ModelUnavailable(
            f"“{reference}” cannot be loaded as a reward: {str(error).splitlines()[0]}.",
            hint="Name “smollm2” or a directory that transformers loads, and check memory.",
        ) from error
    if tokenizer.eos_token_id is None and tokenizer.pad_token_id is None:
        raise ModelUnavailable(f"The tokenizer of “{reference}” has no end-of-turn token.")
    absent = {str(key) for name in ("missing_keys", "mismatched_keys") for key in loading[name]}
    return tokenizer, classifier, any("score" in key for key in absent)


def with_lora(classifier: Any, config: DeepConfig) -> Any:
    """The classifier with low-rank updates of every linear layer; the head is trained whole."""
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "LoRA needs the package peft.",
            hint="Install alignui[worker] where the workers run, or train with method “full”.",
        ) from error
    terms = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        modules_to_save=["score"],
    )
    return get_peft_model(classifier, terms)


def merged(network: RewardNetwork) -> Any:
    """The plain classifier, LoRA's updates added to its weights."""
    unload = getattr(network.classifier, "merge_and_unload", None)
    return unload() if unload else network.classifier


def computes_bf16(device: torch.device, precision: Precision) -> bool:
    """Whether to compute in bfloat16: as asked, else where the device does so natively."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
