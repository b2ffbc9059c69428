"""TRL trains on what we export: one step of DPOTrainer and of RewardTrainer, on a real release.

Needs the extra `trl` (pip install -e '.[trl]'); skipped where it is not installed, and run once by
hand for each release, see docs/ml-engineers.md.
"""

from pathlib import Path
from typing import Any

import pytest

from alignui.embedded import paths
from annotation.models import Project, User
from annotation.services.exports import export_create
from rewardmodel.core.language_model import SMOLLM2_COPY, load
from tests.factories import judge

datasets = pytest.importorskip("datasets", reason="the extra “trl” is not installed")
trl = pytest.importorskip("trl", reason="the extra “trl” is not installed")

pytestmark = [pytest.mark.django_db, pytest.mark.model]


@pytest.fixture
def release(ana: User, project: Project, settings: Any, tmp_path: Path) -> Any:
    settings.EXPORTS_DIR = tmp_path
    for _ in range(4):
        judge(ana, project)
    export = export_create(project=project)
    return datasets.load_dataset(str(tmp_path / export.folder), split="train")


@pytest.fixture
def model_folder() -> str:
    load("smollm2", cache_dir=paths.var_dir())
    return str(paths.var_dir() / "models" / SMOLLM2_COPY)


SHORT = {
    "max_steps": 1, "per_device_train_batch_size": 2, "max_length": 128, "report_to": "none",
    "save_strategy": "no", "use_cpu": True, "bf16": False,
}  # fmt: skip


def test_dpo_takes_a_step(release: Any, model_folder: str, tmp_path: Path) -> None:
    arguments = trl.DPOConfig(output_dir=str(tmp_path / "dpo"), **SHORT)
    trainer = trl.DPOTrainer(model=model_folder, args=arguments, train_dataset=release)
    assert trainer.train().training_loss > 0


def test_the_reward_trainer_takes_a_step(release: Any, model_folder: str, tmp_path: Path) -> None:
    arguments = trl.RewardConfig(output_dir=str(tmp_path / "reward"), **SHORT)
    trainer = trl.RewardTrainer(model=model_folder, args=arguments, train_dataset=release)
    assert trainer.train().training_loss > 0
