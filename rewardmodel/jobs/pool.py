"""The project's pairs as a pool: what the checkpoint in use believes of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db.models import Sum
from django.db.models.functions import Length

from annotation.core.errors import Invalid, Unavailable
from annotation.core.preferences import Preference
from annotation.models import Completion, Judgment, Project
from annotation.selectors import judgments as judgment_selectors
from rewardmodel import selectors
from rewardmodel.core.beliefs import Array, Beliefs
from rewardmodel.core.cost import expected_seconds, reading_speed
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid
from rewardmodel.core.flips import Flips, measure_flips
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.head import RewardHead
from rewardmodel.core.pairs import Floats, Ints, Votes
from rewardmodel.core.pool import Pool
from rewardmodel.core.portfolio import Asked
from rewardmodel.core.unusual import fence_for
from rewardmodel.jobs import dataset, reading
from rewardmodel.jobs.train import load_checkpoint
from rewardmodel.models import Checkpoint
from rewardmodel.selectors import Pair

MOST_VOTES = 6_000
TIMED = 400
ONLY_SCORES = (
    "A deep model tells how sure it is of each response, not how two votes hang together, so pairs "
    "are chosen by “bald”."
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a round stands on. coordinates: (r, k) of the responses `keys`, single precision.

    asked: votes on pairs of known functions; None without a model on frozen features. note: why
    the function that was asked for cannot be used, "" where it can. seconds: (m,) what a judgment
    of each pair is expected to take, whether or not the pool is to be weighed by it. flips: the
    share of votes that go the other way, by held-out prompts, of which the beliefs know.
    """

    pool: Pool
    beliefs: Beliefs
    keys: tuple[int, ...]
    coordinates: Array
    asked: Asked | None = None
    note: str = ""
    seconds: Floats | None = None
    flips: Flips | None = None


def ground(project: Project, checkpoint: Checkpoint | None, pairs: Sequence[Pair]) -> Ground:
    """The pairs with what is believed of them; without a checkpoint nothing is.

    Raises Unavailable where the checkpoint cannot be read, Invalid without its features.
    """
    keys = tuple(sorted({key for pair in pairs for key in (pair.first_id, pair.second_id)}))
    row_of = {key: row for row, key in enumerate(keys)}
    first = np.array([row_of[pair.first_id] for pair in pairs], dtype=np.int64)
    second = np.array([row_of[pair.second_id] for pair in pairs], dtype=np.int64)
    lengths = dataset.text_lengths(keys)
    frame = Pool(
        np.zeros((len(pairs), 0), dtype=np.float32),
        np.array([pair.prompt_id for pair in pairs], dtype=np.int64),
        first=first,
        second=second,
        seconds=expected_seconds(lengths[first] + lengths[second], project_speed(project)),
    )
    if checkpoint is None:
        found = _bare(frame, keys, "There is no reward model yet, so all is drawn at random.")
    elif checkpoint.kind != Checkpoint.Kind.EMBEDDED:
        found = _of_scores(frame, keys, checkpoint)
    else:
        found = _of_features(project, frame, keys, checkpoint)
    return replace(found, seconds=frame.seconds)


def project_speed(project: Project) -> float:
    """Characters that this project's people read a second, by their last timed judgments."""
    timed = (
        Judgment.objects.filter(comparison__project=project, active_ms__gt=0)
        .order_by("-pk")
        .values_list("comparison_id", "active_ms")[:TIMED]
    )
    rows = list(timed)
    characters = dict(
        Completion.objects.filter(candidacies__comparison__in={key for key, _ in rows})
        .values("candidacies__comparison")
        .annotate(total=Sum(Length("text")))
        .values_list("candidacies__comparison", "total")
    )
    read = np.array([characters.get(key) or 0 for key, _ in rows], dtype=np.float64)
    return reading_speed(read, np.array([(ms or 0) / 1000 for _, ms in rows], dtype=np.float64))


def _bare(frame: Pool, keys: tuple[int, ...], note: str) -> Ground:
    nothing = Beliefs(np.zeros(0), np.zeros((0, 0)), -np.inf)
    return Ground(frame, nothing, keys, np.zeros((len(keys), 0), dtype=np.float32), None, note)


def _of_scores(frame: Pool, keys: tuple[int, ...], checkpoint: Checkpoint) -> Ground:
    """From the stored means and deviations of single responses, taken to be independent."""
    scores = selectors.scores(checkpoint).filter(completion__in=keys)
    found = {key: (mean, sd) for key, mean, sd in scores.values_list("completion", "mean", "sd")}
    if missing := [key for key in keys if key not in found]:
        raise Invalid(
            f"{len(missing)} responses have no score by the reward model in use.",
            hint="Train again, then open the next batch.",
        )
    table = np.array([found[key] for key in keys]).reshape(-1, 2)
    first, second = _rows(frame)
    mean = table[first, 0] - table[second, 0]
    variance = table[first, 1] ** 2 + table[second, 1] ** 2
    eta = float(checkpoint.metrics.get("tie_strength") or np.log(0.5))
    beliefs = Beliefs(np.zeros(0), np.zeros((0, 0)), eta)
    nothing = np.zeros((len(keys), 0), dtype=np.float32)
    return Ground(replace(frame, known=(mean, variance)), beliefs, keys, nothing, None, ONLY_SCORES)


def _of_features(
    project: Project, frame: Pool, keys: tuple[int, ...], checkpoint: Checkpoint
) -> Ground:
    try:
        model = load_checkpoint(checkpoint)
    except CheckpointBroken as error:
        raise Unavailable(error.message, hint=error.hint) from error
    if not isinstance(model, EmbeddedRewardModel):
        raise Unavailable(
            "The checkpoint's folder holds another kind of model than its record.",
            hint="Train again, or restore the backup of var/checkpoints.",
        )
    head = model.head()
    beliefs = Beliefs(head.weights, head.covariance, head.eta)
    coordinates = _coordinates(checkpoint, head, keys)
    first, second = _rows(frame)
    preferences = _preferences(project, checkpoint)
    held = selectors.held_out_prompts(project)
    asked = _asked(project, checkpoint, head, [p for p in preferences if p.prompt_id not in held])
    flips = _flips(checkpoint, head, [p for p in preferences if p.prompt_id in held])
    by_chance = np.array([name == RANDOM for name in asked.functions], dtype=bool)
    differences = coordinates[first] - coordinates[second]
    pool = replace(
        frame,
        differences=differences,
        responses=coordinates,
        fence=fence_for(beliefs, asked.differences, asked.outcomes, by_chance, differences),
        targets=np.concatenate([differences, asked.differences.astype(differences.dtype)]),
    )
    reckoned = replace(beliefs, flips=flips.believed)
    return Ground(pool, reckoned, keys, coordinates, asked, flips=flips)


def _coordinates(checkpoint: Checkpoint, head: RewardHead, keys: Sequence[int]) -> Array:
    """(r, k) in single precision. Raises Invalid where the features are another reader's."""
    try:
        features = dataset.feature_matrix(checkpoint.extractor, keys)
        return head.coordinates(features).astype(np.float32)
    except FeaturesInvalid as error:
        if checkpoint.extractor != reading.extractor_id():
            raise Invalid(
                "The reward model in use was trained on features of another reader.",
                hint="Train again: responses are read anew, and the next batch can be weighed.",
            ) from error
        raise Invalid(error.message, hint=error.hint) from error


def _preferences(project: Project, checkpoint: Checkpoint) -> list[Preference]:
    """Of the judgments that the checkpoint's training knew, held-out prompts' too."""
    training = checkpoint.training_run
    return judgment_selectors.preferences(
        project, include_simulated=training.includes_simulated,
        cutoff_id=training.cutoff_judgment_id, as_of=training.started_at,
    )  # fmt: skip


def _asked(
    project: Project, checkpoint: Checkpoint, head: RewardHead, learned: Sequence[Preference]
) -> Asked:
    """The votes that the checkpoint learned from, with the function that asked for each.

    The last of them, where there are many; a pair that no round opened has the function "".
    """
    kept, votes, differences = _votes(checkpoint, head, learned[-MOST_VOTES:])
    by = selectors.functions_by_pair(project)
    pairs = [(min(p.winner_id, p.loser_id), max(p.winner_id, p.loser_id)) for p in kept]
    return Asked(
        differences, votes.outcome, votes.prompt, tuple(by.get(pair, "") for pair in pairs)
    )


def _flips(checkpoint: Checkpoint, head: RewardHead, others: Sequence[Preference]) -> Flips:
    """By the last votes on held-out prompts, which nothing was fitted to."""
    _, votes, differences = _votes(checkpoint, head, others[-MOST_VOTES:])
    beliefs = Beliefs(head.weights, head.covariance, head.eta)
    return measure_flips(beliefs, differences, votes, seed=checkpoint.training_run.seed)


def _votes(
    checkpoint: Checkpoint, head: RewardHead, preferences: Sequence[Preference]
) -> tuple[list[Preference], Votes, Floats]:
    """Those (n) whose responses have features, as votes, and their differences (n, k)."""
    named = sorted({key for p in preferences for key in (p.winner_id, p.loser_id)})
    known = sorted(dataset.features_known(checkpoint.extractor, named))
    inside = set(known)
    kept = [p for p in preferences if p.winner_id in inside and p.loser_id in inside]
    votes = dataset.votes_of(kept, {key: row for row, key in enumerate(known)})
    if not known:
        return kept, votes, np.zeros((0, len(head.weights)))
    coordinates = head.coordinates(dataset.feature_matrix(checkpoint.extractor, known))
    return kept, votes, coordinates[votes.first] - coordinates[votes.second]


def _rows(frame: Pool) -> tuple[Ints, Ints]:
    if frame.first is None or frame.second is None:
        raise ValueError("A pool of pairs names their responses.")
    return frame.first, frame.second
