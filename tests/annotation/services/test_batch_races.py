"""Pausing a batch while its people submit: nobody waits for anybody in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import close_old_connections, connection

from annotation.core.errors import Conflict
from annotation.models import Assignment, Batch, Comparison, Judgment, Project, User
from annotation.services.assignments import assignment_claim
from annotation.services.batches import batch_extend, batch_state_set
from annotation.services.judgments import JudgmentInput, judgment_submit
from tests.factories import make_pool, make_user

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 6
ROUNDS = 4


def in_own_connection(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        close_old_connections()
        try:
            work()
        finally:
            connection.close()

    return run


def test_a_batch_is_paused_opened_and_extended_under_its_judges(
    project: Project, lena: User
) -> None:
    people = [make_user() for _ in range(PEOPLE)]
    project.pools.add(make_pool("Crowd", annotator=people))
    Comparison.objects.update(overlap=PEOPLE)
    batch = project.batches.get()
    start = Barrier(PEOPLE + 1)

    def judges(person: User) -> None:
        start.wait()
        for _ in range(ROUNDS * 2):
            lease = assignment_claim(annotator=person, project=project)
            if lease is None:
                continue
            try:
                judgment_submit(
                    annotator=person, assignment=lease, token=uuid4(),
                    answer=JudgmentInput(groups=((0,), (1,))),
                )  # fmt: skip
            except Conflict:
                continue

    def leads() -> None:
        start.wait()
        for _ in range(ROUNDS):
            batch_state_set(actor=lena, batch=batch, state=Batch.State.PAUSED)
            batch_extend(actor=lena, batch=batch, by=1)
            batch_state_set(actor=lena, batch=batch, state=Batch.State.OPEN)

    with ThreadPoolExecutor(PEOPLE + 1) as threads:
        done = [threads.submit(in_own_connection(lambda p=p: judges(p))) for p in people]
        done.append(threads.submit(in_own_connection(leads)))
    for future in done:
        future.result()  # a deadlock would be raised here
    for comparison in Comparison.objects.all():
        submitted = comparison.assignments.filter(state=Assignment.State.SUBMITTED).count()
        leased = comparison.assignments.filter(state=Assignment.State.LEASED).count()
        assert (comparison.judged, comparison.taken) == (submitted, submitted + leased)
        assert comparison.taken <= comparison.overlap == PEOPLE + ROUNDS
    assert Judgment.objects.count() == Assignment.objects.filter(state="submitted").count() > 0
