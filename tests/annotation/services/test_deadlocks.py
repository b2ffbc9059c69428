"""A submit that meets a lead who queues the work anew: both hold what the other waits for."""

import threading
import time
from uuid import uuid4

import pytest
from django.db import connection, transaction

from annotation.models import Comparison, Judgment, Participation, Project, User
from annotation.services.assignments import assignment_claim
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
