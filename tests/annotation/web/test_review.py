from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Dispute, Judgment, Membership, Pool, Project, User
from tests.factories import make_dispute, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(pool: Pool) -> User:
    user = make_user("rita")
    Membership.objects.create(pool=pool, user=user, role=Membership.Role.REVIEWER)
    return user


@pytest.fixture
def dispute(project: Project, ana: User, ben: User) -> Dispute:
    return make_dispute(project, ana, ben)


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(client: Client, name: str, dispute: Dispute, **fields: str) -> HttpResponse:
    return client.post(reverse(f"annotation:{name}", args=[dispute.pk]), fields, follow=True)


def test_a_reviewer_reads_both_judgments_and_decides(
    dispute: Dispute, rita: User, ana: User, ben: User
) -> None:
    client = as_(rita)
    page = client.get("/projects/kitchen/review/next/", follow=True).content.decode()
    assert page.count('<article class="verdict">') == 2
    assert "It is short." in page
    assert "Annotator 1" in page
    for secret in (ana.username, ana.name, ben.name, ana.pseudonym, "terse", "wordy"):
        assert secret not in page
    answer = {"token": str(uuid4()), "choice": "1:2"}
    refused = post(client, "dispute-decide", dispute, **answer)
    assert refused.status_code == 422
    assert "Say in a sentence why you decide so." in refused.content.decode()
    assert "checked" in refused.content.decode()
    after = post(client, "dispute-decide", dispute, **answer, rationale="It says more.")
    assert "Nothing more waits for you here." in after.content.decode()
    decision = Judgment.objects.get(is_adjudication=True)
    assert decision.strength == 2
    assert decision.groups[0] == [decision.assignment.display_order[1]]


def test_a_decision_can_be_changed_by_who_made_it(dispute: Dispute, rita: User) -> None:
    client = as_(rita)
    answer = {"choice": "0", "rationale": "The first."}
    post(client, "dispute-decide", dispute, token=str(uuid4()), **answer)
    page = client.get(f"/disputes/{dispute.pk}/").content.decode()
    assert "You are changing your decision" in page
    assert "The first." in page
    post(client, "dispute-decide", dispute, token=str(uuid4()), choice="tie", rationale="Equal.")
    assert Judgment.objects.filter(is_adjudication=True).count() == 2


def test_put_off_and_dismissed(dispute: Dispute, rita: User) -> None:
    client = as_(rita)
    client.get(f"/disputes/{dispute.pk}/")
    post(client, "dispute-later", dispute)
    assert Assignment.objects.get(annotator=rita).purpose == "adjudicate"
    assert "put off" in client.get("/projects/kitchen/review/").content.decode()
    post(client, "dispute-dismiss", dispute, note="A matter of taste.")
    dispute.refresh_from_db()
    assert (dispute.state, dispute.note) == ("dismissed", "A matter of taste.")


def test_the_queue_can_be_narrowed(dispute: Dispute, rita: User) -> None:
    client = as_(rita)
    assert (
        "Review the next one"
        in client.get("/projects/kitchen/review/?at_most=0.5").content.decode()
    )
    narrowed = client.get("/projects/kitchen/review/?at_most=0.34&days=junk").content.decode()
    assert "None of those that you may decide fits." in narrowed


def test_only_reviewers_have_these_pages(
    dispute: Dispute, ana: User, otto: User, lena: User, rita: User
) -> None:
    viewer = make_user()
    Membership.objects.create(pool=Pool.objects.get(name="Cooks"), user=viewer, role="viewer")
    for somebody in (ana, otto, viewer):
        client = as_(somebody)
        assert client.get("/projects/kitchen/review/").status_code == 404
        assert client.get(f"/disputes/{dispute.pk}/").status_code == 404
        assert post(client, "dispute-dismiss", dispute, note="No.").status_code == 404
    assert as_(lena).get("/projects/kitchen/review/").status_code == 200
    assert "You review" in as_(rita).get("/").content.decode()


def test_a_reviewers_decision_is_no_work_on_the_judge_page(dispute: Dispute, rita: User) -> None:
    client = as_(rita)
    post(client, "dispute-decide", dispute, token=str(uuid4()), choice="0", rationale="So.")
    decision = Judgment.objects.get(is_adjudication=True)
    assert client.get(reverse("annotation:amend", args=[decision.pk])).status_code == 404
