"""Every error as one shape: {"error": {"type", "message", "field", "hint"}}."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from annotation.core.errors import (
    AlignUIError,
    FileInvalid,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)

TOKEN_HINT = "Create a token under Profile and send it as “Authorization: Bearer <token>”."


class TooLarge(AlignUIError):
    """More than one request may hold."""

    status = 413


class Unauthenticated(AlignUIError):
    """Nobody known is asking."""

    status = 401


class ErrorBody(serializers.Serializer):
    type = serializers.CharField(help_text="NotFound, Invalid, Conflict and the like.")
    message = serializers.CharField(help_text="What is wrong, in a sentence.")
    field = serializers.CharField(allow_null=True, help_text="Where, as a dotted path.")
    hint = serializers.CharField(allow_null=True, help_text="What to do next.")


class Error(serializers.Serializer):
    error = ErrorBody()


def handle(error: Exception, context: Mapping[str, object]) -> Response | None:
    """What REST framework calls with every exception of a view; None lets it surface as a bug."""
    known = _known(error)
    if known is None:
        return None
    set_rollback()
    status = getattr(error, "status_code", 400) if type(known) is AlignUIError else known.status
    response = Response({"error": _body(known)}, status=status)
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = f"{wait:.0f}"
    return response


def _known(error: Exception) -> AlignUIError | None:
    if isinstance(error, AlignUIError):
        return error
    for kinds, translate in TRANSLATIONS:
        if isinstance(error, kinds):
            return translate(error)
    return None


def _invalid(error: Any) -> Invalid:
    field, message = _first_problem(error.detail)
    return Invalid(message, field=field)


def _unauthenticated(error: Any) -> AlignUIError:
    return Unauthenticated(str(error.detail), hint=TOKEN_HINT)


def _not_found(error: Any) -> AlignUIError:
    return NotFound("There is nothing at this address.", hint="See /api/v1/schema/.")


def _forbidden(error: Any) -> AlignUIError:
    return Forbidden("You may not do this.")


def _too_large(error: Any) -> AlignUIError:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
    hint = "Send fewer rows at once, or import a file."
    return TooLarge(f"A request may hold {limit} MB.", hint=hint)


def _unavailable(error: Any) -> AlignUIError:
    return Unavailable("The database does not answer.", hint="Try again in a moment.")


def _refused(error: Any) -> AlignUIError:
    """A method or media type that is not taken, JSON that is none."""
    return AlignUIError(str(error.detail))


TRANSLATIONS: tuple[tuple[type | tuple[type, ...], Callable[[Any], AlignUIError]], ...] = (
    (exceptions.ValidationError, _invalid),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), _unauthenticated),
    ((exceptions.NotFound, Http404), _not_found),
    ((exceptions.PermissionDenied, PermissionDenied), _forbidden),
    (exceptions.APIException, _refused),
    (RequestDataTooBig, _too_large),
    (OperationalError, _unavailable),
)


def _body(error: AlignUIError) -> dict[str, object]:
    body: dict[str, object] = {
        "type": type(error).__name__ if type(error) is not AlignUIError else "Refused",
        "message": error.message,
        "field": error.field,
        "hint": error.hint,
    }
    if isinstance(error, FileInvalid):
        body["problems"] = [
            {"row": problem.row, "field": problem.field, "message": problem.message}
            for problem in error.problems
        ]
    return body


def _first_problem(detail: object, path: tuple[str, ...] = ()) -> tuple[str | None, str]:
    """The first message of REST framework's nested details, with its dotted path."""
    if isinstance(detail, Mapping):
        key, inner = next(iter(detail.items()))
        name = () if key == "non_field_errors" else (str(key),)
        return _first_problem(inner, path + name)
    if isinstance(detail, list):
        at, inner = next((at, item) for at, item in enumerate(detail) if item)
        name = (str(at),) if isinstance(inner, Mapping | list) and len(detail) > 1 else ()
        return _first_problem(inner, path + name)
    return ".".join(path) or None, str(detail)
