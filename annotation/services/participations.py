"""Counters of what each person did in a project, kept with the work and recomputed from it."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from annotation.core.errors import NotFound
from annotation.models import Participation, Project, User
from annotation.selectors.prepared import prepared_row

_LOCK = """
    SELECT p.id FROM annotation_participation p
     WHERE p.annotator_id = %(annotator)s AND p.project_id = (
           SELECT c.project_id FROM annotation_assignment a
             JOIN annotation_comparison c ON c.id = a.comparison_id
            WHERE a.id = %(assignment)s AND a.annotator_id = %(annotator)s)
       FOR UPDATE
"""
_MISSING = """
    INSERT INTO annotation_participation
        (annotator_id, project_id, state, claims, judged, skipped, recent_prompts, frontiers,
         quality_n, signals)
    SELECT DISTINCT a.annotator_id, c.project_id, 'active', 0, 0, 0, '{}'::bigint[], '{}'::jsonb,
           0, '{}'::jsonb
      FROM annotation_assignment a JOIN annotation_comparison c ON c.id = a.comparison_id
     WHERE c.project_id = %(project)s AND a.purpose = 'judge'
    ON CONFLICT DO NOTHING
"""
_COUNTS = """
    UPDATE annotation_participation p
       SET claims = greatest(p.claims, done.claims), judged = done.judged, skipped = done.skipped,
           first_judged_at = done.first_at, last_judged_at = done.last_at
      FROM (
        SELECT a.annotator_id, count(*) AS claims,
               count(*) FILTER (WHERE a.state = 'submitted') AS judged,
               count(*) FILTER (WHERE a.state = 'skipped') AS skipped,
               min(a.closed_at) FILTER (WHERE a.state = 'submitted') AS first_at,
               max(a.closed_at) FILTER (WHERE a.state = 'submitted') AS last_at
          FROM annotation_assignment a JOIN annotation_comparison c ON c.id = a.comparison_id
         WHERE c.project_id = %(project)s AND a.purpose = 'judge'
         GROUP BY a.annotator_id) AS done
     WHERE p.project_id = %(project)s AND p.annotator_id = done.annotator_id
"""
_DAYS = """
    INSERT INTO annotation_workday AS known
        (participation_id, day, judged, skipped, harmful, active_ms, earned, currency)
    SELECT p.id, (a.closed_at AT TIME ZONE %(zone)s)::date,
           count(*) FILTER (WHERE a.state = 'submitted'),
           count(*) FILTER (WHERE a.state = 'skipped'),
           count(*) FILTER (WHERE a.state = 'submitted' AND prompt.is_unsafe),
           COALESCE(sum(spent.ms) FILTER (WHERE a.state = 'submitted'), 0), 0, ''
      FROM annotation_assignment a
      JOIN annotation_comparison c ON c.id = a.comparison_id
      JOIN annotation_prompt prompt ON prompt.id = c.prompt_id
      JOIN annotation_participation p
        ON p.annotator_id = a.annotator_id AND p.project_id = c.project_id
     CROSS JOIN LATERAL (
           SELECT sum(j.active_ms) AS ms FROM annotation_judgment j WHERE j.assignment_id = a.id
           ) AS spent
     WHERE c.project_id = %(project)s AND a.purpose = 'judge'
       AND a.state IN ('submitted', 'skipped')
     GROUP BY 1, 2
    ON CONFLICT (participation_id, day) DO UPDATE
       SET judged = EXCLUDED.judged, skipped = EXCLUDED.skipped, harmful = EXCLUDED.harmful,
           active_ms = EXCLUDED.active_ms
"""


@transaction.atomic
def participation_of(*, annotator: User, project: Project) -> Participation:
    """The annotator's part in the project; made where there is none yet."""
    found, _is_new = Participation.objects.get_or_create(annotator=annotator, project=project)
    return found


@transaction.atomic
def participations_recount(*, project: Project) -> None:
    """Counts everybody's work anew from the assignments: after an import, or to repair.

    What was earned stays: it was counted at the rates of its day.
    """
    parameters: dict[str, Any] = {"project": project.pk, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:
        for statement in (_MISSING, _COUNTS, _DAYS):
            cursor.execute(statement, parameters)


def participation_lock(*, annotator: User, assignment_id: int) -> int:
    """Locks the annotator's participation in the assignment's project until the transaction ends.

    Everything that an annotator does takes this lock first, so that their own tabs and programs
    wait for each other and see what the other did. Raises NotFound for somebody else's assignment.
    """
    parameters: dict[str, Any] = {"annotator": annotator.pk, "assignment": assignment_id}
    row = prepared_row(_LOCK, parameters)
    if row is None:
        _make(annotator, assignment_id)
        row = prepared_row(_LOCK, parameters)
    assert row is not None
    return int(row["id"])


def _make(annotator: User, assignment_id: int) -> None:
    project = Project.objects.filter(
        comparisons__assignments__pk=assignment_id,
        comparisons__assignments__annotator=annotator,
    ).first()
    if project is None:
        raise NotFound("There is no such assignment of this person.")
    participation_of(annotator=annotator, project=project)
