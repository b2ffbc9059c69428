"""The signals of somebody's last judgments as they are stored: figures with interval and n."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from annotation.core.intervals import Proportion, wilson
from annotation.core.quality_score import (
    METHOD,
    Cases,
    Crowd,
    Evidence,
    crowd_of,
    longest_run,
    median_interval,
    quality_scores,
    run_chance,
)
from annotation.models import Participation, Project, User
from annotation.selectors.evidence import Record, records

Signals = dict[str, Any]

_STORED = """
    SELECT u.kind = 'simulated',
           COALESCE(sum((p.signals->'agreement'->>'value')::float
                        * (p.signals->'agreement'->>'n')::int), 0),
           COALESCE(sum((p.signals->'agreement'->>'n')::int), 0),
           COALESCE(sum((p.signals->'answers'->>0)::int), 0),
           COALESCE(sum((p.signals->'answers'->>1)::int), 0),
           COALESCE(sum((p.signals->'answers'->>2)::int), 0)
      FROM annotation_participation p JOIN annotation_user u ON u.id = p.annotator_id
     WHERE p.project_id = %(project)s AND p.state <> 'quarantined' AND p.id <> ALL(%(fresh)s)
     GROUP BY 1
"""


def signals_in_bulk(
    project: Project, people: Iterable[Participation]
) -> dict[int, tuple[Signals, Evidence]]:
    """Signals and evidence by participation; `annotator` must be loaded."""
    participation_of = {each.annotator_id: each for each in people}
    kinds = {
        key: each.annotator.kind == User.Kind.SIMULATED for key, each in participation_of.items()
    }
    return {
        participation_of[key].pk: (signals_of(record), _evidence(record))
        for key, record in records(project, kinds).items()
    }


def signals_since(participation: Participation, since: datetime) -> Signals:
    """One person's signals from the judgments after a moment alone, their score among them."""
    annotator = participation.annotator
    people = {annotator.pk: annotator.kind == User.Kind.SIMULATED}
    record = records(participation.project, people, since={annotator.pk: since})[annotator.pk]
    score = quality_scores([_evidence(record)], crowd(participation.project, {}))[0]
    return signals_of(record) | {"quality": asdict(score)}


def signals_of(record: Record) -> Signals:
    """Each figure with interval and n; `until` is the newest judgment that they rest on."""
    answers = record.answers
    ties = sum(not any(answer.outcomes) for answer in answers)
    placed = [a for a in answers if a.slot is not None]
    shown = [a for a in reversed(answers) if a.knows_order]
    run, n_slots = longest_run([a.slot for a in shown]), max((a.size for a in shown), default=2)
    outcomes = record.outcomes
    return {
        "gold": _share(record.gold),
        "repeats": _share(record.repeats),
        "agreement": _share(record.agreement),
        "ties": asdict(wilson(ties, len(answers))),
        "first": asdict(wilson(sum(a.slot == 0 for a in placed), len(placed))),
        "seconds": _median([a.active_ms / 1000 for a in answers if a.active_ms]),
        "speed": _median(record.characters_per_second),
        "straight": {
            "value": run,
            "n": len(placed),
            "chance": run_chance(n=len(placed), run=run, slots=n_slots),
        },
        "answers": [outcomes[outcome] for outcome in (-1, 0, 1)],
        "n": len(answers),
        "until": answers[0].judgment_id if answers else 0,
        "method": METHOD,
    }


def crowd(project: Project, fresh: Mapping[int, Signals]) -> Crowd:
    """The project's people together: the fresh signals, and for the others the stored ones.

    Quarantined people are left out, and simulated ones as long as there are people.
    """
    sums = _Sums()
    with connection.cursor() as cursor:
        cursor.execute(_STORED, {"project": project.pk, "fresh": list(fresh)})
        for is_simulated, right, n, *answers in cursor.fetchall():
            sums.add(is_simulated, right, n, answers)
    kinds = Participation.objects.filter(pk__in=list(fresh)).exclude(
        state=Participation.State.QUARANTINED
    )
    for key, kind in kinds.values_list("pk", "annotator__kind"):
        share = fresh[key]["agreement"]
        right = (share["value"] or 0) * share["n"]
        sums.add(kind == User.Kind.SIMULATED, right, share["n"], fresh[key]["answers"])
    return sums.crowd()


@dataclass(slots=True)
class _Sums:
    """Agreement and answers added up, of people and of simulated annotators apart."""

    right: list[float] = field(default_factory=lambda: [0.0, 0.0])
    n: list[int] = field(default_factory=lambda: [0, 0])
    answers: tuple[list[int], list[int]] = field(default_factory=lambda: ([0, 0, 0], [0, 0, 0]))

    def add(self, is_simulated: bool, right: float, n: int, answers: Sequence[int]) -> None:
        self.right[is_simulated] += right
        self.n[is_simulated] += n
        for at, count in enumerate(answers):
            self.answers[is_simulated][at] += count

    def crowd(self) -> Crowd:
        side = int(not any(self.answers[0]))
        return crowd_of(agreement=Cases(self.right[side], self.n[side]), answers=self.answers[side])


def _evidence(record: Record) -> Evidence:
    return Evidence(gold=record.gold, repeats=record.repeats, agreement=record.agreement)


def _share(cases: Cases) -> Mapping[str, object]:
    return asdict(wilson(cases.right, cases.n))


def _median(values: Sequence[float]) -> Mapping[str, object]:
    found = median_interval(values)
    if found is None:
        return asdict(Proportion(None, None, None, 0))
    value, low, high = found
    return asdict(Proportion(value, low, high, len(values)))
