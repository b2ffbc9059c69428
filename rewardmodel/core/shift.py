"""Has the world moved? Batches compared with what came before them, and responses unlike any seen.

Three questions of each batch: do its responses look different (features), are more of them unlike
any that was learned from (novelty), and does the model say of its votes what comes true
(calibration)? Looking often finds something by chance: Benjamini and Hochberg's correction over
all batches and questions says which finds are more than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotation.core.audit import benjamini_hochberg
from annotation.core.intervals import Proportion, wilson
from rewardmodel.core.measures import (
    FEW_PROMPTS,
    Figure,
    chance_of_first,
    decided,
    mean_over_prompts,
)
from rewardmodel.core.pairs import FIRST, Floats, Ints, Votes
from rewardmodel.core.reward_model import OUT_OF_DISTRIBUTION

AXES = 20
DEALS = 400
RATE = 0.05
MOST_BATCHES = 12
LEAST_SURPRISE = 0.05


@dataclass(frozen=True, slots=True)
class Shift:
    """One batch against all before it.

    distance: standard deviations between the means of the features, per axis, of which
    `distance_by_chance` is what deals of the prompts would give. novel: share of its responses
    outside what was learned from, of which 1 % is expected. surprise: how often the favourite won,
    minus how often it was said to win. `is_drift` names what differs beyond chance.
    """

    batch: int
    name: str
    n_responses: int
    n_prompts: int
    distance: float | None = None
    distance_by_chance: float | None = None
    p_features: float | None = None
    novel: Proportion | None = None
    p_novelty: float | None = None
    surprise: Figure | None = None
    p_surprise: float | None = None
    is_drift: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch in order of opening: rows of its responses, and its prompts."""

    key: int
    name: str
    rows: Ints


def shifts(
    batches: Sequence[Batch],
    features: Floats,
    prompts: Ints,
    novelty: Floats,
    *,
    probabilities: Floats,
    votes: Votes,
    batch_of: Ints,
    seed: int,
) -> tuple[Shift, ...]:
    """Each of the newest batches against those before it, in order of opening.

    features: (N, D) and prompts, novelty: (N,) of all rows. probabilities: (n, 3) of n votes by a
    model that did not learn from their prompts; batch_of: (n,) the key of each vote's batch.
    """
    axes = _axes(features)
    found = [
        _shift(batches[:at], batch, axes, prompts, novelty, probabilities, votes, batch_of, seed)
        for at, batch in list(enumerate(batches))[-MOST_BATCHES:]
    ]
    return _judged(found)


def has_drift(found: Sequence[Shift]) -> bool:
    """Whether the newest batch of which it can be told differs from those before it."""
    told = [each for each in found if each.p_features is not None or each.p_surprise is not None]
    return bool(told) and bool(told[-1].is_drift)


def _judged(found: Sequence[Shift]) -> tuple[Shift, ...]:
    questions = [(s.p_features, s.p_novelty, s.p_surprise) for s in found]
    flat = benjamini_hochberg([p for three in questions for p in three])
    names = ("features", "novelty", "calibration")
    told = []
    for at, each in enumerate(found):
        three = flat[3 * at : 3 * at + 3]
        differs = tuple(
            name for name, q in zip(names, three, strict=True) if q is not None and q <= RATE
        )
        told.append(replace(each, is_drift=differs))
    return tuple(told)


def _shift(
    before: Sequence[Batch], batch: Batch, axes: Floats, prompts: Ints, novelty: Floats,
    probabilities: Floats, votes: Votes, batch_of: Ints, seed: int,
) -> Shift:  # fmt: skip
    own = prompts[batch.rows]
    base = Shift(batch.key, batch.name, len(batch.rows), len(np.unique(own)))
    mine = decided(votes) & (batch_of == batch.key)
    surprise, p_surprise = _surprise(probabilities[mine], votes.where(mine), seed)
    n_novel = int((novelty[batch.rows] > OUT_OF_DISTRIBUTION).sum())
    base = replace(base, surprise=surprise, p_surprise=p_surprise,
                   novel=wilson(n_novel, len(batch.rows)))  # fmt: skip
    earlier = np.unique(np.concatenate([each.rows for each in before] or [np.zeros(0, int)]))
    earlier = np.setdiff1d(earlier, batch.rows)
    if min(len(np.unique(prompts[earlier])), base.n_prompts) < FEW_PROMPTS:
        return replace(base, note="Too few prompts before it, or in it, to compare features.")
    distance, by_chance, p = mean_distance(axes, prompts, batch.rows, earlier, seed)
    p_novelty = _more_novel(novelty, prompts, batch.rows, earlier, seed)
    return replace(
        base, distance=distance, distance_by_chance=by_chance, p_features=p, p_novelty=p_novelty
    )


def mean_distance(
    axes: Floats, prompts: Ints, rows: Ints, others: Ints, seed: int
) -> tuple[float, float, float]:
    """Root mean square distance of two groups' means; its median by chance; permutation p-value.

    The unit dealt is the prompt, because responses to one prompt are alike. axes: (N, k), each of
    unit variance.
    """
    means, is_own = _prompt_means(axes, prompts, rows, others)
    seen = _between(means, is_own)
    random = np.random.default_rng([abs(seed), 3])
    dealt = np.array([_between(means, random.permutation(is_own)) for _ in range(DEALS)])
    p = float((1 + (dealt >= seen - 1e-12).sum()) / (1 + DEALS))
    return seen, float(np.median(dealt)), p


def _prompt_means(
    values: Floats, prompts: Ints, rows: Ints, others: Ints
) -> tuple[Floats, np.ndarray]:
    """(P, k) means by prompt and side; a prompt on both sides has a mean on each."""
    every = np.concatenate([rows, others])
    side = np.concatenate([np.ones(len(rows), int), np.zeros(len(others), int)])
    _, group = np.unique(np.column_stack([prompts[every], side]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    sizes = np.bincount(group).astype(float)
    sums = np.column_stack([np.bincount(group, weights=column) for column in values[every].T])
    is_own = np.bincount(group, weights=side) > 0
    return sums / sizes[:, None], is_own


def _between(means: Floats, is_own: np.ndarray) -> float:
    gap = means[is_own].mean(axis=0) - means[~is_own].mean(axis=0)
    return float(np.sqrt((gap**2).mean()))


def _more_novel(
    novelty: Floats, prompts: Ints, rows: Ints, others: Ints, seed: int
) -> float | None:
    """One-sided permutation p-value of more responses outside, prompts dealt."""
    outside = (novelty > OUT_OF_DISTRIBUTION).astype(float)[:, None]
    if not outside[np.concatenate([rows, others])].any():
        return None
    means, is_own = _prompt_means(outside, prompts, rows, others)
    flat = means[:, 0]
    seen = float(flat[is_own].mean() - flat[~is_own].mean())
    random = np.random.default_rng([abs(seed), 4])
    dealt = np.array(
        [
            flat[deal].mean() - flat[~deal].mean()
            for deal in (random.permutation(is_own) for _ in range(DEALS))
        ]
    )
    return float((1 + (dealt >= seen - 1e-12).sum()) / (1 + DEALS))


def _surprise(probabilities: Floats, votes: Votes, seed: int) -> tuple[Figure, float | None]:
    """Favourites' wins minus what was said, with a p-value by signs dealt to prompts.

    A gap of less than five points is no drift however sure: every model is off a little.
    """
    if not len(votes):
        return Figure(None, None, None, 0, 0, "None of its votes could be tested."), None
    chance, won = chance_of_first(probabilities), votes.outcome == FIRST
    confidence = np.maximum(chance, 1 - chance)
    gap = np.where(chance == 0.5, 0.5, (chance > 0.5) == won) - confidence
    figure = mean_over_prompts(gap, votes, seed)
    prompt_of = np.unique(votes.prompt, return_inverse=True)[1]
    sums = np.bincount(prompt_of, weights=gap)
    if figure.low is None or abs(figure.value or 0.0) < LEAST_SURPRISE:
        return figure, None if figure.low is None else 1.0
    random = np.random.default_rng([abs(seed), 5])
    signs = random.choice([-1.0, 1.0], size=(DEALS, len(sums)))
    dealt = np.abs(signs @ sums)
    p = float((1 + (dealt >= abs(sums.sum()) - 1e-12).sum()) / (1 + DEALS))
    return figure, p


def _axes(features: Floats) -> Floats:
    """(N, k) principal coordinates of standardised features, each of unit variance."""
    if not features.size or len(features) < 3:
        return np.zeros((len(features), 1))
    spread = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0)
    size = min(AXES, len(features) - 1, features.shape[1])
    _, vectors = np.linalg.eigh(standard.T @ standard)
    scores = standard @ vectors[:, ::-1][:, :size]
    width = scores.std(axis=0)
    return np.asarray(scores / np.where(width > 1e-9, width, 1.0))
