"""Rankings with ties by the Davidson-Luce model: the best group is chosen, then the best of the
rest.

Of the items that remain, the set t is chosen with a chance in proportion to
delta_|t| * (product of the worths in t)^(1/|t|), with delta_1 = 1. With two items this is
Davidson's model, without ties it is Plackett and Luce's. In rewards (log worths) and log deltas it
is a softmax of linear functions, so its negative logarithm is convex. Sets larger than the largest
tie that was ever seen have no chance.

Source: Firth, Kosmidis and Turner (2019), Davidson-Luce model for multi-item choice with ties,
arXiv:1909.07123, equation 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from rewardmodel.core.pairs import Floats, Ints

Flags = NDArray[np.bool_]
Groups = Sequence[Sequence[int]]

# With nine items there are 511 sets; so many choices are held in memory at once.
CHOICES_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Rankings:
    """n rankings of `size` items each: items (n, size), rows of a feature matrix.

    groups: (n, size) the place of the group in which each item is, 0 for the best. weight: (n,).
    prompt, annotator: (n,) ids.
    """

    items: Ints
    groups: Ints
    weight: Floats
    prompt: Ints
    annotator: Ints

    def __len__(self) -> int:
        return len(self.items)

    @property
    def size(self) -> int:
        """How many items each of them orders."""
        return int(self.items.shape[1])

    @property
    def largest_tie(self) -> int:
        """The most items that share a place in any of them."""
        if not len(self):
            return 1
        places = self.groups[:, :, None] == np.arange(self.size)
        return int(places.sum(axis=1).max())

    def where(self, mask: Flags) -> "Rankings":
        """Those for which `mask`, shape (n,), is true."""
        return Rankings(
            self.items[mask], self.groups[mask], self.weight[mask], self.prompt[mask],
            self.annotator[mask],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RankingTerms:
    """Value and derivatives of the summed negative log-likelihood of n rankings of s items.

    by_reward (n, s), by_delta (M - 1,); reward_curvature (n, s, s), cross (n, s, M - 1) and
    delta_curvature (M - 1, M - 1) are the blocks of the Hessian.
    """

    value: float
    by_reward: Floats
    by_delta: Floats
    reward_curvature: Floats
    cross: Floats
    delta_curvature: Floats


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices that rankings of one size are made of, for sets of up to `largest` items.

    sets: (S, s) membership. ranking: (q,) whose choice it is. may: (q, S) which sets could be
    chosen. chosen: (q,) which was. weight: (q,). n: how many rankings.
    """

    sets: Flags
    ranking: Ints
    may: Flags
    chosen: Ints
    weight: Floats
    n: int

    @property
    def means(self) -> Floats:
        """(S, s): a set's mean reward is its row times the rewards."""
        return np.asarray(self.sets / self.sets.sum(axis=1, keepdims=True))

    @property
    def deltas(self) -> Floats:
        """(S, M - 1): which of log delta_2 .. log delta_M a set's score has; none of a single."""
        sizes = self.sets.sum(axis=1)
        return np.asarray(sizes[:, None] == np.arange(2, sizes.max() + 1), dtype=float)


def choices_of(rankings: Rankings, largest: int) -> Choices:
    """Rankings as choices among what remained; the last single item is no choice.

    Raises ValueError where a ranking ties more than `largest` items.
    """
    if rankings.largest_tie > largest:
        raise ValueError(f"a tie of {rankings.largest_tie} items, of at most {largest}")
    sets = _sets(rankings.size, largest)
    place = {tuple(row): index for index, row in enumerate(sets.tolist())}
    found: list[tuple[int, Flags, int]] = []
    for index, groups in enumerate(rankings.groups):
        for level in range(int(groups.max()) + 1):
            remaining = groups >= level
            if remaining.sum() > 1:
                best = place[tuple((groups == level).tolist())]
                found.append((index, ~(sets & ~remaining).any(axis=1), best))
    ranking = np.array([index for index, _, _ in found], dtype=np.int64)
    may = np.array([may for _, may, _ in found], dtype=bool).reshape(-1, len(sets))
    chosen = np.array([best for _, _, best in found], dtype=np.int64)
    return Choices(sets, ranking, may, chosen, rankings.weight[ranking], len(rankings))


def ranking_value(choices: Choices, rewards: Floats, deltas: Floats) -> float:
    """The summed negative log-likelihood at rewards (n, s) and log deltas (M - 1,)."""
    total = 0.0
    for start in range(0, len(choices.ranking), CHOICES_AT_ONCE):
        logs, part = _log_chances(choices, rewards, deltas, start)
        own = logs[np.arange(len(logs)), choices.chosen[part]]
        total -= float(choices.weight[part] @ own)
    return total


def ranking_terms(choices: Choices, rewards: Floats, deltas: Floats) -> RankingTerms:
    """The same with its first and second derivatives."""
    means, tied = choices.means, choices.deltas
    n, size, ties = choices.n, means.shape[1], tied.shape[1]
    design = np.column_stack([means, tied])
    gradient, hessian = np.zeros((n, size + ties)), np.zeros((n, size + ties, size + ties))
    value = 0.0
    for start in range(0, len(choices.ranking), CHOICES_AT_ONCE):
        logs, part = _log_chances(choices, rewards, deltas, start)
        chances, weight, whose = np.exp(logs), choices.weight[part], choices.ranking[part]
        value -= float(weight @ logs[np.arange(len(logs)), choices.chosen[part]])
        expected = chances @ design
        np.add.at(gradient, whose, weight[:, None] * (expected - design[choices.chosen[part]]))
        spread = np.einsum("qs,si,sj->qij", chances, design, design, optimize=True)
        spread -= expected[:, :, None] * expected[:, None, :]
        np.add.at(hessian, whose, weight[:, None, None] * spread)
    return RankingTerms(
        value=value,
        by_reward=gradient[:, :size],
        by_delta=gradient[:, size:].sum(axis=0),
        reward_curvature=hessian[:, :size, :size],
        cross=hessian[:, :size, size:],
        delta_curvature=hessian[:, size:, size:].sum(axis=0),
    )


def order_log_chance(rewards: Floats, groups: Groups, deltas: Floats) -> float:
    """The log-chance of one order, `groups` of positions, best first; rewards (s,)."""
    place = np.empty(len(rewards), dtype=np.int64)
    for level, group in enumerate(groups):
        place[list(group)] = level
    one = Rankings(
        np.arange(len(rewards))[None], place[None], np.ones(1), np.zeros(1, int), np.zeros(1, int)
    )
    return -ranking_value(choices_of(one, len(deltas) + 1), np.asarray(rewards)[None], deltas)


def _sets(size: int, largest: int) -> Flags:
    """(S, size) membership of every set of 1 to `largest` items."""
    rows = [
        [item in chosen for item in range(size)]
        for count in range(1, min(largest, size) + 1)
        for chosen in combinations(range(size), count)
    ]
    return np.array(rows, dtype=bool)


def _log_chances(
    choices: Choices, rewards: Floats, deltas: Floats, start: int
) -> tuple[Floats, slice]:
    """Log-chances (q, S) of some choices, and which they are."""
    part = slice(start, min(start + CHOICES_AT_ONCE, len(choices.ranking)))
    tied = choices.deltas
    scores = rewards[choices.ranking[part]] @ choices.means.T + tied @ deltas[: tied.shape[1]]
    scores = np.where(choices.may[part], scores, -np.inf)
    return np.asarray(scores - logsumexp(scores, axis=1, keepdims=True)), part
