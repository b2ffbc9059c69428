"""From functions to a batch: a control arm first, then pair by pair, within limits.

Several functions may fill one batch, each its share of it; all of them hear of every pair taken.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from rewardmodel.core.acquisition import FUNCTIONS
from rewardmodel.core.beliefs import Array, Beliefs
from rewardmodel.core.diversity import Nearness
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.pool import Function, Pool
from rewardmodel.core.units import PAIR, POOL, by_prompt

MOST_CANDIDATES = 2_500
CHANCE_CANDIDATES = 500


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch must not hold too much of.

    per_prompt: pairs of one prompt, both arms counted. similarity (0..1): from here on two pairs
    tell the same; near: how many pairs so near to it may be asked before a pair is left out.
    """

    per_prompt: int = 3
    similarity: float = 0.99
    near: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """size: pairs to open, `control_share` of them drawn at random; shares: of each function.

    unit: pair (any), pool (each prompt's best pair only) or prompt (prompts by their mean utility,
    the pair by chance). asked: (a, k) differences that people were asked about before.
    """

    size: int
    control_share: float
    shares: Mapping[str, float]
    seed: int
    limits: Limits = Limits()
    unit: str = PAIR
    asked: Array | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pair of the pool, by which function it was taken, what it was worth to it at that moment.

    similarity: to the nearest pair that was asked or taken before it, 0..1.
    """

    index: int
    function: str
    utility: float
    similarity: float


@dataclass(frozen=True, slots=True)
class Selection:
    """Both arms in the order of choice; utilities: (m,) of the pool before anything was taken.

    Of one function they are its own; of several, the mean of the pairs' ranks (0..1) by shares.
    """

    acquired: tuple[Chosen, ...]
    control: tuple[Chosen, ...]
    utilities: Floats


def select(pool: Pool, beliefs: Beliefs, plan: Plan) -> Selection:
    """The batch of a plan. Smaller than its size where the limits leave no more.

    The control arm is drawn before anything is weighed, so that it stands for the pool. A large
    pool is looked at whole once; the pairs that are worth most to any function, and some by chance,
    are then weighed anew after each choice.
    """
    used: Counter[int] = Counter()
    per_prompt = plan.limits.per_prompt if plan.unit == PAIR else 1
    wanted = round(plan.control_share * plan.size)
    drawn = _control(pool.prompts, wanted, per_prompt, used, plan.seed)
    pool = pool.weighed(beliefs)
    names = [name for name, share in plan.shares.items() if share > 0]
    worth = {name: _start(name, pool, beliefs, plan).utilities() for name in names}
    rows = _candidates(worth, plan, drawn, len(pool))
    part = pool.at(rows)
    functions = {name: _start(name, part, beliefs, plan) for name in names}
    nearness = Nearness(part.differences, plan.limits.similarity, plan.asked)
    for index in drawn:
        place = int(np.searchsorted(rows, index))
        nearness.take(place)
        _tell(functions, place)
    basket = _Basket(part, per_prompt, plan.limits.near, used, nearness)
    basket.is_free[np.isin(rows, drawn)] = False
    acquired = _fill(functions, basket, plan, plan.size - len(drawn))
    utilities = _shown(worth, plan.shares)
    return Selection(
        tuple(
            Chosen(int(rows[c.index]), c.function, c.utility, c.similarity) for c in acquired
        ),
        tuple(Chosen(index, RANDOM, float(utilities[index]), 0.0) for index in drawn),
        utilities,
    )  # fmt: skip


def _control(
    prompts: Ints, wanted: int, per_prompt: int, used: Counter[int], seed: int
) -> list[int]:
    """Rows drawn at random, at most so many of one prompt."""
    taken: list[int] = []
    for index in np.random.default_rng([seed, 1]).permutation(len(prompts)):
        if len(taken) >= wanted:
            break
        prompt = int(prompts[index])
        if used[prompt] < per_prompt:
            used[prompt] += 1
            taken.append(int(index))
    return taken


def _start(name: str, pool: Pool, beliefs: Beliefs, plan: Plan) -> Function:
    """The function on the pool, per unit, and per second where it is known what a pair takes."""
    function = FUNCTIONS[name](pool, beliefs, plan.seed)
    if name == RANDOM:
        return function
    if pool.seconds is not None:
        function = _PerSecond(function, pool.seconds / np.median(pool.seconds))
    return function if plan.unit in {PAIR, POOL} else by_prompt(function, pool.prompts, plan.seed)


@dataclass(slots=True)
class _PerSecond:
    function: Function
    cost: Array

    def utilities(self) -> Array:
        """(m,) of the function, by what each pair costs."""
        return self.function.utilities() / self.cost

    def take(self, index: int) -> None:
        """Tells the function below."""
        self.function.take(index)


def _candidates(worth: Mapping[str, Array], plan: Plan, drawn: list[int], size: int) -> Ints:
    """Rows of the pool to weigh anew after each choice, in ascending order."""
    if size <= MOST_CANDIDATES:
        return np.arange(size)
    by_worth = MOST_CANDIDATES - CHANCE_CANDIDATES
    chosen = [np.random.default_rng([plan.seed, 2]).permutation(size)[:CHANCE_CANDIDATES]]
    for values in worth.values():
        most = max(plan.size, by_worth // len(worth))
        chosen.append(np.argpartition(-values, min(most, size - 1))[:most])
    return np.unique(np.concatenate([*chosen, np.array(drawn, dtype=np.int64)]))


def _tell(functions: Mapping[str, Function], place: int) -> None:
    for function in functions.values():
        function.take(place)


class _Basket:
    """Which candidates may still be taken."""

    def __init__(
        self, pool: Pool, per_prompt: int, near: int, used: Counter[int], nearness: Nearness
    ) -> None:
        self.prompts, self.per_prompt, self.near = pool.prompts, per_prompt, near
        self.used, self.nearness = used, nearness
        full = [prompt for prompt, count in used.items() if count >= per_prompt]
        self.is_free = ~np.isin(pool.prompts, full)

    def best(self, utilities: Array) -> int | None:
        """The free candidate of most utility that is not near to too many; None where none is."""
        allowed = self.is_free & (self.nearness.counts < self.near)
        if not allowed.any():
            return None
        return int(np.argmax(np.where(allowed, utilities, -np.inf)))

    def take(self, index: int) -> float:
        """Puts a candidate into the batch; how alike it is to its nearest there."""
        similarity = float(self.nearness.nearest[index])
        self.is_free[index] = False
        self.nearness.take(index)
        prompt = int(self.prompts[index])
        self.used[prompt] += 1
        if self.used[prompt] >= self.per_prompt:
            self.is_free[self.prompts == prompt] = False
        return similarity


def _fill(
    functions: Mapping[str, Function], basket: _Basket, plan: Plan, size: int
) -> list[Chosen]:
    """Pair by pair; the function that is furthest behind its share is next."""
    taken: list[Chosen] = []
    total = sum(plan.shares[name] for name in functions)
    behind = dict.fromkeys(functions, 0.0)
    while len(taken) < size:
        for name in functions:
            behind[name] += plan.shares[name] / total
        name = max(behind, key=lambda each: behind[each])
        utilities = functions[name].utilities()
        index = basket.best(utilities)
        if index is None:
            break
        behind[name] -= 1
        utility = float(utilities[index])
        similarity = basket.take(index)
        _tell(functions, index)
        taken.append(Chosen(index, name, utility, similarity))
    return taken


def _shown(worth: Mapping[str, Array], shares: Mapping[str, float]) -> Floats:
    worth = {name: values for name, values in worth.items() if name != RANDOM} or worth
    if len(worth) == 1:
        return np.asarray(next(iter(worth.values())), dtype=float)
    total = sum(shares[name] for name in worth)
    ranks = [
        shares[name] / total * rankdata(values) / len(values) for name, values in worth.items()
    ]
    return np.asarray(np.sum(ranks, axis=0), dtype=float)
