"""The running quality score: signals of each person's last judgments, and what follows from them.

Measured in bulk, a chunk of people at a time and each chunk in a transaction of its own, so that
nobody who judges waits for it. Only those are measured about whom something is new.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from annotation.core.intervals import Proportion
from annotation.core.quality_score import Evidence, quality_scores
from annotation.models import Intervention, Judgment, Participation, Project
from annotation.selectors.integrity import participations_due
from annotation.services.assignments import database_now
from annotation.services.quality_rules import rules_apply
from annotation.services.work_signals import Signals, crowd, signals_in_bulk

CHUNK = 250

_STORE = """
    UPDATE annotation_participation p
       SET quality = m.quality, quality_low = m.low, quality_high = m.high, quality_n = m.n,
           signals = m.signals, measured_at = %(now)s
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS m(
           id bigint, quality float, low float, high float, n int, signals jsonb)
     WHERE p.id = m.id
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """How many people were measured, and what the rules did then."""

    people: int
    interventions: tuple[Intervention, ...]


def quality_measure(
    *, project: Project, everybody: bool = False, now: datetime | None = None
) -> Measured:
    """Measures those about whom something is new, or everybody, and then applies the rules."""
    now = now or database_now()
    if everybody:
        _make_missing(project)
    due = participations_due(project, now, everybody=everybody)
    if not due:
        return Measured(0, ())
    found: dict[int, tuple[Signals, Evidence]] = {}
    for start in range(0, len(due), CHUNK):
        found |= signals_in_bulk(project, due[start : start + CHUNK])
    people = crowd(project, {key: signals for key, (signals, _) in found.items()})
    scores = quality_scores([evidence for _, evidence in found.values()], people)
    rows = [
        (key, signals, score)
        for (key, (signals, _)), score in zip(found.items(), scores, strict=True)
    ]
    for start in range(0, len(rows), CHUNK):
        _store(rows[start : start + CHUNK], now)
    fired = rules_apply(project=project, people=list(found))
    return Measured(len(found), tuple(fired))


def _make_missing(project: Project) -> None:
    """Those whose judgments came with a file have no participation yet."""
    known = Participation.objects.filter(project=project).values("annotator")
    judged = Judgment.objects.filter(comparison__project=project).exclude(annotator__in=known)
    Participation.objects.bulk_create(
        [
            Participation(project=project, annotator_id=key)
            for key in judged.order_by().values_list("annotator", flat=True).distinct()
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def _store(rows: Sequence[tuple[int, Signals, Proportion]], now: datetime) -> None:
    written = [
        {
            "id": key, "quality": score.value, "low": score.low, "high": score.high, "n": score.n,
            "signals": signals,
        }
        for key, signals, score in rows
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"rows": json.dumps(written), "now": now})
