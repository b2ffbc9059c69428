"""Who wins when many choose? Two old answers, and where they part.

Borda asks how often an option is preferred in all, Copeland how many others it beats by majority.
Where they name different winners, "the best on average" and "the one that most would rather have"
are different things, and a lead should look at who prefers what.

How sure a winner is, is asked by drawing annotators anew: others might have said other things.

Sources: Borda (1781), Mémoire sur les élections au scrutin; Copeland (1951); Condorcet (1785); all
in Brandt et al. (2016), Handbook of Computational Social Choice, chapters 2 to 4; Efron (1979),
Annals of Statistics 7, for drawing anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from annotation.core.preferences import Preference

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_TO_RESAMPLE = 5
MOST_CELLS = 2_000_000


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


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What other annotators of the same kind might have said, option by option.

    borda: the middle 95 % of its score. wins_borda, wins_copeland: in what share of the draws it is
    among the winners. is_split: in what share the two methods have no winner in common.
    """

    borda: tuple[tuple[float, float], ...]
    wins_borda: tuple[float, ...]
    wins_copeland: tuple[float, ...]
    is_split: float
    resamples: int


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
    borda, copeland, beats = _scores(wins)
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


def wins_by_person(
    people: Ints, first: Ints, second: Ints, values: Floats, weights: Floats, *, n_options: int
) -> sparse.csr_array:
    """(A, k * k) sparse: each person's votes for the row over the column of a (k, k) table.

    `first` and `second` are places of options; a vote of one option against itself says nothing.
    """
    who = np.unique(people, return_inverse=True)[1]
    apart = first != second
    rows = np.concatenate([who[apart], who[apart]])
    cells = np.concatenate(
        [first[apart] * n_options + second[apart], second[apart] * n_options + first[apart]]
    )
    shares = np.concatenate([values[apart], 1 - values[apart]])
    counted = shares * np.concatenate([weights[apart], weights[apart]])
    shape = (int(who.max(initial=-1)) + 1, n_options * n_options)
    return sparse.csr_array((counted, (rows, cells)), shape=shape)


def steadiness(
    by_person: sparse.csr_array, *, seed: int = 0, resamples: int = 200
) -> Steadiness | None:
    """Scores of as many people, drawn anew with replacement; None of too few to draw from."""
    n_people, cells = by_person.shape
    k = round(cells**0.5)
    if n_people < FEWEST_TO_RESAMPLE or k < 2:
        return None
    random = np.random.default_rng(abs(seed))
    part = max(1, MOST_CELLS // cells)
    found: list[tuple[Floats, Floats]] = []
    for start in range(0, resamples, part):
        size = min(part, resamples - start)
        drawn = random.multinomial(n_people, np.full(n_people, 1 / n_people), size=size)
        borda, copeland, _ = _scores(np.asarray(drawn @ by_person).reshape(-1, k, k))
        found.append((borda, copeland))
    borda, copeland = (np.concatenate(scores) for scores in zip(*found, strict=True))
    low, high = np.quantile(borda, [0.025, 0.975], axis=0)
    best_borda, best_copeland = (
        scores >= scores.max(axis=1, keepdims=True) - 1e-12 for scores in (borda, copeland)
    )
    return Steadiness(
        borda=tuple(zip(low.tolist(), high.tolist(), strict=True)),
        wins_borda=tuple(best_borda.mean(axis=0).tolist()),
        wins_copeland=tuple(best_copeland.mean(axis=0).tolist()),
        is_split=float(np.mean(~np.any(best_borda & best_copeland, axis=1))),
        resamples=resamples,
    )


def _scores(wins: Floats) -> tuple[Floats, Floats, Floats]:
    """Borda, Copeland and who beats whom of (..., k, k) tables."""
    votes = wins + np.swapaxes(wins, -1, -2)
    compared = votes > 0
    share = np.divide(wins, votes, out=np.full(wins.shape, 0.5), where=compared)
    opponents = np.maximum(compared.sum(axis=-1), 1)
    borda = np.where(compared, share, 0.0).sum(axis=-1) / opponents
    beats = np.where(compared, np.sign(np.round(share - 0.5, 12)), 0.0)
    return borda, beats.sum(axis=-1) / opponents, beats


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
