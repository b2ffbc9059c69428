"""Edges of assignment that the trial and the state machine came upon; each was once wrong."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.core.errors import Conflict
from annotation.models import Assignment, Batch, Judgment, Participation, Pool, Project, User
from annotation.services.assignments import (
    assignment_claim_ahead,
    assignment_release,
    assignment_skip,
    assignment_unskip,
)
from annotation.services.batches import batch_state_set
from annotation.services.judgments import (
    JudgmentInput,
    judgment_submit,
    judgment_submit_and_claim,
    judgment_withdraw,
)
from tests.factories import claim, judge

pytestmark = pytest.mark.django_db

FIRST = JudgmentInput(groups=((0,), (1,)))


def submit(assignment: Assignment) -> Judgment:
    return judgment_submit(
        annotator=assignment.annotator, assignment=assignment, token=uuid4(), answer=FIRST
    )


def quota(pool: Pool, number: int) -> None:
    pool.total_quota = number
    pool.save()


def live(user: User) -> int:
    states = [Assignment.State.LEASED, Assignment.State.SUBMITTED]
    return Assignment.objects.filter(annotator=user, state__in=states).count()


def test_an_assignment_that_is_named_as_its_own_successor_is_submitted(
    ana: User, project: Project
) -> None:
    held = claim(ana, project)
    done = judgment_submit_and_claim(
        annotator=ana, assignment_id=held.pk, token=uuid4(), read=lambda asked: FIRST, shows=held.pk
    )
    held.refresh_from_db()
    assert held.state == Assignment.State.SUBMITTED
    assert done.day is not None
    assert not done.day.is_ahead_shown
    assert Participation.objects.get(annotator=ana, project=project).judged == 1


def test_a_skip_is_not_undone_beyond_the_quota(ana: User, pool: Pool, project: Project) -> None:
    quota(pool, 2)
    skipped = claim(ana, project)
    assignment_skip(annotator=ana, assignment=skipped, reason="other")
    assignment_claim_ahead(annotator=ana, shown=claim(ana, project))
    assert live(ana) == 2
    with pytest.raises(Conflict):
        assignment_unskip(annotator=ana, assignment=skipped)
    assert live(ana) == 2


def test_a_late_answer_is_not_kept_beyond_the_quota(
    ana: User, pool: Pool, project: Project
) -> None:
    quota(pool, 2)
    late = claim(ana, project)
    ahead = assignment_claim_ahead(annotator=ana, shown=late)
    assert ahead is not None
    assignment_release(annotator=ana, assignment=late)
    submit(ahead)
    judge(ana, project)
    assert live(ana) == 2
    with pytest.raises(Conflict):
        submit(late)
    assert live(ana) == 2


@pytest.fixture
def hours_behind(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """A web process whose clock is wrong, while the database's is right."""
    skew = timedelta(hours=-5)
    monkeypatch.setattr(
        timezone, "now", lambda: datetime.now(tz=timezone.get_default_timezone()) + skew
    )
    return skew


def test_no_time_is_the_web_processs_own(
    ana: User, project: Project, hours_behind: timedelta
) -> None:
    began = datetime.now(tz=UTC) - timedelta(minutes=1)
    judgment = judge(ana, project)
    judgment_withdraw(annotator=ana, judgment=judgment, token=uuid4())
    for kept in Judgment.objects.all():
        assert min(kept.created_at, kept.judged_at) > began
    held = Assignment.objects.get()
    assert min(held.leased_at, held.shown_at, held.expires_at) > began


def test_an_answer_can_be_undone_where_the_clock_is_wrong(
    ana: User, project: Project, hours_behind: timedelta
) -> None:
    project.allow_amend = False
    project.save()
    judgment = judge(ana, project)
    judgment_withdraw(annotator=ana, judgment=judgment, token=uuid4())
    assert not Judgment.objects.live().exists()


@pytest.mark.django_db(transaction=True)
def test_a_pause_waits_for_an_answer_that_is_being_stored(
    lena: User, ana: User, project: Project
) -> None:
    held, batch = claim(ana, project), Batch.objects.get()

    def pause() -> None:
        batch_state_set(actor=lena, batch=batch, state=Batch.State.PAUSED)
        connection.close()

    lead = threading.Thread(target=pause)
    with transaction.atomic():
        submit(held)
        lead.start()
        lead.join(timeout=0.5)  # it waits for us, or has passed us by
    lead.join(timeout=10)
    held.refresh_from_db()
    assert held.state == Assignment.State.SUBMITTED
    assert (held.comparison.taken, held.comparison.judged) == (1, 1)
