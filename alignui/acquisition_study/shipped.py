"""The shipped sets as pairs: PandaLM's majorities, the crowd study's votes, real responses."""

import hashlib
from functools import cache

import numpy as np

from alignui.acquisition_study import pandalm as source
from alignui.acquisition_study.coordinates import coordinates
from alignui.acquisition_study.sets import Draw, Pairs, recorded
from alignui.demo import sources
from annotation.core.messages import content_hash
from rewardmodel.core.features import EXTRAS
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints
from rewardmodel.core.text_features import NAMES

PLAIN = len(EXTRAS) + len(NAMES)


def responses_of(data: source.PandaLM) -> Floats:
    """Coordinates (r, k) of PandaLM's responses."""
    return coordinates(data.features, data.prompt_of, plain=PLAIN)


@cache
def pandalm() -> Draw:
    """894 pairs of 158 prompts that two of three people decided alike."""
    data = source.load()
    votes = data.majority.where(data.majority.outcome != TIE)
    return recorded(
        Pairs(
            responses_of(data), votes.first, votes.second, votes.prompt, votes.outcome,
            np.ones(len(votes), dtype=bool),
        )
    )  # fmt: skip


@cache
def real_responses() -> tuple[Floats, Ints]:
    """Coordinates (r, k) of PandaLM's responses and each one's prompt, for planted teachers."""
    data = source.load()
    return responses_of(data), data.prompt_of


@cache
def crowd() -> Draw:
    """The crowd study: one pair for each two responses, with what most of its workers said.

    Thirteen prompts only, so what is held out varies much between seeds.
    """
    with np.load(sources.DATA / "llmfao" / "smollm2-features.npz") as shipped:
        row_of = {key: row for row, key in enumerate(shipped["keys"].tolist())}
        features = shipped["vectors"].astype(float)
    lead: dict[tuple[int, int], int] = {}
    prompt_of: dict[tuple[int, int], int] = {}
    prompts: dict[str, int] = {}
    for vote in sources.crowd_judgments():
        rows = [row_of.get(_key(vote["prompt"], each)) for each in vote["completions"]]
        if None in rows or len(vote["groups"]) < 2:
            continue
        first, second = (int(row) for row in rows if row is not None)
        won = 1 if vote["groups"][0] == [0] else -1
        pair = (min(first, second), max(first, second))
        lead[pair] = lead.get(pair, 0) + (won if pair == (first, second) else -won)
        prompt_of[pair] = prompts.setdefault(vote["prompt"], len(prompts))
    kept = [pair for pair, value in lead.items() if value]
    table = np.array(kept, dtype=np.int64).reshape(-1, 2)
    outcomes = np.array([FIRST if lead[pair] > 0 else SECOND for pair in kept], dtype=np.int64)
    asked = np.array([prompt_of[pair] for pair in kept], dtype=np.int64)
    fair = np.ones(len(kept), dtype=bool)
    named, places = np.unique(table, return_inverse=True)
    of_row = dict(zip(table.ravel().tolist(), np.repeat(asked, 2).tolist(), strict=True))
    told = np.array([of_row[row] for row in named.tolist()], dtype=np.int64)
    responses = coordinates(features[named], told, plain=PLAIN)
    places = places.reshape(-1, 2)
    return recorded(Pairs(responses, places[:, 0], places[:, 1], asked, outcomes, fair))


def _key(prompt: str, completion: sources.Row) -> str:
    """As the shipped features name a response."""
    hashed = content_hash([{"role": "user", "content": prompt}])
    parts = (hashed, completion["policy"], completion["text"] or "")
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
