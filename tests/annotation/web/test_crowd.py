"""The door from a platform: a page that changes nothing, a button that signs in, a way back."""

import pytest
from django.test import Client

from annotation.models import Membership, Pool, Project, User
from annotation.models.people import token_digest
from tests.factories import forget_sign_ins, judge

pytestmark = pytest.mark.django_db

TOKEN = "the-secret-of-the-link"
DOOR = f"/join/{TOKEN}/?PROLIFIC_PID=5f3a&STUDY_ID=s1&SESSION_ID=t1"


@pytest.fixture(autouse=True)
def door(pool: Pool, project: Project) -> Pool:
    forget_sign_ins()
    Pool.objects.filter(pk=pool.pk).update(
        platform="prolific", total_quota=1, completion_code="C1A2",
        entry_digest=token_digest(TOKEN), description="Recipes, mostly.",
    )  # fmt: skip
    return pool


def arrived() -> User:
    return Membership.objects.get(external_id="5f3a").user


def test_looking_makes_no_account_and_beginning_signs_in(client: Client) -> None:
    page = client.get(DOOR)
    assert page.status_code == 200
    assert all(words in page.content.decode() for words in ("Recipes, mostly.", "5f3a", "Prolific"))
    assert not Membership.objects.exclude(external_id="").exists()
    assert client.post(DOOR).url == "/"
    assert int(client.session["_auth_user_id"]) == arrived().pk
    again = Client()
    again.post(DOOR)
    assert int(again.session["_auth_user_id"]) == arrived().pk


def test_who_is_done_finds_the_code_at_home_and_where_nothing_is_open(
    client: Client, project: Project
) -> None:
    client.post(DOOR)
    assert "C1A2" not in client.get("/").content.decode()
    judge(arrived(), project)
    assert Membership.objects.get(external_id="5f3a").completed_at is None
    for path in ("/", "/judge/kitchen/"):
        page = client.get(path).content.decode()
        assert "C1A2" in page
        assert "https://app.prolific.com/submissions/complete?cc=C1A2" in page
    assert Membership.objects.get(external_id="5f3a").completed_at is not None


def test_somebody_elses_session_ends_when_another_begins(client: Client, ana: User) -> None:
    client.force_login(ana)
    assert "signed in as ana" in client.get(DOOR).content.decode()
    client.post(DOOR)
    assert int(client.session["_auth_user_id"]) == arrived().pk


def test_an_account_with_a_password_is_not_opened(client: Client, pool: Pool, ana: User) -> None:
    Membership.objects.filter(user=ana).update(external_id="5f3a")
    refused = client.post(DOOR)
    assert refused.status_code == 403
    assert "signs in with a password" in refused.content.decode()
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"/join/{TOKEN}/", 422), (f"/join/{TOKEN}/?PROLIFIC_PID=%3Cscript%3E", 422),
     ("/join/guess/?PROLIFIC_PID=5f3a", 404)],
)  # fmt: skip
def test_links_that_do_not_fit_are_refused_in_words(client: Client, path: str, status: int) -> None:
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == status
        assert "You cannot take part by this link." in answer.content.decode()


def test_links_cannot_be_tried_out(client: Client) -> None:
    statuses = [client.get("/join/guess/?PROLIFIC_PID=x").status_code for _ in range(11)]
    assert (statuses[0], statuses[-1]) == (404, 429)


def test_a_leaked_link_does_not_make_accounts_without_end(client: Client, pool: Pool) -> None:
    answers = [Client().post(f"/join/{TOKEN}/?PROLIFIC_PID=p{at}").status_code for at in range(32)]
    assert (answers[0], answers[-1]) == (302, 429)
    assert Membership.objects.filter(pool=pool).exclude(external_id="").count() == 30
