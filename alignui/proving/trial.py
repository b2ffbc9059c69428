"""One trial from beginning to end: people at work, faults among them, and the proof."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from alignui.proving import proof
from alignui.proving.annotators import Annotator, Workplace
from alignui.proving.disruptions import Disruptions, steadily
from alignui.proving.ledger import Kind, Ledger, Outcome
from alignui.proving.plan import ACTS, LEASE_SECONDS, Plan
from alignui.proving.scene import Scene, scene_create
from alignui.proving.web_processes import WebServer, web_servers
from annotation.services.assignments import assignments_expire

LOOK_SECONDS = 0.25
FINAL_WORD_SECONDS = 60.0
ON_THE_WAY_SECONDS = 2.0  # longer than a request that nobody waits for can still be on its way


@dataclass(frozen=True, slots=True)
class Report:
    """What was done to the engine, what came of it, and every promise that it broke."""

    plan: Plan
    seconds: float
    comparisons: int
    figures: dict[str, int]
    acts: dict[str, int]
    disruptions: dict[str, int]
    statuses: dict[str, int]
    violations: list[proof.Violation]

    @property
    def is_exact(self) -> bool:
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 1), "is_exact": self.is_exact}


@dataclass
class Watch:
    """Looks at the work while it goes on: is it done, is it stuck, does a quota hold right now?"""

    plan: Plan
    scene: Scene
    ledger: Ledger
    servers: Sequence[WebServer]
    report: Callable[[int], None]
    _reported: int = 0
    _progress_at: float = field(default_factory=time.monotonic)

    def until_done(self) -> bool:
        """Whether every comparison got its judgments; False when nothing came for a long time."""
        while left := steadily(lambda: len(proof.broken_now(self.scene.project, proof.FEWER))):
            if self._is_stuck():
                self.ledger.note("comparisons without an end", left)
                return False
            if steadily(lambda: proof.broken_now(self.scene.project, proof.OVERSHOT)):
                self.ledger.surprise("a quota was overshot for a while")
            for server in self.servers:
                server.keep_running()
            time.sleep(LOOK_SECONDS)
        return True

    def _is_stuck(self) -> bool:
        accepted = self.ledger.accepted
        if accepted > self._reported:
            self.report(accepted - self._reported)
            self._reported, self._progress_at = accepted, time.monotonic()
        return time.monotonic() - self._progress_at > self.plan.patience_seconds


def trial(
    plan: Plan,
    *,
    database_url: str,
    folder: Path,
    crash_database: Callable[[], None] | None = None,
    report: Callable[[int], None] = lambda judgments: None,
) -> Report:
    """Runs the plan against real web processes on the database of this process's own settings.

    `database_url` is the same database as those processes are told of it.
    """
    scene, ledger = scene_create(plan), Ledger()
    began, started = proof.database_now(), time.monotonic()
    with web_servers(database_url, folder) as servers:
        place = Workplace(
            scene.project.slug, [server.port for server in servers],
            settings.SESSION_COOKIE_NAME, ledger,
        )  # fmt: skip
        annotators = [Annotator(person, place, plan.seed) for person in scene.people]
        threads = [threading.Thread(target=annotator.work) for annotator in annotators]
        with Disruptions(plan, scene, place, servers, crash_database):
            for thread in threads:
                thread.start()
            Watch(plan, scene, ledger, servers, report).until_done()
        for server in servers:
            server.keep_running()
        _let_finish(threads, annotators, place)
        for server in servers:
            ledger.surprises.update(server.unexplained())
    seconds = time.monotonic() - started
    _let_leases_lapse(scene)
    ended = proof.database_now()
    found = proof.violations(scene.project, ledger, proof.Span(began, ended))
    return _report(plan, scene, ledger, seconds, found)


def _let_finish(
    threads: Sequence[threading.Thread], annotators: Sequence[Annotator], place: Workplace
) -> None:
    """Everybody gets the final word on what they sent, and only then goes."""
    deadline = time.monotonic() + FINAL_WORD_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.1))
    time.sleep(ON_THE_WAY_SECONDS)
    limit = threading.Timer(FINAL_WORD_SECONDS, place.is_closed.set)
    limit.start()
    for annotator in annotators:
        annotator.settle()
    limit.cancel()
    place.is_closed.set()
    for thread in threads:
        thread.join()


def _let_leases_lapse(scene: Scene) -> None:
    """Waits for the longest lease to be over, and sweeps as the schedule does."""
    time.sleep(LEASE_SECONDS + 0.5)
    assignments_expire(project=scene.project)


def _report(
    plan: Plan, scene: Scene, ledger: Ledger, seconds: float, found: list[proof.Violation]
) -> Report:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), COALESCE(sum(overlap), 0) FROM annotation_comparison "
            "WHERE project_id = %s", [scene.project.pk],
        )  # fmt: skip
        comparisons, wanted = cursor.fetchone()
    outcomes = [(entry.kind, entry.outcome) for entry in ledger.entries]
    figures = {
        "judgments wanted": int(wanted),
        "judgments accepted": outcomes.count((Kind.JUDGMENT, Outcome.ACCEPTED)),
        "judgments refused": outcomes.count((Kind.JUDGMENT, Outcome.REFUSED)),
        "judgments taken back": outcomes.count((Kind.WITHDRAWAL, Outcome.ACCEPTED)),
        "copies sent of all these": sum(entry.copies for entry in ledger.entries),
    }
    return Report(
        plan=plan, seconds=seconds, comparisons=int(comparisons), figures=figures,
        acts={act: ledger.deeds[act] for act in ACTS},
        disruptions={name: n for name, n in sorted(ledger.deeds.items()) if name not in ACTS},
        statuses={str(status): n for status, n in sorted(ledger.statuses.items())},
        violations=found,
    )  # fmt: skip
