"""The end of a submit: judgment, assignment, draft, sitting and counters, in one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection

from annotation.core.sittings import Sitting
from annotation.models import Assignment, CriterionAnswer, Judgment
from annotation.selectors.desks import Desk
from annotation.selectors.prepared import prepared_row

_SUBMITTED = """
WITH judgment AS (
    INSERT INTO annotation_judgment
        (comparison_id, annotator_id, assignment_id, revision, supersedes_id, is_withdrawal,
         is_adjudication, idempotency_token, groups, strength, both_bad, rationale, confidence,
         active_ms, first_viewed_ms, sitting_ms, pace, source, judged_at, created_at)
    VALUES (%(comparison)s, %(annotator)s, %(assignment)s, %(revision)s, %(supersedes)s, false,
            false, %(token)s, %(groups)s::jsonb, %(strength)s, %(both_bad)s, %(rationale)s,
            %(confidence)s, %(active_ms)s, %(first_viewed_ms)s::int[], %(sitting_ms)s, %(pace)s,
            %(source)s, now(), now())
    RETURNING id
), answers AS (
    INSERT INTO annotation_criterionanswer (judgment_id, criterion_id, groups, strength, ratings)
    SELECT judgment.id, given.criterion, given.groups, given.strength, given.ratings
      FROM judgment, jsonb_to_recordset(%(answers)s::jsonb)
           AS given(criterion bigint, groups jsonb, strength smallint, ratings jsonb)
), closed AS (
    UPDATE annotation_assignment
       SET state = 'submitted', closed_at = CASE WHEN state = 'submitted' THEN closed_at
                                                 ELSE now() END
     WHERE id = %(assignment)s
), shown AS (
    UPDATE annotation_assignment
       SET shown_at = COALESCE(shown_at, now()),
           expires_at = now() + make_interval(secs => %(seconds)s::int)
     WHERE id = %(shows)s::bigint AND id <> %(assignment)s AND annotator_id = %(annotator)s
       AND state = 'leased'
    RETURNING id
), draft AS (
    DELETE FROM annotation_draft WHERE assignment_id = %(assignment)s
), sitting AS (
    INSERT INTO annotation_sittingclock
        (annotator_id, began_at, last_at, answers, first_ms, recent_ms)
    VALUES (%(annotator)s, %(began_at)s, %(last_at)s, %(n)s, %(first_ms)s::int[],
            %(recent_ms)s::int[])
    ON CONFLICT (annotator_id) DO UPDATE
       SET began_at = EXCLUDED.began_at, last_at = EXCLUDED.last_at, answers = EXCLUDED.answers,
           first_ms = EXCLUDED.first_ms, recent_ms = EXCLUDED.recent_ms
), day AS (
    INSERT INTO annotation_workday AS known
        (participation_id, day, judged, skipped, harmful, active_ms, earned, currency)
    VALUES (%(participation)s, %(today)s, %(new)s, 0, %(harmful)s,
            COALESCE(%(active_ms)s::bigint, 0), %(earned)s,
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
SELECT (SELECT id FROM judgment) AS judgment, (SELECT judged FROM day) AS judged,
       (SELECT earned FROM day) AS earned, (SELECT id FROM shown) AS shown
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
    place: Desk,
    judgment: Judgment,
    sitting: Sitting,
    *,
    answers: Sequence[CriterionAnswer],
    shows: int | None,
    seconds: int,
) -> Day:
    """Stores a judgment with its answers, marks its assignment submitted and counts it.

    An amendment adds time, but counts once. `shows` is an assignment held ahead that the annotator
    sees from now on, for `seconds`.
    """
    row = prepared_row(
        _SUBMITTED,
        _of_judgment(judgment, answers) | _of_counters(place, judgment, sitting)
        | {"shows": shows, "seconds": seconds},
    )  # fmt: skip
    assert row is not None
    judgment.pk, judgment._state.adding = row["judgment"], False
    return Day(judged=row["judged"], earned=row["earned"], is_ahead_shown=row["shown"] is not None)


def _of_judgment(judgment: Judgment, answers: Sequence[CriterionAnswer]) -> dict[str, Any]:
    return {
        "comparison": judgment.comparison_id,
        "annotator": judgment.annotator_id,
        "assignment": judgment.assignment_id,
        "revision": judgment.revision,
        "supersedes": judgment.supersedes_id,
        "token": judgment.idempotency_token,
        "groups": json.dumps(judgment.groups),
        "strength": judgment.strength,
        "both_bad": judgment.both_bad,
        "rationale": judgment.rationale,
        "confidence": judgment.confidence,
        "active_ms": judgment.active_ms,
        "first_viewed_ms": judgment.first_viewed_ms,
        "sitting_ms": judgment.sitting_ms,
        "pace": judgment.pace,
        "source": str(judgment.source),
        "answers": json.dumps(
            [
                {
                    "criterion": answer.criterion_id,
                    "groups": answer.groups,
                    "strength": answer.strength,
                    "ratings": answer.ratings,
                }
                for answer in answers
            ]
        ),
    }


def _of_counters(place: Desk, judgment: Judgment, sitting: Sitting) -> dict[str, Any]:
    is_new = place.assignment.state != Assignment.State.SUBMITTED
    seat = place.seat
    return {
        "began_at": sitting.began_at,
        "last_at": sitting.last_at,
        "n": sitting.n,
        "first_ms": list(sitting.first_ms),
        "recent_ms": list(sitting.recent_ms),
        "participation": seat.participation_id,
        "today": seat.today,
        "new": int(is_new),
        "harmful": int(is_new and place.is_unsafe),
        "earned": seat.earned(judgment.active_ms or 0) if is_new else Decimal(),
        "currency": seat.currency,
    }


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
