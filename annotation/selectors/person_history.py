"""One person's way through a project: their days, their last judgments, what was decided."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet

from annotation.models import Intervention, Judgment, Membership, Project, ProjectRole, WorkDay

MOST_DAYS = 92
RECENT = 20

_TIMES = """
    SELECT (j.judged_at AT TIME ZONE %(zone)s)::date AS day,
           percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY j.active_ms), count(*)
      FROM annotation_judgment j JOIN annotation_comparison c ON c.id = j.comparison_id
     WHERE j.annotator_id = %(annotator)s AND c.project_id = %(project)s AND j.active_ms > 0
       AND NOT j.is_withdrawal AND NOT j.is_adjudication AND j.revision = 0
       AND j.judged_at >= (%(since)s::date::timestamp AT TIME ZONE %(zone)s)
     GROUP BY 1 ORDER BY 1
"""
_GOLD = """
    SELECT (j.judged_at AT TIME ZONE %(zone)s)::date AS day,
           count(*) FILTER (WHERE j.groups = c.gold_groups), count(*)
      FROM annotation_judgment j JOIN annotation_comparison c ON c.id = j.comparison_id
     WHERE j.annotator_id = %(annotator)s AND c.project_id = %(project)s
       AND c.gold_groups IS NOT NULL AND NOT j.is_withdrawal AND NOT j.is_adjudication
       AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
     GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Day:
    """One day of work. `seconds` is the median time of a judgment, with its quartiles."""

    day: date
    judged: int
    skipped: int
    active_ms: int
    seconds: float | None
    lower: float | None
    upper: float | None
    timed: int


@dataclass(frozen=True, slots=True)
class GoldDay:
    """How much of the gold judged until the end of a day was answered as the lead would."""

    day: date
    right: int
    n: int


def days_of(participation_id: int, user_id: int, project: Project) -> list[Day]:
    """The last 92 days with work, oldest first."""
    newest = WorkDay.objects.filter(participation=participation_id).order_by("-day")[:MOST_DAYS]
    rows = sorted(newest, key=lambda row: row.day)
    if not rows:
        return []
    timed = {
        day: ([part / 1000 for part in quartiles], n)
        for day, quartiles, n in _read(_TIMES, user_id, project, since=rows[0].day)
    }
    nothing: tuple[list[float | None], int] = ([None, None, None], 0)
    days = []
    for row in rows:
        (lower, median, upper), n = timed.get(row.day, nothing)
        days.append(Day(row.day, row.judged, row.skipped, row.active_ms, median, lower, upper, n))
    return days


def gold_until(user_id: int, project: Project) -> list[GoldDay]:
    """Gold answered right, added up from day to day: a score over time that was never stored."""
    right = n = 0
    found = []
    for day, day_right, day_n in _read(_GOLD, user_id, project):
        right, n = right + day_right, n + day_n
        found.append(GoldDay(day, right, n))
    return found


def recent_judgments(user_id: int, project: Project) -> QuerySet[Judgment]:
    """The last 20 that stand, amendments and hidden repeats among them."""
    return (
        Judgment.objects.live()
        .filter(annotator=user_id, comparison__project=project, is_adjudication=False)
        .select_related("comparison__prompt", "comparison__batch")
        .annotate(seconds=F("active_ms") / 1000.0)
        .order_by("-pk")[:RECENT]
    )


def interventions_of(participation_id: int) -> QuerySet[Intervention]:
    """What was done about their work, newest first."""
    return Intervention.objects.filter(participation=participation_id).select_related(
        "rule", "decided_by", "lifted_by"
    )


def memberships_of(user_id: int, project: Project) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(user=user_id, pool__projects=project)
        .select_related("pool", "user")
        .order_by("pool__name")
    )


def project_role_of(user_id: int, project: Project) -> ProjectRole | None:
    return (
        ProjectRole.objects.select_related("granted_by", "user")
        .filter(user=user_id, project=project)
        .first()
    )


def _read(statement: str, user_id: int, project: Project, **more: Any) -> list[tuple[Any, ...]]:
    parameters: dict[str, Any] = {
        "annotator": user_id, "project": project.pk, "zone": settings.TIME_ZONE, **more
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
