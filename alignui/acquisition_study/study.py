"""A study: one labelled set, several functions, many seeds; what each was worth, with intervals."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from alignui.acquisition_study.protocol import Protocol
from alignui.acquisition_study.replay import Curve, replay
from alignui.acquisition_study.sets import LabelledSet, named_set
from rewardmodel.core.curves import Saved, saved
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import Floats, Ints

# Of each split: of random, which is the yardstick and the null, and of every other function.
CHANCE_REPLAYS, REPLAYS = 12, 4
ON_THE_WAY = (0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Band:
    """A measure after each batch: mean over seeds and its 95 % interval, each (b,)."""

    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Labels saved had the study ended with so many `labels`."""

    labels: int
    saved: Saved


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one function was worth: curves, labels saved, and where it was furthest below random.

    saved: of the log-loss that random ends with; on_the_way: of what it has at a quarter and half.
    worst: points of accuracy, of means over seeds, at `worst_at` labels, with its interval there.
    """

    function: str
    accuracy: Band
    log_loss: Band
    saved: Saved
    on_the_way: list[OnTheWay]
    worst: float
    worst_low: float
    worst_high: float
    worst_at: int
    final_accuracy: float
    shares: list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that the report says."""

    name: str
    about: str
    n_pairs: int
    n_prompts: int
    seeds: int
    first_seed: int
    protocol: Protocol
    labels: list[int]
    outcomes: list[Outcome]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


Report = Callable[[int, int], None]


def study(
    name: str, functions: Sequence[str], protocol: Protocol, *, seeds: int, first_seed: int = 0,
    jobs: int = 1, given: LabelledSet | None = None,
    report: Report = lambda done, total: None,
) -> Study:  # fmt: skip
    """Replays the named set, or the one given, for each function and seed; random always too."""
    splits = range(first_seed, first_seed + seeds)
    chosen = given or named_set(name)
    others = [function for function in dict.fromkeys(functions) if function != RANDOM]
    work = [(RANDOM, seed, draw) for draw in range(CHANCE_REPLAYS) for seed in splits]
    work += [
        (function, seed, draw) for function in others for draw in range(REPLAYS) for seed in splits
    ]
    curves: dict[tuple[str, int], list[Curve]] = {}
    for done, (task, curve) in enumerate(_replays(chosen, name, given, protocol, work, jobs), 1):
        curves.setdefault((task[0], task[2]), []).append(curve)
        report(done, len(work))
    first = chosen.draw(first_seed)
    shortest = min(len(c.labels) for group in curves.values() for c in group)
    labels = curves[RANDOM, 0][0].labels[:shortest]
    tables = {function: _tables(curves, function, shortest) for function in (RANDOM, *others)}
    outcomes = [
        _outcome(function, table, tables[RANDOM], labels) for function, table in tables.items()
    ]
    return Study(
        chosen.name, chosen.about, len(first), len(np.unique(first.prompts)), seeds, first_seed,
        protocol, [int(n) for n in labels], outcomes,
    )  # fmt: skip


def _replays(
    chosen: LabelledSet, name: str, given: LabelledSet | None, protocol: Protocol,
    work: list[tuple[str, int, int]], jobs: int,
) -> Iterator[tuple[tuple[str, int, int], Curve]]:  # fmt: skip
    """Each task with its curve, in order. A set that was given is not sent to other processes."""
    if jobs <= 1 or given is not None:
        for function, seed, draw in work:
            curve = replay(chosen.draw(seed), function, protocol, seed, draw=draw)
            yield (function, seed, draw), curve
        return
    # Not forked: a copy of a process whose other threads hold locks may wait for them for ever.
    with ProcessPoolExecutor(max_workers=jobs, mp_context=get_context("spawn")) as pool:
        found = pool.map(_replay_named, [(name, protocol, task) for task in work], chunksize=4)
        yield from zip(work, found, strict=True)


def _replay_named(what: tuple[str, Protocol, tuple[str, int, int]]) -> Curve:
    name, protocol, (function, seed, draw) = what
    return replay(named_set(name).draw(seed), function, protocol, seed, draw=draw)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Of r replays on s splits: accuracy and log-loss (r, s, b), and a portfolio's shares."""

    accuracy: Floats
    log_loss: Floats
    shares: list[dict[str, float]]


def _tables(curves: dict[tuple[str, int], list[Curve]], function: str, size: int) -> _Tables:
    replays = [group for (name, _), group in curves.items() if name == function]
    return _Tables(
        np.array([[curve.accuracy[:size] for curve in group] for group in replays]),
        np.array([[curve.log_loss[:size] for curve in group] for group in replays]),
        _mean_shares([curve.shares for group in replays for curve in group]),
    )


def _outcome(function: str, own: _Tables, chance: _Tables, labels: Ints) -> Outcome:
    """Of the mean over replays, seed by seed."""
    accuracy, losses = own.accuracy.mean(axis=0), own.log_loss.mean(axis=0)
    behind = 100 * (accuracy - chance.accuracy.mean(axis=0))
    at = int(np.argmin(behind.mean(axis=0)))
    middle, reach = float(behind[:, at].mean()), 1.96 * float(_error(behind)[at])

    def until(size: int) -> Saved:
        chosen = losses[:, :size], chance.log_loss[:, :, :size]
        return saved(labels[:size], *chosen, seed=0, together=REPLAYS)

    places = [int(np.argmin(np.abs(labels - share * labels[-1]))) for share in ON_THE_WAY]
    return Outcome(
        function, _band(accuracy), _band(losses), until(len(labels)),
        [OnTheWay(int(labels[place]), until(place + 1)) for place in places if place > 0],
        middle, middle - reach, middle + reach, int(labels[at]),
        float(accuracy[:, -1].mean()), own.shares,
    )  # fmt: skip


def _error(values: Floats) -> Floats:
    """(b,) standard error of the mean over seeds (s, b); 0 of one seed."""
    if len(values) < 2:
        return np.zeros(values.shape[1])
    return np.asarray(values.std(axis=0, ddof=1) / np.sqrt(len(values)))


def _band(values: Floats) -> Band:
    mean, error = values.mean(axis=0), 1.96 * _error(values)
    return Band(mean.tolist(), (mean - error).tolist(), (mean + error).tolist())


def _mean_shares(told: list[tuple[dict[str, float], ...]]) -> list[dict[str, float]]:
    """Of a portfolio: the mean share of each function at each batch."""
    size = min((len(each) for each in told), default=0)
    names = sorted({name for each in told for shares in each for name in shares})
    return [
        {name: float(np.mean([each[b].get(name, 0.0) for each in told])) for name in names}
        for b in range(size)
    ]
