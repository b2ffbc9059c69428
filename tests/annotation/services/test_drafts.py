"""Drafts: kept until they are submitted, never over newer ones, never of somebody else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Draft, Project, User
from annotation.selectors.work import draft_of
from annotation.services.assignments import assignment_skip, assignment_unskip
from annotation.services.drafts import draft_save, drafts_forget
from annotation.services.judgments import JudgmentInput, judgment_submit, judgment_withdraw
from tests.factories import claim, judge

pytestmark = pytest.mark.django_db


def save(assignment: Assignment, version: int = 0, **fields: str) -> Draft:
    return draft_save(
        annotator=assignment.annotator, assignment=assignment, fields=fields, active_ms=5,
        version=version,
    )  # fmt: skip


def test_each_save_is_a_version_and_an_older_one_is_refused(ana: User, project: Project) -> None:
    held = claim(ana, project)
    first = save(held, choice="0:1")
    second = save(held, first.version, choice="1:1")
    assert (first.version, second.version) == (1, 2)
    with pytest.raises(Conflict, match="elsewhere"):
        save(held, first.version, choice="tie")
    assert Draft.objects.get().fields == {"choice": "1:1"}


def test_a_submit_ends_the_draft_and_a_late_save_does_not_revive_it(
    ana: User, project: Project
) -> None:
    held = claim(ana, project)
    save(held, choice="0:1")
    judgment_submit(
        annotator=ana, assignment=held, token=uuid4(), answer=JudgmentInput(groups=((0,), (1,)))
    )
    assert not Draft.objects.exists()
    with pytest.raises(Conflict, match="answered"):
        save(held, 1, choice="tie")


def test_a_skip_that_is_undone_brings_the_draft_back(ana: User, project: Project) -> None:
    held = claim(ana, project)
    save(held, rationale="Half a thought")
    assignment_skip(annotator=ana, assignment=held, reason="other")
    again = assignment_unskip(annotator=ana, assignment=held)
    draft = draft_of(again, None)
    assert draft is not None
    assert draft.fields == {"rationale": "Half a thought"}


def test_a_draft_of_an_amendment_is_of_that_judgment_alone(ana: User, project: Project) -> None:
    judgment = judge(ana, project)
    assignment = judgment.assignment
    assignment.refresh_from_db()
    draft_save(
        annotator=ana, assignment=assignment, fields={"choice": "tie"}, active_ms=1, version=0,
        amends=judgment.pk,
    )  # fmt: skip
    assert draft_of(assignment, judgment) is not None
    again = judgment_withdraw(annotator=ana, judgment=judgment, token=uuid4())
    assert draft_of(again, judgment) is None


def test_what_is_no_sheet_is_refused(ana: User, project: Project) -> None:
    held = claim(ana, project)
    with pytest.raises(Invalid, match="too long"):
        save(held, rationale="x" * 2_000_000)
    with pytest.raises(Invalid, match="answer sheet"):
        save(held, **{f"field-{number}": "x" for number in range(300)})


def test_drafts_that_nobody_touches_are_forgotten_after_a_month(
    ana: User, project: Project
) -> None:
    save(claim(ana, project), choice="tie")
    assert drafts_forget() == 0
    Draft.objects.update(saved_at=timezone.now() - timedelta(days=31))
    assert drafts_forget() == 1


@pytest.mark.parametrize("door", ["draft", "ahead", "submit", "renew"])
def test_the_doors_of_an_assignment_are_shut_to_others(
    ana: User, ben: User, project: Project, client: Client, door: str
) -> None:
    held = claim(ana, project)
    client.force_login(ben)
    response = client.post(reverse(f"annotation:{door}", args=[held.pk]), {"choice": "tie"})
    assert response.status_code == 404


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '{"fields": 3}', '{"fields": {}, "version": "x"}']
)
def test_a_draft_that_cannot_be_read_is_said(
    ana: User, project: Project, client: Client, body: str
) -> None:
    held = claim(ana, project)
    client.force_login(ana)
    response = client.post(
        reverse("annotation:draft", args=[held.pk]), body, content_type="application/json"
    )
    assert response.status_code == 422
    assert not Draft.objects.exists()
