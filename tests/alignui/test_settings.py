"""Addresses in the environment become settings, or a sentence that says what they must be."""

import pytest

from alignui.settings import _email


def test_a_mail_server_is_read_from_its_address() -> None:
    given = _email("smtp://align%40example.org:p%3Ass@mail.example.org")
    assert given["EMAIL_HOST_USER"] == "align@example.org"
    assert given["EMAIL_HOST_PASSWORD"] == "p:ss"
    assert (given["EMAIL_PORT"], given["EMAIL_USE_TLS"], given["EMAIL_USE_SSL"]) == (
        587, True, False
    )  # fmt: skip
    secure, plain = _email("smtps://mail.example.org"), _email("smtp+plain://10.0.0.5:2525")
    assert (secure["EMAIL_PORT"], secure["EMAIL_USE_SSL"]) == (465, True)
    assert (plain["EMAIL_PORT"], plain["EMAIL_USE_TLS"]) == (2525, False)


def test_without_an_address_nothing_is_sent() -> None:
    assert str(_email("")["EMAIL_BACKEND"]).endswith("dummy.EmailBackend")
    assert str(_email("console:")["EMAIL_BACKEND"]).endswith("console.EmailBackend")


@pytest.mark.parametrize("wrong", ["mail.example.org", "http://mail.example.org", "smtp://"])
def test_another_address_is_refused_in_words(wrong: str) -> None:
    with pytest.raises(ValueError, match="EMAIL_URL must be smtp://"):
        _email(wrong)
