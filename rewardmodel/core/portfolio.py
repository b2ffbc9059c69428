"""The default: several functions at once, weighted by what their labels turned out to be worth.

Nobody knows beforehand which function helps on a project, and published results differ. What a
label was worth can be seen afterwards: by how much the log-loss on votes drawn at random would
rise without it. That needs no second training. Leaving vote i out moves the weights by
``S g_i / (1 - h)`` (S: posterior covariance, g_i: gradient of its loss, h: its leverage), and the
loss of another vote e by ``g_e' S g_i / (1 - h)``: Cook and Weisberg (1982), Residuals and
influence in regression, section 5.3. The votes e are of folds of prompts that the weights were not
fitted to.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import FIRST, SECOND, Floats, Ints
from rewardmodel.core.unusual import NARROW, is_ordinary

PORTFOLIO = "portfolio"
# Before anything is known of what labels are worth: while the model is mostly unsure, what makes it
# surer; once it is not, what stands for the prompts, because then its own faults outweigh chance.
YOUNG: Mapping[str, float] = {"prediction_oriented": 0.8, "random": 0.2}
GROWN: Mapping[str, float] = {"prediction_oriented": 0.05, "uncertainty": 0.05, "random": 0.9}
GROWN_FROM = 2 / 3
FLOOR = 0.2
FOLDS = 5
RESAMPLES = 400
RATE = 0.6
MOST_CREDIT = 4.0
FEWEST_RANDOM, FEWEST_OWN = 20, 10
# How far apart rewards may be believed to be: people then agree in 56 % and in 90 %. Beyond, the
# prior does not fit, or there is nothing to learn, and the beliefs are no basis to choose by.
PLAUSIBLE = (0.3, 6.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """n votes: differences (n, k), outcomes, prompts (n,), the function that asked for each."""

    differences: Floats
    outcomes: Ints
    prompts: Ints
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credit:
    """What one more label of a function was worth beyond a random one: nats on votes at random.

    low, high: 95 % interval, bootstrap over prompts of the random votes. n: its labels.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Shares:
    """shares: of the next batch by function, adding up to 1; credits; the reason in words."""

    shares: Mapping[str, float]
    credits: Mapping[str, Credit]
    reason: str


def prior_shares(known: float) -> Mapping[str, float]:
    """How a batch is divided where nothing tells the functions apart; known: of `known_share`."""
    return GROWN if known >= GROWN_FROM else YOUNG


def portfolio_shares(
    beliefs: Beliefs, asked: Asked, *, known: float, spread: float, seed: int
) -> Shares:
    """How the next batch is divided; known: of `known_share`; spread: of `reward_spread`.

    All is random where the spread is not plausible. Exponential weights: a share is multiplied by
    exp(0.6 z), z being the function's credit in standard errors, within 4 either way. Where every
    function is surely worth less than chance, all is random.
    """
    if not PLAUSIBLE[0] <= spread <= PLAUSIBLE[1]:
        return Shares({RANDOM: 1.0}, {}, _implausible(spread))
    shares = dict(prior_shares(known))
    found = credits_of(beliefs, asked, tuple(f for f in shares if f != RANDOM), seed=seed)
    if not found:
        return Shares(
            shares, {}, f"{_stage(known)} Too few votes tell the functions apart yet."
        )  # fmt: skip
    if all(credit.high < 0 for credit in found.values()) and len(found) == len(shares) - 1:
        told = "; ".join(_told(name, credit) for name, credit in found.items())
        return Shares({RANDOM: 1.0}, found, f"No function helps here, so all is random: {told}.")
    for name, credit in found.items():
        shares[name] *= float(np.exp(RATE * _score(credit)))
    return Shares(_floored(shares), found, f"{_stage(known)} {_reason(found)}")


def reward_spread(mean: Floats, variance: Floats) -> float:
    """How far apart rewards are believed to be: root mean square of differences of moments (m,)."""
    return float(np.sqrt(np.mean(mean**2 + variance))) if len(mean) else 0.0


def known_share(mean: Floats, variance: Floats) -> float:
    """How much of the spread of reward differences, of moments (m,), the model is sure of: 0..1."""
    if not len(mean):
        return 0.0
    told = float(np.mean(mean**2))
    return told / (told + float(np.mean(variance))) if told > 0 else 0.0


def credits_of(
    beliefs: Beliefs, asked: Asked, functions: tuple[str, ...], *, seed: int
) -> dict[str, Credit]:
    """What a label of each function was worth beyond one drawn at random; none with too few."""
    is_random = np.array([name == RANDOM for name in asked.functions])
    tested = is_random & is_ordinary(asked.differences, NARROW)
    if tested.sum() < FEWEST_RANDOM or len(np.unique(asked.prompts[tested])) < FOLDS:
        return {}
    worth = label_worth(beliefs, asked, tested, seed=seed)
    _, of_prompt = np.unique(asked.prompts[tested], return_inverse=True)
    prompts = int(of_prompt.max()) + 1
    random = np.random.default_rng([seed, 6])
    times = random.multinomial(prompts, np.full(prompts, 1 / prompts), size=RESAMPLES)
    found = {}
    for name in functions:
        own = np.array([function == name for function in asked.functions])
        if own.sum() < FEWEST_OWN:
            continue
        beyond = np.nanmean(worth[:, own], axis=1) - np.nanmean(worth[:, is_random], axis=1)
        sums = np.bincount(of_prompt, weights=beyond)
        counts = np.bincount(of_prompt)
        drawn = (times @ sums) / (times @ counts)
        low, high = np.quantile(drawn, [0.025, 0.975])
        found[name] = Credit(float(beyond.mean()), float(low), float(high), int(own.sum()))
    return found


def label_worth(beliefs: Beliefs, asked: Asked, tested: NDArray[np.bool_], *, seed: int) -> Floats:
    """(e, n): by how much the loss on each of e tested votes would rise without each of n votes.

    NaN where the two are of one fold of prompts: the votes of a fold are left out of the weights
    that they are tested with. To second order in what leaving a vote out moves.
    """
    x, rows = asked.differences, np.flatnonzero(tested)
    prompts, of_prompt = np.unique(asked.prompts, return_inverse=True)
    fold_of = np.random.default_rng([seed, 7]).permutation(len(prompts))[of_prompt] % FOLDS
    worth = np.full((len(rows), len(x)), np.nan)
    for fold in range(FOLDS):
        inside, now = fold_of != fold, fold_of[rows] == fold
        if not now.any():
            continue
        weights, covariance = _without(beliefs, asked, inside)
        slope, curvature = _slopes(beliefs, x @ weights, asked.outcomes)
        towards = x[inside] @ covariance
        leverage = curvature[inside] * np.einsum("ij,ij->i", towards, x[inside])
        pull = slope[inside] / np.maximum(1 - leverage, 0.1)
        moved = (x[rows[now]] @ towards.T) * pull
        effect = slope[rows[now], None] * moved + curvature[rows[now], None] * moved**2 / 2
        worth[np.ix_(now, inside)] = effect
    return worth


def _without(beliefs: Beliefs, asked: Asked, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Weights and covariance by the votes inside alone, two Newton steps from those by all.

    What else the beliefs rest on (the prior, rankings) stays, as a quadratic around the weights.
    """
    x = asked.differences
    slope, curvature = _slopes(beliefs, x @ beliefs.weights, asked.outcomes)
    rest = np.linalg.inv(beliefs.covariance) - (x * curvature[:, None]).T @ x
    pull = -(x.T @ slope)
    weights, own, said = beliefs.weights, x[inside], asked.outcomes[inside]
    covariance = beliefs.covariance
    for _ in range(2):
        slope, curvature = _slopes(beliefs, own @ weights, said)
        precision = rest + (own * curvature[:, None]).T @ own
        covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
        gradient = own.T @ slope + pull + rest @ (weights - beliefs.weights)
        weights = weights - covariance @ gradient
    return weights, covariance


def _slopes(beliefs: Beliefs, difference: Floats, outcomes: Ints) -> tuple[Floats, Floats]:
    """First and second derivative (n,) of each vote's loss by its reward difference."""
    chances = beliefs.probabilities(difference)
    lead = chances[:, FIRST] - chances[:, SECOND]
    said = (outcomes == FIRST).astype(float) - (outcomes == SECOND)
    return (lead - said) / 2, (chances[:, FIRST] + chances[:, SECOND] - lead**2) / 4


def _score(credit: Credit) -> float:
    """The credit in standard errors, within MOST_CREDIT."""
    error = max((credit.high - credit.low) / 3.92, 1e-12)
    return float(np.clip(credit.value / error, -MOST_CREDIT, MOST_CREDIT))


def _floored(shares: Mapping[str, float]) -> dict[str, float]:
    """Shares that add up to 1, of which chance has the floor at least."""
    total = sum(shares.values())
    found = {name: share / total for name, share in shares.items()}
    missing = FLOOR - found.get(RANDOM, 0.0)
    if missing > 0:
        kept = (1 - FLOOR) / max(1 - found.get(RANDOM, 0.0), 1e-12)
        found = {name: share * kept for name, share in found.items()} | {RANDOM: FLOOR}
    return found


def _implausible(spread: float) -> str:
    what = "hardly differ" if spread < PLAUSIBLE[0] else "differ enormously"
    return (
        f"The model believes that rewards {what} (by {spread:.2g}), which is no basis to choose "
        "by, so all is drawn at random."
    )


def _stage(known: float) -> str:
    what = (
        "so most is drawn at random, to stand for the prompts"
        if known >= GROWN_FROM
        else "so most is asked where it makes the model surer"
    )
    return f"The model knows {known:.0%} of how rewards differ, {what}."


def _reason(found: Mapping[str, Credit]) -> str:
    told = "; ".join(_told(name, credit) for name, credit in found.items())
    return f"By what a label was worth on votes drawn at random, beyond a random label: {told}."


def _told(name: str, credit: Credit) -> str:
    return (
        f"{name} {1000 * credit.value:+.2f} thousandths of a nat "
        f"[{1000 * credit.low:+.2f}, {1000 * credit.high:+.2f}] over {credit.n} labels"
    )
