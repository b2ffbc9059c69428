"""Which comparison is next for somebody, in one statement whose cost no size of work changes.

Of every lane that is open to them it looks at the first comparison that they have not met, takes
the lane whose first is worth most (or, for a share of claims, the lane of the oldest batch), and
locks the first of it that nobody else is taking. A lane is read from the annotator's frontier on:
before it lies only what they have met or what was full, and of that only what has room again is
looked at, by an index of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.models import Prompt
from annotation.selectors.prepared import Row, prepared_row
from annotation.selectors.seats import Seat

PAST_ALL = 2**31 - 1  # where nothing in a lane is left for somebody

_MET = """
    EXISTS (SELECT FROM annotation_assignment met
             WHERE met.comparison_id = c.id AND met.annotator_id = %(annotator)s
               AND met.state IN ('leased', 'submitted', 'skipped'))
"""
_CLAIMABLE = f"c.state = 'open' AND c.taken < c.overlap AND NOT {_MET}"
_SUITABLE = f"{_CLAIMABLE} AND c.prompt_id <> ALL(%(recent)s::bigint[]) @windowed"
# Not as NOT EXISTS, which a plan made once for all values would answer by reading every comparison.
_WINDOWED = """
    AND (SELECT true FROM annotation_comparison sibling
           JOIN annotation_assignment seen ON seen.comparison_id = sibling.id
          WHERE sibling.prompt_id = c.prompt_id AND seen.annotator_id = %(annotator)s
            AND seen.leased_at > now() - make_interval(hours => %(window)s::int)
          LIMIT 1) IS NULL
"""
_CONTENT = """
SELECT picked.id, picked.kind, picked.prompt_id, picked.lane_id, picked.suggestion,
       prompt.messages, prompt.rendered, prompt.language, prompt.is_unsafe, shown.candidates,
       ARRAY(SELECT earlier.display_order[1] FROM annotation_assignment earlier
              WHERE earlier.comparison_id = picked.id
                AND earlier.state IN ('leased', 'submitted')) AS shown_first,
       COALESCE((SELECT low_first - high_first FROM annotation_pairorder tally
                  WHERE tally.participation_id = %(participation)s
                    AND (tally.low_id, tally.high_id) = (shown.low, shown.high)), 0) AS low_lean,
       {frontiers} AS frontiers
  FROM picked
  JOIN annotation_prompt prompt ON prompt.id = picked.prompt_id
 CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(candidate.completion_id, completion.policy_id,
                                         completion.html, completion.text)
                        ORDER BY candidate.position) AS candidates,
               min(completion.policy_id) AS low, max(completion.policy_id) AS high
          FROM annotation_candidate candidate
          JOIN annotation_completion completion ON completion.id = candidate.completion_id
         WHERE candidate.comparison_id = picked.id) AS shown
"""
_FRONTIERS = f"""
       CASE WHEN %(advances)s::bool THEN (
            SELECT jsonb_object_agg(lanes.id, COALESCE((
                   SELECT c.place FROM annotation_comparison c
                    WHERE c.lane_id = lanes.id AND c.place >= lanes.frontier AND {_CLAIMABLE}
                    ORDER BY c.place LIMIT 1), {PAST_ALL}))
              FROM lanes) END
"""  # noqa: S608 - made of constants
_NEXT = f"""
WITH lanes AS MATERIALIZED (
    SELECT l.id, l.batch_id, COALESCE((%(frontiers)s::jsonb ->> l.id::text)::int, 0) AS frontier
      FROM annotation_lane l JOIN annotation_batch b ON b.id = l.batch_id
     WHERE b.project_id = %(project)s AND b.state = 'open'
       AND (b.reason = 'gold') = %(gold)s::bool AND (%(drained)s::bool OR NOT l.is_drained)
       AND (%(languages)s::varchar[] IS NULL OR l.language = ''
            OR l.language = ANY(%(languages)s::varchar[]))
       AND l.skills <@ %(skills)s::varchar[] AND NOT (l.is_harmful AND %(shuns_harm)s::bool)
), heads AS MATERIALIZED (
    SELECT lanes.id, lanes.batch_id, lanes.frontier, head.place, head.utility
      FROM lanes CROSS JOIN LATERAL (
        (SELECT c.place, c.utility FROM annotation_comparison c
          WHERE c.lane_id = lanes.id AND c.is_returned AND c.place < lanes.frontier
            AND {_SUITABLE}
          ORDER BY c.place LIMIT 1)
        UNION ALL
        (SELECT c.place, c.utility FROM annotation_comparison c
          WHERE c.lane_id = lanes.id AND c.place >= lanes.frontier AND {_SUITABLE}
          ORDER BY c.place LIMIT 1)
        ORDER BY place LIMIT 1) AS head
), lane AS MATERIALIZED (
    SELECT * FROM heads
     ORDER BY CASE WHEN %(oldest)s::bool THEN 0 ELSE -utility END, batch_id, id LIMIT 1
), picked AS MATERIALIZED (
    SELECT c.id, c.prompt_id, c.kind, c.lane_id, c.suggestion FROM annotation_comparison c
     WHERE c.lane_id = (SELECT id FROM lane) AND c.place >= (SELECT place FROM lane)
       AND {_SUITABLE}
     ORDER BY c.place LIMIT 1
       FOR NO KEY UPDATE OF c @locking
)
{_CONTENT.format(frontiers=_FRONTIERS)}
"""  # noqa: S608 - made of constants
_NEXT_BY_WAY = {
    (locking, has_window): _NEXT.replace("@locking", locking).replace(
        "@windowed", _WINDOWED if has_window else ""
    )
    for locking in ("SKIP LOCKED", "")
    for has_window in (False, True)
}
_AGAIN = f"""
WITH picked AS MATERIALIZED (
    SELECT id, prompt_id, kind, lane_id, suggestion FROM annotation_comparison
     WHERE id = %(comparison)s FOR NO KEY UPDATE
)
{_CONTENT.format(frontiers="NULL::jsonb")}
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Pick:
    """A comparison that is locked for its next judge, with all that its page shows.

    `candidates` are in canonical order; `shown_first` are the canonical positions that its judges
    so far saw first; `low_lean` is how much more often the annotator saw the policy with the lower
    id before the other one; `frontiers` are the new beginnings of their lanes, where asked.
    `suggestion` is an order of canonical positions, where somebody made one.
    """

    comparison_id: int
    kind: str
    prompt: Prompt
    lane_id: int | None
    candidates: tuple["PickedCandidate", ...]
    shown_first: tuple[int, ...]
    low_lean: int = 0
    frontiers: Mapping[str, int] = field(default_factory=dict)
    suggestion: Sequence[Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class PickedCandidate:
    completion_id: int
    policy_id: int
    html: str
    text: str


def next_comparison(
    annotator_id: int,
    seat: Seat,
    *,
    window_hours: int | None = None,
    is_gold: bool = False,
    from_oldest: bool = False,
    waits: bool = False,
    advances: bool = False,
) -> Pick | None:
    """The next comparison for the annotator, locked; None where nothing is left for them.

    First without those that others are taking at this moment and without prompts that the annotator
    has just seen; then with these; then in lanes that were thought to be drained. With `waits` it
    ends by waiting for what others are taking, lest they give it back. Gold comparisons come from
    their own batches only.
    """
    parameters: dict[str, Any] = {
        "annotator": annotator_id,
        "participation": seat.participation_id,
        "project": seat.project_id,
        "gold": is_gold,
        "languages": None if seat.languages is None else list(seat.languages),
        "skills": list(seat.skills),
        "shuns_harm": seat.shuns_harm,
        "frontiers": json.dumps(dict(seat.frontiers)),
        "window": window_hours,
        "oldest": from_oldest,
        "advances": advances,
    }
    recent = list(seat.recent_prompts)
    attempts: list[tuple[Sequence[int], bool, str]] = [(recent, False, "SKIP LOCKED")]
    if not is_gold:
        attempts += [([], False, "SKIP LOCKED")] if recent else []
        attempts += [([], True, "SKIP LOCKED")]
    if waits:
        attempts.append(([], True, ""))
    for avoided, with_drained, locking in attempts:
        found = _pick(parameters | {"recent": avoided, "drained": with_drained}, locking)
        if found is not None:
            return found
    return None


def picked_again(comparison_id: int, seat: Seat) -> Pick:
    """One comparison that is given out by name, locked and with what its page shows."""
    row = prepared_row(
        _AGAIN, {"comparison": comparison_id, "participation": seat.participation_id}
    )
    assert row is not None
    return _picked(row)


def _pick(parameters: dict[str, Any], locking: str) -> Pick | None:
    way = (locking, parameters["window"] is not None)
    row = prepared_row(_NEXT_BY_WAY[way], parameters)
    return None if row is None else _picked(row)


def _picked(row: Row) -> Pick:
    return Pick(
        comparison_id=row["id"],
        kind=row["kind"],
        prompt=Prompt(
            pk=row["prompt_id"],
            messages=_json(row["messages"]),
            rendered=_json(row["rendered"]),
            language=row["language"],
            is_unsafe=row["is_unsafe"],
        ),
        lane_id=row["lane_id"],
        candidates=tuple(PickedCandidate(*fields) for fields in _json(row["candidates"])),
        shown_first=tuple(row["shown_first"]),
        low_lean=row["low_lean"],
        frontiers=_json(row["frontiers"]) or {},
        suggestion=_json(row["suggestion"]),
    )


def _json(value: Any) -> Any:
    """Columns of type json come as text through Django's connection."""
    return json.loads(value) if isinstance(value, str) else value
