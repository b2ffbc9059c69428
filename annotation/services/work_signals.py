"""The signals of somebody's last judgments as they are stored: figures with interval and n."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

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
    rows = Participation.objects.filter(project=project).exclude(
        state=Participation.State.QUARANTINED
    )
    stored = rows.values_list("pk", "annotator__kind", "signals")
    known = [(kind, fresh.get(key, signals)) for key, kind, signals in stored]
    of_people = [signals for kind, signals in known if kind != User.Kind.SIMULATED]
    right, n, answers = 0.0, 0, Counter[int]()
    for signals in of_people or [signals for _, signals in known]:
        share = signals.get("agreement") or {"value": None, "n": 0}
        right += (share["value"] or 0) * share["n"]
        n += share["n"]
        answers.update(dict(enumerate(signals.get("answers", ()))))
    return crowd_of(agreement=Cases(right, n), answers=list(answers.values()))


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
