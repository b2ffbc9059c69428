"""The two ways to annotate: the page as a browser drives it, and REST. Each checks what it gets."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote_plus, urlencode
from uuid import UUID

from benchmarks.filling import PASSWORD, SLUG, Person
from benchmarks.line import Answer, Line, Wrong

CHOICES = ("0:3", "0:2", "0:1", "tie", "1:1", "1:2", "1:3")
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
JSON = b"Content-Type: application/json\r\n"

# What the pages write; see templates/annotation/comparison.html and bar.html.
ASSIGNMENT = re.compile(rb' data-assignment="(\d+)"')
TOKEN = re.compile(rb' name="token" value="([0-9a-f-]{36})"')
CSRF = re.compile(rb'"X-CSRFToken": "([^"]+)"')
AHEAD = re.compile(rb'<template id="ahead"[^>]*>(.*)</template>', re.DOTALL)
NUMBER = re.compile(rb"Answer (\d+)\.(\d+)")  # what filling.py writes into every response


@dataclass(frozen=True, slots=True)
class Shown:
    """A comparison at hand: its assignment, the token to answer with, its responses' numbers."""

    assignment: int
    token: str
    responses: frozenset[bytes]


@dataclass(slots=True)
class Annotator(ABC):
    """One person at work. `judge` is a submit and the next comparison: the wait that counts."""

    person: Person
    line: Line
    random: Random
    signs_in: bool = False
    accepted: list[str] = field(default_factory=list)
    met: set[frozenset[bytes]] = field(default_factory=set)
    requests: int = 0
    received_bytes: int = 0

    @abstractmethod
    async def begin(self) -> None:
        """Comes in and takes the first comparison."""

    @abstractmethod
    async def judge(self) -> None:
        """Answers what is shown and has the next one; raises Wrong when anything is not right."""

    async def ask(
        self, method: str, path: str, headers: bytes, body: bytes = b"",
        *, expects: Iterable[int] = (200,),
    ) -> Answer:  # fmt: skip
        answer = await self.line.ask(method, path, headers, body)
        self.requests += 1
        self.received_bytes += len(answer.body)
        if answer.status not in expects:
            words = answer.body[:300].decode(errors="replace")
            raise Wrong(f"{method} {path} answered {answer.status}: {words}")
        return answer

    def meet(self, responses: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
        """The numbers of a comparison's two responses. Raises Wrong for one that was met before."""
        prompts = {prompt for prompt, _ in responses}
        shown = frozenset(b".".join(number) for number in responses)
        if len(shown) != 2 or len(prompts) != 1:
            raise Wrong(f"A comparison shows {sorted(shown)}.")
        if shown in self.met:
            raise Wrong(f"{self.person.username} met {sorted(shown)} twice.")
        self.met.add(shown)
        return shown


@dataclass(slots=True)
class PageAnnotator(Annotator):
    """As static/js/judge/ does it: one comparison is read while the next waits behind it."""

    present: Shown | None = None
    following: Shown | None = None
    _cookies: dict[str, str] = field(default_factory=dict)
    _posts: bytes = b""

    async def begin(self) -> None:
        if self.signs_in:
            await self._sign_in()
        else:
            self._cookies["sessionid"] = self.person.session
        page = await self.ask("GET", f"/judge/{SLUG}/", self._cookie())
        self._take_cookies(page)
        self._posts = (
            self._cookie()
            + FORM
            + b"HX-Request: true\r\nX-CSRFToken: %b\r\n" % (_found(CSRF, page.body))
        )
        self.present = self._comparison(page.body)
        if self.present is not None:
            await self._fetch_ahead()

    async def judge(self) -> None:
        shown, following = self.present, self.following
        if shown is None:
            raise Wrong(f"Nothing is open for {self.person.username} any more.")
        answer = await self.ask(
            "POST", f"/assignments/{shown.assignment}/submit/", self._posts,
            self._written(shown, following),
        )  # fmt: skip
        self.accepted.append(shown.token)
        await self._go_on(answer.body, following)

    async def _go_on(self, body: bytes, following: Shown | None) -> None:
        """Takes what was ahead as the page does, and what the answer brings behind it."""
        ahead = AHEAD.search(body)
        around = body[: ahead.start()] + body[ahead.end() :] if ahead else body
        is_here = b'id="comparison"' in around
        if b'id="notice"' not in around or (b'id="progress"' not in around):
            raise Wrong(f"An answer to a submit lacks what is around the comparison: {around!r}")
        self.present = self._comparison(around) if is_here or following is None else following
        if ahead is not None:
            self.following = self._comparison(ahead[1])
        elif self.present is not None:
            await self._fetch_ahead()

    async def _fetch_ahead(self) -> None:
        assert self.present is not None
        path = f"/assignments/{self.present.assignment}/ahead/"
        answer = await self.ask("POST", path, self._posts, expects=(200, 204))
        self.following = self._comparison(answer.body) if answer.status == 200 else None

    def _written(self, shown: Shown, following: Shown | None) -> bytes:
        seconds = self.random.uniform(5, 60)
        fields = {
            "token": shown.token,
            "choice": self.random.choice(CHOICES),
            "active_ms": str(int(seconds * 1000)),
            "first_viewed_ms": "0,900",
        }
        if following is not None:
            fields["ahead"] = str(following.assignment)
        return urlencode(fields).encode()

    def _comparison(self, html: bytes) -> Shown | None:
        assignment = ASSIGNMENT.search(html)
        if assignment is None:
            return None
        responses = self.meet(NUMBER.findall(html))
        return Shown(int(assignment[1]), _found(TOKEN, html).decode(), responses)

    async def _sign_in(self) -> None:
        form = await self.ask("GET", "/sign-in/", b"")
        self._take_cookies(form)
        fields = {
            "username": self.person.username, "password": PASSWORD,
            "csrfmiddlewaretoken": self._cookies["csrftoken"],
        }  # fmt: skip
        answer = await self.ask(
            "POST", "/sign-in/", self._cookie() + FORM, urlencode(fields).encode(), expects=(302,)
        )
        self._take_cookies(answer)
        if "sessionid" not in self._cookies:
            raise Wrong(f"{self.person.username} is not signed in.")

    def _take_cookies(self, answer: Answer) -> None:
        for line in answer.cookies:
            name, _, value = line.partition(b";")[0].partition(b"=")
            self._cookies[name.strip().decode()] = value.decode()

    def _cookie(self) -> bytes:
        written = "; ".join(f"{name}={quote_plus(value)}" for name, value in self._cookies.items())
        return f"Cookie: {written}\r\n".encode() if written else b""


@dataclass(slots=True)
class RestAnnotator(Annotator):
    """Asks for the next comparison in the answer itself where the server offers that."""

    present: Shown | None = None
    _headers: bytes = b""
    _brings_next: bool = True

    async def begin(self) -> None:
        self._headers = JSON + f"Authorization: Bearer {self.person.token}\r\n".encode()
        await self._next()

    async def judge(self) -> None:
        shown = self.present
        if shown is None:
            raise Wrong(f"Nothing is open for {self.person.username} any more.")
        path = f"/api/v1/assignments/{shown.assignment}/judgment"
        written = self._written(shown)
        allowed = (201, 400, 422) if self._brings_next else (201,)
        answer = await self.ask("POST", path, self._headers, written, expects=allowed)
        if answer.status != 201:
            await self._do_without(answer, path, shown)
            return
        self.accepted.append(shown.token)
        given = json.loads(answer.body)
        if "next" in given:
            self.present = self._comparison(given["next"], answer.body)
        else:
            await self._next()

    async def _do_without(self, refusal: Answer, path: str, shown: Shown) -> None:
        """A server that does not know `next` refuses it by name; it is asked separately."""
        if b"next" not in refusal.body:
            raise Wrong(f"POST {path} answered {refusal.status}: {refusal.body[:300]!r}")
        self._brings_next = False
        await self.ask("POST", path, self._headers, self._written(shown), expects=(201,))
        self.accepted.append(shown.token)
        await self._next()

    async def _next(self) -> None:
        path = f"/api/v1/projects/{SLUG}/assignments/next"
        answer = await self.ask("POST", path, self._headers, b"{}", expects=(200, 204))
        given = json.loads(answer.body) if answer.status == 200 else None
        self.present = self._comparison(given, answer.body)

    def _written(self, shown: Shown) -> bytes:
        choice = self.random.choice(CHOICES)
        winner, _, strength = choice.partition(":")
        fields: dict[str, object] = {
            "idempotency_token": shown.token,
            "groups": [[0, 1]] if choice == "tie" else [[int(winner)], [1 - int(winner)]],
            "active_ms": int(self.random.uniform(5, 60) * 1000),
        }
        if strength:
            fields["strength"] = int(strength)
        if self._brings_next:
            fields["next"] = True
        return json.dumps(fields).encode()

    def _comparison(self, given: dict[str, object] | None, body: bytes) -> Shown | None:
        if given is None:
            return None
        token = str(UUID(str(given["idempotency_token"])))
        return Shown(int(str(given["assignment"])), token, self.meet(NUMBER.findall(body)))


def _found(pattern: re.Pattern[bytes], html: bytes) -> bytes:
    found = pattern.search(html)
    if found is None:
        raise Wrong(f"The page does not hold {pattern.pattern.decode()}.")
    return found[1]
