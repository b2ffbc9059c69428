"""Active learning: labels saved in replays, pools built to fool it, and how long a choice takes.

Labels saved: of 20 seeds (splits by prompt, 28 % held out), the share of labels that random could
have done without to end with its log-loss; the range is the 95 % interval over seeds. The baseline
is the 95th percentile of random against random. Nothing was chosen by the 60 splits of PandaLM from
seed 100 on; there it is told for a quarter and half of the budget too. Points are of accuracy, at
the budget where the function was furthest below random.
"""

import os
from typing import Any

import numpy as np

from benchmarks import place
from benchmarks.figures import Figure, of_samples, seconds

SEEDS, SEEDS_SHORT = 20, 2
OTHER_SEEDS, FIRST_OTHER = 60, 100
SAVED_GOALS = {"pandalm": 0.40, "synthetic": 0.40, "near-duplicates": 0.65}
FOOLED = ("outliers", "coin-flips", "skewed", "prior-weak", "prior-strong")
SHOWN = ("portfolio", "prediction_oriented", "uncertainty", "robust_d_optimal")
NEVER_BELOW = ("portfolio", "robust_d_optimal")
CANDIDATES, DIMENSIONS, BATCH = 100_000, 385, 100
SELECT_GOAL_SECONDS, OPEN_GOAL_SECONDS = 2.0, 5.0


def measure(*, short: bool) -> list[Figure]:
    """The short form replays two seeds of 60 labels, and tells of nothing but that it runs."""
    return [_selection(short=short), _opening(short=short), *_replays(short=short)]


def _selection(*, short: bool) -> Figure:
    """Two threads, unless OMP_NUM_THREADS says otherwise."""
    from rewardmodel.core.beliefs import Beliefs
    from rewardmodel.core.pool import Pool
    from rewardmodel.core.portfolio import YOUNG
    from rewardmodel.core.selection import Plan, select

    random = np.random.default_rng(0)
    count = CANDIDATES // 10 if short else CANDIDATES
    root = random.normal(size=(DIMENSIONS, DIMENSIONS)) / 20
    beliefs = Beliefs(
        random.normal(size=DIMENSIONS) / 20, root @ root.T / 10 + np.eye(DIMENSIONS) / 100, -1.0
    )
    pool = Pool(
        random.normal(size=(count, DIMENSIONS)).astype(np.float32),
        random.integers(0, count // 10, count),
    )
    plan = Plan(BATCH, 0.1, YOUNG, 1)
    return of_samples(
        f"selection of {BATCH} from {count:,} pairs x {DIMENSIONS} by the portfolio",
        [seconds(lambda: select(pool, beliefs, plan)) for _ in range(1 if short else 5)], "s",
        goal=SELECT_GOAL_SECONDS,
    )  # fmt: skip


def _opening(*, short: bool) -> Figure:
    with place.installation():
        from alignui.demo.projects import crowd_load
        from annotation.models import Run
        from annotation.services.runs import run_create, run_execute
        from rewardmodel import selectors
        from rewardmodel.jobs.acquire import acquisition_work
        from rewardmodel.jobs.train import training_work

        project = crowd_load(place.demo_cast())
        Run.objects.filter(project=project, state=Run.State.QUEUED).delete()
        _execute(
            run_execute, run_create(actor=None, project=project, kind="training"), training_work
        )
        count = selectors.uncompared_count(project)
        taken = []
        for _ in range(1 if short else 3):
            run = run_create(actor=None, project=project, kind="acquisition")
            taken.append(seconds(lambda run=run: _execute(run_execute, run, acquisition_work)))
    return of_samples(
        f"weighing {count:,} pairs and opening a batch, features cached", taken, "s",
        goal=OPEN_GOAL_SECONDS,
    )  # fmt: skip


def _execute(execute: Any, run: Any, work: Any) -> None:
    execute(run_id=run.pk, work=work)
    run.refresh_from_db()
    if run.state != "succeeded":
        raise RuntimeError(run.error)


def _replays(*, short: bool) -> list[Figure]:
    from alignui.acquisition_study.protocol import Protocol
    from alignui.acquisition_study.report import table
    from alignui.acquisition_study.study import study

    protocol = Protocol(budget=60) if short else Protocol()
    seeds = SEEDS_SHORT if short else SEEDS
    jobs = len(os.sched_getaffinity(0))
    figures = []
    for name in ("pandalm",) if short else (*SAVED_GOALS, *FOOLED):
        found = study(name, SHOWN, protocol, seeds=seeds, jobs=jobs)
        rows = "\n".join(" | ".join(row) for row in table(found))
        told = SAVED_GOALS if name in SAVED_GOALS else {}
        make = _saved if told else _never_below
        figures += make(found, name, rows, has_goal=not short)
    if not short:
        figures += _saved_elsewhere(protocol, jobs)
    return figures


def _saved_elsewhere(protocol: Any, jobs: int) -> list[Figure]:
    from alignui.acquisition_study.study import study

    found = study(
        "pandalm", ("portfolio",), protocol, seeds=OTHER_SEEDS, first_seed=FIRST_OTHER, jobs=jobs
    )
    portfolio = found.outcomes[-1]
    until = [(each.labels, each.saved) for each in portfolio.on_the_way]
    return [
        Figure(
            f"labels saved on pandalm by portfolio, {labels} labels, other splits", saved.value,
            "share", goal=SAVED_GOALS["pandalm"], better="higher", n=found.seeds,
            baseline=saved.null_high or None, baseline_name="random against random, 95 %",
            min=saved.low, max=saved.high,
        )
        for labels, saved in [*until, (found.labels[-1], portfolio.saved)]
    ]  # fmt: skip


def _saved(found: Any, name: str, rows: str, *, has_goal: bool) -> list[Figure]:
    return [
        Figure(
            f"labels saved on {name} by {each.function}", each.saved.value, "share",
            goal=SAVED_GOALS[name] if has_goal else None, better="higher",
            baseline=each.saved.null_high or None, baseline_name="random against random, 95 %",
            n=found.seeds, min=each.saved.low, max=each.saved.high,
            detail=f"{found.about}\n{rows}" if each.function == SHOWN[0] else "",
        )
        for each in found.outcomes
        if each.function in SHOWN
    ]  # fmt: skip


def _never_below(found: Any, name: str, rows: str, *, has_goal: bool) -> list[Figure]:
    return [
        Figure(
            f"furthest below random on {name}, {each.function}", each.worst, "points",
            goal=-1.0 if has_goal else None, better="higher", n=found.seeds,
            min=each.worst_low, max=each.worst_high,
            detail=f"{found.about}\n{rows}" if each.function == SHOWN[0] else "",
        )
        for each in found.outcomes
        if each.function in NEVER_BELOW
    ]  # fmt: skip
