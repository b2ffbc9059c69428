"""What goes wrong in a trial, and what its lead does in between. Each is a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, QuerySet

from alignui.proving.annotators import Workplace
from alignui.proving.plan import Plan
from alignui.proving.scene import Scene
from alignui.proving.web_processes import APPLICATION_NAME, WebServer
from annotation.core.errors import AlignUIError, Conflict
from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Intervention,
    Membership,
    Participation,
    QualityRule,
    User,
)
from annotation.services.assignments import assignments_expire
from annotation.services.batches import batch_state_set
from annotation.services.comparisons import (
    comparison_give,
    comparison_state_set,
    lease_take_back,
)
from annotation.services.interventions import (
    intervention_lift,
    intervention_open,
    quarantine_replay,
)
from annotation.services.lanes import lanes_refresh, project_queue
from annotation.services.people import membership_state_set

SWEEP_SECONDS = 0.5
REPLAY_SHARE = 0.5
WHY = "To see what happens"
T = TypeVar("T")
# Those in the middle of a transaction first: that is where a loss may hurt.
_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM (
        SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = %s
         ORDER BY (state <> 'idle') DESC, random() LIMIT 2) AS victims
"""


@dataclass(frozen=True, slots=True)
class Disruption:
    """Done `times` in all, spread evenly over the accepted answers."""

    name: str
    times: int
    do: Callable[[], bool]


class Disruptions:
    """Threads that disrupt while annotators work; leaving the block puts everything right."""

    def __init__(
        self,
        plan: Plan,
        scene: Scene,
        place: Workplace,
        servers: Sequence[WebServer],
        crash_database: Callable[[], None] | None = None,
    ) -> None:
        self._plan, self._scene, self._place, self._servers = plan, scene, place, servers
        self._chance = Random(f"{plan.seed}/disruptions")
        self._threads = [
            threading.Thread(target=self._spread, args=(each,), name=each.name)
            for each in self._all(crash_database)
        ]
        self._threads.append(threading.Thread(target=self._sweep, name="sweep"))

    def __enter__(self) -> "Disruptions":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._place.is_over.set()
        for thread in self._threads:
            thread.join()
        steadily(self._put_right)

    def _all(self, crash_database: Callable[[], None] | None) -> list[Disruption]:
        plan = self._plan
        found = [
            Disruption("web workers killed", plan.worker_kills, self._kill_worker),
            Disruption("web servers killed", plan.server_kills, self._kill_server),
            Disruption("connections ended", plan.connection_kills, self._end_connections),
            Disruption("interferences of the lead", plan.interferences, self._interfere),
        ]
        if crash_database is not None:
            crash = crash_database
            found.append(
                Disruption("database crashes", plan.database_crashes, lambda: crash() is None)
            )
        return found

    def _spread(self, disruption: Disruption) -> None:
        """Waits for each share of the work to be done; catches up where it was slower."""
        done = 0
        while not self._place.is_over.wait(0.05) and done < disruption.times:
            due = (done + 0.5) * self._plan.judgments / disruption.times
            if self._place.ledger.accepted >= due:
                done += 1
                if steadily(disruption.do):
                    self._place.ledger.note(disruption.name)
        connection.close()

    def _sweep(self) -> None:
        """What the schedule does, more often, because leases are shorter."""
        while not self._place.is_over.wait(SWEEP_SECONDS):
            expired = steadily(assignments_expire)
            self._place.ledger.note("leases expired", expired)
        connection.close()

    def _kill_worker(self) -> bool:
        return self._chance.choice(self._servers).kill_worker(self._chance)

    def _kill_server(self) -> bool:
        """The trial's own thread starts it again."""
        self._chance.choice(self._servers).kill()
        return True

    def _end_connections(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(_TERMINATE, [APPLICATION_NAME])
            return bool(cursor.rowcount)

    def _interfere(self) -> bool:
        """Something that a lead may do at any time, and its opposite a moment later."""
        act = self._chance.choice(
            (
                self._pause_member,
                self._intervene,
                self._pause_batch,
                self._queue_anew,
                self._give,
                self._take_back,
                self._retire,
            )
        )
        try:
            act()
        except AlignUIError:
            return False  # in the meantime it had become impossible, which is said and nothing more
        return True

    def _pause_member(self) -> None:
        membership = self._chance.choice(list(self._memberships()))
        self._set_member(membership, Membership.State.PAUSED)
        self._wait_a_moment()
        self._set_member(membership, Membership.State.ACTIVE)

    def _intervene(self) -> None:
        """A pause or a quarantine; half of the quarantines ask others for what is left out."""
        found = list(Participation.objects.filter(project=self._scene.project))
        if not found:
            return
        action = self._chance.choice((QualityRule.Action.PAUSE, QualityRule.Action.QUARANTINE))
        done = intervention_open(
            participation=self._chance.choice(found), action=action, reason=WHY,
            actor=self._scene.lead,
        )  # fmt: skip
        if action == QualityRule.Action.QUARANTINE and self._chance.random() < REPLAY_SHARE:
            quarantine_replay(actor=self._scene.lead, intervention=done)
        self._wait_a_moment()
        intervention_lift(actor=self._scene.lead, intervention=done, reason=WHY)

    def _give(self) -> None:
        """A comparison that waits is given to a chosen person."""
        comparison = self._any_comparison()
        person = self._chance.choice(self._scene.people)
        user = User.objects.get(pk=person.user_id)
        comparison_give(actor=self._scene.lead, comparison=comparison, person=user, hours=1)

    def _take_back(self) -> None:
        lease = self._leases().order_by("?").first()
        if lease is not None:
            lease_take_back(actor=self._scene.lead, assignment=lease)

    def _retire(self) -> None:
        comparison, lead = self._any_comparison(), self._scene.lead
        comparison_state_set(actor=lead, comparison=comparison, state=Comparison.State.RETIRED)
        self._wait_a_moment()
        comparison_state_set(actor=lead, comparison=comparison, state=Comparison.State.OPEN)

    def _any_comparison(self) -> Comparison:
        """One that still wants judgments, where there is one."""
        wanting = Comparison.objects.filter(project=self._scene.project)
        found = wanting.filter(judged__lt=F("overlap")).order_by("?").first() or wanting.first()
        assert found is not None
        return found

    def _leases(self) -> QuerySet[Assignment]:
        return Assignment.objects.filter(
            comparison__project=self._scene.project, state=Assignment.State.LEASED
        )

    def _pause_batch(self) -> None:
        batch = self._chance.choice(list(self._scene.project.batches.all()))
        state = self._chance.choice((Batch.State.PAUSED, Batch.State.CLOSED))
        self._set_batch(batch, state)
        self._wait_a_moment()
        self._set_batch(batch, Batch.State.OPEN)

    def _queue_anew(self) -> None:
        """As after an acquisition: utilities have changed, and with them everybody's turn."""
        lanes_refresh()
        project_queue(project=self._scene.project)

    def _set_member(self, membership: Membership, state: str) -> None:
        lead = self._scene.lead
        steadily(lambda: membership_state_set(actor=lead, membership=membership, state=state))

    def _set_batch(self, batch: Batch, state: str) -> None:
        try:
            steadily(lambda: batch_state_set(actor=self._scene.lead, batch=batch, state=state))
        except Conflict:
            return  # it was done before the connection was lost

    def _wait_a_moment(self) -> None:
        time.sleep(0.1 + 0.6 * self._chance.random())

    def _put_right(self) -> None:
        """Nobody is paused and everything is open, whatever was cut short."""
        lead, project = self._scene.lead, self._scene.project
        for membership in self._memberships().exclude(state=Membership.State.ACTIVE):
            self._set_member(membership, Membership.State.ACTIVE)
        for done in Intervention.objects.filter(
            participation__project=project, lifted_at__isnull=True
        ):
            intervention_lift(actor=lead, intervention=done, reason=WHY)
        for batch in project.batches.exclude(state=Batch.State.OPEN):
            self._set_batch(batch, Batch.State.OPEN)
        for comparison in project.comparisons.filter(state=Comparison.State.RETIRED):
            comparison_state_set(actor=lead, comparison=comparison, state=Comparison.State.OPEN)

    def _memberships(self) -> QuerySet[Membership]:
        return Membership.objects.filter(
            pool__projects=self._scene.project, role=Membership.Role.ANNOTATOR
        )


def steadily(do: Callable[[], T], *, seconds: float = 60.0) -> T:
    """The result of what is asked of a database that may be recovering from a crash."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.2)
