"""One replay: start with a few labels, ask batch by batch, and test after each on other prompts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from alignui.acquisition_study.protocol import Protocol
from alignui.acquisition_study.sets import Pairs
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.pool import Pool
from rewardmodel.core.portfolio import (
    PORTFOLIO,
    Asked,
    known_share,
    portfolio_shares,
    reward_spread,
)
from rewardmodel.core.quick_fit import quick_fit
from rewardmodel.core.selection import Plan, select
from rewardmodel.core.unusual import fence_for

HELD_OUT_SHARE = 0.28


@dataclass(frozen=True, slots=True)
class Curve:
    """What one replay measured after each batch: labels, accuracy, log-loss, each (batches + 1,).

    shares: the portfolio's shares at each batch, none for a single function.
    """

    labels: Ints
    accuracy: Floats
    log_loss: Floats
    shares: tuple[dict[str, float], ...] = ()


def replay(pairs: Pairs, function: str, protocol: Protocol, seed: int, *, draw: int = 0) -> Curve:
    """The function at work on the pairs. Split and start depend on the seed alone.

    draw: another number gives other random choices on the same split, as the null needs.
    """
    train, test = split(pairs, seed)
    random = np.random.default_rng([seed, 5])
    order = random.permutation(train)
    labelled = list(order[: protocol.start])
    by = [RANDOM] * len(labelled)
    free = np.sort(order[protocol.start :])
    x = pairs.differences
    points: list[tuple[int, float, float]] = []
    told: list[dict[str, float]] = []
    beliefs: Beliefs | None = None
    while True:
        beliefs = _fitted(pairs, x, labelled, beliefs)
        points.append((len(labelled), *measured(beliefs, x[test], pairs, test)))
        size = min(protocol.batch, protocol.budget - len(labelled), len(free))
        if size <= 0:
            break
        shares = {function: 1.0}
        if function == PORTFOLIO:
            asked = Asked(x[labelled], pairs.outcomes[labelled], pairs.prompts[labelled], tuple(by))
            moments = beliefs.moments(x[free])
            known, spread = known_share(*moments), reward_spread(*moments)
            found = portfolio_shares(beliefs, asked, known=known, spread=spread, seed=seed)
            shares = dict(found.shares)
            told.append(shares)
        by_chance = np.array([name == RANDOM for name in by])
        fence = fence_for(beliefs, x[labelled], pairs.outcomes[labelled], by_chance, x[free])
        chosen = _batch(
            pairs, x, free, beliefs, labelled, protocol, shares, [seed, draw, size], fence
        )
        labelled += [int(free[index]) for index, _ in chosen]
        by += [name for _, name in chosen]
        free = np.delete(free, [index for index, _ in chosen])
    table = np.array(points)
    return Curve(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], tuple(told))


def split(pairs: Pairs, seed: int) -> tuple[Ints, Ints]:
    """Rows to ask about and rows to test on, by prompt: the splits of the reward's benchmark.

    A prompt below zero is one of whose pairs (id -1 - prompt) some may be tested on, none asked.
    """
    prompts = np.where(pairs.prompts < 0, -1 - pairs.prompts, pairs.prompts)
    order = np.random.default_rng(seed).permutation(int(prompts.max()) + 1)
    held = order[: round(HELD_OUT_SHARE * len(order))]
    is_held = np.isin(prompts, held)
    may_be_asked = ~is_held & (pairs.prompts >= 0)
    return np.flatnonzero(may_be_asked), np.flatnonzero(is_held & pairs.is_fair)


def measured(beliefs: Beliefs, x: Floats, pairs: Pairs, test: Ints) -> tuple[float, float]:
    """Accuracy and log-loss of the decided outcome on test rows with differences x (t, k).

    Of a planted set the accuracy is against the teacher, the log-loss expected under it: neither
    carries the noise of the votes drawn.
    """
    gap = x @ beliefs.weights
    chances = beliefs.probabilities(gap)
    first = np.clip(chances[:, 0] / (chances[:, 0] + chances[:, 1]), 1e-9, 1 - 1e-9)
    truth = 1.0 - pairs.outcomes[test] if pairs.chance is None else pairs.chance[test]
    right = np.where(gap == 0, 0.5, (gap > 0) == (truth > 0.5))
    loss = -(truth * np.log(first) + (1 - truth) * np.log(1 - first))
    return float(right.mean()), float(loss.mean())


def _fitted(pairs: Pairs, x: Floats, labelled: list[int], before: Beliefs | None) -> Beliefs:
    start = None if before is None else np.append(before.weights, before.eta)
    return quick_fit(x[labelled], pairs.outcomes[labelled], pairs.precision, start)


def _batch(
    pairs: Pairs, x: Floats, free: Ints, beliefs: Beliefs, labelled: list[int], protocol: Protocol,
    shares: dict[str, float], seeds: list[int], fence: float,
) -> list[tuple[int, str]]:  # fmt: skip
    """Indices into `free` and the function that took each."""
    number = int(np.random.default_rng([*seeds, len(labelled)]).integers(2**31))
    size = seeds[-1]
    if set(shares) == {RANDOM}:
        drawn: Any = np.random.default_rng(number).permutation(len(free))[:size]
        return [(int(index), RANDOM) for index in drawn]
    pool = Pool(
        x[free],
        pairs.prompts[free],
        pairs.responses,
        pairs.first[free],
        pairs.second[free],
        fence=fence,
        targets=x[np.append(free, labelled)],
    )
    plan = Plan(size, protocol.control_share, shares, number, protocol.limits, asked=x[labelled])
    found = select(pool, beliefs, plan)
    taken = [(chosen.index, chosen.function) for chosen in (*found.control, *found.acquired)]
    # Where the limits leave too few, chance fills up, so that every curve has the same labels.
    left = np.setdiff1d(np.arange(len(free)), [index for index, _ in taken])
    more = np.random.default_rng([number, 8]).permutation(left)[: size - len(taken)]
    return [*taken, *((int(index), RANDOM) for index in more)]
