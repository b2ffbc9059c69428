"""Labels saved so far on the project, measured after a training from what rounds opened."""

from collections.abc import Mapping

import numpy as np

from annotation.services.runs import RunHandle
from rewardmodel import selectors
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import Floats, Votes
from rewardmodel.core.savings import Labels, Savings, labels_saved
from rewardmodel.jobs.dataset import Dataset
from rewardmodel.models import SavingsReport, TrainingRun
from rewardmodel.services.savings import savings_report_store

MOST_BASE, MOST_OF_ARM = 600, 600


def savings_measure(
    handle: RunHandle, training: TrainingRun, data: Dataset, model: EmbeddedRewardModel
) -> SavingsReport | None:
    """Stores what acquisition saved by this training's judgments; None before the first round.

    data: what the training learned from; model: what it fitted, whose coordinates and prior every
    curve shares. Idempotent: a training has one report. The newest votes of each arm count
    where there are many; votes on pairs that no round opened are what both arms begin with.
    """
    by = selectors.arms_by_pair(handle.project)
    if not by:
        return None
    votes = data.train
    keys = data.responses.keys
    arms = np.array(
        [
            by.get((min(keys[one], keys[other]), max(keys[one], keys[other])), "")
            for one, other in zip(votes.first.tolist(), votes.second.tolist(), strict=True)
        ]
    )
    coordinates = model.head().coordinates(data.responses.features)

    def labels(chosen: Votes, most: int) -> Labels:
        last = chosen.where(np.arange(len(chosen)) >= len(chosen) - most)
        return Labels(coordinates[last.first] - coordinates[last.second], last.outcome, last.prompt)

    found = labels_saved(
        labels(votes.where(arms == ""), MOST_BASE),
        labels(votes.where(arms == "acquired"), MOST_OF_ARM),
        labels(votes.where(arms == "control"), MOST_OF_ARM),
        labels(data.held_out, len(data.held_out)),
        precision=_precisions(model, coordinates.shape[1]),
        seed=training.seed,
    )
    handle.log(found.verdict)
    return savings_report_store(
        training=training,
        function=selectors.newest_function(handle.project) or RANDOM,
        n_acquired=found.n_acquired,
        n_control=found.n_control,
        saved=found.saved,
        low=found.low,
        high=found.high,
        null_high=found.null_high,
        verdict=found.verdict,
        detail=_detail(found),
    )


def _precisions(model: EmbeddedRewardModel, k: int) -> float | Floats:
    """Of the prior, by coordinate; one where the blocks are not those of the features' columns."""
    config, strength = model.config, model.head().strength
    blocks = [width for width in (config.extras, config.texts * config.uses_text) if width]
    if len(strength.shares) != len(blocks):
        return strength.precision
    return strength.by_column(k, blocks)


def _detail(found: Savings) -> Mapping[str, object]:
    """The curves: mean log-loss on held-out votes by labels of either arm."""
    return {
        "labels": list(found.labels),
        "acquired": list(found.acquired),
        "control": list(found.control),
    }
