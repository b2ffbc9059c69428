"""How far each annotator can be relied upon, with an interval, and what kind of annotator they are.

Everybody's answers are held against what everybody *else's* say holds (never against a consensus
that they made themselves). With p the chance that an answer is right by the others' account and e
the chance of giving it in error, an annotator who is right with chance r gives it with chance
``r p + (1 - r) e``; the product over their answers, with a flat prior, is what is known of r.

Three kinds are told apart, as in `pair_mixture`: honest, a coin (of unknown chances for the earlier
slot and the later one) and flipped. How good the honest are is learned from the pool.

Of values with a mirror image (-1, 0, 1) only directions count: how often somebody finds two things
equal is a habit, which neither makes nor unmakes a good judge. An answer 0 then says nothing about
its annotator, and where nothing is better either direction is right by half.

Source: empirical Bayes on a grid, Efron (2010), Large-Scale Inference, chapter 1; the likelihood is
the one-coin model's of `dawid_skene`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from annotation.core.dawid_skene import Consensus
from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion
from annotation.core.labels import FEWEST_ANNOTATORS, UNKNOWN, Floats, summed
from annotation.core.pair_mixture import COIN, FLIPPED, HONEST, PRIOR_PEOPLE
from annotation.core.ratings import Bools, Ints, numbered

GRID = (np.arange(200) + 0.5) / 200
BINS = 1024
ROUNDS = 100
SETTLED = 1e-6
# The honest differ at least so much from one another, whatever few of them seem to say.
LEAST_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Reliability:
    """What is known of A annotators; arrays in the order of `annotators`.

    value, low, high (A,): the chance that an answer (or its direction) is right, NaN where nothing
    can be told (use `proportion`). n (A,): weight of answers that something else speaks to. classes
    (A, 3): chances of honest, coin and flipped; of whom nothing can be told, how common each is.
    share (3,): that.
    chance: what answers without looking would reach.
    """

    annotators: Ints
    value: Floats
    low: Floats
    high: Floats
    n: Floats
    classes: Floats
    is_told: Bools
    share: Floats
    chance: float
    why_not: str = ""

    def proportion(self, place: int) -> Proportion:
        """The chance to be right with its interval; without a number where none can be given."""
        if not self.is_told[place]:
            return Proportion(None, None, None, round(float(self.n[place])))
        return Proportion(
            float(self.value[place]), float(self.low[place]), float(self.high[place]),
            round(float(self.n[place])),
        )  # fmt: skip


def reliability(
    consensus: Consensus,
    *,
    slots: Ints | None = None,
    weights: Floats | None = None,
    confidence: float = 0.95,
    prior_people: tuple[float, float, float] = PRIOR_PEOPLE,
) -> Reliability:
    """Everybody's reliability and kind.

    Args:
        slots: (n,), for each label the slot that it favours, any number for each slot; a coin is
            then one of slots, otherwise one of values.
        weights: (n,), how much each label counts (2/k for a pair implied by a ranking of k).
        prior_people: how many honest, coin and flipped annotators are imagined beforehand.

    Flipped is told apart only of values that have a mirror image (-1, 0, 1). `is_told` is false of
    whom nobody else's answers or gold speak to, and of groups of one or two without gold.
    """
    labels = consensus.labels
    if consensus.why_not:
        return _nothing(labels.annotators, len(labels.values), consensus.why_not)
    weight = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=float)
    if weight.shape != (len(labels),) or (slots is not None and slots.shape != weight.shape):
        raise Invalid("Slots and weights are one for each label.", hint="Pass them in its order.")
    people, who = len(labels.annotators), labels.annotator_of
    is_mirrored = bool((labels.values == -labels.values[::-1]).all())
    given = labels.values[labels.value_of]
    weight = weight * labels.is_checked
    if is_mirrored:
        weight = weight * (given != 0)
    p, e = _directions(consensus, given) if is_mirrored else _values(consensus)
    right = _likelihood(p, e, who, weight, people)
    wrong = _likelihood(e, p, who, weight, people) if is_mirrored else None
    sides = slots if slots is not None else np.sign(given) if is_mirrored else given
    coins = _coins(sides, who, weight, people)
    n = summed(who, weight, people)
    is_told = (n > 0) & _is_connected(consensus)
    chance = 0.5 if is_mirrored else 1 / len(labels.values)
    classes, share = _sorted_out(right, coins, wrong, is_told, chance, np.array(prior_people))
    value, low, high = _credible(right, confidence)
    for each in (value, low, high):
        each[~is_told] = np.nan
    return Reliability(labels.annotators, value, low, high, n, classes, is_told, share, chance)


def _directions(consensus: Consensus, given: Ints) -> tuple[Floats, Floats]:
    """(n,) twice: the chance that the direction of each answer is right, and that it is wrong."""
    truth = consensus.left_out()
    signs = np.sign(consensus.labels.values)
    up = truth @ (signs > 0) + truth @ (signs == 0) / 2
    right = np.where(given > 0, up, 1 - up)
    return right, 1 - right


def _values(consensus: Consensus) -> tuple[Floats, Floats]:
    """(n,) twice: the chance that each answer is right, and that of giving it in error.

    What is said in error, given what holds, is taken from the pool's habit.
    """
    labels, truth = consensus.labels, consensus.left_out()
    weight = labels.per_annotator.astype(float)[:, None, None]
    pooled = (consensus.confusion * weight).sum(axis=0) / weight.sum() + 1e-3
    pooled = pooled * (1 - np.eye(len(pooled)))
    pooled /= pooled.sum(axis=1, keepdims=True)
    by_error = np.einsum("nc,nc->n", truth, pooled.T[labels.value_of])
    return truth[np.arange(len(labels)), labels.value_of], by_error


def _likelihood(p: Floats, e: Floats, who: Ints, weight: Floats, people: int) -> Floats:
    """(A, G): log-likelihood of everybody's answers for each chance of GRID to be right.

    ``r p + (1 - r) e`` is ``(p + e) (r s + (1 - r) (1 - s))`` with s = p / (p + e), so labels are
    counted by s, each between the two nearest of BINS, and the grid is evaluated once for a bin.
    """
    whole = np.maximum(p + e, np.finfo(float).tiny)
    share = p / whole * (BINS - 1)
    left = np.minimum(share.astype(np.int64), BINS - 2)
    part = share - left
    cells = who * BINS + left
    counts = summed(cells, weight * (1 - part), people * BINS)
    counts += summed(cells + 1, weight * part, people * BINS)
    s = np.arange(BINS)[:, None] / (BINS - 1)
    logs = np.log(GRID * s + (1 - GRID) * (1 - s))
    rest = summed(who, weight * np.log(whole), people)
    return np.asarray(counts.reshape(people, BINS) @ logs + rest[:, None])


def _coins(sides: Ints, who: Ints, weight: Floats, people: int) -> Floats:
    """(A, 2): log-probability of somebody's answers under a fair coin, and under any.

    Of any coin the chances are unknown (integrated over a uniform prior); a fair one falls on
    each side alike.
    """
    counted = weight > 0
    found, side = numbered(sides[counted])
    size = max(len(found), 2)
    counts = summed(who[counted] * size + side, weight[counted], people * size)
    counts = counts.reshape(people, size)
    fair = -counts.sum(axis=1) * np.log(size)
    return np.column_stack([fair, _unknown_chances(counts)])


def _unknown_chances(counts: Floats) -> Floats:
    """(A,): log-probability of counts (A, S) in their order under unknown chances of S sides."""
    size = counts.shape[1]
    whole = gammaln(size) - gammaln(size + counts.sum(axis=1))
    return np.asarray(whole + gammaln(1 + counts).sum(axis=1))


def _sorted_out(
    right: Floats, coins: Floats, wrong: Floats | None, is_told: Bools, chance: float,
    prior_people: Floats,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Chances of each class (A, 3) and how common they are (3,), by EM.

    How good the honest are, and whether coins are rather fair or not, is learned on the way.
    """
    honest, coin, flipped = prior_people
    imagined = np.array([honest, coin / 2, coin / 2, flipped])
    share = imagined / imagined.sum()
    spread = _first_spread(right, is_told, chance)
    classes = np.tile(share, (len(coins), 1))
    for _ in range(ROUNDS):
        given = right + np.log(spread)
        logs = np.full((len(coins), 4), -np.inf)
        logs[:, 0] = logsumexp(given, axis=1)
        logs[:, 1:3] = coins
        if wrong is not None:
            logs[:, 3] = logsumexp(wrong + np.log(spread), axis=1)
        logs += np.log(share)
        after = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        after[~is_told] = share
        people = after[is_told].sum(axis=0) + imagined
        share = people / people.sum()
        spread = _learned(given, after[:, 0] * is_told, chance)
        moved = np.abs(after - classes).max(initial=0.0)
        classes = after
        if moved < SETTLED:
            break
    classes[~is_told] = share
    return _three(classes), _three(share)


def _three(four: Floats) -> Floats:
    """Honest, coin and flipped, of honest, fair coin, any coin and flipped (last axis)."""
    three = np.empty((*four.shape[:-1], 3))
    three[..., HONEST] = four[..., 0]
    three[..., COIN] = four[..., 1] + four[..., 2]
    three[..., FLIPPED] = four[..., 3]
    return three


def _first_spread(right: Floats, is_told: Bools, chance: float) -> Floats:
    """Close around the middle one of those who do better than chance: most are honest."""
    likeliest = GRID[right[is_told].argmax(axis=1)]
    better = likeliest[likeliest > chance]
    middle = float(np.median(better)) if len(better) else 0.8
    return _spread(middle, LEAST_SPREAD**2, chance)


def _learned(given: Floats, honest: Floats, chance: float) -> Floats:
    """The Beta whose mean and variance are the honest annotators', plus one imagined at 0.8."""
    known = np.exp(given - logsumexp(given, axis=1, keepdims=True))
    first, second = known @ GRID, known @ GRID**2
    total = honest.sum() + 1
    mean = (honest @ first + 0.8) / total
    square = (honest @ second + 0.8**2 + 0.1**2) / total
    return _spread(float(mean), float(square - mean**2), chance)


def _spread(mean: float, variance: float, chance: float) -> Floats:
    """(G,): how the honest are spread over GRID, none of them at chance or below."""
    mean = float(np.clip(mean, 0.02, 0.98))
    variance = float(np.clip(variance, LEAST_SPREAD**2, 0.9 * mean * (1 - mean)))
    strength = mean * (1 - mean) / variance - 1
    logs = (mean * strength - 1) * np.log(GRID)
    logs += ((1 - mean) * strength - 1) * np.log1p(-GRID)
    density = np.exp(logs - logs.max())
    density = np.where(chance < GRID, density, 0.0) + 1e-12
    return np.asarray(density / density.sum())


def _credible(right: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Mean and equal-tailed interval of everybody's chance to be right, under a flat prior."""
    known = np.exp(right - logsumexp(right, axis=1, keepdims=True))
    below = np.cumsum(known, axis=1)
    tail = (1 - confidence) / 2
    low = GRID[np.minimum((below < tail).sum(axis=1), len(GRID) - 1)]
    high = GRID[np.minimum((below < 1 - tail).sum(axis=1), len(GRID) - 1)]
    value = known @ GRID
    return value, np.minimum(low, value), np.maximum(high, value)


def _is_connected(consensus: Consensus) -> Bools:
    """(A,): whose group has three members or gold, so that it can be told who errs in it."""
    labels = consensus.labels
    sizes = np.bincount(consensus.islands)[consensus.islands] >= FEWEST_ANNOTATORS
    is_gold = (labels.known != UNKNOWN)[labels.unit_of]
    gold = np.bincount(consensus.islands[labels.annotator_of[is_gold]], minlength=1)
    has_gold = np.zeros(int(consensus.islands.max()) + 1, dtype=bool)
    has_gold[: len(gold)] = gold > 0
    return np.asarray(sizes | has_gold[consensus.islands])


def _nothing(annotators: Ints, size: int, reason: str) -> Reliability:
    people = len(annotators)
    unknown = np.full(people, np.nan)
    share = np.array(PRIOR_PEOPLE) / sum(PRIOR_PEOPLE)
    return Reliability(
        annotators, unknown, unknown, unknown, np.zeros(people), np.tile(share, (people, 1)),
        np.zeros(people, dtype=bool), share, 1 / max(size, 1), reason,
    )  # fmt: skip
