"""Whose votes are alike: a map of annotators, and the clusters on it, if there are any.

People are placed by the two directions in which their votes differ most, each item's own level
taken out. How much of that is noise is asked of the votes themselves: shuffled among the people who
answered an item, they show how far apart people would seem if there were no camps at all.

Sources: Small et al. (2021), Polis, Recerca 26(2), for the map and for stretching people with few
votes; Horn (1965), Psychometrika 30, and Buja and Eyuboglu (1992), Multivariate Behavioral Research
27, for the shuffled votes; Rousseeuw (1987), Journal of Computational and Applied Mathematics 20,
for silhouettes; Tibshirani, Walther and Hastie (2001), JRSS B 63, and Liu, Hayes, Nobel and Marron
(2008), JASA 103, for holding clusters against one cloud.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.cluster.vq import kmeans2

from annotation.core.answer_pairs import Answers, within_items
from annotation.core.covariates import SMALLEST_GROUP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_VOTES = 5
FEWEST_PEOPLE = 12
MOST_CLUSTERS = 5
MOST_PEOPLE = 3000
SHUFFLES = 99
CLEAR = 0.25
RESTARTS, MOST_COMPARED = 3, 300


@dataclass(frozen=True, slots=True)
class Place:
    """An annotator on the map; `cluster` is "A", "B", ... or "" where there are none."""

    annotator_id: int
    x: float
    y: float
    n: int
    cluster: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The share of all differences that an axis shows, what chance would show, and its p-value."""

    share: float
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True)
class OpinionMap:
    """Places in the order of annotators' ids; the largest cluster is A.

    silhouette: how clearly people lie nearer to their own cluster, -1..1; None without clusters.
    n_left_out: annotators with too few votes to be placed.
    """

    places: tuple[Place, ...]
    axes: tuple[Axis, ...]
    n_clusters: int
    silhouette: float | None
    n_left_out: int
    verdict: str
    method: str


def opinion_map(answers: Answers, *, rate: float = 0.05, seed: int = 0) -> OpinionMap:
    """Places everyone with five answers or more to items that somebody else answered too."""
    part = _shared(answers)
    n_all = len(np.unique(answers.annotators))
    people, who = np.unique(part.annotators, return_inverse=True)
    if not FEWEST_PEOPLE <= len(people) <= MOST_PEOPLE:
        return _no_map(n_all, len(people))
    centred = within_items(part)
    if not np.any(centred):
        return _no_map(n_all, len(people), everybody_agrees=True)
    random = np.random.default_rng(abs(seed))
    items = np.unique(part.items, return_inverse=True)[1]
    values, vectors = _first_two(_products(centred, items, who, len(people)))
    total = float(centred @ centred)
    null = _null(centred, items, who, len(people), random) / total
    axes = tuple(
        Axis(
            share=float(values[k] / total),
            by_chance=float(null[:, k].mean()),
            p_value=float((1 + np.sum(null[:, k] >= values[k] / total)) / (1 + len(null))),
        )
        for k in range(2)
    )
    places = _stretched(vectors * np.sqrt(values), who)
    is_real = axes[0].p_value <= rate
    labels, silhouette = _clusters(places, random, rate) if is_real else (None, None)
    counts = np.bincount(who)
    return OpinionMap(
        places=tuple(
            Place(int(person), float(x), float(y), int(n), _letter(labels, at))
            for at, (person, (x, y), n) in enumerate(zip(people, places, counts, strict=True))
        ),
        axes=axes,
        n_clusters=0 if labels is None else int(labels.max()) + 1,
        silhouette=silhouette,
        n_left_out=n_all - len(people),
        verdict=_verdict(axes, labels, silhouette, is_real=is_real),
        method=(
            "Principal components of votes less each item's mean, missing votes neutral; axes "
            f"against {SHUFFLES} shuffles within items; k-means, k by silhouette, against "
            f"{SHUFFLES} clouds without clusters"
        ),
    )


def _shared(answers: Answers) -> Answers:
    """Answers to items that two people or more answered, of people with enough of them."""
    items = np.unique(answers.items, return_inverse=True)[1]
    people = np.unique(answers.annotators, return_inverse=True)[1]
    kept = np.bincount(items)[items] > 1 if len(items) else np.zeros(0, dtype=np.bool_)
    enough = np.bincount(people[kept], minlength=people.max(initial=0) + 1) >= FEWEST_VOTES
    kept &= enough[people]
    return Answers(answers.items[kept], answers.annotators[kept], answers.values[kept])


def _products(centred: Floats, items: Ints, who: Ints, people: int) -> Floats:
    """(A, A) products of people's votes, summed over items."""
    table = sparse.csr_array((centred, (who, items)), shape=(people, int(items.max()) + 1))
    return np.asarray((table @ table.T).toarray(), dtype=np.float64)


def _first_two(products: Floats) -> tuple[Floats, Floats]:
    """The two largest eigenvalues, the larger first, and (A, 2) of their vectors."""
    last = len(products) - 1
    values, vectors = linalg.eigh(products, subset_by_index=(last - 1, last), check_finite=False)
    return np.maximum(values[::-1], 0.0), np.asarray(vectors[:, ::-1])


def _null(
    centred: Floats, items: Ints, who: Ints, people: int, random: np.random.Generator
) -> Floats:
    """(R, 2): the two largest eigenvalues where votes are shuffled within items."""
    order = np.argsort(items, kind="stable")
    by_item, sorted_items, sorted_who = centred[order], items[order], who[order]
    drawn = np.empty((SHUFFLES, 2))
    for draw in range(SHUFFLES):
        dealt = by_item[np.lexsort((random.random(len(order)), sorted_items))]
        drawn[draw] = _first_two(_products(dealt, sorted_items, sorted_who, people))[0]
    return drawn


def _stretched(places: Floats, who: Ints) -> Floats:
    """Places as if everybody had answered as much as the average: few votes pull to the middle."""
    counts = np.bincount(who)
    return np.asarray(places * np.sqrt(counts.mean() / counts)[:, None])


def _clusters(
    places: Floats, random: np.random.Generator, rate: float
) -> tuple[Ints | None, float | None]:
    """Labels from 0, the largest cluster first, of the clearest k; None where none stands apart."""
    labels, clear = _clearest(places, random)
    if labels is None or clear < CLEAR or not _stands_apart(places, clear, random, rate):
        return None, None
    rank = np.argsort(np.argsort(-np.bincount(labels), kind="stable"))
    return rank[labels], silhouette_of(places, labels)


def _clearest(places: Floats, random: np.random.Generator) -> tuple[Ints | None, float]:
    """The clustering of five people or more each with the highest silhouette."""
    seen = random.permutation(len(places))[:MOST_COMPARED]
    best: tuple[Ints | None, float] = (None, -1.0)
    for k in range(2, MOST_CLUSTERS + 1):
        for _ in range(RESTARTS):
            labels = np.asarray(kmeans2(places, k, minit="++", rng=random)[1], dtype=np.int64)
            if np.bincount(labels, minlength=k).min() < SMALLEST_GROUP:
                continue
            if len(np.unique(labels[seen])) < k:
                continue
            clear = silhouette_of(places[seen], labels[seen])
            if clear > best[1] + 1e-9:
                best = labels, clear
    return best


def _stands_apart(places: Floats, clear: float, random: np.random.Generator, rate: float) -> bool:
    """Whether one cloud of the same spread and the same stragglers would seem less clustered.

    K-means parts anything. Each person keeps the distance from the middle, in units of the cloud's
    own spread, and is sent in any direction: what remains of clusters then is the cloud's.
    """
    middle = places.mean(axis=0)
    spread = linalg.cholesky(np.cov(places.T) + 1e-12 * np.eye(2), lower=True)
    away = linalg.solve_triangular(spread, (places - middle).T, lower=True)
    distance = np.sqrt((away**2).sum(axis=0))
    as_clear = 0
    for _ in range(SHUFFLES):
        turned = random.uniform(0, 2 * np.pi, len(places))
        cloud = (spread @ (distance * np.array([np.cos(turned), np.sin(turned)]))).T + middle
        as_clear += _clearest(cloud, random)[1] >= clear
        if 1 + as_clear > rate * (1 + SHUFFLES):
            return False
    return True


def silhouette_of(places: Floats, labels: Ints) -> float:
    """The mean of (b - a) / max(a, b): distance to one's own cluster and to the next."""
    distances = np.sqrt(((places[:, None, :] - places[None, :, :]) ** 2).sum(axis=2))
    member = np.eye(labels.max() + 1)[labels]
    counts = member.sum(axis=0)
    sums = distances @ member
    own = sums[np.arange(len(labels)), labels] / np.maximum(counts[labels] - 1, 1)
    others = np.where(member > 0, np.inf, sums / counts).min(axis=1)
    widest = np.maximum(np.maximum(own, others), 1e-12)
    return float(np.mean(np.where(counts[labels] > 1, (others - own) / widest, 0.0)))


def _letter(labels: Ints | None, at: int) -> str:
    return "" if labels is None else "ABCDE"[labels[at]]


def _no_map(n_all: int, n_placed: int, *, everybody_agrees: bool = False) -> OpinionMap:
    if everybody_agrees:
        verdict = "Everybody answered every item alike, so there is one opinion and no map of it."
    elif n_placed > MOST_PEOPLE:
        verdict = f"More than {MOST_PEOPLE:,} annotators: choose a batch or a pool for a map."
    else:
        verdict = (
            f"{n_placed} annotators have {FEWEST_VOTES} answers or more to items that others "
            f"answered too; a map needs {FEWEST_PEOPLE}."
        )
    return OpinionMap((), (), 0, None, n_all - n_placed, verdict, "")


def _verdict(
    axes: tuple[Axis, ...], labels: Ints | None, silhouette: float | None, *, is_real: bool
) -> str:
    shown = f"the first direction shows {axes[0].share:.1%} of all differences"
    if not is_real:
        return f"No camps: {shown}, no more than chance would ({axes[0].by_chance:.1%})."
    told = f"{shown}, where chance would show {axes[0].by_chance:.1%}"
    if labels is None or silhouette is None:
        return f"People differ by degrees, not in camps: {told}, but no clusters stand apart."
    sizes = np.bincount(labels)
    named = ", ".join(f"{'ABCDE'[k]} with {size}" for k, size in enumerate(sizes))
    clear = "clearly" if silhouette >= 0.5 else "loosely"
    return f"People fall {clear} into {len(sizes)} camps ({named} annotators): {told}."
