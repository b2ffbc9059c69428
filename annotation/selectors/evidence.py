"""What is known of how people judge, read in bulk: their last judgments beside others' answers.

Signals rest on a person's last 1,000 judgments in the project, so that reading costs the same for
everybody however long they have been here, and so that a score runs with the work.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from annotation.core.quality_score import NO_CASES, Cases
from annotation.core.rankings import implied_pairs, parse_groups, strict_winner
from annotation.models import Project
from annotation.selectors.judgments import quarantines

WINDOW = 1_000
TIMED = 200  # judgments whose reading speed is looked at

_OWN = """
SELECT own.* FROM unnest(%(people)s::bigint[], %(since)s::timestamptz[]) AS who(id, since)
 CROSS JOIN LATERAL (
    SELECT j.annotator_id, j.id, j.comparison_id,
           CASE WHEN b.reason = 'repeat' THEN c.repeat_of_id END,
           j.groups::text, c.gold_groups::text, c.state = 'open', a.display_order, j.active_ms
      FROM annotation_judgment j
      JOIN annotation_comparison c ON c.id = j.comparison_id
      JOIN annotation_batch b ON b.id = c.batch_id
      JOIN annotation_assignment a ON a.id = j.assignment_id
     WHERE j.annotator_id = who.id AND c.project_id = %(project)s
       AND NOT j.is_withdrawal AND NOT j.is_adjudication
       AND (who.since IS NULL OR j.judged_at > who.since)
       AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
     ORDER BY j.id DESC LIMIT %(window)s
 ) AS own
"""
_OTHERS = """
SELECT j.comparison_id, j.annotator_id, u.kind = 'simulated', j.groups::text
  FROM annotation_judgment j JOIN annotation_user u ON u.id = j.annotator_id
 WHERE j.comparison_id = ANY(%(comparisons)s)
   AND NOT j.is_withdrawal AND NOT j.is_adjudication
   AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
   AND NOT EXISTS (
       SELECT FROM unnest(%(out)s::bigint[], %(out_since)s::timestamptz[]) AS q(id, since)
        WHERE q.id = j.annotator_id AND (q.since IS NULL OR j.judged_at >= q.since))
"""
_LENGTHS = """
SELECT k.comparison_id, sum(length(t.text))
  FROM annotation_candidate k JOIN annotation_completion t ON t.id = k.completion_id
 WHERE k.comparison_id = ANY(%(comparisons)s) GROUP BY k.comparison_id
"""

Outcomes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One live judgment; `outcomes` of its implied pairs, `slot` of its only best.

    `gold` is the known answer as long as the item is not retired.
    """

    judgment_id: int
    comparison_id: int
    repeat_of: int | None
    outcomes: Outcomes
    gold: Outcomes | None
    is_gold: bool
    slot: int | None
    knows_order: bool
    size: int
    active_ms: int | None


@dataclass(slots=True)
class Record:
    """What one person's last judgments tell, newest first."""

    answers: list[Answer] = field(default_factory=list)
    gold: Cases = NO_CASES
    repeats: Cases = NO_CASES
    agreement: Cases = NO_CASES
    characters_per_second: list[float] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[int]:
        return Counter(outcome for answer in self.answers for outcome in answer.outcomes)


def records(
    project: Project,
    people: Mapping[int, bool],
    *,
    since: Mapping[int, datetime] | None = None,
) -> dict[int, Record]:
    """The records of people by id (True for simulated ones), each since a moment where it is given.

    Agreement is with those of the others who are not quarantined: people with people, simulated
    annotators with everybody. Gold and second answers to repeats are left out of it.
    """
    found = {key: Record() for key in people}
    for annotator_id, answer in _own(project, list(people), since or {}):
        found[annotator_id].answers.append(answer)
    ordinary = {
        answer.comparison_id
        for record in found.values()
        for answer in record.answers
        if not answer.is_gold and answer.repeat_of is None
    }
    others = _others(project, ordinary)
    lengths = _lengths({a.comparison_id for r in found.values() for a in r.answers[:TIMED]})
    for key, record in found.items():
        record.gold = cases([(a.outcomes, a.gold) for a in record.answers if a.gold is not None])
        record.repeats = _repeats(record.answers)
        record.agreement = _agreement(key, record.answers, others, with_simulated=people[key])
        record.characters_per_second = list(_speeds(record.answers[:TIMED], lengths))
    return found


def cases(pairs: Sequence[tuple[Outcomes, Outcomes]]) -> Cases:
    """How alike pairs of answers are; each pair of answers is a case."""
    return Cases(sum(_alike(first, second) for first, second in pairs), len(pairs))


@lru_cache(maxsize=4096)
def outcomes_of(groups: str) -> Outcomes:
    """The implied pairs' outcomes of an answer written as JSON; the same few come again."""
    return tuple(int(outcome) for _, _, outcome in implied_pairs(_read(groups)))


def _own(
    project: Project, people: list[int], since: Mapping[int, datetime]
) -> Iterator[tuple[int, Answer]]:
    parameters: dict[str, Any] = {
        "people": people, "since": [since.get(key) for key in people], "project": project.pk,
        "window": WINDOW,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_OWN, parameters)
        rows = cursor.fetchall()
    for annotator, pk, comparison, repeat_of, groups, gold, counts, order, active_ms in rows:
        winner = _winner(groups)
        yield (
            annotator,
            Answer(
                judgment_id=pk,
                comparison_id=comparison,
                repeat_of=repeat_of,
                outcomes=outcomes_of(groups),
                gold=outcomes_of(gold) if gold and counts else None,
                is_gold=gold is not None,
                slot=None if winner is None or not order else order.index(winner),
                knows_order=bool(order),
                size=len(order),
                active_ms=active_ms,
            ),
        )


def _others(project: Project, comparisons: set[int]) -> dict[int, list[tuple[int, bool, Outcomes]]]:
    out = quarantines(project)
    parameters: dict[str, Any] = {
        "comparisons": list(comparisons), "out": [key for key, _ in out],
        "out_since": [moment for _, moment in out],
    }  # fmt: skip
    found: defaultdict[int, list[tuple[int, bool, Outcomes]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS, parameters)
        for comparison, annotator, is_simulated, groups in cursor.fetchall():
            found[comparison].append((annotator, is_simulated, outcomes_of(groups)))
    return found


def _lengths(comparisons: set[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_LENGTHS, {"comparisons": list(comparisons)})
        return dict(cursor.fetchall())


def _repeats(answers: Sequence[Answer]) -> Cases:
    """Each second answer beside the first; canonical positions are the same in both."""
    first = {answer.comparison_id: answer.outcomes for answer in answers}
    again = [a for a in answers if a.repeat_of in first]
    return cases([(a.outcomes, first[a.repeat_of]) for a in again if a.repeat_of is not None])


def _agreement(
    annotator_id: int,
    answers: Sequence[Answer],
    others: Mapping[int, Sequence[tuple[int, bool, Outcomes]]],
    *,
    with_simulated: bool,
) -> Cases:
    """Each comparison that somebody else judged is a case: the share of (other, pair) alike."""
    shares = []
    for answer in answers:
        alike = [
            _alike(answer.outcomes, outcomes)
            for key, is_simulated, outcomes in others.get(answer.comparison_id, ())
            if key != annotator_id and (with_simulated or not is_simulated)
        ]
        if alike and not answer.is_gold and answer.repeat_of is None:
            shares.append(sum(alike) / len(alike))
    return Cases(sum(shares), len(shares))


def _alike(first: Outcomes, second: Outcomes) -> float:
    """The share of implied pairs with the same outcome."""
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)


def _speeds(answers: Sequence[Answer], lengths: Mapping[int, int]) -> Iterator[float]:
    for answer in answers:
        if answer.active_ms and answer.comparison_id in lengths:
            yield 1000 * lengths[answer.comparison_id] / answer.active_ms


@lru_cache(maxsize=4096)
def _winner(groups: str) -> int | None:
    return strict_winner(_read(groups))


def _read(groups: str) -> tuple[tuple[int, ...], ...]:
    written = json.loads(groups)
    return parse_groups(written, sum(len(group) for group in written))
