"""Scoring texts that are not stored, with a checkpoint that this worker keeps loaded."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings

from annotation.core.errors import Invalid, NotFound, Unavailable
from annotation.services.runs import RunHandle
from rewardmodel.core.checkpoints import load_reward_model
from rewardmodel.core.deep import DeepRewardModel
from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, PromptRefused
from rewardmodel.core.reward_model import Responses, RewardModel, Text
from rewardmodel.core.scored_items import checked_items, scored
from rewardmodel.jobs import reading
from rewardmodel.models import Checkpoint

KEPT_LOADED = 2


def scoring_work(handle: RunHandle) -> Mapping[str, object]:
    """Scores the run's items on every criterion of its checkpoint."""
    checkpoint = checkpoint_of(handle)
    items = checked_items(handle.params.get("items"))
    handle.progress(0, len(items), "Loading the reward model")
    model = reward_model(checkpoint)
    handle.progress(0, len(items), "Scoring")
    texts = [item.text for item in items]
    try:
        responses, truncated = responses_of(model, checkpoint, texts)
        predictions = {key: model.predict(responses, key) for key in model.criteria}
    except (FeaturesInvalid, PromptRefused) as error:
        raise Invalid(error.message, field="items", hint=error.hint) from error
    handle.progress(len(items), len(items), f"Scored {len(items)} texts.")
    return {"checkpoint": checkpoint.pk, "items": scored(items, predictions, truncated)}


def checkpoint_of(handle: RunHandle) -> Checkpoint:
    """The checkpoint that the run's params name. Raises NotFound."""
    key = handle.params.get("checkpoint")
    found = Checkpoint.objects.filter(
        project=handle.project, pk=key if isinstance(key, int) else 0
    ).first()
    if found is None:
        raise NotFound("The checkpoint is not there any more.", hint="Ask again.")
    return found


def reward_model(checkpoint: Checkpoint) -> RewardModel:
    """The checkpoint's model, loaded once per process. Raises Unavailable where it is broken."""
    try:
        return _loaded(str(Path(settings.CHECKPOINTS_DIR, checkpoint.folder)), checkpoint.sha256)
    except CheckpointBroken as error:
        raise Unavailable(str(error)) from error


def responses_of(
    model: RewardModel, checkpoint: Checkpoint, texts: Sequence[Text]
) -> tuple[Responses, list[bool]]:
    """What the model looks at of these texts, and which of them it cannot read whole.

    Raises FeaturesInvalid, PromptRefused; Unavailable where the checkpoint rests on another reader.
    """
    keys = tuple(range(len(texts)))
    lengths = np.array([len(text.text) for text in texts], dtype=np.int64)
    if isinstance(model, DeepRewardModel):
        responses = Responses(keys, np.zeros((len(texts), 0)), lengths, texts)
        return responses, model.truncated(texts)
    if reading.extractor_id() != checkpoint.extractor:
        raise Unavailable(
            "The checkpoint rests on features that this host reads no longer.",
            hint="Train again, or set ALIGNUI_MODEL as it was.",
        )
    features, truncated = reading.read_texts(texts)
    return Responses(keys, features, lengths, texts), truncated


@lru_cache(maxsize=KEPT_LOADED)
def _loaded(folder: str, sha256: str) -> RewardModel:
    return load_reward_model(Path(folder))
