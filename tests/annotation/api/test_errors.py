"""Whatever goes wrong, a program gets the one shape of error and not a page."""

import pytest
from django.db import OperationalError

from tests.rest import error


@pytest.mark.parametrize("raw", [b"{", b"[1,", b"\xff\xfe", b'{"a": NaN}', b"[" * 50_000])
def test_what_is_not_json_is_refused(api, ana, project, raw):
    response = api(ana).post("assignments/1/judgment", raw=raw)
    assert response.status_code in {400, 404}
    response = api(ana).post("projects/kitchen/policies", raw=raw)
    assert response.status_code in {400, 404}
    error(response)


@pytest.mark.parametrize("raw", [b"{", b"[1,", b"\xff\xfe", b'{"a": NaN}', b"[" * 50_000])
def test_even_from_a_lead(api, lena, project, raw):
    response = api(lena).post("projects/kitchen/policies", raw=raw)
    assert response.status_code == 400
    assert error(response)["type"] == "Refused"


def test_a_body_must_be_an_object(api, lena, project):
    response = api(lena).post("projects/kitchen/policies", [1, 2])
    assert response.status_code == 422
    assert error(response)["type"] == "Invalid"


def test_an_unknown_field_is_named(api, lena, project):
    response = api(lena).post("projects/kitchen/policies", {"nam": "x"})
    assert response.status_code == 422
    assert error(response)["field"] == "nam"


def test_a_request_has_a_size(api, lena, project, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    response = api(lena).post("projects/kitchen/prompts", {"rows": [{"prompt": "x" * 2**20}]})
    assert response.status_code == 413
    assert "1 MB" in error(response)["message"]


def test_a_method_that_is_not_there(api, ana):
    response = api(ana).post("me")
    assert response.status_code == 405
    error(response)


def test_an_address_that_is_not_there(api, ana):
    response = api(ana).get("nothing/here")
    assert response.status_code == 404
    assert error(response)["type"] == "NotFound"


def test_a_database_that_is_away_is_said(api, ana, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused at 10.0.0.1")

    caller = api(ana)
    monkeypatch.setattr("annotation.api.projects.access.projects_led", away)
    response = caller.get("me")
    assert response.status_code == 503
    assert error(response)["type"] == "Unavailable"
    assert "10.0.0.1" not in response.content.decode()


def test_a_cursor_that_we_never_gave(api, lena, project):
    response = api(lena).get("projects/kitchen/prompts", cursor="rubbish")
    assert response.status_code == 404
    error(response)
