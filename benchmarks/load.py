"""Annotators over HTTP, as many as wanted, in one process with little work of its own.

`python -m benchmarks.load` reads a Load as JSON and writes the Answered. It shares its machine with
the server, so it speaks HTTP itself (line.py), accepts gzip as a browser does, and reads of each
answer only what the next request needs. It believes nothing: each status must be right, and each
comparison must be one that its annotator has not met. A failed check ends its annotator's work
and is counted as an error with its words; nothing is tried again.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from random import Random

import psutil

from benchmarks.clients import Annotator, PageAnnotator, RestAnnotator
from benchmarks.filling import Person
from benchmarks.line import Line, Wrong

FAILURES = (Wrong, OSError, TimeoutError, ValueError)
AT_THE_DOOR = 16  # who come in at once
WAYS: dict[str, type[Annotator]] = {"page": PageAnnotator, "rest": RestAnnotator}


@dataclass(frozen=True, slots=True)
class Load:
    """Who works how, and for how long. Waits count after `warm_up_seconds` of work.

    `think_seconds` is the mean of what lies between an answer and the next submit, 0 for nothing.
    With `signs_in` everybody comes in by the sign-in page, else with an open session. `server` is
    the process whose children are watched for what they work meanwhile.
    """

    port: int
    way: str
    people: list[Person]
    seconds: float
    warm_up_seconds: float = 2.0
    think_seconds: float = 0.0
    signs_in: bool = False
    server: int | None = None
    host: str = "127.0.0.1"


@dataclass(slots=True)
class Answered:
    """`waits[i]` are the seconds from each submit of `people[i]` to their next comparison.

    `cpu_seconds` are what the web processes, PostgreSQL and this one worked while waits counted.
    """

    waits: list[list[float]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: int = 0
    received_bytes: int = 0
    cpu_seconds: dict[str, float] = field(default_factory=dict)


class Hours:
    """When waits begin to count, and when everybody stops."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.counts_from = time.perf_counter() + load.warm_up_seconds
        self.ends_at = self.counts_from + load.seconds

    def counts(self, began: float, ended: float) -> bool:
        return self.counts_from <= began and ended <= self.ends_at


async def drive(load: Load) -> Answered:
    annotators = [
        WAYS[load.way](person, Line(load.host, load.port), Random(person.user), load.signs_in)
        for person in load.people
    ]
    answered = Answered(waits=[[] for _ in annotators])
    door = asyncio.Semaphore(AT_THE_DOOR)
    are_in = await asyncio.gather(*(_come_in(who, door, answered) for who in annotators))
    hours = Hours(load)
    cpu = asyncio.create_task(_watch(hours))
    await asyncio.gather(
        *(
            _work(annotator, hours, answered, waits)
            for annotator, waits, is_in in zip(annotators, answered.waits, are_in, strict=True)
            if is_in
        )
    )
    answered.cpu_seconds = await cpu
    for annotator in annotators:
        annotator.line.close()
        answered.accepted += annotator.accepted
        answered.requests += annotator.requests
        answered.received_bytes += annotator.received_bytes
    return answered


async def _come_in(annotator: Annotator, door: asyncio.Semaphore, answered: Answered) -> bool:
    async with door:
        try:
            await annotator.begin()
        except FAILURES as error:
            answered.errors.append(f"{annotator.person.username} came in: {error!r}")
            return False
    return True


async def _work(annotator: Annotator, hours: Hours, answered: Answered, waits: list[float]) -> None:
    think = hours.load.think_seconds
    if think:  # people do not begin together
        await asyncio.sleep(annotator.random.uniform(0, think))
    try:
        while (began := time.perf_counter()) < hours.ends_at:
            await annotator.judge()
            ended = time.perf_counter()
            if hours.counts(began, ended):
                waits.append(ended - began)
            if think:
                pause = annotator.random.expovariate(1 / think)
                await asyncio.sleep(min(pause, hours.ends_at - ended))
    except FAILURES as error:
        answered.errors.append(f"{annotator.person.username}: {error!r}")


async def _watch(hours: Hours) -> dict[str, float]:
    """The seconds that each kind of process works while waits count."""
    await asyncio.sleep(hours.counts_from - time.perf_counter())
    before = _worked(hours.load.server)
    await asyncio.sleep(hours.ends_at - time.perf_counter())
    after = _worked(hours.load.server)
    return {kind: after[kind] - before[kind] for kind in after}


def _worked(server: int | None) -> dict[str, float]:
    found = {"web": 0.0, "PostgreSQL": 0.0, "load generator": time.process_time()}
    for process in psutil.Process(server).children(recursive=True) if server else ():
        try:
            kind = "PostgreSQL" if process.name() == "postgres" else "web"
            times = process.cpu_times()
            found[kind] += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


def main() -> None:
    given = json.load(sys.stdin)
    people = [Person(**person) for person in given.pop("people")]
    answered = asyncio.run(drive(Load(**given, people=people)))
    print(json.dumps(asdict(answered)))


if __name__ == "__main__":
    main()
