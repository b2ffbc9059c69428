"""Which policy do people prefer? Bradley-Terry with ties over policies, with honest intervals."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from rewardmodel.core.head import newton
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, PairCounts, Votes, add_up, cells_of

RESAMPLES = 200
WEAK_PRECISION = 1e-3


@dataclass(frozen=True, slots=True)
class Standing:
    """One policy: strength in log-odds against the average policy, with a 95 % interval.

    `island` numbers the groups of policies that were compared with one another; strengths of
    different islands cannot be compared.
    """

    policy: int
    strength: float
    low: float
    high: float
    n_votes: int
    wins: float
    ties: float
    island: int


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Standings, the best first, and a sentence where they must be read with care."""

    standings: tuple[Standing, ...]
    n_votes: int
    n_annotators: int
    method: str
    note: str = ""


def leaderboard(votes: Votes, *, seed: int, resamples: int = RESAMPLES) -> Leaderboard:
    """Strengths of policies from votes whose `first` and `second` are policy numbers.

    Votes of a policy against itself tell nothing and are left out. Each pair that was compared
    gets half a virtual tie, which keeps a policy that always won finite. Intervals resample
    annotators. Davidson's ties; source as in `loss`.
    """
    votes = votes.where(votes.first != votes.second)
    if not len(votes):
        return Leaderboard((), 0, 0, "", "No two policies have been compared yet.")
    policies, flat = np.unique(np.concatenate([votes.first, votes.second]), return_inverse=True)
    size = len(policies)
    first, second = flat[: len(votes)], flat[len(votes) :]
    renumbered = Votes(first, second, votes.outcome, votes.weight, votes.prompt, votes.annotator)
    islands = _islands(first, second, size)
    estimate, start = _strengths(add_up(renumbered), size, islands)
    low, high = _interval(renumbered, size, islands, seed, resamples, start)
    wins, ties, seen = _record(renumbered, size)
    standings = [
        Standing(
            policy=int(policies[k]), strength=float(estimate[k]),
            low=float(min(low[k], estimate[k])), high=float(max(high[k], estimate[k])),
            n_votes=int(seen[k]), wins=float(wins[k]), ties=float(ties[k]), island=int(islands[k]),
        )
        for k in range(size)
    ]  # fmt: skip
    annotators = len(np.unique(votes.annotator))
    return Leaderboard(
        tuple(sorted(standings, key=lambda s: (s.island, -s.strength))),
        len(votes),
        annotators,
        "Bradley-Terry with Davidson ties, half a virtual tie per compared pair; "
        f"95% percentile bootstrap over annotators, {resamples} resamples",
        _note(islands, annotators),
    )


def _note(islands: np.ndarray, annotators: int) -> str:
    count = int(islands.max()) + 1
    notes = []
    if count > 1:
        notes.append(
            f"The policies fall into {count} groups that were never compared with one another; "
            "strengths of different groups cannot be compared."
        )
    if annotators < 2:
        notes.append("One annotator: the intervals tell nothing about other people.")
    return " ".join(notes)


def _islands(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    graph = sparse.coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels)


def _strengths(
    pairs: PairCounts, size: int, islands: np.ndarray, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """Strengths (size,) around nothing in each island, and all parameters, to begin from again."""
    counts = pairs.counts.copy()
    counts[:, TIE] += 0.5 * (counts.sum(axis=1) > 0)
    weights, eta, _ = newton(
        PairCounts(pairs.first, pairs.second, counts), np.eye(size), WEAK_PRECISION, start
    )
    for island in np.unique(islands):
        weights[islands == island] -= weights[islands == island].mean()
    return weights, np.append(weights, eta)


def _interval(
    votes: Votes, size: int, islands: np.ndarray, seed: int, resamples: int, start: Floats
) -> tuple[Floats, Floats]:
    """Percentile interval over annotators drawn with replacement; each (size,)."""
    random = np.random.default_rng(seed)
    people, person_of = np.unique(votes.annotator, return_inverse=True)
    if len(people) < 2:
        people, person_of = np.arange(len(votes)), np.arange(len(votes))
    drawn, cells = [], cells_of(votes)
    for _ in range(resamples):
        times = random.multinomial(len(people), np.full(len(people), 1 / len(people)))
        resampled = cells.add_up(votes.weight * times[person_of])
        drawn.append(_strengths(resampled, size, islands, start)[0])
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    return low, high


def _record(votes: Votes, size: int) -> tuple[Floats, Floats, np.ndarray]:
    """Wins, ties and votes of each policy."""
    wins = np.bincount(votes.first[votes.outcome == FIRST], minlength=size) + np.bincount(
        votes.second[votes.outcome == SECOND], minlength=size
    )
    tied = votes.outcome == TIE
    ties = np.bincount(votes.first[tied], minlength=size) + np.bincount(
        votes.second[tied], minlength=size
    )
    seen = np.bincount(votes.first, minlength=size) + np.bincount(votes.second, minlength=size)
    return wins.astype(float), ties.astype(float), seen
