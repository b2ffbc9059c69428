"""A pool of responses whose features stand in the cache: training and rounds without a reader."""

from pathlib import Path

import numpy as np
import pytest

from annotation.models import Completion, Project
from annotation.services.imports import records_import
from rewardmodel.jobs import reading
from rewardmodel.models import CompletionFeature
from tests.factories import make_project

READER = "toy"
PROMPTS, WIDTH, PEOPLE = 12, 28, 3


def stand_in_for_the_reader(
    monkeypatch: pytest.MonkeyPatch, settings: object, checkpoints: Path
) -> None:
    """Nothing has to be read: what `pool_project` stores is what the reader would find."""
    settings.CHECKPOINTS_DIR = checkpoints
    monkeypatch.setattr(reading, "extractor_id", lambda: READER)
    monkeypatch.setattr(reading, "read_missing", lambda handle, project: 0)


def pool_project(name: str, *, policies: int, noise: float, **fields: object) -> Project:
    """Policies answered twelve prompts; two responses of each prompt were compared by three people.

    The first feature is better for earlier policies, but for `noise` (its standard deviation).
    """
    random = np.random.default_rng(1)
    project = make_project(name, **fields)
    names = [f"policy {number}" for number in range(policies)]
    records_import(project=project, kind="completions", rows=[
        {"prompt": f"Question {at}?", "policy": each, "completion": f"{each} answers {at}."}
        for at in range(PROMPTS) for each in names
    ])  # fmt: skip
    records_import(project=project, kind="judgments", rows=[
        {
            "prompt": f"Question {at}?", "annotator": f"worker {person}",
            "winner": "left" if random.random() < 0.8 else "right",
            "completions": [
                {"policy": each, "text": f"{each} answers {at}."} for each in names[:2]
            ],
        }
        for at in range(PROMPTS) for person in range(PEOPLE)
    ])  # fmt: skip
    written = Completion.objects.filter(prompt__project=project).select_related("policy")
    rows = []
    for completion in written.order_by("pk"):
        vector = random.normal(size=WIDTH)
        vector[0] = policies - int(completion.policy.name[-1]) + noise * random.normal()
        rows.append(CompletionFeature(
            extractor=READER, completion=completion, vector=vector.astype("<f4").tobytes()
        ))  # fmt: skip
    CompletionFeature.objects.bulk_create(rows)
    return project
