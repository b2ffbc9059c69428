"""PandaLM's 999 pairs with the votes of three people, and what SmolLM2 reads from the responses."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints, Votes

FOLDER = Path(__file__).parent / "data" / "pandalm"
ANNOTATORS = ("annotator1", "annotator2", "annotator3")
_OUTCOMES = {1: FIRST, 2: SECOND, 0: TIE}


@dataclass(frozen=True, slots=True)
class PandaLM:
    """N responses to prompts, and the votes on 999 pairs of them (rows of `features`).

    votes: each person's own, 2,997. majority: of at least two of three, a tie where all differ, 999
    (its `annotator` is 0). features: (N, D), as a new installation reads them. lengths: (N,)
    characters. prompt_of: (N,) the prompt's number, as in `votes.prompt`. prompts, responses: N
    texts each.
    """

    votes: Votes
    majority: Votes
    features: Floats
    lengths: Ints
    prompt_of: Ints
    prompts: tuple[str, ...]
    responses: tuple[str, ...]

    @property
    def n_prompts(self) -> int:
        return int(self.prompt_of.max()) + 1


@cache
def load() -> PandaLM:
    """The data set as it is shipped; a response that two pairs share is one row."""
    rows = read_rows()
    keys = response_keys(rows)
    row_of = {key: row for row, key in enumerate(keys)}
    prompt_number = {prompt: n for n, prompt in enumerate(dict.fromkeys(p for p, _ in keys))}
    own: list[tuple[int, ...]] = []
    majority: list[tuple[int, ...]] = []
    for row in rows:
        prompt = _prompt(row)
        first, second = (row_of[prompt, _text(row[side])] for side in ("response1", "response2"))
        said = [_OUTCOMES[row[who]] for who in ANNOTATORS]
        most, count = Counter(said).most_common(1)[0]
        place = prompt_number[prompt]
        own += [(first, second, each, place, who) for who, each in enumerate(said)]
        majority.append((first, second, most if count > 1 else TIE, place, 0))
    return PandaLM(
        votes=_votes(own),
        majority=_votes(majority),
        features=features(),
        lengths=np.array([len(response) for _, response in keys], dtype=np.int64),
        prompt_of=np.array([prompt_number[prompt] for prompt, _ in keys], dtype=np.int64),
        prompts=tuple(prompt for prompt, _ in keys),
        responses=tuple(response for _, response in keys),
    )


def features() -> Floats:
    """(N, D) shipped features, in the order of `response_keys`; stored in half precision."""
    with np.load(FOLDER / "smollm2-features.npz") as shipped:
        return np.asarray(shipped["vectors"], dtype=float)


def read_rows() -> list[dict[str, Any]]:
    """The file as published."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "testset-v1.json").read_text("utf-8"))
    return found


def response_keys(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(prompt, response), each once, in the order in which the file first names them."""
    return list(
        dict.fromkeys(
            (_prompt(row), _text(row[side])) for row in rows for side in ("response1", "response2")
        )
    )


def held_out_prompts(data: PandaLM, *, seed: int, share: float = 0.28) -> Ints:
    """The numbers of the prompts that one split holds out."""
    order = np.random.default_rng(seed).permutation(data.n_prompts)
    return np.asarray(order[: round(share * data.n_prompts)])


def _prompt(row: dict[str, Any]) -> str:
    extra = f"\n\n{row['input']}" if row["input"] else ""
    return f"{row['instruction']}{extra}"


def _text(value: object) -> str:
    """Six responses are the word “true”, which the source's JSON holds without quotes."""
    return value if isinstance(value, str) else str(value).lower()


def _votes(rows: list[tuple[int, ...]]) -> Votes:
    table = np.array(rows, dtype=np.int64)
    return Votes(
        table[:, 0], table[:, 1], table[:, 2], np.ones(len(table)), table[:, 3], table[:, 4]
    )
