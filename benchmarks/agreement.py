"""Agreement at scale, beside evalica on the same ratings; and how often its intervals are right.

Coverage is counted over simulated data sets whose true figure is known from a far larger one. An
interval over items is right about the annotators at hand; one over items and annotators about all
annotators from among whom these were drawn, which the first is not meant to be: it is counted too,
to show what leaving the annotators out would hide.
"""

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from annotation.core.agreement import Over, agreement_figures, krippendorff_alpha
from annotation.core.agreement_matrix import agreement_matrix
from annotation.core.intervals import wilson
from annotation.core.ratings import Ratings
from annotation.core.running_agreement import running_agreement
from benchmarks.figures import Figure, of_samples, seconds

TIMES_FASTER_GOAL = 20.0
MEMORY_GOAL_MB = 100.0
BOOTSTRAP_GOAL_SECONDS = 2.5
UPDATE_GOAL_MS = 5.0
PAIRS_GOAL_SECONDS = 1.5
COVERAGE_GOAL_POINTS = 1.0
ENOUGH_SETS = 1000

ANNOTATORS, VALUES = 200, 5
EVERYBODY = 200_000
COEFFICIENTS = ("alpha", "ac", "percent")

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class People:
    """Annotators who know the right value with probability `skill`, else guess as they like.

    Shapes: skill (A,); guesses (A, C), the cumulative chances of the values that each guesses.
    """

    skill: Numbers
    guesses: Numbers


def measure(*, short: bool) -> list[Figure]:
    scale = 10 if short else 1
    return [
        *_alpha(100_000 // scale),
        *_bootstrap(400_000 // scale),
        _updates(100_000 // scale, repetitions=50 if short else 500),
        _pairs(100_000 // scale),
        *_coverage(40 if short else ENOUGH_SETS),
    ]


def _alpha(units: int) -> list[Figure]:
    import evalica
    import pandas as pd

    ratings = _ratings(units)
    frame = pd.DataFrame({"unit": ratings.units, "who": ratings.annotators, "mark": ratings.values})
    matrix = frame.pivot(index="who", columns="unit", values="mark")
    theirs = evalica.alpha(matrix).alpha
    ours = krippendorff_alpha(ratings, seed=1, resamples=0).value
    if ours is None or abs(ours - theirs) > 1e-9:
        raise RuntimeError(f"Alpha is {ours}, but evalica finds {theirs}.")
    works = (
        lambda: krippendorff_alpha(ratings, seed=1, resamples=0),
        lambda: evalica.alpha(frame.pivot(index="who", columns="unit", values="mark")),
        lambda: evalica.alpha(matrix),
    )
    rounds = [[seconds(work) for work in works] for _ in range(9)]  # side by side: load varies
    own, whole, _ = zip(*rounds, strict=True)
    from_triples = [theirs / ours for ours, theirs, _ in rounds]
    from_matrix = [theirs / ours for ours, _, theirs in rounds]
    what = f"{len(ratings.units):,} ratings of {units:,} items by {ANNOTATORS} annotators"
    return [
        of_samples(f"alpha, {what}", [1000 * each for each in own], "ms",
                   baseline=1000 * median(whole), baseline_name="evalica on the same triples"),
        of_samples("times faster than evalica on the same triples", from_triples, "×",
                   goal=TIMES_FASTER_GOAL, better="higher"),
        of_samples("times faster than evalica with its dense matrix made beforehand", from_matrix,
                   "×", goal=TIMES_FASTER_GOAL, better="higher"),
        Figure("memory that alpha takes at most", _peak_megabytes(ratings), "MB",
               goal=MEMORY_GOAL_MB),
    ]  # fmt: skip


def _bootstrap(units: int) -> list[Figure]:
    ratings = _ratings(units)
    what = f"alpha of {len(ratings.units):,} ratings with 1,000 bootstrap rounds"
    items = _timed(lambda: krippendorff_alpha(ratings, seed=1), 5)
    over: Over = "items and annotators"
    both = _timed(lambda: krippendorff_alpha(ratings, seed=1, over=over), 5)
    everything = _timed(lambda: agreement_figures(ratings, seed=1), 5)
    return [
        of_samples(f"{what} over items", items, "s", goal=BOOTSTRAP_GOAL_SECONDS),
        of_samples(f"{what} over {over}", both, "s", goal=BOOTSTRAP_GOAL_SECONDS),
        of_samples("the same over items, all five coefficients", everything, "s"),
    ]


def _updates(units: int, *, repetitions: int) -> Figure:
    running = running_agreement(_ratings(units), categories=range(VALUES))
    before, after = [[0, 1, 1, 2]], [[0, 1, 1, 2, 1]]
    samples = _timed(
        lambda: running.changed(before=before, after=after).figures(n_annotators=ANNOTATORS),
        repetitions,
    )
    return of_samples(
        "a new judgment updates all figures and intervals",
        [1000 * each for each in samples], "ms", goal=UPDATE_GOAL_MS,
    )  # fmt: skip


def _pairs(units: int) -> Figure:
    ratings = _ratings(units)
    pairs = len(list(agreement_matrix(ratings).pairs()))
    samples = _timed(lambda: list(agreement_matrix(ratings).pairs()), 5)
    return of_samples(
        f"all {pairs:,} pairwise kappas, each with n and interval", samples, "s",
        goal=PAIRS_GOAL_SECONDS,
    )  # fmt: skip


def _coverage(sets: int) -> list[Figure]:
    """Three annotators of every item; then three of forty who differ in skill and in taste."""
    three, crowd = _people(3, 0.1, seed=1), _people(EVERYBODY, 0.15, seed=2)
    of_three = _truth(three, 3, seed=3)
    of_crowd = _truth(crowd, 3, seed=4)

    def panel(random: np.random.Generator) -> Ratings:
        return _judged(random, three, 100, 3)

    def sample(random: np.random.Generator) -> Ratings:
        chosen = random.choice(EVERYBODY, 40, replace=False)
        return _judged(random, People(crowd.skill[chosen], crowd.guesses[chosen]), 200, 3)

    return [
        *_covering("over items", panel, "items", of_three, sets),
        *_covering("over items and annotators", sample, "items and annotators", of_crowd, sets),
        *_covering("over items, of what other annotators would say", sample, "items", of_crowd,
                   sets, is_meant=False),
    ]  # fmt: skip


def _covering(
    label: str,
    draw: Callable[[np.random.Generator], Ratings],
    over: Over,
    truth: dict[str, float],
    sets: int,
    *,
    is_meant: bool = True,
) -> list[Figure]:
    hits = dict.fromkeys(COEFFICIENTS, 0)
    random = np.random.default_rng(11)
    for number in range(sets):
        found = agreement_figures(draw(random), seed=number, over=over)
        for name in COEFFICIENTS:
            estimate = getattr(found, name)
            if estimate.low is not None:
                hits[name] += estimate.low <= truth[name] <= estimate.high
    figures = []
    for name in COEFFICIENTS:
        share = wilson(hits[name], sets)
        value, low, high = (100 * (each or 0.0) for each in (share.value, share.low, share.high))
        figures.append(
            Figure(f"95 % intervals {label} that hold the true {name}", value, "%",
                   better="higher", n=sets, min=low, max=high)
        )  # fmt: skip
        if is_meant:
            figures.append(
                Figure(f"the same, away from 95 % ({name} {label})", abs(value - 95), "points",
                       goal=COVERAGE_GOAL_POINTS if sets >= ENOUGH_SETS else None, n=sets)
            )  # fmt: skip
    return figures


def _truth(people: People, each: int, *, seed: int) -> dict[str, float]:
    ratings = _judged(np.random.default_rng(seed), people, 400_000, each)
    found = agreement_figures(ratings, seed=1, resamples=0)
    return {name: float(getattr(found, name).value) for name in COEFFICIENTS}


def _people(number: int, spread: float, *, seed: int) -> People:
    random = np.random.default_rng(seed)
    skill = np.clip(0.7 + spread * random.standard_normal(number), 0.05, 0.98)
    return People(skill, random.dirichlet(np.full(3, 2.0), number).cumsum(axis=1))


def _judged(random: np.random.Generator, people: People, units: int, each: int) -> Ratings:
    """Each unit by `each` different people; where there are very many, by draws that differ."""
    number = len(people.skill)
    if number > 1000:
        who = random.integers(number // each, size=(units, each)) * each + np.arange(each)
    else:
        who = np.argsort(random.random((units, number)), axis=1)[:, :each]
    truth = random.integers(3, size=(units, 1))
    draws = random.random((units, each, 1))
    guessed = np.minimum((draws > people.guesses[who]).sum(axis=2), 2)
    values = np.where(random.random((units, each)) < people.skill[who], truth, guessed)
    return Ratings(np.repeat(np.arange(units), each), who.reshape(-1), values.reshape(-1))


def _ratings(units: int) -> Ratings:
    """Five different annotators of each unit, in no order, right six times in ten."""
    random = np.random.default_rng(0)
    who = random.integers(ANNOTATORS, size=(units, 5))
    while (again := (np.diff(np.sort(who, axis=1), axis=1) == 0).any(axis=1)).any():
        who[again] = random.integers(ANNOTATORS, size=(int(again.sum()), 5))
    truth = random.integers(VALUES, size=(units, 1))
    guess = random.integers(VALUES, size=(units, 5))
    values = np.where(random.random((units, 5)) < 0.6, truth, guess)
    order = random.permutation(units * 5)
    flat = (np.repeat(np.arange(units), 5), who.reshape(-1), values.reshape(-1))
    return Ratings(*(each[order].astype(np.int64) for each in flat))


def _peak_megabytes(ratings: Ratings) -> float:
    tracemalloc.start()
    try:
        krippendorff_alpha(ratings, seed=1)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _timed(work: Callable[[], object], repetitions: int) -> list[float]:
    work()
    return [seconds(work) for _ in range(repetitions)]
