"""How large a trial is, and how much goes wrong in it."""

from dataclasses import dataclass

FULL_JUDGMENTS = 20_000
LEASE_SECONDS = 3
CLOCK_SKEWS = {"on time": 0.0, "hours ahead": 18_000.0, "hours behind": -18_000.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """A trial of so many judgments; its disruptions are spread evenly over them.

    `patience_seconds` without one accepted answer end the trial: then something is stuck.
    """

    annotators: int = 64
    judgments: int = FULL_JUDGMENTS
    seed: int = 1
    worker_kills: int = 100
    server_kills: int = 6
    connection_kills: int = 200
    database_crashes: int = 2
    interferences: int = 150
    patience_seconds: float = 90.0

    @classmethod
    def of_size(cls, *, annotators: int, judgments: int, seed: int) -> "Plan":
        """The disruptions of the full trial in proportion, and some of each kind in any."""
        share = judgments / FULL_JUDGMENTS
        return cls(
            annotators=annotators,
            judgments=judgments,
            seed=seed,
            worker_kills=max(6, round(100 * share)),
            server_kills=max(1, round(6 * share)),
            connection_kills=max(12, round(200 * share)),
            database_crashes=max(1, round(2 * share)),
            interferences=max(14, round(150 * share)),
        )


WITH_NEXT = "answer with the next one at hand"

# What an annotator does with a comparison, by its weight. Most of the time they just answer it.
ACTS = {
    "answer": 50.0,
    WITH_NEXT: 22.0,
    "answer and name the same as next": 1.0,
    "answer and forget the next one at hand": 1.5,
    "send twice": 5.0,
    "send twice at once": 5.0,
    "lose the reply and send again": 6.0,
    "leave": 1.5,
    "leave and answer late": 1.5,
    "skip": 1.5,
    "skip and come back": 1.5,
    "undo and answer again": 2.0,
    "undo and leave": 0.5,
    "renew, then answer": 1.0,
    "give back": 1.0,
}
