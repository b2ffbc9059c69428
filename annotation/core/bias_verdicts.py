"""Each effect in plain words: which way, how much, how sure, and what would have been found."""

from dataclasses import dataclass
from math import exp, log
from typing import Literal

from annotation.core.covariates import Covariate

Status = Literal["found", "hint", "none_found", "unclear", "untold"]
Cluster = Literal["annotator", "prompt", "comparison"]

RELEVANT_SHIFT = 0.05
STRONG_SHIFT = 0.1
MOST_ODDS = 1000.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fitted effect.

    log_odds, low, high: what one unit adds to the log-odds of winning.
    shift, shift_low, shift_high: the average marginal effect of one unit, a share of votes won.
    detectable, detectable_shift: the smallest effect that would have been found; None where no
        effect could, for want of annotators.
    """

    log_odds: float
    low: float
    high: float
    shift: float
    shift_low: float
    shift_high: float
    df: float
    detectable: float | None
    detectable_shift: float | None

    @property
    def odds_ratio(self) -> float:
        """exp of the estimate."""
        return _odds_of(self.log_odds)

    @property
    def odds_low(self) -> float:
        """exp of the interval's lower end."""
        return _odds_of(self.low)

    @property
    def odds_high(self) -> float:
        """exp of the interval's upper end."""
        return _odds_of(self.high)


def status_of(told: Estimate, p_value: float, p_adjusted: float, *, rate: float) -> Status:
    """found, hint (but for the correction), none found (what matters would show) or unclear."""
    if p_adjusted <= rate:
        return "found"
    if p_value <= rate:
        return "hint"
    detectable = told.detectable_shift
    is_small = detectable is not None and detectable <= RELEVANT_SHIFT
    return "none_found" if is_small else "unclear"


def judged(
    covariate: Covariate,
    told: Estimate,
    status: Status,
    *,
    power: float,
    n_audits: int,
    cluster: Cluster = "annotator",
) -> str:
    """The verdict on an effect that could be fitted."""
    if status == "found":
        return f"Votes favour {_effect(covariate, told)}. A {size_of(told.shift)} bias."
    if status == "hint":
        return (
            f"Votes may favour {_effect(covariate, told)}. Among {n_audits} audits, chance "
            "alone often makes one such figure, so it does not count as found."
        )
    sides = f"votes favour {covariate.favours} or {covariate.opposes}"
    between = f"[{_points(told.shift_low)}, {_points(told.shift_high)}] points"
    if told.detectable_shift is None or told.detectable_shift >= 1:
        return (
            f"Too little to tell whether {sides}: among {n_audits} audits of so few "
            f"{cluster}s no effect, however large, could be found."
        )
    least = f"{100 * told.detectable_shift:.1f} points"
    if status == "none_found":
        return (
            f"No sign that {sides}: {_points(told.shift)} {between}; an effect of {least} would "
            f"have been found with {power:.0%} probability."
        )
    return (
        f"Too little to tell whether {sides}: {_points(told.shift)} {between}; only an effect of "
        f"{least} or more would probably have been found."
    )


def constant(covariate: Covariate) -> str:
    """The sentence for what never differs."""
    if covariate.is_interaction:
        return "It was the same in every vote, so what it does cannot be told."
    return "In no vote do the two responses differ in this, so what it does cannot be told."


def too_few(n: int, n_clusters: int, *, least: int, cluster: Cluster = "annotator") -> str:
    """The sentence for fewer than `least` votes, or fewer than two clusters."""
    of = "by" if cluster == "annotator" else "on"
    clusters = f"1 {cluster}" if n_clusters == 1 else f"{n_clusters} {cluster}s"
    votes = "vote differs" if n == 1 else "votes differ"
    return (
        f"Only {n:,} {votes} in this, {of} {clusters}: too few to tell. "
        f"At least {least} {of} 2 {cluster}s are needed."
    )


def one_cluster(n: int, cluster: Cluster = "annotator") -> str:
    """The sentence for votes of one annotator, or on one prompt or comparison."""
    if cluster != "annotator":
        return (
            f"All {n:,} votes are on one {cluster}: what holds of it alone and what of others "
            "cannot be told. Let more be judged."
        )
    return (
        f"All {n:,} votes are by one annotator: what is a habit of this person and what of all "
        "cannot be told. Ask for votes of more people."
    )


def told_by_one(cluster: Cluster = "annotator") -> str:
    """The sentence for an estimate that hangs on one cluster."""
    if cluster != "annotator":
        return (
            f"Nearly all that these votes tell of it comes from one {cluster}, so what holds of it "
            "alone cannot be told from what holds of others."
        )
    return (
        "Nearly all that these votes tell of it comes from one annotator, so a habit of this "
        "person cannot be told from one of all."
    )


def collinear(others: list[str]) -> str:
    """The sentence for what cannot be told apart from `others`, by their names."""
    return (
        f"In these votes it cannot be told apart from {_listed(others)}: the two go together "
        "in every vote."
    )


def told_by_policies() -> str:
    """The sentence for what cannot be told apart from who wrote the responses."""
    return (
        "In these votes it goes with which policy wrote the responses, so it cannot be told apart "
        "from how good these policies are. Compare more pairs of policies, in both orders."
    )


def separated(covariate: Covariate, n: int, share: float | None) -> str:
    """The sentence for odds that are infinite; `share` is 0 or 1 where it alone decides."""
    if share is None:
        return (
            "Together with others it foretells votes without a single error, so no odds can be "
            "given. This is seldom a preference: look for a rule behind the votes."
        )
    winner = covariate.favours if share == 1.0 else covariate.opposes
    return f"All {n:,} votes where this differs go to {winner}, so no odds can be given."


def nothing_left(names: list[str]) -> str:
    """The sentence for too few votes beside those that `names` decide by themselves."""
    return (
        f"Once the votes that {_listed(names)} decides without exception are set aside, too few "
        "votes are left to tell."
    )


def no_votes() -> str:
    """The sentence for a project without a decided vote."""
    return "There is no decided vote yet."


def size_of(shift: float) -> str:
    """slight, moderate or strong: by points of votes won."""
    away = abs(shift)
    if away < RELEVANT_SHIFT:
        return "slight"
    return "moderate" if away < STRONG_SHIFT else "strong"


def _effect(covariate: Covariate, told: Estimate) -> str:
    sign = 1.0 if told.log_odds >= 0 else -1.0
    side = covariate.favours if sign > 0 else covariate.opposes
    low, high = sorted((sign * told.low, sign * told.high))
    shift_low, shift_high = sorted((sign * told.shift_low, sign * told.shift_high))
    unit = f" {covariate.per}" if covariate.per else ""
    return (
        f"{side}: odds × {_odds(abs(told.log_odds))} [{_odds(low)}, {_odds(high)}]{unit}, which is "
        f"{_points(abs(told.shift))} [{_points(shift_low)}, {_points(shift_high)}] points of votes"
    )


def _odds(log_odds: float) -> str:
    if abs(log_odds) > log(MOST_ODDS):
        return f"over {MOST_ODDS:,.0f}" if log_odds > 0 else f"under {1 / MOST_ODDS}"
    return f"{exp(log_odds):.2f}"


def _odds_of(log_odds: float) -> float:
    """Finite, however far an interval reaches."""
    return exp(max(min(log_odds, 700.0), -700.0))


def _points(shift: float) -> str:
    return f"{100 * shift:+.1f}" if shift else "0.0"


def _listed(names: list[str]) -> str:
    *most, last = names or ["other covariates"]
    return f"{', '.join(most)} and {last}" if most else last
