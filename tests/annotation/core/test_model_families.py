"""Families of models by their names."""

import pytest

from annotation.core.model_families import family_of


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-4-0613", "openai"), ("OpenAI", "openai"), ("o3-mini", "openai"),
        ("claude-3-opus-20240229", "anthropic"), ("google/gemma-2b-it", "google"),
        ("meta-llama/Llama-3-8B-Instruct", "meta"), ("DeepSeek-R1-Distill-Llama-8B", "deepseek"),
        ("EleutherAI/gpt-j-6b", "eleutherai"), ("gpt4all-13b-snoozy", "nomic"),
        ("Qwen2.5-7B", "alibaba"), ("acme/foo-7b-chat", "foo"), ("vicuna-13b-v1.5", "vicuna"),
        ("7b", "7b"), ("  ", ""),
    ],
)  # fmt: skip
def test_a_name_tells_the_origin(name: str, family: str) -> None:
    assert family_of(name) == family
