"""Who can be relied upon: planted annotators found again, and how long the models take.

A pool of 100 gives 40 judgments each. The honest choose by Bradley-Terry, differ in how well they
see (SD 0.25 of the log) and lean to a side (SD 0.3); every pair is judged by five of them or of
those planted among them. Of "clear" pairs, which differ by 6 log-odds (SD), the honest are right in
91 % and two of them agree in 87 %; of "close" ones, by 3, in 83 % and 76 %. Found is whom the
recommendation is to re-qualify or to quarantine. Colluders are groups of five with one sheet of
answers for the same 40 pairs, which five honest people judge as well; found is also who stands in
such a group.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotation.core.bradley_terry import PairVotes
from annotation.core.collusion import collusion
from annotation.core.dawid_skene import dawid_skene
from annotation.core.labels import labels_from
from annotation.core.pair_mixture import pair_mixture
from annotation.core.people_quality import PeopleQuality, people_quality
from annotation.core.preferences import Verdict
from annotation.core.quality import Work
from annotation.core.rankings import pairwise_groups
from annotation.core.ratings import Ratings
from annotation.core.recommendations import Action
from annotation.core.reliability import reliability
from benchmarks.figures import Figure, of_samples, seconds

Ints = NDArray[np.int64]
Kind = Literal["random", "always left", "flipping", "colluding", "copying the majority"]

PEOPLE, EACH, OVERLAP, GROUP = 100, 40, 5, 5
SHARES = (0.1, 0.2, 0.3)
CLEAR, CLOSE = 6.0, 3.0
PROMISED: tuple[Kind, ...] = ("random", "always left", "flipping")
MEASURED: tuple[Kind, ...] = ("colluding", "copying the majority")
RECALL_GOAL, PRECISION_GOAL = 0.95, 1.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Everybody's judgments, and who was planted."""

    works: tuple[Work, ...]
    planted: frozenset[int]


@dataclass(frozen=True, slots=True)
class Found:
    """How many planted were found, how many there were, and how many honest were taken for them."""

    found: int
    planted: int
    wrong: int


def pool(kind: Kind, share: float, seed: int, *, spread: float = CLEAR) -> Pool:
    """100 annotators of whom `share` are planted; `spread` is the SD of differences in log-odds."""
    random = np.random.default_rng(seed)
    planted = random.permutation(PEOPLE)[: int(share * PEOPLE)]
    item_of, who = _seats(random, planted, together=kind == "colluding")
    n_items = int(item_of.max()) + 1
    difference = random.normal(0, spread, n_items)
    slot = random.choice([-1, 1], len(item_of))
    sight = np.exp(random.normal(0, 0.25, PEOPLE))
    lean = random.normal(0, 0.3, PEOPLE)
    odds = difference[item_of] * sight[who] + slot * lean[who]
    answer = np.where(random.random(len(odds)) < 1 / (1 + np.exp(-odds)), 1, -1)
    is_planted = np.isin(who, planted)
    rows = np.flatnonzero(is_planted)
    if kind == "random":
        answer[rows] = random.choice([-1, 1], len(rows))
    elif kind == "always left":
        answer[rows] = slot[rows]
    elif kind == "flipping":
        answer[rows] *= -1
    elif kind == "colluding":
        sheet = random.choice([-1, 1], n_items)
        answer[rows] = sheet[item_of[rows]]
    else:
        votes = np.bincount(
            item_of[~is_planted], weights=answer[~is_planted], minlength=n_items
        ) + random.uniform(-0.1, 0.1, n_items)
        answer[rows] = np.sign(votes[item_of[rows]]).astype(int)
    works = tuple(
        _work(*(int(each) for each in row)) for row in zip(item_of, who, answer, slot, strict=True)
    )
    return Pool(works, frozenset(planted.tolist()))


def found_in(given: Pool) -> Found:
    """Whom the recommendations, or a group of too similar answers, name."""
    report = people_quality(given.works)
    named = _named(report)
    return Found(len(named & given.planted), len(given.planted), len(named - given.planted))


def measure(*, short: bool) -> list[Figure]:
    rounds = 2 if short else 20
    figures = [each for kind in PROMISED for each in _recovery(kind, rounds, promised=True)]
    figures += [each for kind in MEASURED for each in _recovery(kind, rounds)]
    figures += list(_recovery("random", rounds, spread=CLOSE))
    return [*figures, *_speed(short=short)]


def _recovery(
    kind: Kind, rounds: int, *, promised: bool = False, spread: float = CLEAR
) -> Iterator[Figure]:
    """Over all pools; min and max are over shares of the pool."""
    by_share = [
        [found_in(pool(kind, share, seed, spread=spread)) for seed in range(rounds)]
        for share in SHARES
    ]
    what = f"{kind}, {'clear' if spread == CLEAR else 'close'} pairs, 10 to 30 % of the pool"
    everything = [each for several in by_share for each in several]
    recalls = [_recall(each) for each in by_share]
    yield Figure(
        f"recall: {what}", _recall(everything), "", goal=RECALL_GOAL if promised else None,
        better="higher", n=len(everything), min=min(recalls), max=max(recalls),
    )  # fmt: skip
    precisions = [shown for each in by_share if (shown := _precision(each)) is not None]
    precision = _precision(everything)
    if precision is None:
        return
    yield Figure(
        f"precision: {what}", precision, "",
        goal=PRECISION_GOAL if promised else None, better="higher", n=len(everything),
        min=min(precisions), max=max(precisions),
    )  # fmt: skip


def _recall(several: list[Found]) -> float:
    return sum(each.found for each in several) / sum(each.planted for each in several)


def _precision(several: list[Found]) -> float | None:
    """Of those named; none where nobody was."""
    found, wrong = sum(each.found for each in several), sum(each.wrong for each in several)
    return found / (found + wrong) if found + wrong else None


def _named(report: PeopleQuality) -> frozenset[int]:
    called = {
        person.annotator_id
        for person in report.people
        if person.recommendation.action >= Action.REQUALIFY
    }
    return frozenset(called.union(*report.collusion.groups))


def _seats(random: np.random.Generator, planted: Ints, *, together: bool) -> tuple[Ints, Ints]:
    """Which pair each judgment is of, and whose it is; nobody judges a pair twice."""
    usual = np.setdiff1d(np.arange(PEOPLE), planted) if together else np.arange(PEOPLE)
    usual = usual[: len(usual) // OVERLAP * OVERLAP]
    who = np.concatenate([random.permutation(usual) for _ in range(EACH)])
    item_of = np.repeat(np.arange(len(who) // OVERLAP), OVERLAP)
    if not together:
        return item_of, who
    blocks = np.arange(len(planted)) // GROUP
    theirs = (blocks[:, None] * EACH + np.arange(EACH)).reshape(-1)
    return np.concatenate([item_of, theirs]), np.concatenate([who, np.repeat(planted, EACH)])


def _work(item: int, who: int, answer: int, slot: int) -> Work:
    verdict = Verdict(
        judgment_id=item * PEOPLE + who,
        comparison_id=item,
        prompt_id=item,
        completion_ids=(2 * item, 2 * item + 1),
        annotator_id=who,
        groups=pairwise_groups(0 if answer == 1 else 1),
        display_order=(0, 1) if slot == 1 else (1, 0),
    )
    return Work(verdict, judged_at=float(item))


def _speed(*, short: bool) -> Iterator[Figure]:
    rounds, scale = (2, 10) if short else (5, 1)
    n_items = 100_000 // scale
    ratings = _ratings(n_items)
    n = len(ratings.units)
    labels = labels_from(ratings)
    consensus = dawid_skene(labels)
    yield of_samples(
        f"Dawid-Skene on {n:,} labels, from arrays of ids",
        [seconds(lambda: dawid_skene(labels_from(ratings))) for _ in range(rounds)], "s", goal=0.3,
    )  # fmt: skip
    yield of_samples(
        f"reliability of 200 annotators from {n:,} labels",
        [seconds(lambda: reliability(consensus)) for _ in range(rounds)], "s",
    )  # fmt: skip
    yield of_samples(
        f"collusion among 200 annotators, {n:,} labels",
        [seconds(lambda: collusion(consensus)) for _ in range(rounds)], "s",
    )  # fmt: skip
    votes = _votes(1_000_000 // scale)
    yield of_samples(
        f"pair mixture on 1,000 items, {len(votes.first):,} comparisons",
        [seconds(lambda: pair_mixture(votes)) for _ in range(rounds)], "s", goal=1.0,
    )  # fmt: skip


def _ratings(n_items: int) -> Ratings:
    """Five labels of each item by 200 annotators who are right in 55 to 95 %."""
    random = np.random.default_rng(0)
    start = random.integers(200, size=n_items)
    who = (start[:, None] + np.arange(5) * random.integers(1, 40, size=(n_items, 1))) % 200
    truth = random.integers(2, size=n_items)
    chance = random.uniform(0.55, 0.95, 200)
    is_right = random.random(who.shape) < chance[who]
    values = np.where(is_right, truth[:, None], 1 - truth[:, None])
    return Ratings(np.repeat(np.arange(n_items), 5), who.reshape(-1), values.reshape(-1))


def _votes(n: int) -> PairVotes:
    """Of 1,000 annotators one in five tosses a coin and one in ten is flipped; some ties."""
    random = np.random.default_rng(0)
    strengths = random.normal(0, 1, 1000)
    first = random.integers(1000, size=n)
    second = (first + random.integers(1, 1000, size=n)) % 1000
    who = random.integers(1000, size=n)
    sign = np.where(who % 10 == 0, -1, 1)
    d = (strengths[first] - strengths[second]) * sign
    chance = np.stack([np.exp(d / 2), np.full(n, 0.4), np.exp(-d / 2)])
    drawn = random.random(n) * chance.sum(axis=0)
    outcome = 1 - (drawn > chance[0]).astype(int) - (drawn > chance[:2].sum(axis=0)).astype(int)
    outcome = np.where(who % 5 == 1, random.choice([-1, 1], n), outcome)
    return PairVotes(first, second, outcome, who, random.random(n) < 0.5, np.ones(n))
