"""Fitting the embedded model: heads by criterion, calibrated on prompts left out, and by group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rewardmodel.core.embedded import OVERALL, CriterionHead, EmbeddedConfig, EmbeddedRewardModel
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.group_heads import group_heads
from rewardmodel.core.head import HeadConfig, RewardHead, fit_coordinates, strength_for
from rewardmodel.core.judged import Judged
from rewardmodel.core.likelihood import davidson_value
from rewardmodel.core.novelty import fit_novelty
from rewardmodel.core.pairs import Floats, Ints, add_up
from rewardmodel.core.posterior import Evidence, Prior, optimum
from rewardmodel.core.prior_choice import Strength, implied_pairs, prompt_folds
from rewardmodel.core.reward_model import Responses
from rewardmodel.core.reward_space import Space, make_space, with_nuisance

# 1 / temperature before any vote: normal around 1 with this precision (sd one quarter).
TEMPERATURE_PRECISION = 16.0
HOTTEST = 20.0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fold: the prompts left out, and the head of the others."""

    prompts: Ints
    train: Judged
    head: RewardHead


def fit_embedded(
    judged: Mapping[str, Judged], responses: Responses, config: EmbeddedConfig,
    *, groups: Mapping[str, Ints] | None = None, space: Space | None = None,
) -> EmbeddedRewardModel:  # fmt: skip
    """A head for each criterion that people decided something on; deterministic.

    Args:
        judged: by criterion, over the rows of `responses`; "overall" has to be among them.
        groups: ids of the annotators of each group that may have a head of its own.
        space: what `space_of` makes of the same responses, where several models are fitted.

    Raises:
        NotEnoughData: where the overall criterion decides nothing.
        FeaturesInvalid: where features are not finite or of another width than the config says.
    """
    space = space or space_of(responses.features, config)
    overall = _criterion(OVERALL, judged[OVERALL], space, config)
    heads = {OVERALL: overall.criterion}
    left_out: dict[str, str] = {}
    for key, found in judged.items():
        if key == OVERALL:
            continue
        try:
            heads[key] = _criterion(key, found, space, config).criterion
        except NotEnoughData:
            left_out[key] = _why(found)
    if config.debiases_length and config.precision is None:
        heads[OVERALL] = _with_cost(heads[OVERALL], judged[OVERALL], responses, config)
    if groups:
        heads[OVERALL] = _with_groups(heads[OVERALL], judged[OVERALL], space, overall, groups)
    rows, prompts = _rows_of(judged)
    coordinates = space.coordinates[:, : len(overall.criterion.head.weights)]
    novelty = fit_novelty(coordinates[rows], prompts, config.seed)
    return EmbeddedRewardModel(heads, novelty, config, left_out)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A criterion's head, the whole head with any nuisance, and those of its folds."""

    criterion: CriterionHead
    whole: RewardHead
    folds: Sequence[LeftOut]


def space_of(features: Floats, config: EmbeddedConfig) -> Space:
    """The coordinates of features (n, D); they depend on no vote."""
    blocks = [config.extras, config.texts] if config.uses_text else [config.extras]
    return make_space(
        features, config.dimensions, blocks=[width for width in blocks if width],
        unused=0 if config.uses_text else config.texts,
        lengths=config.length_columns if config.debiases_length else (),
    )  # fmt: skip


def _criterion(key: str, judged: Judged, space: Space, config: EmbeddedConfig) -> Fitted:
    if not judged.is_decided:
        raise NotEnoughData(
            "There is no decided vote to learn from: all are ties, or there are none."
        )
    how = space.config(HeadConfig(config.dimensions, config.folds, config.precision, config.seed))
    if config.precision is None:
        strength = strength_for(judged, space.coordinates, how)
    else:
        strength = with_nuisance(_named_strength(config, space), space)
    whole = fit_coordinates(judged, space.coordinates, space.projection, how, strength)
    folds = _folds(judged, space, how, strength, whole)
    temperature, eta, course = _calibrated(judged, space, whole, folds)
    course |= {"precision": strength.precision, "shares": list(strength.shares)}
    return Fitted(CriterionHead(space.reward(whole), temperature, eta, {}, course), whole, folds)


def _named_strength(config: EmbeddedConfig, space: Space) -> Strength:
    plain = len(space.blocks) - bool(space.nuisance)
    return Strength(config.precision or 1.0, config.shares or (1.0,) * plain)


def _folds(
    judged: Judged, space: Space, how: HeadConfig, strength: Strength, whole: RewardHead
) -> tuple[LeftOut, ...]:
    """Heads that did not see one fold of the prompts, with the prior of the whole.

    They begin where the whole ended, and end where their own optimum is: there is only one.
    """
    found = []
    prompts = judged.prompts
    masks = prompt_folds(prompts, how.folds, how.seed + 1)
    for mask in masks if len(masks) > 1 else []:
        left_out, rest = prompts[mask], prompts[~mask]
        train = judged.where(np.isin(judged.votes.prompt, rest), rest)
        if train.is_decided:
            head = fit_coordinates(
                train, space.coordinates, space.projection, how, strength, start=whole
            )
            found.append(LeftOut(left_out, train, head))
    return tuple(found)


def tested_on(judged: Judged, prompts: Ints, coordinates: Floats) -> tuple[Floats, Floats]:
    """Rows (q, k) and counts (q, 3) of the pairs of some prompts, those of rankings included."""
    part = judged.where(np.isin(judged.votes.prompt, prompts), prompts)
    pairs = add_up(part.votes)
    own = (coordinates[pairs.first] - coordinates[pairs.second], pairs.counts)
    found = [own, *implied_pairs(part.rankings, coordinates)]
    return np.concatenate([rows for rows, _ in found]), np.concatenate([n for _, n in found])


def _calibrated(
    judged: Judged, space: Space, whole: RewardHead, folds: Sequence[LeftOut]
) -> tuple[float, float, dict[str, object]]:
    """Temperature and tie strength with the least log-loss on prompts left out, and what it is."""
    differences, counts = [], []
    for fold in folds:
        rows, own = tested_on(judged, fold.prompts, space.coordinates)
        if space.nuisance:
            rows = rows[:, : -space.nuisance]
        differences.append(rows @ fold.head.weights[: rows.shape[1]])
        counts.append(own)
    if not differences:
        return 1.0, whole.eta, {"note": "One prompt is too few to calibrate on."}
    difference, votes = np.concatenate(differences), np.concatenate(counts)
    sharpness, eta = fit_temperature(difference, votes)
    total = float(votes.sum())
    return 1 / sharpness, eta, {
        "left_out_log_loss": davidson_value(difference * sharpness, eta, votes) / total,
        "left_out_log_loss_before": davidson_value(difference, whole.eta, votes) / total,
        "n_left_out": total,
    }  # fmt: skip


def fit_temperature(difference: Floats, counts: Floats) -> tuple[float, float]:
    """1 / temperature and eta of most posterior density for differences (n,), counts (n, 3).

    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599, with the tie
    strength beside the temperature; both are found on votes that the differences did not see.
    """
    evidence = Evidence(difference[:, None], counts, np.zeros((0, 1)), np.zeros((0, 2)))
    prior = Prior(np.array([1.0, 0.0, 0.0]), np.array([TEMPERATURE_PRECISION, 0.0, 0.0]))
    theta, _ = optimum(evidence, prior)
    return max(float(theta[0]), 1 / HOTTEST), float(theta[1])


def _with_cost(
    found: CriterionHead, judged: Judged, responses: Responses, config: EmbeddedConfig
) -> CriterionHead:
    """What taking length out costs on prompts left out, beside the same model with it."""
    plain = replace(config, debiases_length=False)
    other = _criterion(OVERALL, judged, space_of(responses.features, plain), plain).criterion
    mine, theirs = (each.course.get("left_out_log_loss") for each in (found, other))
    if not isinstance(mine, float) or not isinstance(theirs, float):
        return found
    cost = {"with_length": theirs, "without_length": mine, "cost": mine - theirs}
    return replace(found, course={**found.course, "length": cost})


def _with_groups(
    found: CriterionHead, judged: Judged, space: Space, overall: Fitted, groups: Mapping[str, Ints]
) -> CriterionHead:
    heads, told = group_heads(judged, space, overall.whole, overall.folds, groups)
    offsets = {name: space.reward(head) for name, head in heads.items()}
    return replace(found, offsets=offsets, course={**found.course, "groups": told})


def _rows_of(judged: Mapping[str, Judged]) -> tuple[Ints, Ints]:
    """Every response that somebody judged, once, and its prompt."""
    rows, prompts = [], []
    for found in judged.values():
        rows += [found.votes.first, found.votes.second]
        prompts += [found.votes.prompt, found.votes.prompt]
        for ranking in found.rankings:
            rows.append(ranking.items.ravel())
            prompts.append(np.repeat(ranking.prompt, ranking.size))
    unique, place = np.unique(np.concatenate(rows), return_index=True)
    return unique, np.concatenate(prompts)[place]


def _why(judged: Judged) -> str:
    if not len(judged.prompts):
        return "Nobody has judged this criterion yet."
    return "Every judgment of this criterion is a tie, so nothing can be learned from it."
