"""What to do about an annotator, with the evidence that speaks for it. Nothing is carried out.

A recommendation is the most that any piece of evidence points to. Each piece says what was seen,
in a sentence and in figures, so that a lead can disagree. Agreement with others alone never points
further than to watching: who differs may be right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from annotation.core.behaviour import Behaviour
from annotation.core.collusion import AlikePair
from annotation.core.intervals import Proportion

ENOUGH = 20
ENOUGH_GOLD = 5
ENOUGH_REPEATS = 5
SURE = 0.95
LIKELY = 0.8
OPEN = 0.5
COIN_REACHES = 0.5
GOLD_PASSED = 0.7
REPEATS_PASSED = 0.6
FAST_OFTEN = 0.5
FAST_SOMETIMES = 0.1
QUICK_PACE = 0.5
STRAIGHT = 0.9
RARE = 1e-6
HARDLY_DECIDES = 0.8

UNTOLD = Proportion(None, None, None, 0)


class Action(IntEnum):
    """What to do, from nothing to most."""

    KEEP = 0
    WATCH = 1
    REQUALIFY = 2
    QUARANTINE = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing seen. `value` with its interval is of `n` cases; `points_to` what it speaks for.

    kind: flipped, coin, leaning (answers like a coin's that are right too often for one), gold,
    repeats, ties, slot, in turns, too fast, pace, duplicate, alike or unknown. other: the second
    annotator, where a piece is about two.
    """

    kind: str
    statement: str
    points_to: Action
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`evidence` is in order of weight; `summary` is one sentence for a table."""

    annotator_id: int
    action: Action
    evidence: tuple[Evidence, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of one annotator; what is not known is None, or a share without cases.

    reliability: the chance to be right. honest, coin, flipped: chances of each kind (None where
    nothing tells); n_told: answers these rest on. ties: share of answers that prefer nothing.
    """

    annotator_id: int
    reliability: Proportion
    gold: Proportion
    repeats: Proportion
    n_told: int = 0
    honest: float | None = None
    coin: float | None = None
    flipped: float | None = None
    ties: Proportion = UNTOLD
    behaviour: Behaviour | None = None
    alike: tuple[AlikePair, ...] = ()


def recommendation(findings: Findings) -> Recommendation:
    """The recommendation for one annotator."""
    evidence = sorted(
        (piece for look in _LOOKS for piece in look(findings)), key=lambda each: -each.points_to
    )
    action = max((each.points_to for each in evidence), default=Action.KEEP)
    summary = evidence[0].statement if evidence else "Nothing speaks against this annotator."
    return Recommendation(findings.annotator_id, action, tuple(evidence), summary)


def _kind(found: Findings) -> Iterator[Evidence]:
    if found.honest is None or found.coin is None or found.flipped is None:
        yield Evidence(
            "unknown",
            "Too few answers that others' answers or gold speak to; reliability cannot be told.",
            Action.KEEP,
        )
        return
    if found.honest >= OPEN:
        return
    is_flipped = found.flipped > found.coin
    chance = found.flipped if is_flipped else found.coin
    share, enough = found.reliability, found.n_told >= ENOUGH
    looks_at_times = not is_flipped and share.low is not None and share.low > COIN_REACHES
    if enough and chance >= SURE and not looks_at_times:
        points_to = Action.QUARANTINE
    else:
        points_to = Action.REQUALIFY if enough and 1 - found.honest >= LIKELY else Action.WATCH
    what = "the wrong way round" if is_flipped else "regardless of what is shown"
    statement = f"Answers {what} with a chance of {_percent(chance)}"
    if looks_at_times:
        statement = "Answers much like a coin, yet is right more often than one"
    yield Evidence(
        "flipped" if is_flipped else "leaning" if looks_at_times else "coin",
        f"{statement}, told from {found.n_told:,} answers.",
        points_to, share.value, share.low, share.high, found.n_told,
    )  # fmt: skip


def _gold(found: Findings) -> Iterator[Evidence]:
    gold = found.gold
    if gold.n >= ENOUGH_GOLD and gold.high is not None and gold.high < GOLD_PASSED:
        yield _share(
            "gold", f"Right on {_percent(gold.value)} of {gold.n:,} gold comparisons.",
            Action.REQUALIFY, gold,
        )  # fmt: skip


def _repeats(found: Findings) -> Iterator[Evidence]:
    again = found.repeats
    if again.n >= ENOUGH_REPEATS and again.high is not None and again.high < REPEATS_PASSED:
        yield _share(
            "repeats", f"Gave the same answer again to {_percent(again.value)} of {again.n:,} "
            "comparisons shown twice.", Action.REQUALIFY, again,
        )  # fmt: skip


def _ties(found: Findings) -> Iterator[Evidence]:
    ties = found.ties
    if ties.n >= ENOUGH and ties.low is not None and ties.low > HARDLY_DECIDES:
        yield _share(
            "ties", f"Prefers nothing in {_percent(ties.value)} of {ties.n:,} answers.",
            Action.WATCH, ties,
        )  # fmt: skip


def _slots(found: Findings) -> Iterator[Evidence]:
    seen = found.behaviour
    if seen is None or seen.slot is None or seen.favoured.n < ENOUGH:
        return
    share, p_value = seen.favoured, seen.favoured_p_value
    if p_value is not None and p_value < RARE:
        is_straight = share.value is not None and share.value >= STRAIGHT
        yield _share(
            "slot", f"Chose slot {seen.slot + 1} in {_percent(share.value)} of {share.n:,} decided "
            "answers.", Action.REQUALIFY if is_straight else Action.WATCH, share,
        )  # fmt: skip
    share, p_value = seen.changes, seen.in_turns_p_value
    if p_value is not None and p_value < RARE and share.value and share.value >= STRAIGHT:
        yield _share(
            "in turns", f"Chose another slot than before in {_percent(share.value)} of {share.n:,} "
            "answers.", Action.REQUALIFY, share,
        )  # fmt: skip


def _speed(found: Findings) -> Iterator[Evidence]:
    seen = found.behaviour
    if seen is None or seen.too_fast.n < ENOUGH:
        return
    fast = seen.too_fast
    if fast.low is not None and fast.low > FAST_SOMETIMES:
        yield _share(
            "too fast", f"Answered {_percent(fast.value)} of {fast.n:,} faster than anybody reads.",
            Action.REQUALIFY if fast.low > FAST_OFTEN else Action.WATCH, fast,
        )  # fmt: skip
    elif seen.pace is not None and seen.pace_high is not None and seen.pace_high < QUICK_PACE:
        yield Evidence(
            "pace", f"Takes {_percent(seen.pace)} of the time that others take for as much text.",
            Action.WATCH, seen.pace, seen.pace_low, seen.pace_high, seen.n,
        )  # fmt: skip


def _alike(found: Findings) -> Iterator[Evidence]:
    for pair in found.alike:
        other = pair.other if pair.one == found.annotator_id else pair.one
        kind = "duplicate" if pair.is_duplicate else "alike"
        yield Evidence(
            kind,
            f"Gave the same answer as another annotator to {pair.same:,} of {pair.n:,} shared "
            f"items, where {pair.expected:.1f} were expected of two people.",
            Action.QUARANTINE if pair.is_duplicate else Action.WATCH, pair.excess, n=pair.n,
            other=other,
        )  # fmt: skip


_LOOKS = (_kind, _gold, _slots, _alike, _speed, _repeats, _ties)


def _share(kind: str, statement: str, points_to: Action, share: Proportion) -> Evidence:
    return Evidence(kind, statement, points_to, share.value, share.low, share.high, share.n)


def _percent(share: float | None) -> str:
    """Rounded down near the top: 99.97 % is not certainty."""
    if share is None:
        return "an unknown share"
    return "over 99.9 %" if 0.999 < share < 1 else f"{100 * share:.0f} %"
