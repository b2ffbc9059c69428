"""All that a submit needs to know, in one statement: the seat, the assignment, what came before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from annotation.core.sittings import Sitting
from annotation.models import Assignment, User
from annotation.selectors.prepared import prepared_row
from annotation.selectors.seats import (
    SEAT_COLUMNS,
    SEAT_TABLES,
    Seat,
    seat_from,
    seat_parameters,
)

_DESK = f"""
    SELECT {SEAT_COLUMNS},
           a.id AS assignment_id, a.state, a.purpose, a.display_order, a.shown_at, a.closed_at,
           c.id AS comparison_id, c.batch_id, c.kind, c.overlap, c.judged AS comparison_judged,
           c.gold_groups IS NOT NULL AS is_gold, prompt.is_unsafe,
           earlier.id AS earlier_id, earlier.assignment_id AS earlier_assignment_id,
           head.id AS head_id, head.revision AS head_revision, head.created_at AS head_at,
           sitting.began_at, sitting.last_at, sitting.answers, sitting.first_ms, sitting.recent_ms
      FROM {SEAT_TABLES}
      JOIN annotation_assignment a ON a.annotator_id = p.annotator_id
      JOIN annotation_comparison c ON c.id = a.comparison_id AND c.project_id = p.project_id
      JOIN annotation_prompt prompt ON prompt.id = c.prompt_id
      LEFT JOIN annotation_judgment earlier
        ON earlier.annotator_id = p.annotator_id AND earlier.idempotency_token = %(token)s
      LEFT JOIN LATERAL (
           SELECT j.id, j.revision, j.created_at FROM annotation_judgment j
            WHERE j.comparison_id = c.id AND j.annotator_id = p.annotator_id
            ORDER BY j.revision DESC LIMIT 1) AS head ON true
      LEFT JOIN annotation_sittingclock sitting ON sitting.annotator_id = p.annotator_id
     WHERE a.id = %(assignment)s AND p.id = %(participation)s
       FOR NO KEY UPDATE OF a
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Desk:
    """An annotator with one of their assignments before them, both locked.

    `earlier` is what was submitted with this token before, `head` their newest word on the
    comparison; `judged` is how many judgments the comparison has.
    """

    seat: Seat
    assignment: Assignment
    batch_id: int
    kind: str
    overlap: int
    judged: int
    is_gold: bool
    is_unsafe: bool
    earlier_id: int | None
    earlier_assignment_id: int | None
    head_id: int | None
    head_revision: int
    head_at: datetime | None
    sitting: Sitting | None


def desk(annotator: User, assignment_id: int, token: UUID, *, participation_id: int) -> Desk:
    """To be asked while the participation is locked, so that it sees what other tabs did."""
    parameters: dict[str, Any] = seat_parameters() | {
        "assignment": assignment_id,
        "participation": participation_id,
        "token": token,
    }
    row = prepared_row(_DESK, parameters)
    assert row is not None
    return Desk(
        seat=seat_from(row),
        assignment=_assignment(annotator, row),
        batch_id=row["batch_id"],
        kind=row["kind"],
        overlap=row["overlap"],
        judged=row["comparison_judged"],
        is_gold=row["is_gold"],
        is_unsafe=row["is_unsafe"],
        earlier_id=row["earlier_id"],
        earlier_assignment_id=row["earlier_assignment_id"],
        head_id=row["head_id"],
        head_revision=row["head_revision"] if row["head_id"] else -1,
        head_at=row["head_at"],
        sitting=_sitting(row),
    )


def _assignment(annotator: User, row: dict[str, Any]) -> Assignment:
    assignment = Assignment(
        pk=row["assignment_id"],
        comparison_id=row["comparison_id"],
        annotator=annotator,
        purpose=row["purpose"],
        state=row["state"],
        display_order=row["display_order"],
        shown_at=row["shown_at"],
        closed_at=row["closed_at"],
    )
    assignment._state.adding = False
    return assignment


def _sitting(row: dict[str, Any]) -> Sitting | None:
    if row["began_at"] is None:
        return None
    return Sitting(
        began_at=row["began_at"],
        last_at=row["last_at"],
        n=row["answers"],
        first_ms=tuple(row["first_ms"]),
        recent_ms=tuple(row["recent_ms"]),
    )
