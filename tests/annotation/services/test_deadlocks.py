"""A submit that meets a lead who queues the work anew: both hold what the other waits for."""

import threading
import time
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from annotation.models import Comparison, Judgment, Participation, Project, User
from annotation.services.assignments import assignment_claim
from annotation.services.deadlocks import tried_once_more
from annotation.services.judgments import JudgmentInput, judgment_submit


@pytest.mark.django_db(transaction=True)
def test_a_submit_that_loses_to_a_queueing_is_tried_once_more(ana: User, project: Project) -> None:
    held = assignment_claim(annotator=ana, project=project)
    assert held is not None
    has_comparison = threading.Event()

    def queue_anew() -> None:
        try:
            with transaction.atomic():
                Comparison.objects.filter(pk=held.comparison_id).update(utility=1.0)
                has_comparison.set()
                time.sleep(0.4)  # the submit waits by now, and is the first to look for deadlocks
                Participation.objects.filter(project=project).update(frontiers={})
        finally:
            connection.close()

    lead = threading.Thread(target=queue_anew)
    lead.start()
    assert has_comparison.wait(10)
    answer = JudgmentInput(groups=((0,), (1,)))
    judgment_submit(annotator=ana, assignment=held, token=uuid4(), answer=answer)
    lead.join(10)
    assert Judgment.objects.filter(assignment=held).count() == 1
    assert Comparison.objects.get(pk=held.comparison_id).judged == 1
    assert Participation.objects.get(annotator=ana).judged == 1


@pytest.mark.django_db(transaction=True)
def test_once_more_is_once_and_not_within_another_transaction() -> None:
    calls: list[str] = []

    @tried_once_more
    def act(losses: int) -> str:
        calls.append("act")
        if len(calls) <= losses:
            raise OperationalError("deadlock detected") from DeadlockDetected()
        return "done"

    assert act(1) == "done"
    calls.clear()
    with pytest.raises(OperationalError):
        act(2)
    assert len(calls) == 2
    calls.clear()
    with transaction.atomic(), pytest.raises(OperationalError):
        act(1)
    assert len(calls) == 1
