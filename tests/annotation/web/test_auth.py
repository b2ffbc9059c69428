"""Coming in by invitation only, going out, and one's own account."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import ApiToken, Membership, Pool, User
from annotation.models.people import token_digest
from annotation.services.invitations import invitation_create
from tests.factories import PASSWORD


def sign_in(client: Client, username: str, password: str = PASSWORD, **more: str) -> object:
    values = {"username": username, "password": password, **more}
    return client.post(reverse("annotation:sign-in"), values)


def test_sign_in_goes_where_one_wanted_to_go(client: Client, ana: User) -> None:
    asked = client.get(reverse("annotation:history"))
    assert asked.url == f"{reverse('annotation:sign-in')}?next=/history/"
    assert sign_in(client, "ana", next="/history/").url == "/history/"


def test_sign_in_leads_nowhere_else(client: Client, ana: User) -> None:
    assert sign_in(client, "ana", next="https://elsewhere.example/").url == "/"


def test_a_wrong_password_says_nothing_about_who_exists(client: Client, ana: User) -> None:
    known, unknown = sign_in(client, "ana", "wrong"), sign_in(client, "nobody", "wrong")
    assert known.status_code == unknown.status_code == 422
    assert known.context["error"] == unknown.context["error"]


def test_a_session_that_ended_sends_htmx_to_the_sign_in_page(client: Client, ana: User) -> None:
    answer = client.post(
        reverse("annotation:renew", args=[1]),
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/judge/kitchen/"},
    )
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == f"{reverse('annotation:sign-in')}?next=/judge/kitchen/"


def test_an_invitation_opens_once(client: Client, lena: User, pool: Pool) -> None:
    _invitation, token = invitation_create(actor=lena, pool=pool)
    address = reverse("annotation:invitation", args=[token])
    assert "Cooks" in client.get(address).content.decode()
    refused = client.post(address, {"username": "ANA", "password": PASSWORD})
    assert (refused.status_code, refused.context["error"].field) == (409, "username")
    refused = client.post(address, {"username": "nina", "password": "12345"})
    assert (refused.status_code, refused.context["error"].field) == (422, "password")
    welcome = client.post(address, {"username": "nina", "name": "Nina", "password": PASSWORD})
    assert welcome.url == reverse("annotation:home")
    assert Membership.objects.get(user__username="nina").pool == pool
    assert client.get(reverse("annotation:home")).status_code == 200
    assert Client().get(address).status_code == 404


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    client.force_login(ana)
    return client


def test_a_token_is_shown_once_and_kept_as_a_digest(browser: Client, ana: User) -> None:
    page = browser.post(reverse("annotation:token-create"), {"token_name": "notebook"})
    secret, token = page.context["secret"], ApiToken.objects.get()
    assert secret in page.content.decode()
    assert token.digest == token_digest(secret)
    assert secret not in browser.get(reverse("annotation:profile")).content.decode()
    browser.post(reverse("annotation:token-revoke", args=[token.pk]))
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_changed_password_keeps_this_session(browser: Client, ana: User) -> None:
    address = reverse("annotation:password")
    wrong = browser.post(address, {"current": "wrong", "new": "eight quiet otters"})
    assert (wrong.status_code, wrong.context["password_error"].field) == (422, "current")
    browser.post(address, {"current": PASSWORD, "new": "eight quiet otters"})
    assert browser.get(reverse("annotation:profile")).status_code == 200
    assert sign_in(Client(), "ana", "eight quiet otters").status_code == 302


def test_a_theme_is_kept_in_the_browser_and_drawn_by_the_server(browser: Client) -> None:
    browser.post(reverse("annotation:theme"), {"theme": "dark", "next": "/profile/"})
    assert 'data-theme="dark"' in browser.get("/profile/").content.decode()
    browser.post(reverse("annotation:theme"), {"theme": '"><script>'})
    assert 'data-theme="dark"' in browser.get("/profile/").content.decode()


def test_one_changes_only_ones_own_name(browser: Client, ana: User, ben: User) -> None:
    browser.post(reverse("annotation:name-change"), {"name": "Ana Silva"})
    ana.refresh_from_db()
    ben.refresh_from_db()
    assert (ana.name, ben.name) == ("Ana Silva", "Ben")


def test_signing_out_needs_a_post(browser: Client) -> None:
    assert browser.get(reverse("annotation:sign-out")).status_code == 405
    browser.post(reverse("annotation:sign-out"))
    assert browser.get("/").status_code == 302
