"""A study: one labelled set, several functions, many seeds; what each was worth, with intervals."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from alignui.acquisition_study.protocol import Protocol
from alignui.acquisition_study.replay import Curve, replay
from alignui.acquisition_study.sets import LabelledSet, named_set
from rewardmodel.core.curves import Saved, saved
from rewardmodel.core.function_names import RANDOM
from rewardmodel.core.pairs import Floats, Ints

NULL_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Band:
    """A measure after each batch: mean over seeds and its 95 % interval, each (b,)."""

    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one function was worth: curves, labels saved, and where it was furthest below random.

    worst: points of accuracy, of means over seeds, at `worst_at` labels, with its interval there.
    """

    function: str
    accuracy: Band
    log_loss: Band
    saved: Saved
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
    protocol: Protocol
    labels: list[int]
    outcomes: list[Outcome]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)


Report = Callable[[int, int], None]


def study(
    name: str, functions: Sequence[str], protocol: Protocol, *, seeds: int, jobs: int = 1,
    given: LabelledSet | None = None, report: Report = lambda done, total: None,
) -> Study:  # fmt: skip
    """Replays the named set, or the one given, for each function and seed; random always too."""
    chosen = given or named_set(name)
    others = [function for function in dict.fromkeys(functions) if function != RANDOM]
    work = [(RANDOM, seed, draw) for draw in range(NULL_DRAWS + 1) for seed in range(seeds)]
    work += [(function, seed, 0) for function in others for seed in range(seeds)]
    curves: dict[tuple[str, int], list[Curve]] = {}
    for done, (task, curve) in enumerate(_replays(chosen, name, given, protocol, work, jobs), 1):
        curves.setdefault((task[0], task[2]), []).append(curve)
        report(done, len(work))
    first = chosen.draw(0)
    shortest = min(len(c.labels) for group in curves.values() for c in group)
    labels = curves[RANDOM, 0][0].labels[:shortest]
    again = np.array([_losses(curves[RANDOM, d], shortest) for d in range(1, NULL_DRAWS + 1)])
    outcomes = [
        _outcome(function, curves[function, 0], curves[RANDOM, 0], again, labels)
        for function in (RANDOM, *others)
    ]
    return Study(
        chosen.name, chosen.about, len(first), len(np.unique(first.prompts)), seeds, protocol,
        [int(n) for n in labels], outcomes,
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
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        found = pool.map(_replay_named, [(name, protocol, task) for task in work], chunksize=4)
        yield from zip(work, found, strict=True)


def _replay_named(what: tuple[str, Protocol, tuple[str, int, int]]) -> Curve:
    name, protocol, (function, seed, draw) = what
    return replay(named_set(name).draw(seed), function, protocol, seed, draw=draw)


def _outcome(
    function: str, curves: list[Curve], random: list[Curve], again: Floats, labels: Ints
) -> Outcome:
    size = len(labels)
    losses, chance = _losses(curves, size), _losses(random, size)
    accuracy = np.array([c.accuracy[:size] for c in curves])
    behind = 100 * (accuracy - np.array([c.accuracy[:size] for c in random]))
    at = int(np.argmin(behind.mean(axis=0)))
    middle, reach = float(behind[:, at].mean()), 1.96 * float(_error(behind)[at])
    return Outcome(
        function, _band(accuracy), _band(losses), saved(labels, losses, chance, again, seed=0),
        middle, middle - reach, middle + reach, int(labels[at]),
        float(accuracy[:, -1].mean()), _mean_shares([c.shares for c in curves]),
    )  # fmt: skip


def _losses(curves: list[Curve], size: int) -> Floats:
    return np.array([curve.log_loss[:size] for curve in curves])


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
