"""The end of a submit: assignment, draft, sitting and counters, in one statement."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from annotation.core.sittings import Sitting
from annotation.models import Assignment
from annotation.selectors.desks import Desk

_SUBMITTED = """
WITH closed AS (
    UPDATE annotation_assignment
       SET state = 'submitted', closed_at = CASE WHEN state = 'submitted' THEN closed_at
                                                 ELSE now() END
     WHERE id = %(assignment)s
), shown AS (
    UPDATE annotation_assignment
       SET shown_at = COALESCE(shown_at, now()),
           expires_at = now() + make_interval(secs => %(seconds)s)
     WHERE id = %(shows)s AND annotator_id = %(annotator)s AND state = 'leased'
    RETURNING id
), draft AS (
    DELETE FROM annotation_draft WHERE assignment_id = %(assignment)s
), sitting AS (
    INSERT INTO annotation_sittingclock
        (annotator_id, began_at, last_at, answers, first_ms, recent_ms)
    VALUES (%(annotator)s, %(began_at)s, %(last_at)s, %(answers)s, %(first_ms)s, %(recent_ms)s)
    ON CONFLICT (annotator_id) DO UPDATE
       SET began_at = EXCLUDED.began_at, last_at = EXCLUDED.last_at, answers = EXCLUDED.answers,
           first_ms = EXCLUDED.first_ms, recent_ms = EXCLUDED.recent_ms
), day AS (
    INSERT INTO annotation_workday AS known
        (participation_id, day, judged, skipped, harmful, active_ms, earned, currency)
    VALUES (%(participation)s, %(today)s, %(new)s, 0, %(harmful)s, %(active_ms)s, %(earned)s,
            %(currency)s)
    ON CONFLICT (participation_id, day) DO UPDATE
       SET judged = known.judged + EXCLUDED.judged, harmful = known.harmful + EXCLUDED.harmful,
           active_ms = known.active_ms + EXCLUDED.active_ms,
           earned = known.earned + EXCLUDED.earned,
           currency = CASE WHEN EXCLUDED.currency = '' THEN known.currency
                           ELSE EXCLUDED.currency END
    RETURNING judged, earned
), seat AS (
    UPDATE annotation_participation
       SET judged = judged + %(new)s, last_judged_at = now(),
           first_judged_at = COALESCE(first_judged_at, now())
     WHERE id = %(participation)s
)
SELECT (SELECT judged FROM day), (SELECT earned FROM day), (SELECT id FROM shown)
"""
_WITHDRAWN = """
WITH day AS (
    UPDATE annotation_workday
       SET judged = greatest(judged - 1, 0), harmful = greatest(harmful - %(harmful)s, 0),
           earned = greatest(earned - %(earned)s, 0)
     WHERE participation_id = %(participation)s AND day = (%(at)s AT TIME ZONE %(zone)s)::date
)
UPDATE annotation_participation SET judged = greatest(judged - 1, 0) WHERE id = %(participation)s
"""


@dataclass(frozen=True, slots=True)
class Day:
    """Where the annotator stands after a submit; whether what was ahead is shown now."""

    judged: int
    earned: Decimal
    is_ahead_shown: bool


def submit_close(
    place: Desk, sitting: Sitting, *, active_ms: int | None, shows: int | None, seconds: int
) -> Day:
    """Marks the assignment submitted and counts it; an amendment adds time, but counts once.

    `shows` is an assignment held ahead that the annotator sees from now on, for `seconds`.
    """
    is_new = place.assignment.state != Assignment.State.SUBMITTED
    seat = place.seat
    parameters: dict[str, Any] = {
        "assignment": place.assignment.pk,
        "annotator": place.assignment.annotator_id,
        "shows": shows,
        "seconds": seconds,
        "began_at": sitting.began_at,
        "last_at": sitting.last_at,
        "answers": sitting.n,
        "first_ms": list(sitting.first_ms),
        "recent_ms": list(sitting.recent_ms),
        "participation": seat.participation_id,
        "today": seat.today,
        "new": int(is_new),
        "harmful": int(is_new and place.is_unsafe),
        "active_ms": active_ms or 0,
        "earned": seat.earned(active_ms or 0) if is_new else 0,
        "currency": seat.currency,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUBMITTED, parameters)
        judged, earned, shown = cursor.fetchone()
    return Day(judged=judged, earned=earned, is_ahead_shown=shown is not None)


def submit_undo(place: Desk, *, active_ms: int | None, at: datetime) -> None:
    """Takes one judgment out of the counters of its day; the time spent on it stays."""
    parameters: dict[str, Any] = {
        "participation": place.seat.participation_id,
        "harmful": int(place.is_unsafe),
        "earned": place.seat.earned(active_ms or 0),
        "at": at,
        "zone": settings.TIME_ZONE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAWN, parameters)
