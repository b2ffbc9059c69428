"""A tiny deep reward model as a checkpoint in use, trained once and copied for each test."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings
from django.utils import timezone

from annotation.models import Project, Run
from rewardmodel.core.deep import fit_deep
from rewardmodel.models import Checkpoint, TrainingRun
from tests.factories import make_run
from tests.rewardmodel.core.deep_cast import texts, tiny_config, tiny_folder, votes

CRITERIA = ("overall", "honest")
PROMPTS = 24


@cache
def saved() -> tuple[Path, str]:
    """The model's folder and its hash: what says “yes!” is rewarded, on `honest` the other."""
    place = Path(mkdtemp(prefix="deep-checkpoint-"))
    config = tiny_config(tiny_folder(place / "base"), epochs=3)
    model = fit_deep(
        votes(PROMPTS, criteria=2), texts(PROMPTS), CRITERIA, config, models_dir=place,
        state=place / "state",
    )  # fmt: skip
    return place / "model", model.save(place / "model", {"project": "tests"})


def make_deep_checkpoint(project: Project) -> Checkpoint:
    """In use; its files lie where this process's settings say."""
    Project.objects.filter(pk=project.pk).update(reward_model="deep")
    folder, sha256 = saved()
    training = TrainingRun.objects.create(
        project=project, criterion=project.criteria.get(key="overall"),
        run=make_run(project, Run.Kind.TRAINING, state=Run.State.SUCCEEDED),
        state=TrainingRun.State.SUCCEEDED, cutoff_judgment_id=0, seed=1, code_version="tests",
        finished_at=timezone.now(), data_hash="0" * 64,
    )  # fmt: skip
    name = f"{project.slug}/training-{training.pk}"
    shutil.copytree(folder, Path(settings.CHECKPOINTS_DIR, name), dirs_exist_ok=True)
    return Checkpoint.objects.create(
        project=project, training_run=training, state=Checkpoint.State.PROMOTED, reason="",
        folder=name, extractor="deep", sha256=sha256, kind="deep",
    )  # fmt: skip
