"""People: how they work, who may come in, and what a lead can do."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from annotation.models import Assignment, Invitation, Membership, Pool, Project, User
from tests.factories import claim, judge, make_user

pytestmark = pytest.mark.django_db

INVITE = {"role": "annotator", "email": "new@example.org", "days": "7"}


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    cache.clear()
    client = Client()
    client.force_login(lena)
    return client


def test_nobody_has_judged_is_said_in_words(client: Client) -> None:
    page = client.get("/projects/kitchen/people/").content.decode()
    assert "Nobody has judged yet." in page
    assert "Ana" in page


def test_the_table_shows_figures_and_marks_who_is_simulated(
    client: Client, project: Project, pool: Pool, ana: User, ben: User
) -> None:
    robot = make_user("robot", kind=User.Kind.SIMULATED)
    pool.memberships.create(user=robot)
    for person in (ana, ben, robot):
        judge(person, project)
    page = client.get("/projects/kitchen/people/?sort=agreement").content.decode()
    assert "3 people have judged" in page
    assert "simulated annotator" in page
    assert page.count('class="estimate tone-first"') >= 2
    rows = client.get("/projects/kitchen/people/?csv=people").content.decode().splitlines()
    assert rows[0].startswith("person,kind,roles,judged,agreement")
    assert any(row.startswith("robot,simulated,Annotator,1") for row in rows)


def test_an_invitation_shows_its_link_once(client: Client, pool: Pool) -> None:
    page = client.post("/projects/kitchen/people/invite/", INVITE | {"pool": str(pool.pk)})
    assert page.status_code == 200
    link = re.search(r"http://testserver(/invitation/\S+?/)<", page.content.decode())
    assert link is not None
    assert Client().get(link[1]).status_code == 200
    assert link[1] not in client.get("/projects/kitchen/people/").content.decode()
    assert "new@example.org" in client.get("/projects/kitchen/people/").content.decode()


def test_a_revoked_invitation_opens_nothing(client: Client, pool: Pool) -> None:
    page = client.post("/projects/kitchen/people/invite/", INVITE | {"pool": str(pool.pk)})
    link = re.search(r"http://testserver(/invitation/\S+?/)<", page.content.decode())
    invitation = Invitation.objects.get()
    client.post(f"/projects/kitchen/people/invitations/{invitation.pk}/revoke/")
    assert link is not None
    assert Client().get(link[1]).status_code == 404


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"days": "0"}, "An invitation lasts from 1 to 90 days."),
        ({"days": "soon"}, "Say for how many days."),
        ({"role": "king"}, "There is no role “king”."),
        ({"pool": ""}, "Choose a pool."),
    ],
)
def test_an_invitation_that_does_not_fit_is_refused(
    client: Client, pool: Pool, changed: dict[str, str], words: str
) -> None:
    form = INVITE | {"pool": str(pool.pk)} | changed
    answer = client.post("/projects/kitchen/people/invite/", form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Invitation.objects.exists()


def test_who_has_an_account_is_added_by_name(client: Client, pool: Pool, otto: User) -> None:
    form = {"username": "OTTO", "pool": str(pool.pk), "role": "reviewer"}
    client.post("/projects/kitchen/people/add/", form)
    assert pool.memberships.get(user=otto).role == Membership.Role.REVIEWER
    answer = client.post("/projects/kitchen/people/add/", form | {"username": "nobody"})
    assert answer.status_code == 422
    assert "Nobody here is called “nobody”." in answer.content.decode()


def test_pausing_a_person_returns_what_they_hold(
    client: Client, project: Project, ana: User
) -> None:
    assignment = claim(ana, project)
    membership = Membership.objects.get(user=ana)
    path = f"/projects/kitchen/people/members/{membership.pk}/"
    assert client.post(path, {"state": "paused"}).status_code == 302
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.RELEASED
    page = client.get(f"/projects/kitchen/people/{ana.pk}/").content.decode()
    assert "Let back in" in page
    client.post(path, {"state": "active"})
    membership.refresh_from_db()
    assert membership.state == Membership.State.ACTIVE


def test_a_role_is_changed(client: Client, ben: User) -> None:
    membership = Membership.objects.get(user=ben)
    client.post(f"/projects/kitchen/people/members/{membership.pk}/", {"role": "lead"})
    membership.refresh_from_db()
    assert membership.role == Membership.Role.LEAD


def test_the_last_owner_stays(client: Client, lena: User) -> None:
    membership = Membership.objects.get(user=lena)
    path = f"/projects/kitchen/people/members/{membership.pk}/"
    assert client.post(path, {"role": "viewer"}).status_code == 409
    assert client.post(path, {"state": "removed"}).status_code == 409


def test_a_person_shows_each_figure_with_its_count(
    client: Client, project: Project, ana: User, ben: User
) -> None:
    judge(ana, project)
    judge(ben, project)
    page = client.get(f"/projects/kitchen/people/{ana.pk}/").content.decode()
    assert "Ana has judged 1 comparison." in page
    assert page.count("n 1") >= 2
    assert "No gold judged yet." in page
