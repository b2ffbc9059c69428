"""Judgments a second over HTTP, from the real web server and PostgreSQL, at two sizes of the queue.

Two installations stand side by side, one with ten times the open comparisons, and are measured in
turn, so that what the machine does meanwhile touches both alike. Who is at work has no pause but
what the figure's name says. At the end the database must hold exactly what was accepted.

`alignui bench assignment`, or with sizes and times of one's own: `python -m benchmarks.assignment`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import click

from alignui.embedded import paths
from benchmarks import place
from benchmarks.figures import Figure, document, machine, of_samples, percentile
from benchmarks.filling import Filled, Filling, Person
from benchmarks.load import Answered, Load
from benchmarks.proof import prove
from benchmarks.statements import Statements, statements

WAYS = ("page", "rest")
NAMES = {"page": "by page", "rest": "by REST"}
GOAL_PER_SECOND = {"page": 250.0, "rest": 300.0}
GOAL_P95_MS = 100.0
GOAL_LOSS = 0.15
GOAL_STATEMENTS = 8.0
GOAL_VETERAN = 1.2
# Judgments a second and median ms of Label Studio 1.23.2 on PostgreSQL with as many tasks: 16
# annotators on 2 cores, next and submit.
LABEL_STUDIO = {10_000: (10.5, 1_500.0), 100_000: (2.4, 6_400.0)}
LABEL_STUDIO_NAME = "Label Studio 1.23.2 with as many tasks, measured apart"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much and how long. `sizes` are open comparisons, the smaller first."""

    sizes: tuple[int, int] = (100_000, 1_000_000)
    annotators: int = 16
    rounds: int = 3
    seconds: float = 15.0
    warm_up_seconds: float = 3.0
    veteran_judgments: int = 20_000
    crowd: int = 500
    think_seconds: float = 20.0
    crowd_seconds: float = 60.0


FULL = Plan()
SHORT = Plan(
    sizes=(2_000, 20_000), rounds=1, seconds=2.0, warm_up_seconds=0.5, veteran_judgments=1_000,
    crowd=50, think_seconds=2.0, crowd_seconds=4.0,
)  # fmt: skip


@dataclass(slots=True)
class House:
    """One installation, filled, and what was asked of it so far."""

    size: int
    server: place.Started
    filled: Filled
    veteran_judgments: int
    answered: dict[str, list[Answered]] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    statements: dict[str, Statements] = field(default_factory=dict)

    def load(self, kind: str, way: str, people: Sequence[Person], **how: Any) -> Answered:
        """Lets people work, in a process of its own, and keeps what came of it as `kind`."""
        load = Load(self.server.port, way, list(people), server=self.server.process, **how)
        answered = Answered(**_elsewhere("benchmarks.load", asdict(load)))
        self.answered.setdefault(kind, []).append(answered)
        self.accepted += answered.accepted
        self.errors += answered.errors
        for words in answered.errors[:3]:
            print(words, file=sys.stderr)
        return answered

    def prove(self) -> None:
        url = paths.database_url(self.server.var)
        prove(url, accepted=self.accepted, before=self.veteran_judgments)


def measure(*, short: bool) -> list[Figure]:
    return run(SHORT if short else FULL)


def run(plan: Plan) -> list[Figure]:
    with ExitStack() as stack:
        houses = [stack.enter_context(_house(size, plan)) for size in plan.sizes]
        for number in range(plan.rounds):
            for house in houses:
                _round(house, plan, number)
        for house in houses:
            _count_statements(house)
        _crowd(houses[-1], plan)
        for house in houses:
            house.prove()
    return list(_figures(houses, plan))


@contextmanager
def _house(size: int, plan: Plan) -> Iterator[House]:
    filling = Filling(
        comparisons=size, annotators=plan.annotators, newcomers=plan.rounds, crowd=plan.crowd,
        veteran_judgments=plan.veteran_judgments,
    )  # fmt: skip
    with place.folder() as var, place.started(var) as server:
        _say(f"filling {size:,} comparisons")
        given = _elsewhere("benchmarks.filling", asdict(filling), ALIGNUI_VAR=str(var))
        filled = Filled(
            veteran=Person(**given.pop("veteran")),
            **{name: [Person(**each) for each in people] for name, people in given.items()},
        )
        yield House(size, server, filled, plan.veteran_judgments)


def _round(house: House, plan: Plan, number: int) -> None:
    """Each way of working once, then the veteran beside somebody new, so that both wait alike."""
    _say(f"round {number + 1} with {house.size:,} comparisons")
    how = {"seconds": plan.seconds, "warm_up_seconds": plan.warm_up_seconds}
    for way in WAYS:
        house.load(way, way, house.filled.annotators, signs_in=way == "page", **how)
    pair = (house.filled.veteran, house.filled.newcomers[number])
    house.load("veteran", "page", pair, **how)


def _count_statements(house: House) -> None:
    for way in WAYS:
        found = statements(house.server, way, house.filled.annotators[0])
        house.statements[way] = found
        house.accepted += found.accepted


def _crowd(house: House, plan: Plan) -> None:
    _say(f"{plan.crowd} annotators who think")
    house.load(
        "crowd", "page", house.filled.crowd, seconds=plan.crowd_seconds,
        think_seconds=plan.think_seconds,
    )  # fmt: skip


def _figures(houses: list[House], plan: Plan) -> Iterator[Figure]:
    for way in WAYS:
        yield from _speeds(houses, way, plan)
    for house in houses:
        yield _veteran(house, plan)
    yield from _crowd_figures(houses[-1], plan)
    for way in WAYS:
        yield from _statement_figures(houses, way)
    for house in houses:
        yield from _costs(house)
    yield Figure(
        "requests that failed, comparisons met twice", sum(len(h.errors) for h in houses), "",
        goal=0, n=sum(len(h.accepted) for h in houses),
    )  # fmt: skip


def _speeds(houses: list[House], way: str, plan: Plan) -> Iterator[Figure]:
    small = median(_per_second(houses[0].answered[way], plan))
    for house in houses:
        name = f"{plan.annotators} annotators {NAMES[way]}, {house.size:,} open"
        speed, wait = LABEL_STUDIO.get(house.size, (None, None))
        goal, base, base_name = GOAL_PER_SECOND[way], speed, LABEL_STUDIO_NAME
        if house is not houses[0]:
            goal, base, base_name = small * (1 - GOAL_LOSS), small, f"{houses[0].size:,} open"
        yield of_samples(
            f"judgments a second: {name}", _per_second(house.answered[way], plan), "1/s",
            goal=goal, better="higher", baseline=base, baseline_name=base_name,
        )  # fmt: skip
        waits = _milliseconds(house.answered[way])
        yield _waits(
            f"submit and next: {name}, median", waits, 0.5,
            baseline=wait, baseline_name=LABEL_STUDIO_NAME,
        )  # fmt: skip
        yield _waits(f"submit and next: {name}, 95th percentile", waits, 0.95, goal=GOAL_P95_MS)


def _per_second(rounds: list[Answered], plan: Plan) -> list[float]:
    return [sum(map(len, answered.waits)) / plan.seconds for answered in rounds]


def _milliseconds(rounds: list[Answered], person: int | None = None) -> list[float]:
    """All waits, or those of one of the people."""
    chosen = slice(None) if person is None else slice(person, person + 1)
    return [
        1000 * wait for answered in rounds for waits in answered.waits[chosen] for wait in waits
    ]


def _waits(name: str, waits: list[float], share: float, **more: Any) -> Figure:
    return Figure(
        name, percentile(waits, share), "ms", n=len(waits), min=min(waits), max=max(waits), **more
    )


def _veteran(house: House, plan: Plan) -> Figure:
    veteran, newcomer = (_milliseconds(house.answered["veteran"], person) for person in (0, 1))
    base = median(newcomer)
    return Figure(
        f"who has judged {plan.veteran_judgments:,}: submit and next, {house.size:,} open, median",
        median(veteran), "ms", goal=base * GOAL_VETERAN, baseline=base,
        baseline_name="somebody new beside them", n=len(veteran), min=min(veteran),
        max=max(veteran),
    )  # fmt: skip


def _crowd_figures(house: House, plan: Plan) -> Iterator[Figure]:
    waits = _milliseconds(house.answered["crowd"])
    who = f"{plan.crowd} annotators with {plan.think_seconds:g} s to think, {house.size:,} open"
    yield _waits(f"submit and next: {who}, median", waits, 0.5)
    yield _waits(f"submit and next: {who}, 95th percentile", waits, 0.95, goal=GOAL_P95_MS)
    errors = sum(len(answered.errors) for answered in house.answered["crowd"])
    yield Figure(f"errors: {who}", errors, "", goal=0, n=len(waits))


def _statement_figures(houses: list[House], way: str) -> Iterator[Figure]:
    small, large = (house.statements[way] for house in houses)
    for house, found in zip(houses, (small, large), strict=True):
        yield Figure(
            f"SQL statements for submit and next {NAMES[way]}, {house.size:,} open", found.each, "",
            goal=GOAL_STATEMENTS if found is small else small.each, n=found.judgments,
            detail="\n".join(map(_planned, found.last())),
        )  # fmt: skip
    yield Figure(
        f"of these and of what their triggers do, reads of a whole table {NAMES[way]}",
        len(small.scans()) + len(large.scans()), "", goal=0, n=2 * small.judgments,
        detail="\n".join(map(str, [*small.scans(), *large.scans()])),
    )  # fmt: skip
    blocks = [sum(each.blocks for each in found.executed) for found in (small, large)]
    yield Figure(
        f"pages of the database touched for it {NAMES[way]}, {houses[-1].size:,} open",
        blocks[1] / large.judgments, "", baseline=blocks[0] / small.judgments,
        baseline_name=f"{houses[0].size:,} open", n=large.judgments,
    )  # fmt: skip


def _planned(executed: Any) -> str:
    indent = "  " if executed.is_nested else ""
    return f"{indent}{executed}: {executed.blocks} pages, {executed.plan['Total Cost']:.0f} cost"


def _costs(house: House) -> Iterator[Figure]:
    """What one judgment costs in time of a processor, by who works."""
    for way in WAYS:
        rounds = house.answered[way]
        judgments = sum(map(len, (waits for answered in rounds for waits in answered.waits)))
        for kind in rounds[0].cpu_seconds:
            spent = sum(answered.cpu_seconds[kind] for answered in rounds)
            yield Figure(
                f"processor time for a judgment {NAMES[way]}, {house.size:,} open: {kind}",
                1000 * spent / judgments, "ms", n=judgments,
            )  # fmt: skip


def _elsewhere(module: str, given: dict[str, Any], **environment: str) -> Any:
    """What a module says to `given`, in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-m", module], input=json.dumps(given), stdout=subprocess.PIPE, text=True,
        check=True, env=os.environ | {"DJANGO_SETTINGS_MODULE": "alignui.settings"} | environment,
    )  # fmt: skip
    return json.loads(finished.stdout)


def _say(text: str) -> None:
    print(f"assignment: {text} …", file=sys.stderr, flush=True)


@click.command()
@click.option("--small", default=FULL.sizes[0], help="Open comparisons.")
@click.option("--large", default=FULL.sizes[1], help="Open comparisons to hold it against.")
@click.option("--annotators", default=FULL.annotators)
@click.option("--rounds", default=FULL.rounds)
@click.option("--seconds", default=FULL.seconds, help="Of each round's each way of working.")
@click.option("--veteran-judgments", default=FULL.veteran_judgments)
@click.option("--crowd", default=FULL.crowd)
@click.option("--think-seconds", default=FULL.think_seconds, help="Of the crowd, on average.")
@click.option("--crowd-seconds", default=FULL.crowd_seconds)
def main(*, small: int, large: int, **chosen: Any) -> None:
    """Measure with sizes and times of one's own; write the document as JSON."""
    about = machine()
    figures = run(Plan(sizes=(small, large), **chosen))
    print(json.dumps(document("assignment", figures, about), indent=2))


if __name__ == "__main__":
    main()
