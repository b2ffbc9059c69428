"""The last step, kept in a signed cookie for its minute, so that it can be undone on any page."""

from dataclasses import asdict, dataclass, field
from uuid import uuid4

from django.core import signing
from django.http import HttpResponse

from annotation.models import Project
from annotation.services.assignments import UNDO_SECONDS
from annotation.services.judgments import Submitted
from annotation.web.requests import Request

COOKIE, SALT = "undo", "annotation.undo"


@dataclass(frozen=True, slots=True)
class Undo:
    """A judgment or a skipped assignment that can be taken back, with the token for doing so."""

    project: int
    judgment: int | None = None
    assignment: int | None = None
    token: str = field(default_factory=lambda: str(uuid4()))

    def __bool__(self) -> bool:
        return bool(self.judgment or self.assignment)


NOTHING = Undo(project=0, token="")


def undo_of_judgment(submitted: Submitted) -> Undo:
    return Undo(project=submitted.project.pk, judgment=submitted.judgment.pk)


def remembered(response: HttpResponse, undo: Undo) -> HttpResponse:
    response.set_cookie(
        COOKIE,
        signing.dumps(asdict(undo), salt=SALT),
        max_age=UNDO_SECONDS,
        httponly=True,
        samesite="Lax",
    )
    return response


def forgotten(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def remembered_undo(request: Request, project: object) -> Undo | None:
    """The last step, if it was in this project and can still be taken back."""
    kept = request.COOKIES.get(COOKIE)
    if not kept or not isinstance(project, Project):
        return None
    try:
        undo = Undo(**signing.loads(kept, salt=SALT, max_age=UNDO_SECONDS))
    except (signing.BadSignature, TypeError):
        return None
    return undo if undo.project == project.pk else None
