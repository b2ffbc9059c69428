"""Acquisition: weigh the pairs nobody was asked about, and open the next batch."""

import time
from collections.abc import Mapping

import numpy as np

from annotation.core.errors import Invalid, Unavailable
from annotation.core.scheduling import derive_seed
from annotation.services.runs import RunHandle
from rewardmodel import selectors, services
from rewardmodel.core import acquisition
from rewardmodel.core.errors import CheckpointBroken
from rewardmodel.core.pairs import Floats
from rewardmodel.jobs import dataset, reading
from rewardmodel.jobs.train import load_checkpoint
from rewardmodel.models import Checkpoint, Considered
from rewardmodel.selectors import Pair

MOST_CONSIDERED = 20_000
PER_PROMPT = 3
SEED_LIMIT = 2**31


def acquisition_work(handle: RunHandle) -> Mapping[str, object]:
    """Opens one round: the pairs of most utility, and a control arm drawn at random.

    Without a checkpoint everything is drawn at random, and the round says so.
    """
    project = handle.project
    started = time.monotonic()
    reading.read_missing(handle, project)
    checkpoint = selectors.checkpoint_in_use(project)
    pairs = selectors.uncompared_pairs(project)
    if not pairs:
        raise Invalid(
            "Every pair of responses has been shown already.",
            hint="Generate or import more completions; held-out prompts are never acquired.",
        )
    seed = derive_seed(project.seed, "round", handle.run.pk) % SEED_LIMIT
    considered = _at_most(pairs, seed)
    handle.progress(1, 3, f"Weighing {len(considered):,} of {len(pairs):,} pairs")
    function = project.acquisition_function if checkpoint else "random"
    if function not in acquisition.FUNCTIONS:
        raise Invalid(
            f"There is no acquisition function “{function}”.",
            hint=f"Choose one of {', '.join(acquisition.FUNCTIONS)} in the project's settings.",
        )
    utilities = (
        _utilities(checkpoint, considered, function, seed)
        if checkpoint
        else acquisition.random_draws(len(considered), seed)
    )
    choices = _choose(handle, considered, utilities, seed)
    handle.progress(2, 3, "Opening the batch")
    opened = services.round_open(
        run=handle.run,
        checkpoint=checkpoint,
        function=function,
        seed=seed,
        choices=choices,
        n_considered=len(pairs),
        seconds=time.monotonic() - started,
    )
    handle.progress(3, 3, f"Opened {opened.size} comparisons.")
    return {"round": opened.pk, "considered": len(pairs), "opened": opened.size}


def _at_most(pairs: list[Pair], seed: int) -> list[Pair]:
    """All pairs, or a random share of a pool that is too large to weigh and to keep a record of."""
    if len(pairs) <= MOST_CONSIDERED:
        return pairs
    drawn = np.random.default_rng(seed).choice(len(pairs), MOST_CONSIDERED, replace=False)
    return [pairs[index] for index in sorted(drawn)]


def _utilities(checkpoint: Checkpoint, pairs: list[Pair], function: str, seed: int) -> Floats:
    """(m,) what the checkpoint in use expects to learn from each pair."""
    try:
        head = load_checkpoint(checkpoint)
    except CheckpointBroken as error:
        raise Unavailable(str(error)) from error
    keys = sorted({key for pair in pairs for key in (pair.first_id, pair.second_id)})
    coordinates = head.coordinates(dataset.feature_matrix(checkpoint.extractor, keys))
    row_of = {key: row for row, key in enumerate(keys)}
    first = [row_of[pair.first_id] for pair in pairs]
    second = [row_of[pair.second_id] for pair in pairs]
    pool = acquisition.Pool(
        differences=coordinates[first] - coordinates[second],
        prompts=np.array([pair.prompt_id for pair in pairs], dtype=np.int64),
    )
    return acquisition.FUNCTIONS[function](pool, head, seed)


def _choose(
    handle: RunHandle, pairs: list[Pair], utilities: Floats, seed: int
) -> list[services.Choice]:
    selection = acquisition.select(
        np.array([pair.prompt_id for pair in pairs], dtype=np.int64),
        utilities,
        size=handle.project.acquisition_size,
        control_share=handle.project.control_share,
        seed=seed,
        per_prompt=PER_PROMPT,
    )
    arm_of = dict.fromkeys(selection.acquired, Considered.Arm.ACQUIRED)
    arm_of |= dict.fromkeys(selection.control, Considered.Arm.CONTROL)
    return [
        services.Choice(pair, float(utility), arm_of.get(index, Considered.Arm.PASSED))
        for index, (pair, utility) in enumerate(zip(pairs, utilities, strict=True))
    ]
