"""Orders of candidates: the one shape in which every answer is kept.

An answer is a weak order written as groups of candidate positions, best group first; candidates
of one group are tied. ``((2,), (0, 1))`` says that candidate 2 is best and 0 and 1 share the rest.
Positions are canonical (as the comparison stores them) unless a name says "shown".
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import combinations
from typing import Literal

from annotation.core.errors import Invalid

Groups = tuple[tuple[int, ...], ...]


class Outcome(IntEnum):
    """How the first of two candidates fared against the second."""

    WORSE = -1
    TIED = 0
    BETTER = 1


def parse_groups(value: object, size: int) -> Groups:
    """Read groups from outside (JSON, a form) as a weak order of ``range(size)``.

    Positions within a group are sorted, so that two equal orders are equal values.

    Raises:
        Invalid: with ``field="groups"``, unless `value` names each candidate exactly once.
    """
    if not isinstance(value, list | tuple) or not value:
        raise _refused("An answer is a list of groups, best first.")
    groups = tuple(_parse_group(group, size) for group in value)
    named = [position for group in groups for position in group]
    twice = sorted({position for position in named if named.count(position) > 1})
    if twice:
        raise _refused(f"Candidate {_listed(twice)} appears more than once.")
    absent = sorted(set(range(size)) - set(named))
    if absent:
        raise _refused(f"Candidate {_listed(absent)} is not placed.")
    return groups


def pairwise_groups(winner: Literal[0, 1] | None) -> Groups:
    """The order of a pair: position 0 or 1 wins, or None for a tie."""
    if winner is None:
        return ((0, 1),)
    return ((winner,), (1 - winner,))


def ranks(groups: Groups) -> tuple[int, ...]:
    """Competition ranks ("1, 2, 2, 4") by position: 1 + how many candidates are strictly better."""
    rank_of: dict[int, int] = {}
    for group in groups:
        rank_of.update(dict.fromkeys(group, len(rank_of) + 1))
    return tuple(rank_of[position] for position in range(len(rank_of)))


def implied_pairs(groups: Groups) -> Iterator[tuple[int, int, Outcome]]:
    """Every pair of positions (i, j) with i < j, and how i fared against j: k(k-1)/2 of them."""
    rank_of = ranks(groups)
    for i, j in combinations(range(len(rank_of)), 2):
        yield i, j, Outcome((rank_of[i] < rank_of[j]) - (rank_of[i] > rank_of[j]))


def strict_winner(groups: Groups) -> int | None:
    """The candidate that is alone at the top, if one is."""
    return groups[0][0] if groups and len(groups[0]) == 1 else None


def is_tie(groups: Groups) -> bool:
    """Whether all candidates are tied, so that the answer prefers none."""
    return len(groups) == 1


def as_canonical(shown: Groups, display_order: Sequence[int]) -> Groups:
    """An order of slots as an order of candidates; ``display_order[slot]`` is a position."""
    return tuple(tuple(sorted(display_order[slot] for slot in group)) for group in shown)


def as_shown(groups: Groups, display_order: Sequence[int]) -> Groups:
    """An order of candidates as an order of the slots in which they were shown."""
    slot_of = {position: slot for slot, position in enumerate(display_order)}
    return tuple(tuple(sorted(slot_of[position] for position in group)) for group in groups)


def _parse_group(group: object, size: int) -> tuple[int, ...]:
    if not isinstance(group, list | tuple) or not group:
        raise _refused("Each group is a list of at least one candidate position.")
    for position in group:
        if not isinstance(position, int) or isinstance(position, bool):
            raise _refused(f"A candidate position is a whole number, not {position!r:.40}.")
        if not 0 <= position < size:
            raise _refused(f"There is no candidate {position}; they are 0 to {size - 1}.")
    return tuple(sorted(group))


def _listed(positions: list[int]) -> str:
    return ", ".join(map(str, positions))


def _refused(message: str) -> Invalid:
    return Invalid(message, field="groups", hint="Name each candidate once, the best group first.")
