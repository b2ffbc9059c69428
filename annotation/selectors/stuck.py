"""Why comparisons wait although there is work to do: each with its reason, in words.

Claims go by lane and place, so what everybody has passed stands at a lane's beginning: looking
there finds what is stuck, at a cost that does not grow with what waits behind.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Assignment, Batch, Comparison, Dispute, Lane
from annotation.selectors.access import JUDGES

LOOKED_AT = 200  # comparisons at the beginning of each lane
SKIPS_THAT_TELL = 3

# Who may judge in the project, by what keeps them from a lane; each step counts those who pass it.
_ELIGIBLE = """
WITH routes AS (
    SELECT m.user_id, pool.harmful_daily_cap AS cap,
           CASE WHEN m.languages = '{}' THEN pool.languages ELSE m.languages END AS languages,
           CASE WHEN m.skills = '{}' THEN pool.skills ELSE m.skills END AS skills
      FROM annotation_membership m
      JOIN annotation_project_pools served
        ON served.pool_id = m.pool_id AND served.project_id = %(project)s
      JOIN annotation_pool pool ON pool.id = m.pool_id
     WHERE m.state = 'active' AND m.is_qualified AND m.role = ANY(%(judges)s)
    UNION ALL
    SELECT r.user_id, NULL, '{}', '{}' FROM annotation_projectrole r
     WHERE r.project_id = %(project)s AND r.role = ANY(%(judges)s)
), people AS (
    SELECT routes.user_id, bool_or(languages = '{}') AS reads_any, min(cap) AS cap,
           array_agg(DISTINCT language) AS languages, array_agg(DISTINCT skill) AS skills
      FROM routes
      LEFT JOIN LATERAL unnest(languages) AS language ON true
      LEFT JOIN LATERAL unnest(skills) AS skill ON true
     GROUP BY routes.user_id
), seats AS (
    SELECT people.*, COALESCE(p.state, 'active') = 'active' AS is_active,
           NOT %(must_qualify)s OR p.qualified_at IS NOT NULL AS is_qualified,
           people.cap IS NULL OR COALESCE(day.harmful, 0) < people.cap AS bears_harm
      FROM people
      JOIN annotation_user u ON u.id = people.user_id AND u.is_active
      LEFT JOIN annotation_participation p
        ON p.annotator_id = people.user_id AND p.project_id = %(project)s
      LEFT JOIN annotation_workday day ON day.participation_id = p.id
       AND day.day = (now() AT TIME ZONE %(zone)s)::date
), passed AS (
    SELECT l.id AS lane_id, seats.user_id,
           l.language = '' OR seats.reads_any OR l.language = ANY(seats.languages) AS reads_it,
           l.skills <@ seats.skills::varchar[] OR l.skills = '{}' AS is_skilled,
           seats.is_active AND seats.is_qualified AS may_work,
           NOT l.is_harmful OR seats.bears_harm AS bears_it
      FROM annotation_lane l LEFT JOIN seats ON true
     WHERE l.id = ANY(%(lanes)s)
)
"""
_COUNTS = f"""{_ELIGIBLE}
SELECT lane_id, count(user_id), count(*) FILTER (WHERE reads_it),
       count(*) FILTER (WHERE reads_it AND is_skilled),
       count(*) FILTER (WHERE reads_it AND is_skilled AND may_work),
       count(*) FILTER (WHERE reads_it AND is_skilled AND may_work AND bears_it)
  FROM passed GROUP BY lane_id
"""  # noqa: S608 - made of constants
_NAMES = f"""{_ELIGIBLE}
SELECT user_id FROM passed
 WHERE user_id = ANY(%(people)s) AND reads_it AND is_skilled AND may_work AND bears_it
"""  # noqa: S608 - made of constants
_HEADS = """
SELECT head.id FROM unnest(%(lanes)s::bigint[]) AS lane (id)
 CROSS JOIN LATERAL (
    SELECT c.id, c.place FROM annotation_comparison c
     WHERE c.lane_id = lane.id AND c.state = 'open' AND c.taken < c.overlap
     ORDER BY c.place LIMIT %(most)s) AS head
 ORDER BY head.place LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Crew:
    """How many people pass each thing that a lane asks of its judges, one after the other."""

    members: int
    readers: int
    skilled: int
    active: int
    free: int


@dataclass(frozen=True, slots=True)
class StuckLane:
    """All that waits in a lane waits for the same reason."""

    lane: Lane
    n_waiting: int
    reason: str


@dataclass(frozen=True, slots=True)
class StuckItem:
    comparison: Comparison
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """What is stuck in a batch, and how much was looked at to say so."""

    lanes: tuple[StuckLane, ...] = ()
    items: tuple[StuckItem, ...] = ()
    n_looked_at: int = 0

    def __bool__(self) -> bool:
        return bool(self.lanes or self.items)


@dataclass(slots=True)
class _Met:
    """Who has met a comparison, and why it was skipped."""

    people: set[int] = field(default_factory=set)
    skips: Counter[str] = field(default_factory=Counter)


def stuck(batch: Batch) -> Stuck:
    """What nobody can be given, or what was skipped again and again; with open disputes."""
    waiting = _waiting(batch)
    crews = _crews(batch, list(waiting))
    barred = {pk for pk in waiting if crews[pk].free == 0}
    lanes = batch.lanes.in_bulk(list(barred))
    heads = _heads([pk for pk in waiting if pk not in barred])
    met = _met(heads)
    disputed = set(
        Dispute.objects.filter(
            comparison__in=list(heads), state=Dispute.State.OPEN
        ).values_list("comparison", flat=True)
    )  # fmt: skip
    why = {
        pk: tuple(_reasons(batch, comparison, met[pk], crews, is_disputed=pk in disputed))
        for pk, comparison in heads.items()
    }
    return Stuck(
        lanes=tuple(
            StuckLane(lanes[pk], waiting[pk], lane_reason(lanes[pk], crews[pk]))
            for pk in sorted(barred)
        ),
        items=tuple(StuckItem(heads[pk], reasons) for pk, reasons in why.items() if reasons),
        n_looked_at=len(heads),
    )


def lane_reason(lane: Lane, crew: Crew) -> str:
    """Why nobody can be given anything of a lane."""
    if crew.members == 0:
        return _("No pool of the project has a qualified member who judges.")
    if crew.readers == 0:
        return _("Nobody reads “%(language)s”.") % {"language": lane.language}
    if crew.skilled == 0:
        return _("Nobody who could read it has the skills it asks for: %(skills)s.") % {
            "skills": ", ".join(lane.skills)
        }
    if crew.active == 0:
        return ngettext(
            "The one person who could is paused, in training or not qualified yet.",
            "All %(n)s who could are paused, in training or not qualified yet.",
            crew.skilled,
        ) % {"n": crew.skilled}
    return _("Everybody who could has seen as much harmful content as they may today.")


def _reasons(
    batch: Batch, comparison: Comparison, met: _Met, crews: dict[int, Crew], *, is_disputed: bool
) -> Iterable[str]:
    lane_id = comparison.lane_id
    if lane_id is not None and 0 < crews[lane_id].free <= len(met.people):
        left = crews[lane_id].free - len(_able(batch, lane_id, met.people))
        if left == 0:
            yield ngettext(
                "The one person who may judge it has judged or skipped it.",
                "All %(n)s who may judge it have judged or skipped it.",
                crews[lane_id].free,
            ) % {"n": crews[lane_id].free}
    if met.skips.total() >= SKIPS_THAT_TELL:
        yield skips_in_words(met.skips)
    if is_disputed:
        yield _("It waits for a reviewer's decision.")


def skips_in_words(skips: Counter[str]) -> str:
    labels = dict(Assignment.SkipReason.choices)
    why = ", ".join(f"“{labels[reason]}” × {n}" for reason, n in skips.most_common())
    n = skips.total()
    words = ngettext("Skipped once: %(why)s.", "Skipped %(n)s times: %(why)s.", n)
    return words % {"n": n, "why": why}


def _waiting(batch: Batch) -> dict[int, int]:
    """How many comparisons of each lane have room, by lane."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.lane_id, count(*) FROM annotation_comparison c "
            "WHERE c.lane_id = ANY(%s) AND c.state = 'open' AND c.taken < c.overlap GROUP BY 1",
            [list(batch.lanes.values_list("pk", flat=True))],
        )
        return dict(cursor.fetchall())


def _crews(batch: Batch, lanes: list[int]) -> dict[int, Crew]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, _parameters(batch, lanes))
        return {lane_id: Crew(*counts) for lane_id, *counts in cursor.fetchall()}


def _able(batch: Batch, lane_id: int, people: set[int]) -> set[int]:
    """Those of the people who could be given something of the lane."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, _parameters(batch, [lane_id]) | {"people": list(people)})
        return {user_id for (user_id,) in cursor.fetchall()}


def _parameters(batch: Batch, lanes: list[int]) -> dict[str, Any]:
    return {
        "project": batch.project_id,
        "judges": list(JUDGES),
        "must_qualify": batch.project.qualifications.filter(is_open=True).exists(),
        "zone": settings.TIME_ZONE,
        "lanes": lanes,
    }


def _heads(lanes: Sequence[int]) -> dict[int, Comparison]:
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, {"lanes": list(lanes), "most": LOOKED_AT})
        keys = [key for (key,) in cursor.fetchall()]
    return dict(Comparison.objects.select_related("prompt").in_bulk(keys))


def _met(heads: dict[int, Comparison]) -> dict[int, _Met]:
    met = {pk: _Met() for pk in heads}
    rows = Assignment.objects.filter(
        comparison__in=list(heads),
        state__in=[
            Assignment.State.LEASED, Assignment.State.SUBMITTED, Assignment.State.SKIPPED,
        ],
    ).values_list("comparison", "annotator", "skip_reason")  # fmt: skip
    for comparison_id, annotator_id, reason in rows:
        met[comparison_id].people.add(annotator_id)
        if reason:
            met[comparison_id].skips[reason] += 1
    return met
