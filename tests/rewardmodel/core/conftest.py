"""A tiny random network that is a real transformers model, and SmolLM2 itself."""

import os
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rewardmodel.core import language_model
from rewardmodel.core.language_model import LanguageModel

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each byte, and ChatML's two control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|im_start|>"), AddedToken("<|im_end|>")])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=CHATML,
    )


def tiny_network(*, seed: int = 0) -> LlamaForCausalLM:
    """Three layers of width 32 in float32; weights large enough that texts differ."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
            bos_token_id=256, eos_token_id=257, pad_token_id=257, initializer_range=0.4,
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny() -> LanguageModel:
    return language_model.language_model("tiny", tiny_network(), tiny_tokenizer())


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    """The shipped model; converted once and then kept where the whole suite keeps it."""
    kept = os.environ.get("ALIGNUI_MODELS_CACHE")
    return language_model.load(
        "smollm2", cache_dir=Path(kept) if kept else tmp_path_factory.mktemp("cache")
    )
