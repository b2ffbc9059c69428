"""How far several judgments of one comparison say the same."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from annotation.core.rankings import Outcome, implied_pairs


def leading_share(groups_list: Sequence[Sequence[Sequence[int]]]) -> float:
    """The share of judgments that give the most common answer, from 1/n to 1.

    Each judgment is an order of the same k candidates as groups of positions, best first. Of a
    pair it is the share of the most frequent of "first", "second" and "tied". Of a ranking it is
    the mean of that share over the k(k-1)/2 pairs that an order implies, so that two orders which
    differ in one neighbouring pair count as nearly the same rather than as different.

    Raises:
        ValueError: without judgments.
    """
    if not groups_list:
        raise ValueError("There is no share of no judgments.")
    outcomes: dict[tuple[int, int], Counter[Outcome]] = {}
    for groups in groups_list:
        for first, second, outcome in implied_pairs(tuple(map(tuple, groups))):
            outcomes.setdefault((first, second), Counter())[outcome] += 1
    n = len(groups_list)
    return fmean(max(counts.values()) / n for counts in outcomes.values())
