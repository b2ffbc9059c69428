"""Shorthands for speaking to the REST interface."""

from typing import Any

from django.http import HttpResponse


def error(response: HttpResponse) -> dict[str, Any]:
    """The error's body, after a check that it has the one shape."""
    body = response.json()
    assert list(body) == ["error"]
    assert {"type", "message", "field", "hint"} <= body["error"].keys()
    return body["error"]
