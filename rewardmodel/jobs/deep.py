"""Deep training as part of a training run: progress, cancelling, and a state that outlives a kill.

While it trains, a folder beside the checkpoints holds where it stands. The run that is delivered
again after its worker died finds it there and goes on.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

from annotation.core.errors import Invalid, Unavailable
from annotation.models import Completion, Project
from annotation.services.runs import RunHandle
from rewardmodel.core.deep import DeepRewardModel, fit_deep
from rewardmodel.core.deep_data import gathered
from rewardmodel.core.deep_settings import DeepConfig, DeepConfigInvalid
from rewardmodel.core.deep_training import Step
from rewardmodel.core.errors import ModelUnavailable, PromptRefused, TrainingFailed
from rewardmodel.core.pairs import Ints, Votes
from rewardmodel.core.reward_model import Text
from rewardmodel.models import TrainingRun

SECONDS_BETWEEN_REPORTS = 0.5
SEED_LIMIT = 2**31
EXTRACTOR = "deep"


def deep_config(project: Project, changes: Mapping[str, object] | None = None) -> DeepConfig:
    """The installation's model and the project's seed, with what the run's params change.

    Raises Invalid that names the setting.
    """
    given = {
        "reference": settings.DEFAULT_MODEL, "seed": project.seed % SEED_LIMIT,
        **settings.DEEP_TRAINING, **(changes or {}),
    }  # fmt: skip
    try:
        return DeepConfig.from_dict(given)
    except DeepConfigInvalid as error:
        raise Invalid(error.message, field="deep", hint=error.hint) from error


def fit(
    handle: RunHandle,
    training: TrainingRun,
    votes: Mapping[str, Votes],
    texts: Sequence[Text],
    config: DeepConfig,
    *,
    strengths: Mapping[str, Ints] | None = None,
) -> DeepRewardModel:
    """Trains on the votes of each criterion, whose rows name `texts`; "overall" comes first.

    strengths: (n,) of a criterion's votes, 0 where it was not said. Takes up the state that a
    killed worker left. Raises NotEnoughData, Unavailable where the base cannot be loaded, Invalid
    where training cannot go on, and RunCancelled.
    """
    report = _Report(handle)
    handle.progress(0, 1, "Loading the language model to train")
    try:
        return fit_deep(
            gathered(votes, strengths or {}), texts, tuple(votes), config,
            models_dir=Path(settings.MODELS_CACHE, "models"), state=state_folder(training),
            watch=report, told=report.read,
        )  # fmt: skip
    except ModelUnavailable as error:
        raise Unavailable(error.message, hint=error.hint) from error
    except (TrainingFailed, PromptRefused) as error:
        raise Invalid(error.message, hint=error.hint) from error


def state_folder(training: TrainingRun) -> Path:
    """Where the training keeps its standing until its checkpoint is saved."""
    return Path(settings.CHECKPOINTS_DIR, training.project.slug, f".training-{training.pk}")


def forget_state(training: TrainingRun) -> None:
    """Removes it; to be called when the checkpoint is saved, or the training has failed for good.

    Nothing happens where there is none.
    """
    shutil.rmtree(state_folder(training), ignore_errors=True)


def texts_of(keys: Sequence[int]) -> list[Text]:
    """The completions with these ids and the conversations that they answer, in this order."""
    found = Completion.objects.select_related("prompt").defer("html").in_bulk(list(keys))
    return [Text(found[key].prompt.messages, found[key].text) for key in keys]


class _Report:
    """Tells the run of a step, not more than twice a second; leaves when somebody asked for it."""

    def __init__(self, handle: RunHandle) -> None:
        self.handle, self.told, self.started, self.first = handle, 0.0, time.monotonic(), 0

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        self.first = self.first or step.done
        if not self._is_due(step.done, step.total):
            return
        done = step.done - self.first + 1
        left = (now - self.started) / done * (step.total - step.done)
        self.handle.progress(
            step.done, step.total,
            f"Training: step {step.done:,} of {step.total:,}, loss {step.loss:.3f}, "
            f"at most {_spell(left)} left",
        )  # fmt: skip

    def read(self, done: int, total: int) -> None:
        """Tells of texts that the trained model has read."""
        if self._is_due(done, total):
            self.handle.progress(done, total, f"Reading responses: {done:,} of {total:,}")

    def _is_due(self, done: int, total: int) -> bool:
        now = time.monotonic()
        if now - self.told < SECONDS_BETWEEN_REPORTS and done < total:
            return False
        self.told = now
        return True


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
