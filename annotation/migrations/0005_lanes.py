"""Triggers of the queue, and what is open already put into lanes and counted."""

from django.db import migrations

# Only assignments to judge count towards the overlap; a reviewer's does not.
COUNTS = """
CREATE OR REPLACE FUNCTION annotation_assignment_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_taken int := 0; was_judged int := 0; is_taken int := 0; is_judged int := 0;
BEGIN
    IF COALESCE(NEW.purpose, OLD.purpose) <> 'judge' THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        was_taken := (OLD.state IN ('leased', 'submitted'))::int;
        was_judged := (OLD.state = 'submitted')::int;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        is_taken := (NEW.state IN ('leased', 'submitted'))::int;
        is_judged := (NEW.state = 'submitted')::int;
    END IF;
    IF was_taken <> is_taken OR was_judged <> is_judged THEN
        UPDATE annotation_comparison
           SET taken = taken + is_taken - was_taken, judged = judged + is_judged - was_judged
         WHERE id = COALESCE(NEW.comparison_id, OLD.comparison_id);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION annotation_assignment_keeps_identity() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.comparison_id, OLD.annotator_id, OLD.display_order, OLD.purpose)
       IS DISTINCT FROM (NEW.comparison_id, NEW.annotator_id, NEW.display_order, NEW.purpose) THEN
        RAISE EXCEPTION 'assignment % keeps its comparison, annotator, order and purpose', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

# Frontiers have passed what was full or taken; what has room again says so.
RETURNED = """
CREATE FUNCTION annotation_comparison_returns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_open boolean := OLD.state = 'open' AND OLD.taken < OLD.overlap;
    is_open boolean := NEW.state = 'open' AND NEW.taken < NEW.overlap;
BEGIN
    IF is_open AND (NOT was_open OR NEW.taken < OLD.taken) THEN
        NEW.is_returned := true;
    ELSIF NOT is_open THEN
        NEW.is_returned := false;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER comparison_returns BEFORE UPDATE ON annotation_comparison
    FOR EACH ROW EXECUTE FUNCTION annotation_comparison_returns();
"""
NOT_RETURNED = """
DROP TRIGGER comparison_returns ON annotation_comparison;
DROP FUNCTION annotation_comparison_returns;
"""

LANES = """
INSERT INTO annotation_lane (batch_id, language, skills, is_harmful, is_drained)
SELECT DISTINCT c.batch_id, p.language, '{}'::varchar[], p.is_unsafe, false
  FROM annotation_comparison c
  JOIN annotation_prompt p ON p.id = c.prompt_id
  JOIN annotation_batch b ON b.id = c.batch_id
 WHERE b.reason <> 'qualification';

WITH placed AS (
    SELECT c.id, l.id AS lane_id,
           row_number() OVER (PARTITION BY l.id ORDER BY c.utility DESC, c.id) AS place
      FROM annotation_comparison c
      JOIN annotation_prompt p ON p.id = c.prompt_id
      JOIN annotation_lane l ON (l.batch_id, l.language, l.is_harmful)
                              = (c.batch_id, p.language, p.is_unsafe)
)
UPDATE annotation_comparison c SET lane_id = placed.lane_id, place = placed.place
  FROM placed WHERE placed.id = c.id;
"""

PARTICIPATIONS = """
INSERT INTO annotation_participation
    (annotator_id, project_id, state, claims, judged, skipped, recent_prompts, frontiers,
     first_judged_at, last_judged_at, quality_n, signals)
SELECT a.annotator_id, c.project_id, 'active', count(*),
       count(*) FILTER (WHERE a.state = 'submitted'), count(*) FILTER (WHERE a.state = 'skipped'),
       '{}', '{}', min(a.closed_at) FILTER (WHERE a.state = 'submitted'),
       max(a.closed_at) FILTER (WHERE a.state = 'submitted'), 0, '{}'
  FROM annotation_assignment a JOIN annotation_comparison c ON c.id = a.comparison_id
 GROUP BY a.annotator_id, c.project_id;

INSERT INTO annotation_workday
    (participation_id, day, judged, skipped, harmful, active_ms, earned, currency)
SELECT p.id, (a.closed_at AT TIME ZONE 'UTC')::date,
       count(*) FILTER (WHERE a.state = 'submitted'), count(*) FILTER (WHERE a.state = 'skipped'),
       count(*) FILTER (WHERE a.state = 'submitted' AND pr.is_unsafe),
       COALESCE(sum(j.active_ms), 0), 0, ''
  FROM annotation_assignment a
  JOIN annotation_comparison c ON c.id = a.comparison_id
  JOIN annotation_prompt pr ON pr.id = c.prompt_id
  JOIN annotation_participation p
    ON p.annotator_id = a.annotator_id AND p.project_id = c.project_id
  LEFT JOIN annotation_judgment j ON j.assignment_id = a.id AND j.revision = 0
 WHERE a.state IN ('submitted', 'skipped')
 GROUP BY 1, 2;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0004_assignment")]

    operations = [
        migrations.RunSQL(LANES, migrations.RunSQL.noop),
        migrations.RunSQL(PARTICIPATIONS, migrations.RunSQL.noop),
        migrations.RunSQL(COUNTS, migrations.RunSQL.noop),
        migrations.RunSQL(RETURNED, NOT_RETURNED),
        migrations.RunSQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON annotation_qualificationanswer "
            "FOR EACH ROW EXECUTE FUNCTION annotation_append_only();",
            "DROP TRIGGER append_only ON annotation_qualificationanswer;",
        ),
    ]
