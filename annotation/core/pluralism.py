"""Where groups of people want different things, and what all of them can live with.

A pair of responses divides two groups where one prefers the first far more often than the others
do, by more than chance among so many items. Consensus asks the opposite: what does *every* group
prefer? Groups of fewer than five on an item are never shown there.

Sources: Fisher (1935), The Design of Experiments, for the exact test; Newcombe (1998), Statistics
in Medicine 17, method 10, for the interval of a difference of shares; Small et al. (2021), Polis,
Recerca 26(2), for group-aware consensus.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from annotation.core.answer_pairs import Answers
from annotation.core.audit import benjamini_hochberg
from annotation.core.covariates import SMALLEST_GROUP
from annotation.core.intervals import Proportion, wilson

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class GroupShare:
    """How many of a group's people, of those who decided, prefer the item's first response."""

    name: str
    share: Proportion


@dataclass(frozen=True, slots=True)
class Division:
    """One item: the group that stands furthest apart, against everybody else who is shown.

    difference: share of `group` less share of the others; low and high allow for the group having
        been chosen. p_value is exact and allows for the choice too; None where not tested.
    """

    item: int
    group: str
    difference: float
    low: float
    high: float
    p_value: float | None
    p_adjusted: float | None
    is_found: bool
    shares: tuple[GroupShare, ...]


@dataclass(frozen=True, slots=True)
class Consensus:
    """One item on which groups are asked: the side that every group leans to, if any.

    first, second: group-aware consensus, the product over groups of (votes for + 1) / (votes + 2).
    side: 1 the first, -1 the second, 0 none. lowest: that side's smallest share over the groups.
    """

    item: int
    first: float
    second: float
    side: int
    lowest: Proportion
    lowest_group: str
    shares: tuple[GroupShare, ...]


@dataclass(frozen=True, slots=True)
class Pluralism:
    """Divisions by how sure they are, consensus by how strong.

    n_too_few: items that no two groups of enough people decided; they are left out.
    n_withheld: items that were compared and are not told (see `without_telling`), n_found_withheld
        of them found.
    """

    divisions: tuple[Division, ...]
    consensus: tuple[Consensus, ...]
    n_items: int
    n_too_few: int
    verdict: str
    method: str
    n_withheld: int = 0
    n_found_withheld: int = 0


def pluralism(
    answers: Answers,
    labels: Labels,
    *,
    are_from_votes: bool = False,
    smallest: int = SMALLEST_GROUP,
    rate: float = 0.05,
    confidence: float = 0.95,
) -> Pluralism:
    """Divisions and consensus of the groups that (n,) `labels` make; "" is in no group.

    Answers are of pairs: 1, 0, and 0.5 for a tie, which decides nothing and is left out. Groups
    that were made from these same votes (an opinion map's) differ by their making: say so with
    `are_from_votes`, and nothing is tested.
    """
    n_items = len(np.unique(answers.items))
    kept = (answers.values != 0.5) & (labels != "")
    items, at = np.unique(answers.items[kept], return_inverse=True)
    names, group = np.unique(labels[kept], return_inverse=True)
    cell = at * len(names) + group
    size = (len(items), len(names))
    votes = np.bincount(cell, minlength=size[0] * size[1]).reshape(size)
    wins = np.bincount(cell, weights=answers.values[kept], minlength=votes.size).reshape(size)
    votes, wins = np.where(votes >= smallest, votes, 0), np.where(votes >= smallest, wins, 0.0)
    told = np.flatnonzero(np.count_nonzero(votes, axis=1) > 1)
    wins = wins.astype(np.int64)
    divisions = _divisions(items, names, votes, wins, told, confidence)
    if are_from_votes:
        divisions = [replace(each, p_value=None) for each in divisions]
    else:
        divisions = _tested(divisions, rate)
    agreed = [_consensus(int(items[i]), _shares(names, votes[i], wins[i], confidence))
              for i in told]  # fmt: skip
    return Pluralism(
        divisions=tuple(sorted(divisions, key=_surest)),
        consensus=tuple(sorted(agreed, key=lambda each: -max(each.first, each.second))),
        n_items=n_items,
        n_too_few=n_items - len(told),
        verdict=_verdict(divisions, n_items - len(told), smallest, are_tested=not are_from_votes),
        method=(
            "Each group against the others on one item: Fisher's exact test, corrected for the "
            "number of groups, Benjamini-Hochberg over items; Newcombe's interval"
        ),
    )


def adjusted_together(found: Sequence[Pluralism], *, rate: float = 0.05) -> tuple[Pluralism, ...]:
    """The same divisions, with false discoveries held down over all ways to group people at once.

    Whoever looks at ages, regions and pools makes all of their tests. First it is asked which items
    divide anybody (the smallest p-value of each, times its tests), then, at the share of items that
    do, which groups they divide: an item is among those found if and only if one division is.

    Source: Benjamini and Bogomolov (2014), Journal of the Royal Statistical Society B 76.
    """
    tests: dict[int, list[float]] = {}
    for one in found:
        for each in one.divisions:
            tests.setdefault(each.item, []).append(1.0 if each.p_value is None else each.p_value)
    asked = [min(1.0, min(p_values) * len(p_values)) for p_values in tests.values()]
    adjusted = [1.0 if p is None else p for p in benjamini_hochberg(asked)]
    n_chosen = sum(p <= rate for p in adjusted)
    factor = len(tests) / max(n_chosen, 1)
    of_item = dict(zip(tests, adjusted, strict=True))

    def told(each: Division) -> Division:
        p = 1.0 if each.p_value is None else each.p_value
        p = min(1.0, max(of_item[each.item], p * len(tests[each.item]) * factor))
        return replace(each, p_adjusted=p, is_found=p <= rate)

    return tuple(_told_anew(one, [told(each) for each in one.divisions]) for one in found)


def without_telling(one: Pluralism, answers: Answers) -> Pluralism:
    """Without items whose shares would tell of single people which group they are in.

    Whoever knows who voted how, as a lead does, learns it where everybody who took a side is of one
    group: five people are no cover then. Such items stay in the counts and in the verdict.

    Source: Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam (2007), ACM Transactions on
    Knowledge Discovery from Data 1(1), for why groups of k do not suffice.
    """
    items, at = np.unique(answers.items, return_inverse=True)
    counts = [np.bincount(at, answers.values == side, len(items)) for side in (1.0, 0.0)]
    sides = dict(zip(items.tolist(), zip(*counts, strict=True), strict=True))

    def tells(item: int, shares: tuple[GroupShare, ...]) -> bool:
        return any(
            0 < total == count
            for each in shares
            for total, count in zip(sides[item], _counts(each.share), strict=True)
        )

    kept = [each for each in one.divisions if not tells(each.item, each.shares)]
    n_found = sum(each.is_found for each in one.divisions)
    return replace(
        one,
        divisions=tuple(kept),
        consensus=tuple(each for each in one.consensus if not tells(each.item, each.shares)),
        n_withheld=len(one.divisions) - len(kept),
        n_found_withheld=n_found - sum(each.is_found for each in kept),
    )


def _counts(share: Proportion) -> tuple[int, int]:
    """How many preferred the first, and how many the second."""
    first = round((share.value or 0.0) * share.n)
    return first, share.n - first


def _told_anew(one: Pluralism, divisions: list[Division]) -> Pluralism:
    verdict = _verdict(divisions, one.n_too_few, SMALLEST_GROUP, are_tested=True)
    return replace(one, divisions=tuple(sorted(divisions, key=_surest)), verdict=verdict)


def _divisions(
    items: Ints, names: Labels, votes: Ints, wins: Ints, told: Ints, confidence: float
) -> list[Division]:
    if len(told) == 0:
        return []
    votes, wins = votes[told], wins[told]
    all_votes, all_wins = votes.sum(axis=1, keepdims=True), wins.sum(axis=1, keepdims=True)
    shown = votes > 0
    p_values = np.where(shown, _fisher(wins, votes, all_wins, all_votes), 1.0)
    choices = np.count_nonzero(shown, axis=1)
    choices = np.where(choices == 2, 1, choices)  # two groups are one and the same comparison
    rest_votes, rest_wins = all_votes - votes, all_wins - wins
    gaps = wins / np.maximum(votes, 1) - rest_wins / np.maximum(rest_votes, 1)
    gaps = np.where(shown, gaps, 0.0)
    furthest = np.lexsort((-np.abs(gaps), p_values), axis=1)[:, 0]
    found = []
    for row, g in enumerate(furthest):
        level = 1 - (1 - confidence) / int(choices[row])
        low, high = newcombe(
            (int(wins[row, g]), int(votes[row, g])),
            (int(rest_wins[row, g]), int(rest_votes[row, g])),
            confidence=level,
        )
        found.append(
            Division(
                item=int(items[told[row]]),
                group=str(names[g]),
                difference=float(gaps[row, g]),
                low=low,
                high=high,
                p_value=min(1.0, float(p_values[row, g]) * int(choices[row])),
                p_adjusted=None,
                is_found=False,
                shares=_shares(names, votes[row], wins[row], confidence),
            )
        )
    return found


def _fisher(wins: Ints, votes: Ints, all_wins: Ints, all_votes: Ints) -> Floats:
    """Two-sided exact p-values: twice the smaller tail, at most 1."""
    low = stats.hypergeom.cdf(wins, all_votes, all_wins, votes)
    high = stats.hypergeom.sf(wins - 1, all_votes, all_wins, votes)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(low, high)), dtype=np.float64)


def newcombe(
    one: tuple[int, int], other: tuple[int, int], *, confidence: float
) -> tuple[float, float]:
    """The interval of the difference of two shares, each given as (successes, cases)."""
    a, b = (wilson(wins, n, confidence=confidence) for wins, n in (one, other))
    if a.value is None or b.value is None or a.low is None or a.high is None:
        return -1.0, 1.0
    gap = a.value - b.value
    b_low, b_high = b.low or 0.0, 1.0 if b.high is None else b.high
    low = gap - sqrt((a.value - a.low) ** 2 + (b_high - b.value) ** 2)
    high = gap + sqrt((a.high - a.value) ** 2 + (b.value - b_low) ** 2)
    return low, high


def _tested(divisions: list[Division], rate: float) -> list[Division]:
    adjusted = benjamini_hochberg([each.p_value for each in divisions])
    return [
        replace(each, p_adjusted=p, is_found=p is not None and p <= rate)
        for each, p in zip(divisions, adjusted, strict=True)
    ]


def _shares(names: Labels, votes: Ints, wins: Ints, confidence: float) -> tuple[GroupShare, ...]:
    return tuple(
        GroupShare(str(name), wilson(int(won), int(n), confidence=confidence))
        for name, n, won in zip(names, votes, wins, strict=True)
        if n
    )


def _consensus(item: int, shares: tuple[GroupShare, ...]) -> Consensus:
    values = np.array([each.share.value or 0.0 for each in shares])
    sizes = np.array([each.share.n for each in shares])
    first = float(np.prod((values * sizes + 1) / (sizes + 2)))
    second = float(np.prod(((1 - values) * sizes + 1) / (sizes + 2)))
    side = 1 if np.all(values > 0.5) else -1 if np.all(values < 0.5) else 0
    towards = values if first >= second else 1 - values
    at = int(towards.argmin())
    least = shares[at].share
    if first < second:
        least = _mirrored(least)
    return Consensus(item, first, second, side, least, shares[at].name, shares)


def _mirrored(share: Proportion) -> Proportion:
    turned = [None if x is None else 1 - x for x in (share.value, share.high, share.low)]
    return Proportion(turned[0], turned[1], turned[2], share.n)


def _surest(division: Division) -> tuple[float, float]:
    p = division.p_adjusted if division.p_adjusted is not None else division.p_value
    return (1.0 if p is None else p, -abs(division.difference))


def _verdict(
    divisions: Sequence[Division], too_few: int, smallest: int, *, are_tested: bool
) -> str:
    left_out = (
        f" On {too_few:,} more, no two groups have {smallest} deciding people." if too_few else ""
    )
    if not divisions:
        return f"No item was decided by two groups of {smallest} people or more: ask more people."
    if not are_tested:
        return (
            f"Shares on {len(divisions):,} items, by groups that were made from these votes; they "
            f"describe the groups and are no test of them.{left_out}"
        )
    found = sum(each.is_found for each in divisions)
    if found:
        items = "item" if found == 1 else "items"
        return (
            f"Groups reliably differ on {found:,} {items} of {len(divisions):,} compared.{left_out}"
        )
    return (
        f"On none of {len(divisions):,} items do groups differ more than chance would have it; "
        f"with so few people on each item only wide gaps would have shown.{left_out}"
    )
