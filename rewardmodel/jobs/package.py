"""Packaging a checkpoint: a folder for transformers and TRL, with its card, and one zip of it."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.services.runs import RunHandle
from rewardmodel.core import packaging
from rewardmodel.core.deep import DeepRewardModel
from rewardmodel.core.errors import RewardModelError
from rewardmodel.core.model_card import CardFacts, model_card
from rewardmodel.core.reward_model import RewardModel
from rewardmodel.jobs.score import checkpoint_of, reward_model
from rewardmodel.models import Checkpoint

STEPS = 3
ALL = "all"


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
    if not isinstance(model, DeepRewardModel):
        raise Invalid("Only deep checkpoints can be packaged.")
    packaging.package_deep(model, folder, outputs)
    return CardFacts(
        project=checkpoint.project.name, checkpoint=checkpoint.pk, kind="deep",
        base=Path(model.config.reference).name, license_name=license_name, outputs=outputs,
        training=training_facts(checkpoint), metrics=checkpoint.metrics,
        loading=packaging.DEEP_LOADING, needs_remote_code=False, max_tokens=model.max_tokens,
        notes=[
            "AlignUI may compute in bfloat16, which moves a reward by about a hundredth of its "
            "spread; this package is loaded in float32 by default."
        ],
    )  # fmt: skip


def training_facts(checkpoint: Checkpoint) -> dict[str, object]:
    """What a card says of where a checkpoint comes from, JSON-safe."""
    training = checkpoint.training_run
    finished = training.finished_at or checkpoint.created_at
    return {
        "n_judgments": training.n_judgments, "n_preferences": training.n_preferences,
        "includes_simulated": training.includes_simulated,
        "cutoff_judgment_id": training.cutoff_judgment_id, "data_hash": training.data_hash,
        "sha256": checkpoint.sha256, "seed": training.seed, "config": training.config,
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
