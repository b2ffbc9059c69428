"""How answers were given rather than what they say: always one slot, in turns, faster than read.

Slots are places on the screen. Display orders are counterbalanced, so who looks at what stands
there favours no slot by much, changes slots about as often as chance does, and needs time to read.

Sources: silent reading takes 238 words a minute on average, Brysbaert (2019), How many words do we
read per minute?, Journal of Memory and Language 109; nobody takes in 1,000. Runs: the chance of any
run of L among n answers is at most (n - L + 1) q^(L-1).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, t

from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion, wilson
from annotation.core.labels import Floats
from annotation.core.ratings import Bools, Ints, numbered

NEITHER = -1
MOST_WORDS_PER_SECOND = 1000 / 60
FEWEST_PACED = 10


@dataclass(frozen=True, slots=True)
class Answers:
    """n answers in the order in which each annotator gave them; arrays of shape (n,).

    slots: the slot alone at the top, from 0, or -1 where none is. n_slots: how many there were.
    seconds: active time; words: of all responses shown; both NaN where not known.
    """

    annotators: Ints
    slots: Ints
    n_slots: Ints
    seconds: Floats
    words: Floats


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One annotator's. Shares have no value where there is no case.

    slot: the one chosen most often, from 0; favoured: its share of decided answers, with the
    p-value of so uneven a choice. longest_run: equal slots in a row; run_p_value of one so long.
    changes: share of answers that chose another slot than the one before; in_turns_p_value: of so
    many changes. too_fast: share of timed answers faster than anybody reads. pace: time taken over
    what the pool takes for as much text (1 is usual), with interval.
    """

    annotator_id: int
    n: int
    slot: int | None
    favoured: Proportion
    favoured_p_value: float | None
    longest_run: int
    run_p_value: float | None
    changes: Proportion
    in_turns_p_value: float | None
    too_fast: Proportion
    median_seconds: float | None
    pace: float | None
    pace_low: float | None
    pace_high: float | None


def behaviours(answers: Answers, *, confidence: float = 0.95) -> tuple[Behaviour, ...]:
    """A row for each annotator, in the order of their ids.

    Raises:
        Invalid: where a slot is not among those shown, or a time is negative.
    """
    _refuse(answers)
    ids, who = numbered(answers.annotators)
    residuals = _residuals(answers)
    return tuple(
        _behaviour(int(ids[place]), answers, rows, residuals, confidence)
        for place, rows in _by_annotator(who, len(ids))
    )


def _by_annotator(who: Ints, people: int) -> Iterator[tuple[int, Ints]]:
    order = np.argsort(who, kind="stable")
    ends = np.cumsum(np.bincount(who, minlength=people))
    for place, rows in enumerate(np.split(order, ends[:-1])):
        if len(rows):
            yield place, rows


def _behaviour(
    annotator_id: int, answers: Answers, rows: Ints, residuals: Floats, confidence: float
) -> Behaviour:
    slots, sizes = answers.slots[rows], answers.n_slots[rows]
    is_decided = slots != NEITHER
    slots, sizes = slots[is_decided], sizes[is_decided]
    slot, favoured, favoured_p = _favourite(slots, sizes, confidence)
    longest, run_p = _longest_run(slots, sizes)
    changes, in_turns_p = _changes(slots, sizes, confidence)
    seconds, words = answers.seconds[rows], answers.words[rows]
    is_timed = np.isfinite(seconds) & np.isfinite(words)
    fast = seconds[is_timed] * MOST_WORDS_PER_SECOND < words[is_timed]
    known = seconds[np.isfinite(seconds)]
    pace, pace_low, pace_high = _pace(residuals[rows], confidence)
    return Behaviour(
        annotator_id=annotator_id,
        n=len(rows),
        slot=slot,
        favoured=favoured,
        favoured_p_value=favoured_p,
        longest_run=longest,
        run_p_value=run_p,
        changes=changes,
        in_turns_p_value=in_turns_p,
        too_fast=wilson(float(fast.sum()), len(fast), confidence=confidence),
        median_seconds=float(np.median(known)) if len(known) else None,
        pace=pace,
        pace_low=pace_low,
        pace_high=pace_high,
    )


def _favourite(
    slots: Ints, sizes: Ints, confidence: float
) -> tuple[int | None, Proportion, float | None]:
    """The slot chosen most, its share, and the chance of so large a share of any slot."""
    if not len(slots):
        return None, wilson(0, 0), None
    counts = np.bincount(slots)
    slot = int(counts.argmax())
    mean = float(np.mean(1 / sizes))
    tail = float(binom.sf(counts[slot] - 1, len(slots), mean))
    share = wilson(float(counts[slot]), len(slots), confidence=confidence)
    return slot, share, min(1.0, int(sizes.max()) * tail)


def _longest_run(slots: Ints, sizes: Ints) -> tuple[int, float | None]:
    if not len(slots):
        return 0, None
    ends = np.flatnonzero(np.append(slots[1:] != slots[:-1], True))
    longest = int(np.diff(np.concatenate([[-1], ends])).max())
    same = float(np.max(1 / sizes))
    return longest, float(min(1.0, (len(slots) - longest + 1) * same ** (longest - 1)))


def _changes(slots: Ints, sizes: Ints, confidence: float) -> tuple[Proportion, float | None]:
    if len(slots) < 2:
        return wilson(0, 0), None
    changed = int((slots[1:] != slots[:-1]).sum())
    usual = float(np.mean(1 - 1 / sizes[1:]))
    return (
        wilson(changed, len(slots) - 1, confidence=confidence),
        float(binom.sf(changed - 1, len(slots) - 1, usual)),
    )


def _residuals(answers: Answers) -> Floats:
    """(n,): log of the time over what the pool takes for as many words; NaN where not known.

    The line through the pool's logarithms is Theil's in spirit: a least-squares slope held within
    0 and 1 (twice the text takes at most twice the time), and the median for the level.
    """
    is_known = (answers.seconds > 0) & (answers.words > 0)
    out = np.full(len(answers.seconds), np.nan)
    if is_known.sum() < FEWEST_PACED or len(np.unique(answers.annotators[is_known])) < 2:
        return out
    seconds, words = np.log(answers.seconds[is_known]), np.log(answers.words[is_known])
    centred = words - words.mean()
    spread = float(centred @ centred)
    slope = float(np.clip(centred @ seconds / spread, 0.0, 1.0)) if spread > 0 else 0.0
    rest = seconds - slope * centred
    out[is_known] = rest - np.median(rest)
    return out


def _pace(residuals: Floats, confidence: float) -> tuple[float | None, float | None, float | None]:
    known = residuals[np.isfinite(residuals)]
    if len(known) < FEWEST_PACED:
        return None, None, None
    centre = float(known.mean())
    reach = float(t.ppf(0.5 + confidence / 2, len(known) - 1) * known.std(ddof=1))
    reach /= float(np.sqrt(len(known)))
    return tuple(float(np.exp(at)) for at in (centre, centre - reach, centre + reach))  # type: ignore[return-value]


def _refuse(answers: Answers) -> None:
    is_slot = (answers.slots >= NEITHER) & (answers.slots < answers.n_slots)
    if not is_slot.all() or (answers.n_slots < 2).any():
        raise Invalid(
            "A slot is none of those that were shown.",
            hint="Number slots from 0, -1 for none, of at least two.",
        )
    if _is_negative(answers.seconds).any() or _is_negative(answers.words).any():
        raise Invalid("Times and lengths are not negative.", hint="Use NaN where not known.")


def _is_negative(values: Floats) -> Bools:
    return np.asarray(np.isfinite(values) & (values < 0))
