"""How a deep reward model is trained; stored with it, so that a training can be repeated."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from rewardmodel.core.errors import DecodingInvalid

Method = Literal["full", "lora"]
Ties = Literal["davidson", "rao-kupper"]
Precision = Literal["auto", "float32", "bfloat16"]

RATES: dict[str, float] = {"full": 1e-5, "lora": 2e-4}


class DeepConfigInvalid(DecodingInvalid):
    """A setting of deep training is unknown or out of its range."""


@dataclass(frozen=True, slots=True)
class DeepConfig:
    """The settings of one training.

    reference: `smollm2`, or a directory that transformers loads. max_tokens: of prompt and
    response together. learning_rate: None takes the method's own (`RATES`). margin: reward by
    which the winner must lead for each step of strength. centring: weight of the mean squared sum
    of a pair's rewards, which keeps their mean at zero (Eisenstein et al. 2023,
    arXiv:2312.09244, section 2). pairs_per_step: over all devices; pairs_at_once: on one device,
    which sets the memory needed. processes: devices to train on, 0 for all there are. patience:
    looks at the held-back prompts without an improvement before training ends.
    """

    reference: str = "smollm2"
    method: Method = "lora"
    ties: Ties = "davidson"
    lora_rank: int = 16
    lora_alpha: float = 32.0
    max_tokens: int = 1024
    learning_rate: float | None = None
    weight_decay: float = 0.0
    warmup_share: float = 0.05
    largest_gradient: float = 1.0
    epochs: int = 2
    pairs_per_step: int = 16
    pairs_at_once: int = 4
    margin: float = 0.0
    centring: float = 0.01
    precision: Precision = "auto"
    gradient_checkpointing: bool = False
    validation_share: float = 0.1
    looks_per_epoch: int = 4
    patience: int = 3
    save_every: int = 25
    processes: int = 0
    seed: int = 0

    @property
    def rate(self) -> float:
        """The learning rate at its peak."""
        return RATES[self.method] if self.learning_rate is None else self.learning_rate

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "DeepConfig":
        """The settings that a project or a checkpoint names. Raises DeepConfigInvalid."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise DeepConfigInvalid(
                f"Deep training has no setting “{unknown[0]}”.",
                hint=f"There are {', '.join(sorted(known))}.",
            )
        config = cls(**given)
        config.check()
        return config

    def check(self) -> None:
        """Raises DeepConfigInvalid that names the first setting out of its range."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise DeepConfigInvalid(f"“{name}” is one of {', '.join(choices)}.")
        for name, (low, high) in _RANGES.items():
            value, is_whole = getattr(self, name), isinstance(_DEFAULTS[name], int)
            if not _is_number(value, is_whole=is_whole) or not low <= value <= high:
                kind = "whole number" if is_whole else "number"
                raise DeepConfigInvalid(f"“{name}” is a {kind} from {low:g} to {high:g}.")
        if not _is_number(self.rate, is_whole=False) or not 0 < self.rate <= 1:
            raise DeepConfigInvalid("“learning_rate” is a number above 0 and at most 1.")
        if not isinstance(self.gradient_checkpointing, bool):
            raise DeepConfigInvalid("“gradient_checkpointing” is true or false.")
        if not isinstance(self.reference, str):
            raise DeepConfigInvalid("“reference” is “smollm2” or a directory.")


def _is_number(value: object, *, is_whole: bool) -> bool:
    allowed = int if is_whole else int | float
    return isinstance(value, allowed) and not isinstance(value, bool)


_DEFAULTS = {field.name: field.default for field in fields(DeepConfig)}

_CHOICES: dict[str, tuple[str, ...]] = {
    "method": ("full", "lora"),
    "ties": ("davidson", "rao-kupper"),
    "precision": ("auto", "float32", "bfloat16"),
}

_RANGES: dict[str, tuple[float, float]] = {
    "lora_rank": (1, 1024), "lora_alpha": (0.01, 4096), "max_tokens": (16, 1_000_000),
    "weight_decay": (0, 1), "warmup_share": (0, 1), "largest_gradient": (1e-6, 1e6),
    "epochs": (1, 100), "pairs_per_step": (1, 65536), "pairs_at_once": (1, 65536),
    "margin": (0, 10), "centring": (0, 10), "validation_share": (0, 0.5),
    "looks_per_epoch": (1, 1000), "patience": (1, 1000), "save_every": (1, 1_000_000),
    "processes": (0, 64),
}  # fmt: skip
