"""A tiny decoder on disk, and votes that a wordy answer wins: what deep tests train on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rewardmodel.core.deep_data import DeepVotes
from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.pairs import FIRST, SECOND, TIE
from rewardmodel.core.reward_model import Responses, Text
from tests.rewardmodel.core.conftest import tiny_network, tiny_tokenizer

GOOD, BAD = "yes!", "no"


def tiny_folder(folder: Path) -> Path:
    """A causal language model as transformers saves it: three layers of width 32."""
    tiny_network().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def tiny_config(folder: Path, **changes: object) -> DeepConfig:
    """Full training in float32 that takes about a second."""
    settings = {
        "reference": str(folder), "method": "full", "learning_rate": 5e-3, "epochs": 4,
        "pairs_per_step": 8, "pairs_at_once": 8, "max_tokens": 128, "precision": "float32",
        "save_every": 5, "seed": 3,
    }  # fmt: skip
    return DeepConfig.from_dict({**settings, **changes})


def texts(prompts: int) -> list[Text]:
    """Two answers to each prompt, of which the first is the good one."""
    return [
        Text([{"role": "user", "content": f"Question {number}?"}], f"{answer} {number % 7}")
        for number in range(prompts)
        for answer in (GOOD, BAD)
    ]


def votes(prompts: int, *, criteria: int = 1, ties: bool = False, seed: int = 0) -> DeepVotes:
    """One vote on each prompt and criterion; on the second criterion the bad answer wins.

    Which of a pair stands first is drawn; with `ties` every third vote is one.
    """
    rng = np.random.default_rng(seed)
    rows = [
        (number, criterion, rng.random() < 0.5)
        for criterion in range(criteria)
        for number in range(prompts)
    ]
    good_first = np.array([is_first for *_, is_first in rows], dtype=bool)
    number = np.array([row[0] for row in rows], dtype=np.int64)
    criterion = np.array([row[1] for row in rows], dtype=np.int64)
    outcome = np.where(good_first ^ (criterion == 1), FIRST, SECOND)
    if ties:
        outcome = np.where(number % 3 == 0, TIE, outcome)
    first = 2 * number + np.where(good_first, 0, 1)
    second = 2 * number + np.where(good_first, 1, 0)
    ones = np.ones(len(rows))
    return DeepVotes(first, second, criterion, outcome, ones, ones.astype(int), number)


def responses(of: Sequence[Text]) -> Responses:
    """Those texts as a model is asked about them."""
    return Responses(
        keys=tuple(range(len(of))), features=np.zeros((len(of), 0)),
        lengths=np.array([len(text.text) for text in of]), texts=of,
    )  # fmt: skip
