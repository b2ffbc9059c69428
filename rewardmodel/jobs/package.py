"""Packaging a checkpoint: a folder for transformers and TRL, with its card, and one zip of it."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.models import Completion
from annotation.services.runs import RunHandle
from rewardmodel.core import packaging
from rewardmodel.core.checkpoints import DEEP
from rewardmodel.core.deep import DeepRewardModel
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.core.errors import RewardModelError
from rewardmodel.core.features import ExtractorSettings, FeatureExtractor
from rewardmodel.core.model_card import CardFacts, model_card
from rewardmodel.core.packaged_reward import PackagedReward
from rewardmodel.core.packaging_embedded import EMBEDDED_LOADING, package_embedded
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import RewardModel, Text
from rewardmodel.jobs.deep import texts_of
from rewardmodel.jobs.generate import load
from rewardmodel.jobs.score import checkpoint_of, responses_of, reward_model
from rewardmodel.models import Checkpoint

STEPS = 3
ALL = "all"
COMPARED = 24


def packaging_work(handle: RunHandle) -> Mapping[str, object]:
    """Writes the package of the run's checkpoint; the same again where a worker died before.

    The params: `checkpoint`, `license`, and `criterion`, whose reward becomes the one output
    ("all": an output for each).
    """
    checkpoint = checkpoint_of(handle)
    handle.progress(0, STEPS, "Loading the reward model")
    model = reward_model(checkpoint)
    criterion = str(handle.params.get("criterion", "overall"))
    outputs = model.criteria if criterion == ALL else (criterion,)
    name = f"{handle.project.slug}/package-{handle.run.pk}"
    folder = Path(settings.EXPORTS_DIR, name)
    handle.progress(1, STEPS, "Writing the package")
    license_name = str(handle.params.get("license", "other"))
    try:
        sha256 = _write(folder, model, checkpoint, outputs, license_name)
    except RewardModelError as error:
        raise Invalid(error.message, field="criterion", hint=error.hint) from error
    except OSError as error:
        raise Unavailable(
            f"The package could not be written: {error.strerror or error}.",
            hint="Free some space where var/exports lives, and package again.",
        ) from error
    size = folder.with_name(f"{folder.name}.zip").stat().st_size
    handle.progress(STEPS, STEPS, f"Packaged checkpoint {checkpoint.pk}.")
    return {"checkpoint": checkpoint.pk, "folder": name, "sha256": sha256, "bytes": size}


def _write(
    folder: Path, model: RewardModel, checkpoint: Checkpoint, outputs: tuple[str, ...],
    license_name: str,
) -> str:  # fmt: skip
    """Writes beside the final folder, which then takes its name in one step, and the zip."""
    part = folder.with_name(f".{folder.name}.part")
    for left in (folder, part):  # by a worker that died
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        facts = _package(model, part, checkpoint, outputs, license_name)
        sha256 = packaging.finish(part, model_card(facts))
        _archive(part, folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sha256


def _package(
    model: RewardModel, folder: Path, checkpoint: Checkpoint, outputs: tuple[str, ...],
    license_name: str,
) -> CardFacts:  # fmt: skip
    texts = _sample(checkpoint)
    if isinstance(model, DeepRewardModel):
        packaging.package_deep(model, folder, outputs)
        base, max_tokens = Path(model.config.reference).name, model.max_tokens
        rewards = packaging.packaged_rewards(folder, texts)
    elif isinstance(model, EmbeddedRewardModel):
        extractor = _extractor(checkpoint)
        package_embedded(model, extractor, folder, outputs)
        read = extractor.settings
        base = Path(read.reference).name
        max_tokens = read.max_prompt_tokens + read.max_completion_tokens
        rewards = packaging.packaged_rewards(folder, texts, PackagedReward)
    else:
        raise Invalid(
            f"Reward models of kind “{model.kind}” cannot be packaged.",
            hint="Package one on frozen features, or a deep one.",
        )
    is_deep = model.kind == DEEP
    return CardFacts(
        project=checkpoint.project.name, checkpoint=checkpoint.pk, kind=model.kind, base=base,
        license_name=license_name, outputs=outputs, training=training_facts(checkpoint),
        metrics=checkpoint.metrics, needs_remote_code=not is_deep, max_tokens=max_tokens,
        loading=packaging.DEEP_LOADING if is_deep else EMBEDDED_LOADING,
        notes=(packaging.compared(_rewards(model, checkpoint, texts, outputs[0]), rewards[:, 0]),),
    )  # fmt: skip


def _extractor(checkpoint: Checkpoint) -> FeatureExtractor:
    """The reader on which the checkpoint rests. Raises Unavailable where this host has another."""
    reference = settings.DEFAULT_MODEL
    found = FeatureExtractor(load(reference), ExtractorSettings(reference=reference))
    if found.extractor_id != checkpoint.extractor:
        raise Unavailable(
            "The checkpoint rests on features that this host reads no longer.",
            hint="Train again, or set ALIGNUI_MODEL as it was.",
        )
    return found


def _sample(checkpoint: Checkpoint) -> list[Text]:
    """Responses of the project on which package and original are compared."""
    found = Completion.objects.filter(prompt__project=checkpoint.project_id).order_by("pk")
    keys = found.values_list("pk", flat=True)
    return texts_of(list(keys[:: max(1, len(keys) // COMPARED)][:COMPARED]))


def _rewards(
    model: RewardModel, checkpoint: Checkpoint, texts: list[Text], criterion: str
) -> Floats:
    if not texts:
        return np.zeros(0)
    responses, _ = responses_of(model, checkpoint, texts)
    return model.predict(responses, criterion).mean


def training_facts(checkpoint: Checkpoint) -> dict[str, object]:
    """What a card says of where a checkpoint comes from, JSON-safe."""
    training = checkpoint.training_run
    config = dict(training.config)
    if "reference" in config:
        # Where a host keeps its models is nobody's business.
        config["reference"] = Path(str(config["reference"])).name
    finished = training.finished_at or checkpoint.created_at
    return {
        "n_judgments": training.n_judgments, "n_preferences": training.n_preferences,
        "includes_simulated": training.includes_simulated,
        "cutoff_judgment_id": training.cutoff_judgment_id, "data_hash": training.data_hash,
        "sha256": checkpoint.sha256, "seed": training.seed, "config": config,
        "code_version": training.code_version, "finished_at": f"{finished:%Y-%m-%d}",
    }  # fmt: skip


def _archive(folder: Path, final: Path) -> None:
    """One zip of the folder, stored: weights do not get smaller. The same bytes for the same."""
    part = final.with_name(f"{final.name}.zip.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(each for each in folder.rglob("*") if each.is_file()):
                entry = zipfile.ZipInfo(f"{final.name}/{file.relative_to(folder)}")
                entry.external_attr = 0o644 << 16
                with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
        part.rename(final.with_name(f"{final.name}.zip"))
    finally:
        part.unlink(missing_ok=True)
