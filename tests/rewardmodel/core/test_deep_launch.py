"""Two real processes share every step's pairs and come to what one alone comes to."""

import json
import subprocess
import sys

import numpy as np
import pytest

from rewardmodel.core import deep_launch
from rewardmodel.core.deep import fit_deep
from rewardmodel.core.deep_training import Step
from rewardmodel.core.errors import TrainingFailed
from tests.rewardmodel.core.deep_cast import responses, texts, tiny_config, tiny_folder, votes

PROMPTS = 13


def fit(folder, state, watch=lambda step: None, **changes):
    config = tiny_config(folder, **{"epochs": 2, "pairs_at_once": 3, **changes})
    return fit_deep(
        votes(PROMPTS), texts(PROMPTS), ("overall",), config, models_dir=folder, state=state,
        watch=watch,
    )  # fmt: skip


def test_two_processes_train_as_one(tmp_path):
    folder = tiny_folder(tmp_path / "base")
    steps = []
    shared = fit(folder, tmp_path / "two", lambda step: steps.append(step.done), processes=2)
    alone = fit(folder, tmp_path / "one", processes=1)
    assert steps == list(range(1, alone.course["steps"] + 1))
    np.testing.assert_allclose(
        shared.course["last_losses"], alone.course["last_losses"], rtol=1e-2
    )  # fmt: skip
    asked = responses(texts(20))
    mine, theirs = (model.predict(asked).mean for model in (shared, alone))
    assert np.corrcoef(mine, theirs)[0, 1] > 0.999


def saying(*lines):
    """A process that says this and ends."""
    code = f"print({chr(10).join(lines)!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_what_a_process_refuses_is_told_in_its_words():
    error = json.dumps({"error": "The loss is no number.", "hint": "Lower the rate."})
    with saying("a warning", error) as running, pytest.raises(TrainingFailed, match="Lower the"):
        deep_launch._follow(running, lambda step: None)
    steps = []
    with saying("a warning", '{"done": 1, "total": 2, "loss": 0.5}', "the end") as running:
        assert deep_launch._follow(running, steps.append) == ["a warning", "the end"]
    assert steps == [Step(1, 2, 0.5)]
