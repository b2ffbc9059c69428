"""Assignment stays exact while everything around it fails; and the proof of it can fail.

The long form is a command: alignui prove-assignment
"""

import json
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from alignui.proving import proof
from alignui.proving.annotators import Annotator, Person, Workplace
from alignui.proving.ledger import Entry, Kind, Ledger, Outcome
from alignui.proving.plan import ACTS, Plan
from alignui.proving.proof import database_now, violations
from alignui.proving.scene import Scene, scene_create, wanted
from alignui.proving.trial import trial
from alignui.proving.web_processes import WebServer
from annotation.models import Assignment, Judgment, User
from annotation.services.assignments import assignment_claim, assignment_skip
from annotation.services.judgments import JudgmentInput, judgment_submit, judgment_withdraw
from tests.workers import database_url

SMALL = Plan(annotators=12, judgments=40, seed=3)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_assignment_is_exact_under_faults(tmp_path: Path) -> None:
    """The same trial as the command's, smaller, with every kind of fault but a database crash."""
    plan = Plan.of_size(annotators=16, judgments=300, seed=1)

    found = trial(plan, database_url=database_url(), folder=tmp_path)

    assert found.violations == []
    assert found.figures["judgments wanted"] >= 300
    assert found.figures["judgments accepted"] >= 300
    assert found.figures["judgments taken back"] > 0
    faults = ("web workers killed", "web servers killed", "connections ended",
              "interferences of the lead", "leases expired")  # fmt: skip
    assert all(found.disruptions[name] > 0 for name in faults), found.disruptions
    assert sum(found.acts.values()) >= 300


@pytest.mark.parametrize("judgments", [100, 101, 600, 20_000])
def test_a_plan_wants_exactly_its_judgments(judgments: int) -> None:
    assert sum(overlap * n for overlap, n in wanted(judgments).items()) == judgments


def test_acts_and_annotators_agree() -> None:
    place = Workplace("proof", [1], "sessionid", Ledger())
    assert Annotator(Person(0, 1, "key", "secret"), place, seed=1).acts.keys() == ACTS.keys()


class Done:
    """A small piece of exact work, done without HTTP, with the ledger that its people kept."""

    def __init__(self) -> None:
        self.scene: Scene = scene_create(SMALL)
        self.ledger = Ledger()
        self.began = database_now()
        for person in self.scene.people:
            user = User.objects.get(pk=person.user_id)
            while (
                held := assignment_claim(annotator=user, project=self.scene.project)
            ) is not None:
                self.submit(user, held)
        self.last = Judgment.objects.latest("id")

    def submit(self, user: User, held: Assignment) -> None:
        entry = self.ledger.open(Kind.JUDGMENT, str(uuid4()), user.pk, held.pk)
        answer = JudgmentInput(groups=((0,), (1,)), active_ms=900)
        judgment_submit(annotator=user, assignment=held, token=UUID(entry.token), answer=answer)
        self.ledger.hear(entry, 201, is_accepted=True)

    def broken(self) -> list[str]:
        """The names of the promises that are broken now."""
        moment = timedelta(minutes=30)  # one transaction: its time began before the scene was made
        span = proof.Span(self.began - moment, database_now() + moment)
        return sorted(found.name for found in violations(self.scene.project, self.ledger, span))


@pytest.fixture
def done(db: None) -> Done:
    return Done()


def test_exact_work_breaks_no_promise(done: Done) -> None:
    assert done.broken() == []


def test_answers_undone_and_skips_break_no_promise(done: Done) -> None:
    user, held = done.last.annotator, done.last.assignment
    entry = done.ledger.open(Kind.WITHDRAWAL, str(uuid4()), user.pk, held.pk)
    judgment_withdraw(annotator=user, judgment=done.last, token=UUID(entry.token))
    done.ledger.hear(entry, 200, is_accepted=True)
    assert done.broken() == [proof.FEWER, proof.STUCK]

    assignment_skip(annotator=user, assignment=held, reason="other")
    assert done.broken() == [proof.FEWER]


# What is done to exact work behind everybody's back, and the promise that must be seen broken.
OF_LAST = "WHERE id = %(assignment)s"
TAMPERINGS = {
    proof.FEWER: "UPDATE annotation_comparison SET overlap = overlap + 1 WHERE id = %(comparison)s",
    proof.MORE: "UPDATE annotation_comparison SET overlap = overlap - 1, taken = 1, judged = 1 "
    "WHERE overlap > 1",
    proof.MISCOUNTED: "UPDATE annotation_comparison SET judged = judged - 1 "
    "WHERE id = %(comparison)s",
    proof.UNJUDGED: "DELETE FROM annotation_judgment WHERE id = %(judgment)s",
    proof.UNASSIGNED: f"UPDATE annotation_assignment SET state = 'released' {OF_LAST}",
    proof.TWICE: "DROP INDEX judgment_one_chain; "
    "ALTER TABLE annotation_judgment DROP CONSTRAINT judgment_revision_once; "
    "INSERT INTO annotation_judgment SELECT "
    "(jsonb_populate_record(j, jsonb_build_object('id', j.id + 1000, 'idempotency_token', "
    "gen_random_uuid()))).* FROM annotation_judgment j WHERE id = %(judgment)s",
    proof.SKIPPED: "INSERT INTO annotation_assignment SELECT (jsonb_populate_record(a, "
    "jsonb_build_object('id', a.id + 1000, 'state', 'skipped', 'skip_reason', 'other'))).* "
    f"FROM annotation_assignment a {OF_LAST}",
    proof.STUCK: f"UPDATE annotation_assignment SET state = 'leased', closed_at = NULL {OF_LAST}",
    proof.SKEWED: "UPDATE annotation_assignment SET leased_at = leased_at - interval '2 hours' "
    f"{OF_LAST}",
    proof.UNREAD: "UPDATE annotation_membership SET languages = '{fr}'",
    proof.PERSON: "UPDATE annotation_participation SET judged = judged + 1",
    proof.DAY: "UPDATE annotation_workday SET skipped = skipped + 1",
    proof.OVERSHOT: "UPDATE annotation_pool SET total_quota = 1",
}


def test_each_promise_is_seen_when_it_is_broken(done: Done) -> None:
    assert TAMPERINGS.keys() == proof.QUESTIONS.keys()
    for promise, tampering in TAMPERINGS.items():
        with transaction.atomic():
            tamper(done, tampering)
            assert promise in done.broken(), promise
            transaction.set_rollback(True)
    assert done.broken() == []


def tamper(done: Done, tampering: str) -> None:
    keys = {"judgment": done.last.pk, "assignment": done.last.assignment_id,
            "comparison": done.last.comparison_id}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("assignment", "comparison", "judgment"):
            cursor.execute(f"ALTER TABLE annotation_{table} DISABLE TRIGGER USER")
        for statement in tampering.split("; "):
            cursor.execute(statement, keys if "%(" in statement else None)


def without_a_word(entry: Entry) -> None:
    entry.outcome = Outcome.OPEN


def told_no(entry: Entry) -> None:
    entry.outcome = Outcome.REFUSED


def told_of_another(entry: Entry) -> None:
    entry.token = str(uuid4())


def meant_for_another(entry: Entry) -> None:
    entry.assignment += 1000


TWISTS = {
    without_a_word: ["a judgment never got a final word"],
    told_no: ["a judgment was refused and yet kept"],
    told_of_another: ["a judgment came from nobody", "an accepted judgment was lost"],
    meant_for_another: ["a judgment was kept for another comparison"],
}


def test_what_people_were_told_is_held_against_the_database(done: Done) -> None:
    for twist, promises in TWISTS.items():
        entry = done.ledger.entries[-1]
        kept = replace(entry)
        twist(entry)
        assert done.broken() == promises
        done.ledger.entries[-1] = kept


def test_a_copy_that_was_refused_does_not_undo_the_one_that_was_accepted() -> None:
    ledger = Ledger()
    entry = ledger.open(Kind.JUDGMENT, "token", 1, 1)
    for status, is_accepted in ((201, True), (409, False), (201, True)):
        ledger.hear(entry, status, is_accepted=is_accepted)
    assert (entry.outcome, ledger.accepted) == (Outcome.ACCEPTED, 1)
    assert not entry.is_in_doubt


def test_a_refusal_is_in_doubt_while_a_copy_is_lost() -> None:
    ledger = Ledger()
    entry = ledger.open(Kind.JUDGMENT, "token", 1, 1)
    ledger.lost(entry)
    ledger.hear(entry, 409, is_accepted=False)
    assert entry.is_in_doubt
    ledger.hear(entry, 201, is_accepted=True)
    assert not entry.is_in_doubt


def test_a_shifted_clock_is_wrong_everywhere_but_in_the_database() -> None:
    """In a process of its own, whose clock nobody else reads."""
    finished = subprocess.run(
        [sys.executable, "-c", SHIFTED], capture_output=True, check=True, text=True, timeout=60
    )
    shown = json.loads(finished.stdout)
    assert shown["time"] == pytest.approx(time.time() + 7200, abs=60)
    assert shown["now"] == pytest.approx(time.time() + 7200, abs=60)
    assert shown["django"] == pytest.approx(time.time() + 7200, abs=60)
    assert shown["fixed"] == 0
    assert shown["is_datetime"] is True


SHIFTED = """
import datetime, json, time
from django.utils import timezone
from alignui.proving.skewed import shift_clock
shift_clock(7200)
fixed = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
print(json.dumps({
    "time": time.time(), "now": datetime.datetime.now(datetime.timezone.utc).timestamp(),
    "django": timezone.now().timestamp(), "fixed": fixed.timestamp(),
    "is_datetime": isinstance(fixed, datetime.datetime),
}))
"""


LOG = """
ERROR django.request: Internal Server Error: /assignments/1/submit/
Traceback (most recent call last):
psycopg.errors.CheckViolation: no room
DETAIL:  Failing row contains (1).
annotation.core.errors.Conflict: Others have judged this comparison in the meantime.
django.db.utils.OperationalError: consuming input failed: server closed the connection unexpectedly
ERROR django.request: Internal Server Error: /assignments/2/submit/
Traceback (most recent call last):
psycopg.errors.DeadlockDetected: deadlock detected
django.db.utils.OperationalError: deadlock detected
ERROR django.request: Service Unavailable: /assignments/3/submit/
"""


def test_what_the_web_raised_is_explained_by_a_kill_or_it_is_named(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text(LOG)
    server = WebServer("web", 0.0, 1, "", log)
    assert server.unexplained() == {"OperationalError: deadlock detected": 1}
