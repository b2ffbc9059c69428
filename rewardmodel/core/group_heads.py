"""Heads of groups of annotators: the shared weights and an offset that is pulled towards nothing.

A group's weights have the prior N(w_shared, I / rho). What the group's votes on prompts left out
say decides rho, and whether the group gets a head at all: only where its own votes are predicted
better by more than a standard error over prompts. No group of fewer than five people has one,
because a head of a few people's votes would tell what these few prefer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rewardmodel.core.head import RewardHead, inverse
from rewardmodel.core.judged import Judged, evidence_from
from rewardmodel.core.likelihood import davidson_log_chances
from rewardmodel.core.pairs import Ints
from rewardmodel.core.posterior import Prior, optimum
from rewardmodel.core.reward_space import Space

FEWEST_PEOPLE = 5
FEWEST_VOTES = 100
FEWEST_PROMPTS = 10
# How much more strongly offsets are pulled towards nothing than the shared weights are.
PULLS = (100.0, 30.0, 10.0, 3.0)
FIRM = 1e6


class Fold(Protocol):
    """Prompts left out, the judgments of the others, and a head fitted to these."""

    @property
    def prompts(self) -> Ints:
        """Ids of those left out."""
        ...

    @property
    def train(self) -> Judged:
        """What was judged of the others."""
        ...

    @property
    def head(self) -> RewardHead:
        """Fitted to these."""
        ...


@dataclass(frozen=True, slots=True)
class Gain:
    """Nats per vote on prompts left out, with its standard error over prompts."""

    pull: float
    gain: float
    error: float
    n_votes: int
    n_prompts: int


def group_heads(
    judged: Judged, space: Space, shared: RewardHead, folds: Sequence[Fold],
    groups: Mapping[str, Ints],
) -> tuple[dict[str, RewardHead], dict[str, dict[str, object]]]:  # fmt: skip
    """Heads of the groups that differ, and a sentence with figures for each group."""
    heads: dict[str, RewardHead] = {}
    told: dict[str, dict[str, object]] = {}
    for name, people in groups.items():
        own = judged.of(people)
        if why := _too_few(own):
            told[name] = {"note": why}
            continue
        found = max(
            (_gain(own, people, space, folds, pull) for pull in PULLS), key=lambda each: each.gain
        )
        told[name] = {
            "gain": found.gain, "error": found.error, "n_votes": found.n_votes,
            "n_prompts": found.n_prompts, "note": _sentence(found),
        }  # fmt: skip
        if found.gain > found.error:
            heads[name] = offset_head(own, space, shared, found.pull)
    return heads, told


def offset_head(own: Judged, space: Space, shared: RewardHead, pull: float) -> RewardHead:
    """The head of a group's judgments around the shared one.

    Its covariance adds to the offset's what is not known of the shared weights: with H the Hessian,
    H^-1 + (rho H^-1) S (rho H^-1)', S being the shared covariance.
    """
    prior = _prior(shared, pull)
    evidence = evidence_from(own, space.coordinates, len(shared.deltas))
    theta, hessian = optimum(evidence, prior, shared.theta)
    k = len(shared.weights)
    own_covariance = inverse(hessian)[:k, :k]
    passed = own_covariance * prior.precision[:k]
    covariance = own_covariance + passed @ shared.covariance @ passed.T
    return RewardHead(
        shared.projection, theta[:k], (covariance + covariance.T) / 2, shared.eta,
        shared.precision * pull, shared.shares, shared.bar, shared.deltas,
    )  # fmt: skip


def _gain(own: Judged, people: Ints, space: Space, folds: Sequence[Fold], pull: float) -> Gain:
    gains, prompts = [], []
    for fold in folds:
        tested = own.where(np.isin(own.votes.prompt, fold.prompts), fold.prompts).votes
        if not len(tested):
            continue
        shared = fold.head
        head = offset_head(fold.train.of(people), space, shared, pull)
        rows = space.coordinates[tested.first] - space.coordinates[tested.second]
        mine, theirs = (
            davidson_log_chances(rows @ each.weights, shared.eta)[
                np.arange(len(tested)), tested.outcome
            ]
            for each in (head, shared)
        )
        gains.append((mine - theirs) * tested.weight)
        prompts.append(tested.prompt)
    if not gains:
        return Gain(pull, 0.0, 0.0, 0, 0)
    gain, prompt = np.concatenate(gains), np.concatenate(prompts)
    _, prompt_of = np.unique(prompt, return_inverse=True)
    mean = float(gain.mean())
    by_prompt = np.bincount(prompt_of, weights=gain - mean)
    error = float(np.sqrt((by_prompt**2).sum())) / len(gain)
    return Gain(pull, mean, error, len(gain), len(by_prompt))


def _prior(shared: RewardHead, pull: float) -> Prior:
    k, rest = len(shared.weights), len(shared.theta) - len(shared.weights)
    precision = np.concatenate([np.full(k, shared.precision * pull), np.full(rest, FIRM)])
    return Prior(shared.theta, precision)


def _too_few(own: Judged) -> str:
    people, prompts = len(own.annotators), len(own.prompts)
    n = len(own.votes) + sum(len(r) for r in own.rankings)
    if people < FEWEST_PEOPLE:
        return f"{people} people judged here; a head of their own needs {FEWEST_PEOPLE}."
    if n < FEWEST_VOTES or prompts < FEWEST_PROMPTS:
        return (
            f"{n} votes on {prompts} prompts; a head of their own needs {FEWEST_VOTES} on "
            f"{FEWEST_PROMPTS}."
        )
    return ""


def _sentence(found: Gain) -> str:
    told = f"{found.gain:+.4f} ± {found.error:.4f} nats per vote on prompts left out"
    if found.gain > found.error:
        return f"A head of their own predicts them better: {told}."
    return f"The shared head predicts them as well as one of their own: {told}."
