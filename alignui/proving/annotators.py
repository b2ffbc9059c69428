"""Annotators at work: each answers, and each does what real people and networks do besides."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from alignui.proving.doors import (
    CSRF_SECRET,
    NO_CONTENT,
    Answer,
    Door,
    Page,
    Request,
    Rest,
    Taken,
    send,
)
from alignui.proving.ledger import Entry, Kind, Ledger
from alignui.proving.plan import ACTS, LEASE_SECONDS, WITH_NEXT
from alignui.proving.wire import Lost, Reply, Wire

# Told so, a client waits and asks again: a server that fails, or a lead who has paused the person.
TRY_AGAIN = {403, 404, 408, 429, 500, 502, 503, 504}
IDLE_SECONDS = 0.25
SKIP_REASONS = ("expertise", "language", "broken", "harmful", "other")


@dataclass(frozen=True, slots=True)
class Person:
    """An account as a client knows it: its id, its session's key, its REST secret."""

    number: int
    user_id: int
    session: str
    secret: str


@dataclass
class Workplace:
    """What all annotators of a trial share. `is_over` ends work, `is_closed` even the waiting."""

    slug: str
    ports: Sequence[int]
    session_cookie: str
    ledger: Ledger
    is_over: threading.Event = field(default_factory=threading.Event)
    is_closed: threading.Event = field(default_factory=threading.Event)


class Annotator:
    """One person, in a thread of their own; everything they do is drawn from one seed."""

    def __init__(self, person: Person, place: Workplace, seed: int) -> None:
        self._person = person
        self._place = place
        self._chance = Random(f"{seed}/{person.number}")
        self._wire = self._new_wire()
        self._doors: tuple[Door, ...] = (
            Page(place.slug, is_scripted=True),
            Page(place.slug, is_scripted=False),
            Rest(place.slug, person.secret),
        )
        # One third works on pages, one third by REST, one third by turns.
        self._weights = ((4, 1, 0), (0, 0, 1), (2, 1, 2))[person.number % 3]
        self._door: Door = self._doors[0]
        # What stands on the page already, and what is leased to follow it.
        self._in_doubt: list[tuple[Door, Entry, Request]] = []
        self._following: int | None = None
        self._at_hand: int | None = None
        self.acts: dict[str, Callable[[int], None]] = {
            "answer": self._answer,
            WITH_NEXT: self._answer_with_next,
            "answer and name the same as next": self._answer_and_name_itself,
            "answer and forget the next one at hand": self._answer_and_forget_next,
            "send twice": self._send_twice,
            "send twice at once": self._send_twice_at_once,
            "lose the reply and send again": self._lose_reply,
            "leave": self._leave,
            "leave and answer late": self._leave_and_answer_late,
            "skip": self._skip,
            "skip and come back": self._skip_and_come_back,
            "undo and answer again": self._undo_and_answer,
            "undo and leave": self._undo_and_leave,
            "renew, then answer": self._renew_and_answer,
            "give back": self._give_back,
        }

    def work(self) -> None:
        """Until the trial is over. Nothing that is lost or refused stops a person."""
        while not self._place.is_over.is_set():
            try:
                self._turn()
            except Lost:
                self._place.ledger.note("connections lost")
            except Exception as error:  # noqa: BLE001 - the proof names it; others work on
                self._place.ledger.surprise(f"a reply was not understood: {error!r}")
        self._wire.close()

    def settle(self) -> None:
        """Sends once more what was refused while a copy of it was lost: now none is on its way."""
        while self._in_doubt:
            self._door, entry, request = self._in_doubt.pop()
            if entry.is_in_doubt:
                entry.lost = 0
                if self._send_until_final(entry, request, self._wire):
                    self._place.ledger.note("copies kept after another was refused")
        self._wire.close()

    def _turn(self) -> None:
        assignment, self._following = self._following, None
        if assignment is None:
            self._door, self._at_hand = self._chance.choices(self._doors, self._weights)[0], None
            assignment = self._next()
        if assignment is None:
            self._pause(IDLE_SECONDS)
            return
        act = self._chance.choices(list(ACTS), list(ACTS.values()))[0]
        if act != WITH_NEXT:
            self._at_hand = None
        self._place.ledger.note(act)
        self.acts[act](assignment)

    def _next(self) -> int | None:
        reply = self._ask(self._door.next())
        return None if reply.status == NO_CONTENT else self._door.assignment_in(reply)

    def _answer(self, assignment: int) -> None:
        taken = self._deliver(*self._judgment(assignment))
        self._following = taken.present if taken else None

    def _answer_with_next(self, assignment: int) -> None:
        """As the page does: what was at hand is shown at once, and what follows it comes along."""
        ahead = self._at_hand or self._look_ahead(assignment)
        taken = self._deliver(*self._judgment(assignment, ahead, wants_next=True))
        if taken is not None:
            self._following, self._at_hand = taken.present or ahead, taken.ahead

    def _answer_and_name_itself(self, assignment: int) -> None:
        """What no page of ours sends."""
        self._deliver(*self._judgment(assignment, ahead=assignment))

    def _answer_and_forget_next(self, assignment: int) -> None:
        """The lease ahead is never used, and its holder goes away for longer than it lasts."""
        self._look_ahead(assignment)
        self._answer(assignment)
        self._be_away()

    def _send_twice(self, assignment: int) -> None:
        entry, request = self._judgment(assignment)
        self._deliver(entry, request)
        self._deliver(entry, request)

    def _send_twice_at_once(self, assignment: int) -> None:
        entry, request = self._judgment(assignment)
        other = self._new_wire()
        second = threading.Thread(target=self._deliver, args=(entry, request, other))
        second.start()
        self._deliver(entry, request)
        second.join()
        other.close()

    def _lose_reply(self, assignment: int) -> None:
        entry, request = self._judgment(assignment)
        self._place.ledger.sent(entry)
        self._place.ledger.lost(entry)
        try:
            self._wire.send_and_hang_up(request.method, request.path, request.body, request.headers)
        finally:
            self._deliver(entry, request)

    def _leave(self, assignment: int) -> None:
        self._be_away()

    def _leave_and_answer_late(self, assignment: int) -> None:
        self._be_away()
        self._answer(assignment)

    def _skip(self, assignment: int) -> None:
        self._ask(self._door.skip(assignment, self._chance.choice(SKIP_REASONS)))

    def _skip_and_come_back(self, assignment: int) -> None:
        self._skip(assignment)
        if self._ask(self._doors[0].unskip(assignment)).status < 400:
            self._answer(assignment)

    def _undo_and_answer(self, assignment: int) -> None:
        if self._undo(assignment):
            self._answer(assignment)

    def _undo_and_leave(self, assignment: int) -> None:
        if self._undo(assignment):
            self._be_away()

    def _renew_and_answer(self, assignment: int) -> None:
        self._ask(self._door.renew(assignment))
        self._answer(assignment)

    def _give_back(self, assignment: int) -> None:
        self._ask(self._door.release(assignment))

    def _undo(self, assignment: int) -> bool:
        """Answers and takes it back; whether both were accepted."""
        if self._door == self._doors[1]:
            self._door = self._doors[0]  # a plain form learns of the way back one page later
        taken = self._deliver(*self._judgment(assignment))
        if taken is None or taken.judgment is None:
            return False
        token = self._token()
        entry = self._place.ledger.open(Kind.WITHDRAWAL, token, self._person.user_id, assignment)
        request = self._door.withdraw(taken.judgment, token)
        return self._send_until_final(entry, request, self._wire) is not None

    def _look_ahead(self, assignment: int) -> int | None:
        """The page's own way of having the next comparison at hand; None where there is none."""
        if isinstance(self._door, Rest):
            return None
        reply = self._ask(self._door.ahead(assignment))
        return None if reply.status == NO_CONTENT else self._door.assignment_in(reply)

    def _judgment(
        self, assignment: int, ahead: int | None = None, *, wants_next: bool = False
    ) -> tuple[Entry, Request]:
        token = self._token()
        entry = self._place.ledger.open(Kind.JUDGMENT, token, self._person.user_id, assignment)
        slot = self._chance.randrange(2)
        answer = Answer(assignment, token, slot, ahead=ahead, wants_next=wants_next)
        return entry, self._door.submit(answer)

    def _deliver(self, entry: Entry, request: Request, wire: Wire | None = None) -> Taken | None:
        """Sends until there is a final word, as the page's outbox does; None when refused."""
        reply = self._send_until_final(entry, request, wire or self._wire)
        return self._door.taken(reply) if reply else None

    def _send_until_final(self, entry: Entry, request: Request, wire: Wire) -> Reply | None:
        ledger = self._place.ledger
        while not self._place.is_closed.is_set():
            ledger.sent(entry)
            try:
                reply = send(wire, request)
            except Lost:
                ledger.lost(entry)
                time.sleep(0.05)
                continue
            ledger.status(reply.status)
            if reply.status not in TRY_AGAIN:
                is_accepted = self._door.is_accepted(reply)
                ledger.hear(entry, reply.status, is_accepted=is_accepted)
                if entry.is_in_doubt:
                    self._in_doubt.append((self._door, entry, request))
                return reply if is_accepted else None
            time.sleep(0.2)
        return None

    def _ask(self, request: Request) -> Reply:
        reply = send(self._wire, request)
        self._place.ledger.status(reply.status)
        if reply.status in TRY_AGAIN:
            self._pause(IDLE_SECONDS)
        return reply

    def _be_away(self) -> None:
        self._pause(LEASE_SECONDS + self._chance.random() * LEASE_SECONDS / 2)

    def _pause(self, seconds: float) -> None:
        self._place.is_over.wait(seconds)

    def _token(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def _new_wire(self) -> Wire:
        wire = Wire(self._place.ports, Random(self._chance.random()))
        wire.cookies = {
            self._place.session_cookie: self._person.session, "csrftoken": CSRF_SECRET
        }  # fmt: skip
        return wire
