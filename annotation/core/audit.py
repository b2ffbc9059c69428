"""Does the place or the length of a response decide votes? Effects first, then how sure we are.

Votes of one annotator (and, if asked, on one item) are not independent: all standard errors are
cluster-robust. Source: Liang and Zeger (1986), Biometrika 73; two-way: Cameron, Gelbach and Miller
(2011), Journal of Business & Economic Statistics 29(2).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from annotation.core.bias_verdicts import RELEVANT_SHIFT, size_of
from annotation.core.clustered_logit import Separation, fit_logistic
from annotation.core.clustered_share import (
    ClusteredShare,
    LogOdds,
    cluster_variance,
    clustered_share,
    degrees_of_freedom,
)
from annotation.core.preferences import Preference

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bias = Literal["position", "length"]


@dataclass(frozen=True, slots=True)
class Votes:
    """Decided votes (no ties) on pairs, told by where the responses stood; arrays of shape (n,).

    Lengths are in characters. `items` names the comparison (or prompt) voted on; with it, standard
    errors also allow for votes on one item being alike. Give it where display order is not
    counterbalanced within items.
    """

    first_won: NDArray[np.bool_]
    annotators: Ints
    first_length: Ints | None = None
    second_length: Ints | None = None
    items: Ints | None = None


@dataclass(frozen=True, slots=True)
class BiasEstimate:
    """`effect` is a share of `n` decided votes; 0.5 is no bias. None where it cannot be told.

    position: the share won by the response shown first; `log_odds` is the logit of that share.
    length: the share won by the longer response, among votes on different lengths; `log_odds` is
    what one standard deviation of relative length difference adds, adjusted for position.
    `p_value` tests effect = 0.5. `detectable` is the smallest shift from 0.5 that these data would
    have shown with 80 % power.
    """

    bias: Bias
    effect: float | None
    low: float | None
    high: float | None
    n: int
    n_annotators: int
    p_value: float | None
    log_odds: float | None
    log_odds_low: float | None
    log_odds_high: float | None
    detectable: float | None
    verdict: str
    method: str
    note: str = ""


def votes_from(
    preferences: Iterable[Preference],
    *,
    lengths: Mapping[int, int] | None = None,
    by_prompt: bool = False,
) -> Votes:
    """The decided votes among preferences; `lengths` maps completion ids to characters."""
    decided = [preference for preference in preferences if not preference.is_tie]
    length_of = lengths or {}
    rows = np.array(
        [
            (
                first == p.winner_id,
                p.annotator_id,
                length_of.get(first, 0),
                length_of.get(p.loser_id if first == p.winner_id else p.winner_id, 0),
                p.prompt_id,
            )
            for p in decided
            for first in [p.shown_first]
        ],
        dtype=np.int64,
    ).reshape(-1, 5)
    return Votes(
        first_won=rows[:, 0].astype(bool),
        annotators=rows[:, 1],
        first_length=None if lengths is None else rows[:, 2],
        second_length=None if lengths is None else rows[:, 3],
        items=rows[:, 4] if by_prompt else None,
    )


def position_bias(votes: Votes, *, confidence: float = 0.95) -> BiasEstimate:
    """How much more often than half the response shown first wins."""
    share = clustered_share(votes.first_won, _clusterings(votes), confidence)
    return _bias_estimate("position", share, share.log_odds)


def length_bias(votes: Votes, *, confidence: float = 0.95) -> BiasEstimate:
    """How much more often than half the longer response wins, and the adjusted log-odds.

    The log-odds come from a logistic regression of "the first shown won" on
    ``(first - second) / (first + second)``, divided by its root mean square (not centred, so that
    swapping sides changes only signs), with an intercept that takes up position bias.

    Raises:
        ValueError: where `votes` holds no lengths.
    """
    if votes.first_length is None or votes.second_length is None:
        raise ValueError("length_bias needs votes with lengths.")
    differs = votes.first_length != votes.second_length
    first, second = votes.first_length[differs], votes.second_length[differs]
    won, groups = votes.first_won[differs], [g[differs] for g in _clusterings(votes)]
    share = clustered_share((first > second) == won, groups, confidence)
    relative = (first - second) / np.maximum(first + second, 1)
    return _bias_estimate("length", share, _adjusted_slope(relative, won, groups, confidence))


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjusted p-values in the same order: reject those <= q to keep false discoveries below q.

    None (an audit that could not be made) stays None and does not count as a test.

    Source: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    known = [p for p in p_values if p is not None]
    adjusted = iter(stats.false_discovery_control(known) if known else ())
    return tuple(None if p is None else float(next(adjusted)) for p in p_values)


def _clusterings(votes: Votes) -> list[Ints]:
    return [votes.annotators] if votes.items is None else [votes.annotators, votes.items]


def _adjusted_slope(
    relative: Floats, won: NDArray[np.bool_], clusterings: list[Ints], confidence: float
) -> LogOdds:
    if len(won) == 0:
        return LogOdds()
    scaled = relative / sqrt(float(np.mean(relative**2)))
    design = np.column_stack([np.ones(len(won)), scaled])
    fitted = fit_logistic(design, won.astype(float))
    if isinstance(fitted, Separation) or np.linalg.cond(fitted.inverse) > 1e10:
        return LogOdds(note="Length or position decides every vote, so log-odds cannot be fitted.")
    scores = design * (won - fitted.chances)[:, None]
    variance = fitted.inverse @ cluster_variance(scores, clusterings) @ fitted.inverse
    df = degrees_of_freedom(clusterings, len(won))
    reach = float(stats.t.ppf(0.5 + confidence / 2, df)) * sqrt(variance[1, 1])
    slope = float(fitted.weights[1])
    return LogOdds(slope, slope - reach, slope + reach)


def _bias_estimate(bias: Bias, share: ClusteredShare, log_odds: LogOdds) -> BiasEstimate:
    return BiasEstimate(
        bias=bias,
        effect=share.value,
        low=share.low,
        high=share.high,
        n=share.n,
        n_annotators=share.n_annotators,
        p_value=share.p_value,
        log_odds=log_odds.value,
        log_odds_low=log_odds.low,
        log_odds_high=log_odds.high,
        detectable=share.detectable,
        verdict=_verdict(bias, share),
        method="Share of decided votes; cluster-robust t interval on log-odds",
        note=" ".join(filter(None, [share.note, log_odds.note])),
    )


def _verdict(bias: Bias, share: ClusteredShare) -> str:
    if share.value is None or share.low is None or share.high is None:
        on = "" if bias == "position" else " on responses of different length"
        return f"There is no decided vote{on} yet."
    favoured = "shown first" if bias == "position" else "that is longer"
    people = "1 annotator" if share.n_annotators == 1 else f"{share.n_annotators} annotators"
    fact = (
        f"The response {favoured} wins {share.value:.1%} of {share.n:,} decided votes by {people} "
        f"[{share.low:.1%}, {share.high:.1%}]"
    )
    if not share.low <= 0.5 <= share.high:
        return (
            f"{fact}: a {size_of(share.value - 0.5)} preference for the {_side(bias, share.value)}."
        )
    if share.detectable is not None and share.detectable <= RELEVANT_SHIFT:
        seen = f"a shift of {100 * share.detectable:.1f} points would probably have shown"
        return f"{fact}: no {bias} bias found, and {seen}."
    shift = "" if share.detectable is None else f" below {100 * share.detectable:.0f} points"
    return f"{fact}: too little to tell; a shift{shift} would probably go unnoticed."


def _side(bias: Bias, effect: float) -> str:
    if bias == "position":
        return "first" if effect > 0.5 else "second"
    return "longer" if effect > 0.5 else "shorter"
