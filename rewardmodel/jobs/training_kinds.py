"""What differs between training an embedded and a deep reward model; everything else is `train`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from annotation.models import Project
from annotation.services.runs import RunHandle
from rewardmodel.core.checkpoints import DEEP, EMBEDDED
from rewardmodel.core.embedded import (
    OVERALL,
    EmbeddedConfig,
    EmbeddedRewardModel,
    config_from,
    with_precision,
)
from rewardmodel.core.embedded_fit import fit_embedded, space_of
from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.features import EXTRAS, LENGTH_COLUMNS
from rewardmodel.core.pairs import TIE, Votes
from rewardmodel.core.reward_model import Responses, RewardModel
from rewardmodel.core.text_features import NAMES as TEXTS
from rewardmodel.jobs import dataset, reading
from rewardmodel.jobs.evaluation_subject import Reader, Refit
from rewardmodel.models import TrainingRun

SEED_LIMIT = 2**31


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, what it looks at, and how another of its kind is fitted to fewer votes, if it can.

    read: reads texts that are not stored; None for a model that needs no features of them.
    """

    model: RewardModel
    responses: Responses
    refit: Refit | None = None
    read: Reader | None = None


def config_of(project: Project, params: Mapping[str, object]) -> dict[str, object]:
    """What a training of this project is recorded with; `params` may change a deep one's."""
    common = {"kind": project.reward_model, "weighs_annotators": project.reward_weighs_annotators}
    if project.reward_model == DEEP:
        changes = params.get("deep")
        config = _deep().deep_config(project, changes if isinstance(changes, Mapping) else None)
        return {**config.to_dict(), **common, "seed": project.seed % SEED_LIMIT}
    config = EmbeddedConfig(
        seed=project.seed % SEED_LIMIT, extras=len(EXTRAS), texts=len(TEXTS),
        length_columns=LENGTH_COLUMNS, uses_text=project.reward_uses_text,
        debiases_length=project.reward_debiases_length,
    )  # fmt: skip
    return {**asdict(config), **common, "extractor": reading.extractor_id()}


def is_embedded(training: TrainingRun) -> bool:
    """Whether it rests on frozen features; trainings of before there were kinds do."""
    return bool(training.config.get("kind", EMBEDDED) == EMBEDDED)


def extractor_of(training: TrainingRun) -> str:
    """Whose features count; "" for a deep model."""
    return str(training.config["extractor"]) if is_embedded(training) else ""


def read_missing(handle: RunHandle, training: TrainingRun) -> None:
    """Reads what has no features yet. Raises FeaturesInvalid where the host reads otherwise now."""
    if reading.extractor_id() != extractor_of(training):
        raise FeaturesInvalid(
            "This training began with features that this host reads no longer.",
            hint="Ask for a new training.",
        )
    reading.read_missing(handle, handle.project)


def fit(handle: RunHandle, training: TrainingRun, data: dataset.Dataset) -> Trained:
    """The model that the training's record asks for. Raises NotEnoughData, FeaturesInvalid."""
    return (
        _fit_embedded(training, data)
        if is_embedded(training)
        else _fit_deep(handle, training, data)
    )


def figures(trained: Trained, data: dataset.Dataset) -> dict[str, object]:
    """What is worth knowing of the fit, JSON-safe."""
    model = trained.model
    if not isinstance(model, EmbeddedRewardModel):
        tie = float(model.chances(np.zeros(1))[0, TIE])
        # Davidson's parameter at which equal rewards tie as often, whatever the model's own ties.
        strength = float(np.log(2 * tie / (1 - tie)))
        return {"course": dict(getattr(model, "course", {})), "tie_strength": strength}
    overall = model.heads[OVERALL]
    return {
        "precision": overall.head.precision,
        "tie_strength": overall.head.eta,
        "bar": overall.head.bar,
        "course": {key: dict(found.course) for key, found in model.heads.items()},
        "left_out": dict(model.left_out),
        "weights_note": data.weights_note,
        "n_unread": data.n_unread,
    }


def clean_up(training: TrainingRun) -> None:
    """Forgets what a deep training kept for the case of a kill."""
    if not is_embedded(training):
        _deep().forget_state(training)


def with_texts(keys: Sequence[int]) -> Responses:
    """What a deep model looks at."""
    return replace(dataset.responses("", keys), texts=_deep().texts_of(keys))


def _fit_embedded(training: TrainingRun, data: dataset.Dataset) -> Trained:
    config = config_from(training.config)
    space = space_of(data.responses.features, config)
    model = fit_embedded(data.judged, data.responses, config, groups=data.groups, space=space)
    # Refits by the dozen: three folds are enough for their temperatures.
    quick = replace(with_precision(model), folds=3)

    def refit(votes: Votes) -> RewardModel:
        return fit_embedded({OVERALL: data.part(votes)}, data.responses, quick, space=space)

    return Trained(model, data.responses, refit, reading.read_texts_once)


def _fit_deep(handle: RunHandle, training: TrainingRun, data: dataset.Dataset) -> Trained:
    responses = with_texts(data.responses.keys)
    found = {key: each for key, each in data.criteria.items() if len(each.train)}
    model: RewardModel = _deep().fit(
        handle, training, {key: each.train for key, each in found.items()}, responses.texts,
        _deep_config(training), strengths={key: each.strengths for key, each in found.items()},
    )  # fmt: skip
    return Trained(model, responses)


def _deep_config(training: TrainingRun) -> Any:
    """The config that was recorded, without what is common to both kinds."""
    known = {
        key: value
        for key, value in training.config.items()
        if key not in {"kind", "weighs_annotators"}
    }
    module = import_module("rewardmodel.core.deep_settings")
    return module.DeepConfig.from_dict(known)


def _deep() -> Any:
    """Deep training needs transformers' training half, which an embedded one never loads."""
    return import_module("rewardmodel.jobs.deep")
