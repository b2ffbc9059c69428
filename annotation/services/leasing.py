"""Giving out the next comparison: what kind it is, which one, in which display order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from django.db import connection

from annotation.core.scheduling import (
    claim_kind,
    derive_seed,
    display_order,
    goes_to_oldest,
    pair_order,
)
from annotation.models import (
    Assignment,
    Batch,
    Candidate,
    Comparison,
    ComparisonKind,
    Project,
    User,
)
from annotation.selectors.claims import Pick, next_comparison, picked_again
from annotation.selectors.prepared import prepared_row
from annotation.selectors.seats import RECENT_PROMPTS, Seat

ADVANCE_EVERY = 16  # claims after which an annotator's frontier in a lane is moved on
AHEAD_SECONDS = 300
REPEAT_AFTER = 20  # own judgments between a comparison and its hidden repeat

_LEASE = """
WITH lease AS (
    INSERT INTO annotation_assignment
        (comparison_id, annotator_id, purpose, state, display_order, leased_at, expires_at,
         shown_at, suggestion_shown, skip_reason, skip_note)
    VALUES (%(comparison)s, %(annotator)s, 'judge', 'leased', %(order)s::smallint[], now(),
            now() + make_interval(secs => %(seconds)s::int),
            CASE WHEN %(is_shown)s::bool THEN now() END, %(suggestion)s::bool, '', '')
    RETURNING id, leased_at, expires_at, shown_at
), tally AS (
    INSERT INTO annotation_pairorder AS t
        (participation_id, low_id, high_id, low_first, high_first)
    SELECT %(participation)s::bigint, %(low)s::bigint, %(high)s::bigint,
           %(low_first)s::bool::int, 1 - %(low_first)s::bool::int
     WHERE %(low)s::bigint IS NOT NULL
    ON CONFLICT (participation_id, low_id, high_id) DO UPDATE
       SET low_first = t.low_first + EXCLUDED.low_first,
           high_first = t.high_first + EXCLUDED.high_first
), seat AS (
    UPDATE annotation_participation
       SET claims = claims + 1, recent_prompts = %(recent)s::bigint[],
           frontiers = frontiers || %(frontiers)s::jsonb
     WHERE id = %(participation)s
)
SELECT id, leased_at, expires_at, shown_at FROM lease
"""
_TO_REPEAT = """
SELECT c.id
  FROM annotation_assignment a JOIN annotation_comparison c ON c.id = a.comparison_id
 WHERE a.annotator_id = %(annotator)s AND a.state = 'submitted' AND a.purpose = 'judge'
   AND c.project_id = %(project)s AND c.repeat_of_id IS NULL AND c.gold_groups IS NULL
   AND NOT EXISTS (
       SELECT FROM annotation_comparison again
         JOIN annotation_assignment own ON own.comparison_id = again.id
        WHERE again.repeat_of_id = c.id AND own.annotator_id = %(annotator)s)
 ORDER BY a.closed_at DESC, a.id DESC OFFSET %(after)s LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """An assignment that was just made, with what its page shows."""

    assignment: Assignment
    pick: Pick


def lease_next(
    annotator: User, project: Project, seat: Seat, *, is_shown: bool, waits: bool
) -> Lease | None:
    """Leases what comes next to whoever sits on `seat`; None where nothing is left for them.

    `waits` lets the claim wait for comparisons that others are taking at this moment; a
    transaction that holds other comparisons' locks must not.
    """
    pick = _next_pick(annotator, project, seat, waits=waits)
    if pick is None:
        return None
    order = _display_order(annotator, project, seat, pick)
    length = lease_seconds(project) if is_shown else ahead_seconds(project)
    suggests = _suggests(annotator, project, pick)
    parameters: dict[str, Any] = {
        "comparison": pick.comparison_id, "annotator": annotator.pk, "order": list(order),
        "seconds": length, "is_shown": is_shown, "suggestion": suggests,
        "participation": seat.participation_id,
        "recent": [pick.prompt.pk, *seat.recent_prompts][:RECENT_PROMPTS],
        "frontiers": json.dumps(dict(pick.frontiers)), **_tally(pick, order),
    }  # fmt: skip
    made = prepared_row(_LEASE, parameters)
    assert made is not None
    assignment = Assignment(
        pk=made["id"], comparison_id=pick.comparison_id, annotator=annotator,
        display_order=list(order), leased_at=made["leased_at"], expires_at=made["expires_at"],
        shown_at=made["shown_at"], suggestion_shown=suggests,
    )  # fmt: skip
    assignment._state.adding = False
    return Lease(assignment, pick)


def lease_seconds(project: Project) -> int:
    return project.lease_seconds


def ahead_seconds(project: Project) -> int:
    return min(project.lease_seconds, AHEAD_SECONDS)


def _next_pick(annotator: User, project: Project, seat: Seat, *, waits: bool) -> Pick | None:
    seed = derive_seed(project.seed, "annotator", annotator.pk)
    kind = claim_kind(
        index=seat.claims, seed=seed, gold_rate=project.gold_rate, repeat_rate=project.repeat_rate
    )
    pick = None
    if kind == "gold":
        pick = next_comparison(annotator.pk, seat, is_gold=True)
    elif kind == "repeat":
        pick = _repeat(annotator, project, seat)
    return pick or next_comparison(
        annotator.pk,
        seat,
        window_hours=project.prompt_window_hours,
        from_oldest=goes_to_oldest(index=seat.claims, seed=seed, share=project.oldest_share),
        advances=seat.claims % ADVANCE_EVERY == 0 or not seat.frontiers,
        waits=waits,
    )


def _repeat(annotator: User, project: Project, seat: Seat) -> Pick | None:
    """A hidden repeat for this annotator: one they left unanswered, or a new one."""
    left = Comparison.objects.filter(
        project=project, repeat_of__isnull=False, taken=0, state=Comparison.State.OPEN,
        batch__state=Batch.State.OPEN, assignments__annotator=annotator,
        assignments__state__in=[Assignment.State.EXPIRED, Assignment.State.RELEASED],
    ).first()  # fmt: skip
    if left is not None:
        return picked_again(left.pk, seat)
    parameters = {"annotator": annotator.pk, "project": project.pk, "after": REPEAT_AFTER}
    with connection.cursor() as cursor:
        cursor.execute(_TO_REPEAT, parameters)
        row = cursor.fetchone()
    if row is None:
        return None
    first = Comparison.objects.prefetch_related("candidates").get(pk=row[0])
    return picked_again(_comparison_again(project, first).pk, seat)


def _comparison_again(project: Project, first: Comparison) -> Comparison:
    """A comparison of its own that shows what the first one showed, for one judge."""
    batch, _is_new = Batch.objects.get_or_create(
        project=project, reason=Batch.Reason.REPEAT, state=Batch.State.OPEN,
        defaults={"name": "Hidden repeats", "seed": derive_seed(project.seed, "repeats")},
    )  # fmt: skip
    again = Comparison.objects.create(
        project=project, batch=batch, prompt_id=first.prompt_id, kind=first.kind, overlap=1,
        utility=first.utility, repeat_of=first,
    )  # fmt: skip
    Candidate.objects.bulk_create(
        Candidate(comparison=again, completion_id=c.completion_id, position=c.position)
        for c in first.candidates.all()
    )
    return again


def _display_order(annotator: User, project: Project, seat: Seat, pick: Pick) -> tuple[int, ...]:
    if pick.kind == ComparisonKind.PAIRWISE:
        return pair_order(lean=_lean(pick), shown_first=pick.shown_first)
    by_policy = sorted(range(len(pick.candidates)), key=lambda at: pick.candidates[at].policy_id)
    rows = display_order(
        size=len(by_policy),
        index=seat.claims,
        seed=derive_seed(project.seed, "annotator", annotator.pk),
    )
    return tuple(by_policy[at] for at in rows)


def _suggests(annotator: User, project: Project, pick: Pick) -> bool | None:
    """Whether the suggestion is shown, by the project's seed; None where there is none."""
    if pick.suggestion is None:
        return None
    seed = derive_seed(project.seed, "suggestion", pick.comparison_id, annotator.pk)
    return Random(seed).random() < project.suggestion_share


def _lean(pick: Pick) -> int:
    """How much more often the annotator saw the policy of position 0 before the other's."""
    first, second = (candidate.policy_id for candidate in pick.candidates)
    return pick.low_lean if first < second else -pick.low_lean if second < first else 0


def _tally(pick: Pick, order: Sequence[int]) -> dict[str, Any]:
    """Which of two policies is seen first; of one policy with itself nothing is counted."""
    policies = [candidate.policy_id for candidate in pick.candidates]
    if pick.kind != ComparisonKind.PAIRWISE or policies[0] == policies[1]:
        return {"low": None, "high": None, "low_first": False}
    low, high = sorted(policies)
    return {"low": low, "high": high, "low_first": policies[order[0]] == low}
