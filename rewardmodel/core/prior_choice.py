"""How strongly to believe in weights near nothing, by cross-validation over prompts.

A block of columns that is taken as it is (log-probabilities, plain facts of the text) has a prior
of its own: its precision is a share of that of the principal axes. The common precision is sought
first, then each block's share, all on prompts left out; never on those that a test will use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.judged import Judged, evidence_from
from rewardmodel.core.likelihood import davidson_value
from rewardmodel.core.pairs import Floats, Ints, add_up
from rewardmodel.core.plackett_luce import Rankings
from rewardmodel.core.posterior import Evidence, descend, weights_prior

PRECISIONS = (3e4, 1e4, 3e3, 1e3, 3e2, 1e2, 30.0, 10.0, 3.0, 1.0)
SHARES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
FIRST_SHARE = 0.1
# The choice looks at so many pairs, of prompts drawn at random, and in three folds where there are
# more; it then ends after so many precisions without an improvement.
PAIRS_FOR_CHOICE = 4_000
FOLDS_OF_MANY = 3
PATIENCE = 3
WARM_NEIGHBOURS = 1
# How near each fit comes to its optimum, in posterior variances: two precisions may be told apart
# by little.
NEAR = 1e-4


@dataclass(frozen=True, slots=True)
class Strength:
    """Of a prior: the precision of the axes, and each plain block's share of it."""

    precision: float
    shares: tuple[float, ...] = ()

    def by_column(self, k: int, blocks: Sequence[int]) -> Floats:
        """(k,) precisions; the blocks are the last columns."""
        shares = np.repeat(np.array(self.shares, dtype=float), np.array(blocks, dtype=np.int64))
        return self.precision * np.concatenate([np.ones(k - len(shares)), shares])


def prompt_folds(prompts: Ints, folds: int, seed: int) -> list[NDArray[np.bool_]]:
    """Masks (n,) of the votes of each fold; a prompt's votes all fall into one fold."""
    unique = np.unique(prompts)
    np.random.default_rng(seed).shuffle(unique)
    parts = np.array_split(unique, min(folds, len(unique)))
    return [np.isin(prompts, part) for part in parts]


def choose_strength(
    judged: Judged, coordinates: Floats, *, blocks: Sequence[int] = (),
    fixed: tuple[float, ...] = (), folds: int, seed: int, near: Strength | None = None,
) -> Strength:  # fmt: skip
    """The prior with the least held-out log-loss; the strongest where one prompt is all.

    Precisions are tried from the strongest on, then shares, then the precision's neighbours again.
    Of many pairs a random share of the prompts is looked at, and the search ends after three
    precisions without an improvement: what is sought is a property of the weights, not of how many
    votes there are. With `near` only its precision, its neighbours and its shares count. fixed:
    shares of the last blocks that are not chosen.
    """
    shares = (FIRST_SHARE,) * (len(blocks) - len(fixed)) + fixed
    shares = shares if near is None else near.shares
    drawn, is_many = _for_choice(judged, seed)
    if is_many:
        coordinates = coordinates.astype(np.float32)
    masks = prompt_folds(drawn.prompts, FOLDS_OF_MANY if is_many else folds, seed)
    if len(masks) < 2:
        return Strength(PRECISIONS[0], shares)
    found = [_fold(drawn, drawn.prompts[mask], coordinates, blocks) for mask in masks]
    fits = [fold for fold in found if fold is not None]
    tried = PRECISIONS if near is None else _neighbours(near.precision)
    best, lowest, since = Strength(tried[0], shares), np.inf, 0
    for precision in tried:
        loss = _loss(fits, Strength(precision, shares))
        best, lowest, since = (
            (Strength(precision, shares), loss, 0) if loss < lowest else (best, lowest, since + 1)
        )
        if is_many and since == PATIENCE:
            break
    free = len(shares) - len(fixed)
    return best if near is not None or not free else _with_shares(fits, best, lowest, free)


def _with_shares(fits: "list[_Fold]", best: Strength, lowest: float, free: int) -> Strength:
    """Each free block's share in turn, the others as they are, and then the precision again."""
    for block in range(free):
        for share in SHARES:
            shares = (*best.shares[:block], share, *best.shares[block + 1 :])
            tried = Strength(best.precision, shares)
            if tried != best and (loss := _loss(fits, tried)) < lowest:
                best, lowest = tried, loss
    for precision in _neighbours(best.precision):
        tried = replace(best, precision=precision)
        if tried != best and (loss := _loss(fits, tried)) < lowest:
            best, lowest = tried, loss
    return best


def _loss(fits: "list[_Fold]", strength: Strength) -> float:
    return sum(fold.loss(strength) for fold in fits)


@dataclass
class _Fold:
    """One fold of a cross-validation; each fit starts from the one before, with its curvature."""

    evidence: Evidence
    tested: list[tuple[Floats, Floats]]
    blocks: Sequence[int]
    start: Floats | None = None
    bent: Floats | None = None

    def loss(self, strength: Strength) -> float:
        """The summed log-loss on the votes left out."""
        k = self.evidence.k
        prior = weights_prior(strength.by_column(k, self.blocks), self.evidence.ties)
        found = descend(self.evidence, prior, self.start, NEAR, self.bent)
        self.start, self.bent = found.theta, found.bent
        weights, eta = self.start[:k], float(self.start[k])
        return sum(davidson_value(rows @ weights, eta, counts) for rows, counts in self.tested)


def _fold(
    judged: Judged, left_out: Ints, coordinates: Floats, blocks: Sequence[int]
) -> _Fold | None:
    is_out = np.isin(judged.votes.prompt, left_out)
    train = judged.where(~is_out, np.setdiff1d(judged.prompts, left_out))
    if not train.is_decided:
        return None
    tested = judged.where(is_out, left_out)
    pairs = add_up(tested.votes)
    rows = coordinates[pairs.first] - coordinates[pairs.second]
    implied = implied_pairs(tested.rankings, coordinates)
    return _Fold(evidence_from(train, coordinates), [(rows, pairs.counts), *implied], blocks)


def implied_pairs(rankings: Sequence[Rankings], coordinates: Floats) -> list[tuple[Floats, Floats]]:
    """The pairs of rankings, to be tested on: rows (q, k) and counts (q, 3), 2/k each."""
    found = []
    for ranking in rankings:
        one, other = np.triu_indices(ranking.size, 1)
        first, second = ranking.items[:, one].ravel(), ranking.items[:, other].ravel()
        ahead = np.sign(ranking.groups[:, other] - ranking.groups[:, one]).ravel()
        counts = (ahead[:, None] == np.array([1, -1, 0])).astype(float)
        counts *= np.repeat(ranking.weight * 2 / ranking.size, len(one))[:, None]
        found.append((coordinates[first] - coordinates[second], counts))
    return found


def _for_choice(judged: Judged, seed: int) -> tuple[Judged, bool]:
    """All, or what some random prompts have of it, and whether there was too much."""
    size = len(add_up(judged.votes).first) + sum(len(r) * r.size for r in judged.rankings)
    if size <= PAIRS_FOR_CHOICE:
        return judged, False
    prompts = judged.prompts
    keep = max(2 * FOLDS_OF_MANY, round(len(prompts) * PAIRS_FOR_CHOICE / size))
    drawn = np.random.default_rng(seed).permutation(prompts)[:keep]
    part = judged.where(np.isin(judged.votes.prompt, drawn), drawn)
    return (part, True) if part.is_decided else (judged, True)


def _neighbours(precision: float) -> tuple[float, ...]:
    nearest = int(np.argmin(np.abs(np.log(np.array(PRECISIONS) / precision))))
    low = max(0, nearest - WARM_NEIGHBOURS)
    return PRECISIONS[low : nearest + WARM_NEIGHBOURS + 1]
