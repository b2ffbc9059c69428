"""The ways in which an annotator's answers reach AlignUI: the judge page, its form, and REST."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from alignui.proving.wire import Reply, Wire

_ASSIGNMENT = re.compile(r'data-assignment="(\d+)"')
_AHEAD = re.compile(r'<template id="ahead">.*?</template>', re.DOTALL)
_JUDGMENT = re.compile(r"/judgments/(\d+)/withdraw/")
OK, CREATED, NO_CONTENT, FOUND = 200, 201, 204, 302
CSRF_SECRET = "Proof" * 6 + "42"


@dataclass(frozen=True, slots=True)
class Request:
    """What to send, so that it can be sent again exactly as it was."""

    path: str
    body: str
    headers: Mapping[str, str]
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Taken:
    """What came with an accepted answer, where known: the judgment's id, what is now before the
    annotator, and what is leased to follow it."""

    judgment: int | None = None
    present: int | None = None
    ahead: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent of an assignment: which slot is better, what the page holds ahead, and whether
    the next assignment shall come along, which a page always wants."""

    assignment: int
    token: str
    slot: int
    ahead: int | None = None
    wants_next: bool = False


class Door(Protocol):
    """How one kind of client asks, and how it reads what it is told."""

    def next(self) -> Request: ...
    def ahead(self, assignment: int) -> Request: ...
    def submit(self, answer: Answer) -> Request: ...
    def skip(self, assignment: int, reason: str) -> Request: ...
    def unskip(self, assignment: int) -> Request: ...
    def withdraw(self, judgment: int, token: str) -> Request: ...
    def renew(self, assignment: int) -> Request: ...
    def release(self, assignment: int) -> Request: ...
    def is_accepted(self, reply: Reply) -> bool: ...
    def assignment_in(self, reply: Reply) -> int | None: ...
    def taken(self, reply: Reply) -> Taken: ...


@dataclass(frozen=True, slots=True)
class Page:
    """The judge page: with its script (`htmx`), or the plain form of a browser without."""

    slug: str
    is_scripted: bool

    def next(self) -> Request:
        return Request(f"/judge/{self.slug}/", "", {}, method="GET")

    def ahead(self, assignment: int) -> Request:
        return self._post(f"/assignments/{assignment}/ahead/")

    def submit(self, answer: Answer) -> Request:
        fields = {"token": answer.token, "choice": f"{answer.slot}:1", "active_ms": "1500"}
        if answer.ahead is not None:
            fields["ahead"] = str(answer.ahead)
        return self._post(f"/assignments/{answer.assignment}/submit/", **fields)

    def skip(self, assignment: int, reason: str) -> Request:
        return self._post(f"/assignments/{assignment}/skip/", reason=reason)

    def unskip(self, assignment: int) -> Request:
        return self._post(f"/assignments/{assignment}/unskip/")

    def withdraw(self, judgment: int, token: str) -> Request:
        return self._post(f"/judgments/{judgment}/withdraw/", token=token)

    def renew(self, assignment: int) -> Request:
        return self._post(f"/assignments/{assignment}/renew/")

    def release(self, assignment: int) -> Request:
        return self.renew(assignment)  # the page has no button for it: it lets a lease lapse

    def is_accepted(self, reply: Reply) -> bool:
        """A way to the sign-in page is no acceptance, whatever its status."""
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if reply.status == FOUND:
            return headers.get("location", "").startswith("/judge/")
        return reply.status == OK and "hx-redirect" not in headers

    def assignment_in(self, reply: Reply) -> int | None:
        found = _ASSIGNMENT.search(_AHEAD.sub("", reply.text))
        return int(found[1]) if reply.status == OK and found else None

    def taken(self, reply: Reply) -> Taken:
        judgment = _JUDGMENT.search(reply.text)
        kept = _AHEAD.search(reply.text)
        ahead = _ASSIGNMENT.search(kept[0]) if kept else None
        return Taken(
            judgment=int(judgment[1]) if judgment else None,
            present=self.assignment_in(reply),
            ahead=int(ahead[1]) if ahead else None,
        )

    def _post(self, path: str, **fields: str) -> Request:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": CSRF_SECRET}
        if self.is_scripted:
            headers["HX-Request"] = "true"
        return Request(path, urlencode(fields), headers)


@dataclass(frozen=True, slots=True)
class Rest:
    """A program of the annotator's own, with a bearer token."""

    slug: str
    secret: str

    def next(self) -> Request:
        return self._post(f"projects/{self.slug}/assignments/next")

    def ahead(self, assignment: int) -> Request:
        return self._post(f"assignments/{assignment}/renew")

    def submit(self, answer: Answer) -> Request:
        body = {
            "idempotency_token": answer.token,
            "groups": [[answer.slot], [1 - answer.slot]],
            "active_ms": 1500,
            "next": answer.wants_next,
        }
        return self._post(f"assignments/{answer.assignment}/judgment", body)

    def skip(self, assignment: int, reason: str) -> Request:
        return self._post(f"assignments/{assignment}/skip", {"reason": reason})

    def unskip(self, assignment: int) -> Request:
        return self._post(f"assignments/{assignment}/renew")

    def withdraw(self, judgment: int, token: str) -> Request:
        return self._post(f"judgments/{judgment}/withdraw", {"idempotency_token": token})

    def renew(self, assignment: int) -> Request:
        return self._post(f"assignments/{assignment}/renew")

    def release(self, assignment: int) -> Request:
        return self._post(f"assignments/{assignment}/release")

    def is_accepted(self, reply: Reply) -> bool:
        return reply.status in (OK, CREATED)

    def assignment_in(self, reply: Reply) -> int | None:
        return int(json.loads(reply.text)["assignment"]) if reply.status == OK else None

    def taken(self, reply: Reply) -> Taken:
        said = json.loads(reply.text)
        following = said.get("next")
        return Taken(judgment=int(said["id"]), present=following and int(following["assignment"]))

    def _post(self, path: str, body: Mapping[str, object] | None = None) -> Request:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.secret}"}
        return Request(f"/api/v1/{path}", json.dumps(body or {}), headers)


def send(wire: Wire, request: Request) -> Reply:
    return wire.send(request.method, request.path, request.body, request.headers)
