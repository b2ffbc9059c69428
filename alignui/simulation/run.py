"""Synthetic annotators at work: each in a thread, over HTTP, until a bound is reached."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from alignui.simulation.annotators import Annotator, Population, answer
from annotation.core.errors import Unavailable

IDLE_PAUSE_SECONDS = 0.5
REQUEST_SECONDS = 30.0


@dataclass
class Bounds:
    """When to stop: after so many judgments, so many seconds, or so long without work for anyone.

    The judgments are shared out evenly, so that the quickest do not take what all should see.
    """

    judgments: int
    seconds: float
    idle_seconds: float
    is_stopped: bool = False
    _started: float = field(default_factory=time.monotonic)
    _last_work: float = field(default_factory=time.monotonic)

    def share(self, index: int, size: int) -> int:
        return self.judgments // size + (index < self.judgments % size)

    def worked(self) -> None:
        self._last_work = time.monotonic()

    def is_over(self) -> bool:
        now = time.monotonic()
        return (
            self.is_stopped
            or now - self._started > self.seconds
            or now - self._last_work > self.idle_seconds
        )


@dataclass
class Tally:
    """What one annotator did."""

    name: str
    kind: str
    share: int
    judgments: int = 0
    ties: int = 0
    first_slot: int = 0
    conflicts: int = 0


def simulate(
    *,
    url: str,
    project: str,
    population: Population,
    secrets: Mapping[str, str],
    bounds: Bounds,
    report: Callable[[int], None] = lambda judgments: None,
) -> list[Tally]:
    """Lets all annotators judge at once; `report` hears of each judgment.

    Raises Unavailable when the interface does not answer or refuses.
    """
    size = len(population.annotators)
    tallies = [
        Tally(annotator.name, annotator.kind, bounds.share(index, size))
        for index, annotator in enumerate(population.annotators)
    ]
    workers = [
        _Worker(url, project, population, annotator, secrets[annotator.name], bounds, tally, report)
        for annotator, tally in zip(population.annotators, tallies, strict=True)
    ]
    with ThreadPoolExecutor(max_workers=len(workers)) as pool:
        futures = [pool.submit(worker.work) for worker in workers]
        try:
            for future in futures:
                future.result()
        finally:
            bounds.is_stopped = True
    return tallies


@dataclass
class _Worker:
    url: str
    project: str
    population: Population
    annotator: Annotator
    secret: str
    bounds: Bounds
    tally: Tally
    report: Callable[[int], None]

    def work(self) -> None:
        headers = {"Authorization": f"Bearer {self.secret}"}
        base = f"{self.url.rstrip('/')}/api/v1/"
        try:
            with httpx.Client(base_url=base, headers=headers, timeout=REQUEST_SECONDS) as client:
                while self.tally.judgments < self.tally.share and not self.bounds.is_over():
                    self._step(client)
        except httpx.HTTPError as error:
            self.bounds.is_stopped = True
            raise Unavailable(
                f"{self.url} does not answer: {str(error) or type(error).__name__}.",
                hint="Start it with alignui start, or name another address with --url.",
            ) from error

    def _step(self, client: httpx.Client) -> None:
        response = client.post(f"projects/{self.project}/assignments/next", json={})
        if response.status_code == httpx.codes.NO_CONTENT:
            time.sleep(IDLE_PAUSE_SECONDS)
            return
        shown = _checked(response)
        body = answer(self.population, self.annotator, shown, judged=self.tally.judgments)
        body["idempotency_token"] = shown["idempotency_token"]
        judged = client.post(f"assignments/{shown['assignment']}/judgment", json=body)
        if judged.status_code == httpx.codes.CONFLICT:
            self.tally.conflicts += 1
            return
        _checked(judged)
        self.bounds.worked()
        self._count(body["groups"])

    def _count(self, groups: list[list[int]]) -> None:
        self.tally.judgments += 1
        self.tally.ties += len(groups) == 1
        self.tally.first_slot += groups[0] == [0]
        self.report(1)


def _checked(response: httpx.Response) -> dict[str, Any]:
    if response.is_success:
        return dict(response.json())
    try:
        problem = response.json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        problem = response.text[:200]
    raise Unavailable(f"The interface answered {response.status_code}: {problem}")
