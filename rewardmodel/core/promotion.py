"""May a new reward model go into use? Decided by intervals, and said in words.

The candidate and the one in use predict the same held-out votes. Where the candidate is worse
beyond noise, on the whole or in any group of people or prompts, it stays out of use. Equal is
promoted, because it has seen more.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.measures import (
    FEW_PROMPTS,
    Figure,
    decided,
    log_losses,
    mean_over_prompts,
    right,
)
from rewardmodel.core.pairs import Floats, Votes

WORSE_BY = 0.005
CONFIDENCE = 0.95
SMALLEST_GROUP = 10

Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Change:
    """The candidate minus the one in use on the same votes: log-loss in nats, accuracy as share.

    `worst` names the group with the greatest rise; its interval allows for looking at all groups.
    """

    log_loss: Figure
    accuracy: Figure
    mine: float | None
    theirs: float | None
    worst: str = ""
    worst_log_loss: Figure | None = None
    n_groups: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a checkpoint goes into use, and why, for people to read."""

    is_promoted: bool
    reason: str
    change: Change | None = None


def decide(
    candidate: Floats,
    incumbent: Floats | None,
    votes: Votes,
    *,
    seed: int,
    groups: Masks | None = None,
    unknown: str = "",
) -> Promotion:
    """Whether the candidate may go into use.

    candidate, incumbent: predictions (n, 3) of the same n held-out votes; no incumbent where none
    is in use or where it cannot be compared, for which `unknown` says why. groups: by name, which
    of the votes (n,) belong to each.
    """
    if not len(votes):
        return Promotion(True, "In use without a test: no held-out prompt has been judged yet.")
    mine = float(log_losses(candidate, votes).mean())
    if incumbent is None:
        first = f"The one before could not be compared ({unknown})" if unknown else "The first one"
        return Promotion(True, f"{first}; log-loss {mine:.3f} on {len(votes):,} held-out votes.")
    change = compare(candidate, incumbent, votes, seed=seed, groups=groups or {})
    refused = _refusal(change)
    told = _told(change)
    if refused:
        return Promotion(False, f"Kept out of use: {refused} ({told}).", change)
    return Promotion(True, f"{_word(change)}: {told}.", change)


def compare(
    candidate: Floats, incumbent: Floats, votes: Votes, *, seed: int, groups: Masks
) -> Change:
    """Paired differences on the same votes, with intervals over prompts."""
    rise = log_losses(candidate, votes) - log_losses(incumbent, votes)
    some = decided(votes)
    part = votes.where(some)
    gain = right(candidate[some], part) - right(incumbent[some], part)
    worst, figure, looked = _worst(rise, votes, groups, seed)
    return Change(
        log_loss=mean_over_prompts(rise, votes, seed),
        accuracy=mean_over_prompts(gain, part, seed),
        mine=float(log_losses(candidate, votes).mean()),
        theirs=float(log_losses(incumbent, votes).mean()),
        worst=worst,
        worst_log_loss=figure,
        n_groups=looked,
    )


def _worst(rise: Floats, votes: Votes, groups: Masks, seed: int) -> tuple[str, Figure | None, int]:
    """The group whose log-loss rises most surely, by the lower end of an interval for them all."""
    large = {
        name: mask
        for name, mask in groups.items()
        if mask.sum() >= SMALLEST_GROUP and len(np.unique(votes.prompt[mask])) >= FEW_PROMPTS
    }
    if not large:
        return "", None, 0
    confidence = 1 - (1 - CONFIDENCE) / len(large)
    figures = {
        name: mean_over_prompts(rise[mask], votes.where(mask), seed, confidence=confidence)
        for name, mask in large.items()
    }
    name = max(figures, key=lambda each: (figures[each].low or 0.0, figures[each].value or 0.0))
    return name, figures[name], len(large)


def _refusal(change: Change) -> str:
    """Why the candidate may not go into use; empty where nothing speaks against it."""
    rise = change.log_loss
    if rise.low is None:
        is_worse = (rise.value or 0.0) > WORSE_BY
        return "it is worse, on too few prompts for an interval" if is_worse else ""
    if rise.is_above:
        return "it is worse beyond noise"
    worst = change.worst_log_loss
    if worst is not None and worst.is_above:
        interval = f"{worst.value:+.3f} [{worst.low:+.3f}, {worst.high:+.3f}]"
        return (
            f"it is worse beyond noise for “{change.worst}”, where log-loss changes by {interval} "
            f"on {worst.n_votes:,} votes, allowing for {change.n_groups} groups looked at"
        )
    return ""


def _word(change: Change) -> str:
    if change.log_loss.is_below:
        return "Better beyond noise"
    return "Not worse beyond noise"


def _told(change: Change) -> str:
    rise = change.log_loss
    interval = "" if rise.low is None else f" [{rise.low:+.3f}, {rise.high:+.3f}]"
    return (
        f"log-loss {change.mine:.3f} against {change.theirs:.3f} of the one in use on "
        f"{rise.n_votes:,} held-out votes of {rise.n_prompts} prompts, "
        f"a change of {rise.value:+.3f}{interval}"
    )
