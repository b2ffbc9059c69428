"""One's own account: language, what one says of oneself, and attempts to guess a password."""

from collections.abc import Iterator

import pytest
from django.test import Client

from annotation.models import SelfDescription, User
from tests.factories import PASSWORD, forget_sign_ins


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    client.force_login(ana)
    return client


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    forget_sign_ins()
    yield
    forget_sign_ins()


def test_a_description_is_saved_shown_and_withdrawn(browser: Client, ana: User) -> None:
    assert "Withdraw and delete" not in browser.get("/profile/").content.decode()
    said = {"age_band": "25-34", "gender": "", "first_languages": "Yorùbá; English, ", "x": "y"}
    assert browser.post("/profile/about/", said).url == "/profile/"
    kept = SelfDescription.objects.get(user=ana)
    assert (kept.age_band, kept.first_languages) == ("25-34", ["Yorùbá", "English"])
    page = browser.get("/profile/").content.decode()
    assert 'value="Yorùbá, English"' in page
    assert 'value="25-34" selected' in page
    browser.post("/profile/about/withdraw/")
    assert not SelfDescription.objects.exists()
    assert browser.get("/profile/about/withdraw/").status_code == 405


def test_what_does_not_fit_comes_back_with_the_rest(browser: Client) -> None:
    said = {"gender": "x" * 61, "region": "Anatolia"}
    refused = browser.post("/profile/about/", said)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert 'id="wrong_gender"' in page
    assert 'value="Anatolia"' in page
    assert not SelfDescription.objects.exists()


def test_a_language_is_kept_with_the_user_and_comes_back_at_sign_in(
    browser: Client, ana: User
) -> None:
    assert browser.post("/language/", {"language": "ar", "next": "/profile/"}).url == "/profile/"
    page = browser.get("/profile/").content.decode()
    assert '<html lang="ar" dir="rtl"' in page
    ana.refresh_from_db()
    assert ana.language == "ar"
    elsewhere = Client()
    elsewhere.post("/sign-in/", {"username": "ana", "password": PASSWORD})
    assert '<html lang="ar"' in elsewhere.get("/").content.decode()
    elsewhere.post("/language/", {"language": ""})
    assert '<html lang="en"' in elsewhere.get("/").content.decode()
    assert browser.post("/language/", {"language": "tlh"}).status_code == 422
    stranger = Client()
    stranger.post("/language/", {"language": "de"})
    assert '<html lang="de"' in stranger.get("/sign-in/").content.decode()
    assert stranger.post("/language/", {"language": "tlh"}).status_code == 302


def test_guessing_passwords_ends(ana: User, ben: User) -> None:
    guesser = Client()
    for number in range(10):
        guess = guesser.post("/sign-in/", {"username": "ana", "password": f"guess {number}"})
        assert guess.status_code == 422
    refused = guesser.post("/sign-in/", {"username": "ana", "password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) == 15 * 60
    assert "Try again in 15 minutes, at " in refused.content.decode()
    assert guesser.get("/").status_code == 302, "the right password is no way around it"
    unknown = Client()
    for _ in range(10):
        unknown.post("/sign-in/", {"username": "nobody", "password": "x"})
    told = unknown.post("/sign-in/", {"username": "nobody", "password": "x"})
    assert told.status_code == 429, "whether somebody exists makes no difference"
    assert Client().post("/sign-in/", {"username": "ben", "password": PASSWORD}).url == "/"


def test_behind_a_proxy_the_last_hop_counts(settings: object, ana: User, ben: User) -> None:
    settings.BEHIND_TLS = True
    for number in range(30):
        Client().post(
            "/sign-in/", {"username": f"guess-{number}", "password": "x"},
            headers={"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7"},
        )  # fmt: skip

    def sign_in(last_hop: str) -> int:
        headers = {"X-Forwarded-For": f"192.0.2.1, {last_hop}"}
        values = {"username": "ana", "password": PASSWORD}
        return Client().post("/sign-in/", values, headers=headers).status_code

    assert sign_in("198.51.100.7") == 429
    assert sign_in("198.51.100.8") == 302
