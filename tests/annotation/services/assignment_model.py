"""An independent model of assignment: lists that are looked through each time, and no counters."""

from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from annotation.models import User

OPEN, LEASED, SUBMITTED, SKIPPED, RETURNED = "open", "leased", "submitted", "skipped", "returned"
RECENT = 10


@dataclass
class Task:
    """A comparison as the model knows it."""

    key: int
    batch: int
    prompt: int
    language: str
    overlap: int
    utility: float
    lane: int = 0
    place: tuple[float, int, int] = (0.0, 0, 0)


@dataclass
class Lease:
    """An assignment; `seen` numbers the moments at which leases were first shown."""

    key: int
    who: int
    task: Task
    state: str = LEASED
    seen: int | None = None
    has_lapsed: bool = False
    judgments: list[tuple[UUID, bool]] = field(default_factory=list)


@dataclass
class Worker:
    """A person: what they read (all, when None), their quota, and what keeps them from work."""

    user: User
    languages: tuple[str, ...] | None = None
    quota: int | None = None
    recent: list[int] = field(default_factory=list)
    is_member: bool = True
    is_barred: bool = False


class Model:
    """Who may have what, found by looking at everything each time."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.leases: list[Lease] = []
        self.people: list[Worker] = []
        self.batches: dict[int, str] = {}
        self.drained: set[int] = set()
        self.moments = count()

    def of(self, task: Task, *states: str) -> list[Lease]:
        return [lease for lease in self.leases if lease.task is task and lease.state in states]

    def held(self, who: int) -> list[Lease]:
        """In the order in which they are given back: seen last first, then those ahead."""
        held = [lease for lease in self.leases if lease.who == who and lease.state == LEASED]
        return sorted(
            (lease for lease in held if self.batches[lease.task.batch] == OPEN),
            key=lambda lease: (lease.seen is None, -(lease.seen or 0), lease.key),
        )

    def lapsed(self) -> list[Lease]:
        """What a sweep returns: what is over, and what was leased while its batch was not open."""
        return [
            lease for lease in self.leases
            if lease.state == LEASED
            and (lease.has_lapsed or self.batches[lease.task.batch] != OPEN)
        ]  # fmt: skip

    def count(self, who: int, *states: str) -> int:
        return sum(lease.who == who and lease.state in states for lease in self.leases)

    def has_room(self, lease: Lease) -> bool:
        """Whether an ended assignment can become live again, for the comparison and the person."""
        live = self.of(lease.task, LEASED, SUBMITTED)
        is_theirs = any(other.who == lease.who for other in live)
        has_room = len(live) < lease.task.overlap and not is_theirs
        return has_room and self.is_below_quota(lease.who)

    def may_have_more(self, who: int) -> bool:
        person = self.people[who]
        return person.is_member and not person.is_barred and self.is_below_quota(who)

    def is_below_quota(self, who: int) -> bool:
        quota = self.people[who].quota
        return quota is None or self.count(who, LEASED, SUBMITTED) < quota

    def next(self, who: int) -> Task | None:
        """The most useful comparison that they have not met; prompts just seen come last."""
        recent = self.people[who].recent
        for avoids_recent, with_drained in ((True, False), (False, False), (False, True)):
            heads: dict[int, Task] = {}
            for task in sorted(self.tasks, key=lambda task: task.place):
                is_late = avoids_recent and task.prompt in recent
                is_out = not with_drained and task.lane in self.drained
                if not is_late and not is_out and self._suits(task, who):
                    heads.setdefault(task.lane, task)
            if heads:
                return min(heads.values(), key=lambda task: (-task.utility, task.batch, task.lane))
        return None

    def _suits(self, task: Task, who: int) -> bool:
        languages = self.people[who].languages
        met = any(lease.who == who for lease in self.of(task, LEASED, SUBMITTED, SKIPPED))
        reads = languages is None or task.language in ("", *languages)
        has_room = len(self.of(task, LEASED, SUBMITTED)) < task.overlap
        return self.batches[task.batch] == OPEN and reads and has_room and not met

    def queue(self) -> None:
        """Places by utility; of equal utility each prompt's first before any prompt's second."""
        siblings: dict[tuple[int, int, float], int] = {}
        for task in self.tasks:
            if self.batches[task.batch] == "closed":
                continue
            same = (task.batch, task.prompt, task.utility)
            siblings[same] = siblings.get(same, 0) + 1
            task.place = (-task.utility, siblings[same], task.key)

    def end(self, lease: Lease, state: str) -> None:
        lease.state, lease.has_lapsed = state, False

    def show(self, lease: Lease) -> None:
        lease.seen = next(self.moments) if lease.seen is None else lease.seen
        lease.has_lapsed = False
