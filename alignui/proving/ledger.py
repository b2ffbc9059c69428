"""What the annotators were told about each answer that they sent: the proof's other half."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    OPEN = "without a final word"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Kind(StrEnum):
    JUDGMENT = "judgment"
    WITHDRAWAL = "withdrawal"


@dataclass(slots=True)
class Entry:
    """One token: what it was for, how often it was sent, and the final word on it.

    One that was accepted once is accepted, whatever was said to its other copies. A refusal is in
    doubt while the fate of a copy is unknown: that copy may arrive after the one that was refused,
    when there is room again.
    """

    token: str
    kind: Kind
    annotator: int
    assignment: int
    copies: int = 0
    lost: int = 0
    outcome: Outcome = Outcome.OPEN
    said: set[int] = field(default_factory=set)

    @property
    def is_in_doubt(self) -> bool:
        return self.outcome is Outcome.REFUSED and self.lost > 0

    def hear(self, status: int, *, is_accepted: bool) -> None:
        self.said.add(status)
        if is_accepted:
            self.outcome = Outcome.ACCEPTED
        elif self.outcome is not Outcome.ACCEPTED:
            self.outcome = Outcome.REFUSED


class Ledger:
    """Every entry of every annotator, what they did and what they met; shared by their threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.entries: list[Entry] = []
        self.deeds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.surprises: Counter[str] = Counter()
        self.accepted = 0

    def open(self, kind: Kind, token: str, annotator: int, assignment: int) -> Entry:
        entry = Entry(token, kind, annotator, assignment)
        with self._lock:
            self.entries.append(entry)
        return entry

    def hear(self, entry: Entry, status: int, *, is_accepted: bool) -> None:
        with self._lock:
            was_new = entry.outcome is not Outcome.ACCEPTED
            entry.hear(status, is_accepted=is_accepted)
            self.accepted += was_new and is_accepted and entry.kind is Kind.JUDGMENT

    def sent(self, entry: Entry) -> None:
        with self._lock:
            entry.copies += 1

    def lost(self, entry: Entry) -> None:
        with self._lock:
            entry.lost += 1
            self.deeds["connections lost"] += 1

    def note(self, deed: str, number: int = 1) -> None:
        with self._lock:
            self.deeds[deed] += number

    def status(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1

    def surprise(self, words: str) -> None:
        """Something that no fault of the trial explains."""
        with self._lock:
            self.surprises[words] += 1
