"""A tiny reader, and an embedded reward of two criteria on what it reads."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rewardmodel.core.embedded import EmbeddedConfig, EmbeddedRewardModel
from rewardmodel.core.embedded_fit import fit_embedded
from rewardmodel.core.features import (
    EXTRAS,
    TEXTS,
    ExtractorSettings,
    FeatureExtractor,
    FeatureRequest,
)
from rewardmodel.core.judged import Judged
from rewardmodel.core.language_model import LanguageModel
from rewardmodel.core.pairs import FIRST, Votes
from rewardmodel.core.reward_model import Responses, Text
from tests.rewardmodel.core.deep_cast import responses, texts

PROMPTS = 24


def tiny_extractor(tiny: LanguageModel) -> FeatureExtractor:
    """Reads few tokens, so that long texts are shortened."""
    settings = ExtractorSettings("tiny", max_prompt_tokens=64, max_completion_tokens=48)
    return FeatureExtractor(tiny, settings)


def read(extractor: FeatureExtractor, asked: Sequence[Text]) -> Responses:
    """Those texts as the embedded model is asked about them."""
    requests = [FeatureRequest(n, text.messages, text.text) for n, text in enumerate(asked)]
    found = {features.key: features.vector for features in extractor.extract(requests)}
    rows = np.stack([found[n] for n in range(len(asked))]).astype(float)
    return replace(responses(asked), features=rows)


def good_wins(prompts: int) -> Votes:
    """One vote for the first of each prompt's two texts."""
    number, ones = np.arange(prompts), np.ones(prompts)
    return Votes(
        2 * number, 2 * number + 1, np.full(prompts, FIRST), ones, number, number
    )  # fmt: skip


def fit_tiny(given: Responses, **changes: object) -> EmbeddedRewardModel:
    """`overall` rewards the first of two texts on each prompt, `brief` the other."""
    votes = good_wins(len(given) // 2)
    swapped = replace(votes, first=votes.second, second=votes.first)
    config = EmbeddedConfig(dimensions=16, extras=len(EXTRAS), texts=len(TEXTS), precision=1.0)
    judged = {"overall": Judged(votes), "brief": Judged(swapped)}
    return fit_embedded(judged, given, replace(config, **changes))


def tiny_embedded(tiny: LanguageModel) -> tuple[EmbeddedRewardModel, FeatureExtractor]:
    extractor = tiny_extractor(tiny)
    return fit_tiny(read(extractor, texts(PROMPTS))), extractor
