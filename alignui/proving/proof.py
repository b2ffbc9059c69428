"""The proof: what the database holds against what people were told, and against a recount.

Nothing here uses the services, the selectors or the counters that are being proved. Each question
finds the rows that break a promise; no rows is a promise kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from alignui.proving.ledger import Kind, Ledger, Outcome
from annotation.models import Judgment, Project

EXAMPLES = 5

FEWER = "a comparison has fewer judgments than its overlap"
MORE = "a comparison has more judgments than its overlap"
MISCOUNTED = "a comparison's counters differ from a recount"
UNJUDGED = "a submitted assignment has no live judgment of its own"
UNASSIGNED = "a live judgment belongs to no submitted assignment"
TWICE = "somebody judged the same comparison twice"
SKIPPED = "somebody who skipped a comparison judged it after all"
STUCK = "a lease is stuck"
SKEWED = "a time was not taken from the database's clock"
UNREAD = "somebody judged what they do not read"
PERSON = "somebody's counters differ from a recount"
DAY = "somebody's days differ from a recount"
OVERSHOT = "a quota was overshot"

# What the questions ask about: assignments to judge, and each annotator's newest word if it stands.
_WITH = """
    WITH given AS (
        SELECT a.*, c.project_id, c.overlap, p.is_unsafe, p.language
          FROM annotation_assignment a
          JOIN annotation_comparison c ON c.id = a.comparison_id
          JOIN annotation_prompt p ON p.id = c.prompt_id
         WHERE c.project_id = %(project)s AND a.purpose = 'judge'
    ), live AS (
        SELECT j.comparison_id, j.annotator_id, j.assignment_id
          FROM annotation_judgment j
          JOIN annotation_comparison c ON c.id = j.comparison_id
         WHERE c.project_id = %(project)s AND NOT j.is_withdrawal
           AND NOT EXISTS (SELECT FROM annotation_judgment n WHERE n.supersedes_id = j.id)
    )
"""

# Each finds what breaks the promise that its name denies.
QUESTIONS: Mapping[str, str] = {
    FEWER: """
        SELECT c.id FROM annotation_comparison c JOIN annotation_batch b ON b.id = c.batch_id
         WHERE c.project_id = %(project)s AND b.reason NOT IN ('gold', 'repeat')
           AND (SELECT count(*) FROM given g
                 WHERE g.comparison_id = c.id AND g.state = 'submitted') < c.overlap""",
    MORE: """
        SELECT comparison_id FROM given WHERE state IN ('leased', 'submitted')
         GROUP BY comparison_id, overlap HAVING count(*) > overlap""",
    MISCOUNTED: """
        SELECT c.id FROM annotation_comparison c
          LEFT JOIN (SELECT comparison_id, count(*) FILTER (WHERE state = 'submitted') AS judged,
                            count(*) FILTER (WHERE state IN ('leased', 'submitted')) AS taken
                       FROM given GROUP BY 1) AS n ON n.comparison_id = c.id
         WHERE c.project_id = %(project)s
           AND (c.taken, c.judged) <> (COALESCE(n.taken, 0), COALESCE(n.judged, 0))""",
    UNJUDGED: """
        SELECT g.id FROM given g
          LEFT JOIN live l ON (l.assignment_id, l.annotator_id) = (g.id, g.annotator_id)
         WHERE g.state = 'submitted' GROUP BY g.id HAVING count(l.assignment_id) <> 1""",
    UNASSIGNED: """
        SELECT l.assignment_id FROM live l JOIN annotation_assignment a ON a.id = l.assignment_id
         WHERE a.state <> 'submitted'""",
    TWICE: """
        SELECT comparison_id FROM live GROUP BY comparison_id, annotator_id HAVING count(*) > 1""",
    SKIPPED: """
        SELECT comparison_id FROM given GROUP BY comparison_id, annotator_id
        HAVING bool_or(state = 'skipped') AND bool_or(state IN ('submitted', 'leased'))""",
    STUCK: "SELECT id FROM given WHERE state = 'leased'",
    SKEWED: """
        SELECT g.id FROM given g LEFT JOIN annotation_judgment j ON j.assignment_id = g.id
         WHERE NOT (g.leased_at BETWEEN %(began)s AND %(ended)s)
            OR NOT (g.expires_at BETWEEN %(began)s AND %(ended)s + interval '2 hours')
            OR NOT (g.shown_at BETWEEN %(began)s AND %(ended)s)
            OR NOT (g.closed_at BETWEEN %(began)s AND %(ended)s)
            OR NOT (j.judged_at BETWEEN %(began)s AND %(ended)s)
            OR NOT (j.created_at BETWEEN %(began)s AND %(ended)s)""",
    UNREAD: """
        SELECT g.id FROM given g
          JOIN annotation_project_pools pp ON pp.project_id = g.project_id
          JOIN annotation_membership m ON (m.pool_id, m.user_id) = (pp.pool_id, g.annotator_id)
         WHERE m.languages <> '{}' AND g.language <> '' AND NOT g.language = ANY(m.languages)""",
    PERSON: """
        SELECT COALESCE(p.annotator_id, n.annotator_id)
          FROM (SELECT * FROM annotation_participation WHERE project_id = %(project)s) AS p
          FULL JOIN (SELECT annotator_id, count(*) FILTER (WHERE state = 'submitted') AS judged,
                            count(*) FILTER (WHERE state = 'skipped') AS skipped
                       FROM given GROUP BY 1) AS n ON n.annotator_id = p.annotator_id
         WHERE (COALESCE(p.judged, -1), COALESCE(p.skipped, -1))
            <> (COALESCE(n.judged, 0), COALESCE(n.skipped, 0))""",
    DAY: """
        SELECT COALESCE(d.annotator_id, n.annotator_id)
          FROM (SELECT p.annotator_id, w.* FROM annotation_workday w
                  JOIN annotation_participation p ON p.id = w.participation_id
                 WHERE p.project_id = %(project)s) AS d
          FULL JOIN (SELECT annotator_id, (closed_at AT TIME ZONE %(zone)s)::date AS day,
                            count(*) FILTER (WHERE state = 'submitted') AS judged,
                            count(*) FILTER (WHERE state = 'skipped') AS skipped
                       FROM given WHERE state IN ('submitted', 'skipped') GROUP BY 1, 2) AS n
                 ON (n.annotator_id, n.day) = (d.annotator_id, d.day)
         WHERE (COALESCE(d.judged, 0), COALESCE(d.skipped, 0))
            <> (COALESCE(n.judged, 0), COALESCE(n.skipped, 0))""",
    OVERSHOT: """
        SELECT g.annotator_id FROM given g
          JOIN annotation_membership m ON m.user_id = g.annotator_id
          JOIN annotation_pool o ON o.id = m.pool_id
         WHERE g.state IN ('leased', 'submitted') AND o.total_quota IS NOT NULL
         GROUP BY g.annotator_id, o.id, o.total_quota HAVING count(*) > o.total_quota""",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, how often, and where to look first."""

    name: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        return f"{self.name}: {self.count} times, as in {shown}"


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a trial went on, by the database's clock."""

    began: datetime
    ended: datetime


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


def violations(project: Project, ledger: Ledger, span: Span) -> list[Violation]:
    """Every broken promise of the trial; none when assignment was exact."""
    given: dict[str, Any] = {
        "project": project.pk, "began": span.began, "ended": span.ended,
        "zone": settings.TIME_ZONE,
    }  # fmt: skip
    found = [
        *(_violation(name, _rows(question, given)) for name, question in QUESTIONS.items()),
        *_told_otherwise(project, ledger),
        *(Violation(f"{words}", n, ("while the work went on",))
          for words, n in ledger.surprises.items()),
    ]  # fmt: skip
    return [violation for violation in found if violation is not None]


def broken_now(project: Project, name: str) -> list[str]:
    """Where the promise is broken at this very moment, in the middle of the work."""
    return _rows(QUESTIONS[name], {"project": project.pk})


def _rows(question: str, given: dict[str, Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WITH + question, given)
        return [str(row[0]) for row in cursor.fetchall()]


def _violation(name: str, where: Iterable[str]) -> Violation | None:
    places = list(where)
    return Violation(name, len(places), tuple(places[:EXAMPLES])) if places else None


def _told_otherwise(project: Project, ledger: Ledger) -> Iterator[Violation | None]:
    """What people were told about each token against the judgments that carry it."""
    kept: defaultdict[tuple[int, str], list[tuple[int, bool]]] = defaultdict(list)
    rows = Judgment.objects.filter(comparison__project=project).values_list(
        "annotator_id", "idempotency_token", "assignment_id", "is_withdrawal"
    )
    for annotator, token, assignment, is_withdrawal in rows.iterator():
        kept[annotator, str(token)].append((assignment, is_withdrawal))
    broken: defaultdict[str, list[str]] = defaultdict(list)
    for entry in ledger.entries:
        held = kept.pop((entry.annotator, entry.token), [])
        expected = (entry.assignment, entry.kind is Kind.WITHDRAWAL)
        if entry.outcome is Outcome.OPEN:
            broken[f"a {entry.kind} never got a final word"].append(entry.token)
        elif entry.outcome is Outcome.REFUSED and held:
            broken[f"a {entry.kind} was refused and yet kept"].append(entry.token)
        elif entry.outcome is Outcome.ACCEPTED and len(held) != 1:
            fate = "doubled" if held else "lost"
            broken[f"an accepted {entry.kind} was {fate}"].append(entry.token)
        elif held and held != [expected]:
            broken[f"a {entry.kind} was kept for another comparison"].append(entry.token)
    broken["a judgment came from nobody"] = [token for _annotator, token in kept]
    yield from (_violation(name, tokens) for name, tokens in broken.items())
