"""Who wins when many choose? Two old answers, and where they part.

Borda asks how often an option is preferred in all, Copeland how many others it beats by majority.
Where they name different winners, "the best on average" and "the one that most would rather have"
are different things, and a lead should look at who prefers what.

Sources: Borda (1781), Mémoire sur les élections au scrutin; Copeland (1951); Condorcet (1785); all
in Brandt et al. (2016), Handbook of Computational Social Choice, chapters 2 to 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotation.core.preferences import Preference

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """An option's scores.

    borda: the mean over opponents of the share of votes it won against them, ties half.
    copeland: majorities won less majorities lost, over opponents it was compared with, -1..1.
    """

    option: int
    borda: float
    copeland: float
    n: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The standings, best by Borda first, and what the winners say about each other.

    condorcet: the option that beats every other one by majority, if there is one.
    has_cycle: majorities go round in a circle somewhere among the options.
    is_complete: every option met every other.
    is_split: Borda and Copeland have no winner in common.
    """

    standings: tuple[Standing, ...]
    borda: tuple[int, ...]
    copeland: tuple[int, ...]
    condorcet: int | None
    has_cycle: bool
    is_split: bool
    is_complete: bool
    verdict: str


def wins_of(preferences: Iterable[Preference]) -> tuple[tuple[int, ...], Floats]:
    """The options, in the order of their ids, and (k, k) weights of votes for row over column."""
    rows = [(p.winner_id, p.loser_id, p.is_tie, p.weight) for p in preferences]
    options = tuple(sorted({option for row in rows for option in row[:2]}))
    at = {option: index for index, option in enumerate(options)}
    wins = np.zeros((len(options), len(options)))
    for winner, loser, is_tie, weight in rows:
        half = weight / 2 if is_tie else 0.0
        wins[at[winner], at[loser]] += weight - half
        wins[at[loser], at[winner]] += half
    return options, wins


def collective_choice(
    options: tuple[int, ...], wins: Floats, *, names: Mapping[int, str] | None = None
) -> Choice:
    """Borda, Copeland and Condorcet of a (k, k) table: `wins[a, b]` votes for a over b."""
    votes = wins + wins.T
    compared = votes > 0
    share = np.divide(wins, votes, out=np.full(wins.shape, 0.5), where=compared)
    opponents = np.maximum(compared.sum(axis=1), 1)
    borda = np.where(compared, share, 0.0).sum(axis=1) / opponents
    beats = np.where(compared, np.sign(np.round(share - 0.5, 12)), 0.0)
    copeland = beats.sum(axis=1) / opponents
    apart = ~np.eye(len(options), dtype=np.bool_)
    is_complete = bool(compared[apart].all()) if len(options) > 1 else False
    best_borda, best_copeland = _best(options, borda), _best(options, copeland)
    everywhere = np.flatnonzero(beats.sum(axis=1) == max(len(options) - 1, 1))
    order = np.lexsort((-copeland, -borda))
    choice = Choice(
        standings=tuple(
            Standing(options[i], float(borda[i]), float(copeland[i]), float(votes[i].sum()))
            for i in order
        ),
        borda=best_borda,
        copeland=best_copeland,
        condorcet=options[int(everywhere[0])] if len(everywhere) else None,
        has_cycle=_has_cycle(beats > 0),
        is_split=not set(best_borda) & set(best_copeland),
        is_complete=is_complete,
        verdict="",
    )
    return _with_verdict(choice, {option: f"{option}" for option in options} | dict(names or {}))


def _best(options: tuple[int, ...], scores: Floats) -> tuple[int, ...]:
    if len(options) == 0:
        return ()
    return tuple(
        option
        for option, score in zip(options, scores, strict=True)
        if score >= scores.max() - 1e-12
    )


def _has_cycle(beats: NDArray[np.bool_]) -> bool:
    """Whether majorities lead back to where they began: what nobody beats is peeled off first."""
    left = np.ones(len(beats), dtype=np.bool_)
    while left.any():
        free = left & ~beats[left].any(axis=0)
        if not free.any():
            return True
        left &= ~free
    return False


def _with_verdict(choice: Choice, names: Mapping[int, str]) -> Choice:
    def listed(found: tuple[int, ...]) -> str:
        return " and ".join(names[option] for option in found)

    if len(choice.standings) < 2:
        return replace(choice, verdict="Fewer than two options were compared, so none can win.")
    cycle = " Majorities go round in a circle." if choice.has_cycle else ""
    gaps = "" if choice.is_complete else " Not all options met, so scores rest on those that did."
    if choice.is_split:
        text = (
            f"The methods part: by Borda {listed(choice.borda)} wins, preferred most often in all; "
            f"by Copeland {listed(choice.copeland)}, preferred by a majority to most others."
        )
    elif choice.condorcet is not None:
        text = f"{names[choice.condorcet]} wins by every method, against each other option."
    else:
        both = tuple(option for option in choice.borda if option in choice.copeland)
        text = f"{listed(both)} wins by Borda and by Copeland."
    return replace(choice, verdict=text + cycle + gaps)
