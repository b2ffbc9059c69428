"""Putting comparisons into lanes: who may take them, and in which order their turn comes."""

from django.db import connection, transaction

from annotation.models import Batch, Lane, Participation, Project
from annotation.services.deadlocks import tried_once_more

NOT_QUEUED = (Batch.Reason.QUALIFICATION, Batch.Reason.REPEAT)

# What a comparison asks of its judge comes from its prompt: language, skills, a strong stomach.
_NEEDS = """
    SELECT c.id, c.utility, c.prompt_id, c.batch_id, p.language, p.is_unsafe,
           ARRAY(SELECT DISTINCT tag FROM unnest(p.tags) AS tag
                  WHERE tag = ANY(project.skill_tags) ORDER BY tag)::varchar[] AS skills
      FROM annotation_comparison c
      JOIN annotation_prompt p ON p.id = c.prompt_id
      JOIN annotation_project project ON project.id = c.project_id
     WHERE c.batch_id = ANY(%(batches)s) AND c.repeat_of_id IS NULL
"""
_OPEN_LANES = f"""
    INSERT INTO annotation_lane (batch_id, language, skills, is_harmful, is_drained)
    SELECT DISTINCT batch_id, language, skills, is_unsafe, false FROM ({_NEEDS}) AS needs
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - made of constants
# Of equal utility each prompt's first comparison comes before any prompt's second.
_PLACE = f"""
    WITH needs AS ({_NEEDS}),
    spread AS (
        SELECT needs.*, row_number() OVER (PARTITION BY prompt_id, utility ORDER BY id) AS sibling
          FROM needs
    ),
    placed AS (
        SELECT s.id, l.id AS lane_id,
               row_number() OVER (
                   PARTITION BY l.id ORDER BY s.utility DESC, s.sibling, s.id) AS place
          FROM spread s
          JOIN annotation_lane l ON (l.batch_id, l.language, l.skills, l.is_harmful)
                                  = (s.batch_id, s.language, s.skills, s.is_unsafe)
    )
    UPDATE annotation_comparison c SET lane_id = placed.lane_id, place = placed.place
      FROM placed
     WHERE placed.id = c.id AND (c.lane_id, c.place) IS DISTINCT FROM (placed.lane_id, placed.place)
"""  # noqa: S608 - made of constants
_REFRESH = """
    UPDATE annotation_lane l SET is_drained = NOT is_drained
      FROM annotation_batch b
     WHERE b.id = l.batch_id AND b.state = 'open' AND l.is_drained = EXISTS (
        SELECT FROM annotation_comparison c
         WHERE c.lane_id = l.id AND c.state = 'open' AND c.taken < c.overlap)
"""


@tried_once_more
@transaction.atomic
def batch_queue(*, batch: Batch) -> None:
    """Gives each comparison of the batch its lane and its place in it.

    To be called when a batch is opened, and again when utilities, languages or tags have changed.
    """
    _queue(batch.project, [batch.pk])


@tried_once_more
@transaction.atomic
def project_queue(*, project: Project) -> None:
    """Sorts all that is not closed anew, because what decides about lanes has changed."""
    batches = project.batches.exclude(state=Batch.State.CLOSED).exclude(reason__in=NOT_QUEUED)
    _queue(project, list(batches.values_list("pk", flat=True)))


@tried_once_more
@transaction.atomic
def lanes_refresh() -> int:
    """Notes which lanes have nothing open; how many changed. Claims look at those last."""
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH)
        return int(cursor.rowcount)


def _queue(project: Project, batches: list[int]) -> None:
    again = Lane.objects.filter(batch__in=batches).exists()
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_LANES, {"batches": batches})
        cursor.execute(_PLACE, {"batches": batches})
    if again:  # places have moved, so what anybody knows of a lane's beginning no longer holds
        Participation.objects.filter(project=project).exclude(frontiers={}).update(frontiers={})
