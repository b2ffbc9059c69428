"""People: how they work, who may come in, and what a lead can do."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from annotation.models import (
    Assignment,
    Invitation,
    Membership,
    Participation,
    Pool,
    Project,
    ProjectRole,
    User,
    WorkDay,
)
from annotation.services.project_roles import project_role_set
from annotation.services.quality import quality_measure
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
        judge(person, project, active_ms=5000)
    quality_measure(project=project, everybody=True)
    page = client.get("/projects/kitchen/people/?sort=agreement").content.decode()
    assert "2 people have judged; half of them agree" in page
    assert "simulated" in page
    assert page.count('class="estimate tone-first"') == 2
    answer = client.get("/projects/kitchen/people/?csv=people&q=o")
    rows = answer.content.decode().splitlines()
    assert rows[0].startswith("person,name,kind,roles,external_id,state,judged,per_hour")
    assert [row.split(",")[0] for row in rows[1:]] == ["robot"]
    assert rows[1].startswith("robot,Robot,simulated,annotator,,active,1,720.0")


def test_several_people_are_paused_at_once_and_the_last_owner_is_not(
    client: Client, project: Project, lena: User, ana: User, ben: User, otto: User
) -> None:
    held = claim(ana, project)
    project_role_set(actor=lena, project=project, user=otto, role="annotator")
    everybody = {"person": [lena.pk, ana.pk, ben.pk, otto.pk], "state": "paused", "back": "q=a"}
    answer = client.post("/projects/kitchen/people/change/", everybody)
    assert answer.url == "/projects/kitchen/people/?q=a"
    told = client.get(answer.url).content.decode()
    assert "2 memberships are changed." in told
    assert "Lena: This is the pool&#x27;s last owner." in told
    assert "1 person is in no pool that you lead" in told
    held.refresh_from_db()
    assert held.state == Assignment.State.RELEASED
    states = dict(Membership.objects.values_list("user__username", "state"))
    assert (states["lena"], states["ana"], states["ben"]) == ("active", "paused", "paused")


def test_nobody_ticked_or_no_such_state_is_refused(client: Client, ana: User) -> None:
    nobody = client.post("/projects/kitchen/people/change/", {"state": "paused"})
    assert nobody.status_code == 422
    assert "Tick the people" in nobody.content.decode()
    odd = client.post("/projects/kitchen/people/change/", {"person": [ana.pk], "state": "king"})
    assert odd.status_code == 422
    assert Membership.objects.get(user=ana).state == Membership.State.ACTIVE


def test_members_of_other_pools_are_out_of_reach(client: Client, otto: User) -> None:
    form = {"person": [otto.pk], "state": "removed"}
    client.post("/projects/kitchen/people/change/", form)
    assert otto.memberships.get().state == Membership.State.ACTIVE


def test_a_role_in_the_project_alone_is_given_changed_and_taken_back(
    client: Client, project: Project, otto: User
) -> None:
    form = {"username": "otto", "pool": "project", "role": "annotator"}
    client.post("/projects/kitchen/people/add/", form)
    role = ProjectRole.objects.get(user=otto)
    held = claim(otto, project)
    page = client.get(f"/projects/kitchen/people/{otto.pk}/").content.decode()
    assert "This project alone" in page
    path = f"/projects/kitchen/people/roles/{role.pk}/"
    client.post(path, {"role": "viewer"})
    held.refresh_from_db()
    assert held.state == Assignment.State.RELEASED
    client.post(path, {"remove": ""})
    assert not ProjectRole.objects.exists()


def test_a_members_own_terms_are_saved_or_refused_at_their_field(
    client: Client, pool: Pool, ana: User, ben: User
) -> None:
    membership = Membership.objects.get(user=ana)
    Membership.objects.filter(user=ben).update(external_id="B2")
    path = f"/projects/kitchen/people/members/{membership.pk}/"
    terms = {"terms": "", "languages": "de, en,de", "skills": "Medicine", "external_id": "A1"}
    client.post(path, terms)
    membership.refresh_from_db()
    assert (membership.languages, membership.skills) == (["de", "en"], ["Medicine"])
    refused = client.post(path, terms | {"external_id": "B2"})
    assert refused.status_code == 409
    assert f'id="error_external_id_{membership.pk}"' in refused.content.decode()
    refused = client.post(path, terms | {"languages": "German!"})
    assert refused.status_code == 422
    assert f'id="error_languages_{membership.pk}"' in refused.content.decode()


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
    quality_measure(project=project, everybody=True)
    page = client.get(f"/projects/kitchen/people/{ana.pk}/").content.decode()
    assert "Ana has judged 1 comparison." in page
    assert page.count("n 1") >= 2
    assert "No gold judged yet." in page
    assert "Their last judgments" in page
    assert "no rule has fired" in page


def test_a_person_is_drawn_day_by_day(client: Client, project: Project, ana: User) -> None:
    judge(ana, project, active_ms=30_000)
    part = Participation.objects.get(annotator=ana)
    yesterday = timezone.localdate() - timedelta(days=1)
    WorkDay.objects.create(participation=part, day=yesterday, judged=9, active_ms=600_000)
    path = f"/projects/kitchen/people/{ana.pk}/"
    page = client.get(path).content.decode()
    assert "days-judged" in page
    rows = client.get(f"{path}?csv=days").content.decode().splitlines()
    assert [row.split(",")[1:5] for row in rows[1:]] == [
        ["9", "0", "0.1667", ""], ["1", "0", "0.0083", "30.0"]
    ]  # fmt: skip
    assert client.get("/projects/kitchen/people/999999/").status_code == 404
