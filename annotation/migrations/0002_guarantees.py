"""What no line of Python can break: counts kept by triggers, append-only tables, matched keys."""

from django.db import migrations

# `taken` and `judged` follow the assignments inside the same transaction. Updating the comparison
# locks its row, so two claims of the last place wait for each other and the check refuses one.
COUNTS = """
CREATE FUNCTION annotation_assignment_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was_taken int := 0; was_judged int := 0; is_taken int := 0; is_judged int := 0;
BEGIN
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
CREATE TRIGGER assignment_count AFTER INSERT OR UPDATE OR DELETE ON annotation_assignment
    FOR EACH ROW EXECUTE FUNCTION annotation_assignment_count();

CREATE FUNCTION annotation_assignment_keeps_identity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.comparison_id, OLD.annotator_id, OLD.display_order)
       IS DISTINCT FROM (NEW.comparison_id, NEW.annotator_id, NEW.display_order) THEN
        RAISE EXCEPTION 'assignment % keeps its comparison, annotator and display order', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER assignment_keeps_identity BEFORE UPDATE ON annotation_assignment
    FOR EACH ROW EXECUTE FUNCTION annotation_assignment_keeps_identity();
"""

APPEND_ONLY = """
CREATE FUNCTION annotation_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: add a row that supersedes instead', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
APPEND_ONLY_TABLES = (
    "annotation_judgment",
    "annotation_criterionanswer",
    "annotation_span",
    "annotation_export",
    "annotation_auditentry",
)

# A policy is versioned and a completion is what was judged: neither changes under a judgment.
FROZEN = """
CREATE FUNCTION annotation_policy_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.project_id, OLD.name, OLD.version, OLD.provider, OLD.model, OLD.system_prompt,
        OLD.decoding)
       IS DISTINCT FROM (NEW.project_id, NEW.name, NEW.version, NEW.provider, NEW.model,
        NEW.system_prompt, NEW.decoding) THEN
        RAISE EXCEPTION 'policy % is never edited in place: add a version', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_frozen BEFORE UPDATE ON annotation_policy
    FOR EACH ROW EXECUTE FUNCTION annotation_policy_frozen();

CREATE FUNCTION annotation_completion_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.prompt_id, OLD.policy_id, OLD.sample_index, OLD.text, OLD.seed)
       IS DISTINCT FROM (NEW.prompt_id, NEW.policy_id, NEW.sample_index, NEW.text, NEW.seed) THEN
        RAISE EXCEPTION 'completion % keeps its text and origin', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER completion_frozen BEFORE UPDATE ON annotation_completion
    FOR EACH ROW EXECUTE FUNCTION annotation_completion_frozen();
"""

# A judgment's assignment and its predecessor belong to the same comparison and annotator.
MATCHED_KEYS = """
ALTER TABLE annotation_judgment
    ADD CONSTRAINT judgment_of_its_assignment
    FOREIGN KEY (assignment_id, comparison_id, annotator_id)
    REFERENCES annotation_assignment (id, comparison_id, annotator_id)
    DEFERRABLE INITIALLY DEFERRED,
    ADD CONSTRAINT judgment_supersedes_its_own
    FOREIGN KEY (supersedes_id, comparison_id, annotator_id)
    REFERENCES annotation_judgment (id, comparison_id, annotator_id)
    DEFERRABLE INITIALLY DEFERRED;
"""
UNMATCHED_KEYS = """
ALTER TABLE annotation_judgment
    DROP CONSTRAINT judgment_of_its_assignment, DROP CONSTRAINT judgment_supersedes_its_own;
"""


def _append_only(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION annotation_append_only();",
        f"DROP TRIGGER append_only ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_schema")]

    operations = [
        migrations.RunSQL(
            COUNTS,
            "DROP TRIGGER assignment_count ON annotation_assignment;"
            "DROP TRIGGER assignment_keeps_identity ON annotation_assignment;"
            "DROP FUNCTION annotation_assignment_count;"
            "DROP FUNCTION annotation_assignment_keeps_identity;",
        ),
        migrations.RunSQL(APPEND_ONLY, "DROP FUNCTION annotation_append_only;"),
        *map(_append_only, APPEND_ONLY_TABLES),
        migrations.RunSQL(
            FROZEN,
            "DROP TRIGGER policy_frozen ON annotation_policy;"
            "DROP TRIGGER completion_frozen ON annotation_completion;"
            "DROP FUNCTION annotation_policy_frozen;"
            "DROP FUNCTION annotation_completion_frozen;",
        ),
        migrations.RunSQL(MATCHED_KEYS, UNMATCHED_KEYS),
    ]
