"""How good is a reward model, on prompts it never saw, and is it better than picking the longer?

Intervals resample prompts, because votes on one prompt stand and fall together.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from annotation.core.intervals import wilson
from rewardmodel.core.head import HeadConfig, RewardHead, fit_head, prompt_folds
from rewardmodel.core.measures import METHOD, Figure, credit, log_losses, mean_over_prompts
from rewardmodel.core.pairs import FIRST, TIE, Floats, Ints, Votes

BINS = 10
FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)
WORSE_BY = 0.005


@dataclass(frozen=True, slots=True)
class Bin:
    """Votes whose favourite was given a chance in [low, high): how often it won, with interval."""

    low: float
    high: float
    predicted: float
    won: float
    won_low: float
    won_high: float
    n: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """accuracy, longer_wins and gain are over decided votes; log_loss counts ties too (nats)."""

    accuracy: Figure
    longer_wins: Figure
    gain: Figure
    log_loss: Figure
    log_loss_of_base_rates: float | None
    calibration_error: float | None
    bins: tuple[Bin, ...]
    method: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: numbers, None and text."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Quality on the yardstick after learning from a share of the training votes."""

    n_votes: int
    accuracy: Figure
    log_loss: Figure


def evaluate(
    probabilities: Floats,
    votes: Votes,
    lengths: Ints,
    *,
    seed: int,
    base_rates: Floats | None = None,
) -> Evaluation:
    """Compares predictions (n, 3) with the n votes that they are about.

    lengths: (N,) characters of each row that votes name. base_rates: (3,), the training votes'
    shares of outcomes, the prediction of somebody who reads nothing.
    """
    decided = votes.outcome != TIE
    won_first = votes.outcome == FIRST
    favours = probabilities[:, 0] - probabilities[:, 1]
    right = credit(favours, won_first)
    longer = credit(lengths[votes.first] - lengths[votes.second], won_first)
    loss = log_losses(probabilities, votes)
    over_decided = votes.where(decided)
    chance = probabilities[decided, 0] / np.maximum(probabilities[decided, :2].sum(axis=1), 1e-12)
    bins = calibration_bins(chance, won_first[decided])
    accuracy = mean_over_prompts(right[decided], over_decided, seed)
    longer_wins = mean_over_prompts(longer[decided], over_decided, seed)
    return Evaluation(
        accuracy=accuracy,
        longer_wins=longer_wins,
        gain=_told_of_shorter(
            mean_over_prompts((right - longer)[decided], over_decided, seed), accuracy, longer_wins
        ),
        log_loss=mean_over_prompts(loss, votes, seed),
        log_loss_of_base_rates=_base_loss(base_rates, votes),
        calibration_error=_calibration_error(bins),
        bins=bins,
        method=f"{METHOD}; a tie in the prediction counts one half",
    )


def evaluate_head(
    head: RewardHead, features: Floats, votes: Votes, lengths: Ints, *, seed: int,
    base_rates: Floats | None = None,
) -> Evaluation:  # fmt: skip
    """`evaluate` of the head's predictions at the posterior mean."""
    return evaluate(
        predictions(head, features, votes), votes, lengths, seed=seed, base_rates=base_rates
    )


def predictions(head: RewardHead, features: Floats, votes: Votes) -> Floats:
    """Chances (n, 3) of first, second and tie of each vote's pair."""
    mean, _ = head.score(features)
    return head.probabilities(mean[votes.first] - mean[votes.second])


def cross_validate(votes: Votes, features: Floats, lengths: Ints, config: HeadConfig) -> Evaluation:
    """Every vote predicted by a head that never saw its prompt.

    The precision is chosen anew in each fold, from the fold's training prompts alone.
    """
    if len(np.unique(votes.prompt)) < 2:
        return evaluate(np.zeros((0, 3)), votes.where(np.zeros(len(votes), bool)), lengths, seed=0)
    probabilities = np.full((len(votes), 3), 1 / 3)
    for mask in prompt_folds(votes.prompt, config.folds, config.seed + 1):
        train = votes.where(~mask)
        if (train.outcome != TIE).any():
            head = fit_head(train, features, config)
            probabilities[mask] = predictions(head, features, votes.where(mask))
    return evaluate(
        probabilities, votes, lengths, seed=config.seed, base_rates=outcome_rates(votes)
    )


def learning_curve(
    train: Votes, test: Votes, features: Floats, lengths: Ints, head: RewardHead, config: HeadConfig
) -> list[CurvePoint]:
    """Quality on `test` after random shares of the training votes, nested in one another.

    The prior's precision is that of the full head, so that a point costs one fit.
    """
    order = np.random.default_rng(config.seed).permutation(len(train))
    points = []
    for fraction in FRACTIONS:
        mask = np.zeros(len(train), dtype=bool)
        mask[order[: max(1, round(fraction * len(train)))]] = True
        part = train.where(mask)
        if not (part.outcome != TIE).any() or not len(test):
            continue
        fitted = fit_head(part, features, replace(config, precision=head.precision))
        found = evaluate_head(fitted, features, test, lengths, seed=config.seed)
        points.append(CurvePoint(len(part), found.accuracy, found.log_loss))
    return points


def outcome_rates(votes: Votes) -> Floats:
    """(3,) shares of first, second and tie, smoothed by one vote each."""
    counts = np.bincount(votes.outcome, weights=votes.weight, minlength=3) + 1.0
    return np.asarray(counts / counts.sum())


def calibration_bins(chance: Floats, won: np.ndarray) -> tuple[Bin, ...]:
    """Votes by the chance (0.5..1) given to the favourite; ten bins of equal width.

    Of each vote the favoured side is taken, so that the order of a pair does not matter.
    """
    confidence = np.maximum(chance, 1 - chance)
    hit = credit(chance - 0.5, won)
    edges = np.linspace(0.5, 1.0, BINS + 1)
    place = np.clip(np.digitize(confidence, edges) - 1, 0, BINS - 1)
    found = []
    for index in range(BINS):
        inside = place == index
        if n := int(inside.sum()):
            share = wilson(float(hit[inside].sum()), n)
            found.append(
                Bin(
                    low=float(edges[index]), high=float(edges[index + 1]),
                    predicted=float(confidence[inside].mean()), won=float(hit[inside].mean()),
                    won_low=share.low or 0.0, won_high=share.high or 0.0, n=n,
                )
            )  # fmt: skip
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a checkpoint goes into use, and why, for people to read."""

    is_promoted: bool
    reason: str


def decide_promotion(
    candidate: Floats, incumbent: Floats | None, votes: Votes, *, seed: int
) -> Promotion:
    """Not worse on the held-out votes: the mean log-loss rises by no more than 0.005 nats.

    candidate, incumbent: predictions (n, 3) of the same n held-out votes.
    """
    if not len(votes):
        return Promotion(True, "In use without a test: no held-out prompt has been judged yet.")
    mine = log_losses(candidate, votes)
    if incumbent is None:
        return Promotion(
            True,
            f"The first checkpoint; log-loss {mine.mean():.3f} on {len(votes):,} held-out votes.",
        )
    theirs = log_losses(incumbent, votes)
    change = mean_over_prompts(mine - theirs, votes, seed)
    rise = float((mine - theirs).mean())
    interval = "" if change.low is None else f" [{change.low:+.3f}, {change.high:+.3f}]"
    told = (
        f"log-loss {mine.mean():.3f} against {theirs.mean():.3f} of the one in use on "
        f"{len(votes):,} held-out votes of {change.n_prompts} prompts, "
        f"a change of {rise:+.3f}{interval}"
    )
    if rise <= WORSE_BY:
        return Promotion(True, f"Not worse: {told}.")
    return Promotion(False, f"Kept out of use because it is worse: {told}.")


def _told_of_shorter(gain: Figure, accuracy: Figure, longer_wins: Figure) -> Figure:
    """Where the shorter one wins more often, the rule to beat is the other way round."""
    if accuracy.value is None or longer_wins.value is None or longer_wins.value >= 0.5:
        return gain
    shorter = 1 - longer_wins.value
    told = (
        f"Here the shorter one wins more often: picking it is right in {shorter:.1%}, "
        f"and the gain over that is {accuracy.value - shorter:+.3f}."
    )
    return replace(gain, note=f"{gain.note} {told}".strip())


def _base_loss(rates: Floats | None, votes: Votes) -> float | None:
    if rates is None or not len(votes):
        return None
    return float(-np.log(rates[votes.outcome]).mean())


def _calibration_error(bins: tuple[Bin, ...]) -> float | None:
    """Expected calibration error: the bins' gaps, weighted by their votes."""
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.won - b.predicted) for b in bins) / total if total else None
