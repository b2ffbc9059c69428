"""Agreement as of now: sums that each new judgment changes, from which every figure follows.

An update reads what was judged since the last one, and all judgments of the comparisons that it
touches, as they were then and as they are now. Where other people are left out than before, all is
counted anew. Whoever commits a judgment late, behind newer ones that were counted, is caught up
with by the next snapshot, which counts everything.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotation.core.agreement import Agreement
from annotation.core.errors import Invalid
from annotation.core.rated_units import Rated
from annotation.core.running_agreement import RunningAgreement, running_agreement, running_from_dict
from annotation.models import AgreementSums, Criterion, Project
from annotation.selectors.agreement import Cutoff, Said, has_people, rated, said_between
from annotation.selectors.judgments import latest_judgment_id, quarantines
from annotation.selectors.prepared import prepared_rows
from annotation.services.agreement_detail import categories_of, level_of, plain_figures

LOCK_SPACE = 0x414752  # "AGR": keeps these advisory locks apart from anybody else's
TOUCHED_AT_MOST = 5_000
VERSION = 1
NEWER = """
    SELECT judgment.id, judgment.comparison_id
      FROM annotation_judgment judgment
      JOIN annotation_comparison comparison ON comparison.id = judgment.comparison_id
     WHERE comparison.project_id = %(project)s::bigint AND judgment.id > %(upto)s::bigint
     LIMIT %(most)s::int
"""
CHANGE = """
    UPDATE annotation_agreementsums
       SET upto_id = %s::bigint, sums = %s::jsonb, n_annotators = %s::int, updated_at = now()
     WHERE criterion_id = %s::bigint
 RETURNING criterion_id
"""


@dataclass(frozen=True, slots=True)
class AgreementNow:
    """All coefficients of the judgments up to one, with linear intervals."""

    figures: Agreement
    upto_id: int


def agreement_now(project: Project) -> dict[int, AgreementNow]:
    """By criterion, what the kept sums say; nothing of criteria that were never counted."""
    kept = AgreementSums.objects.filter(criterion__project=project)
    return {
        each.criterion_id: AgreementNow(
            running_from_dict(each.sums["running"]).figures(n_annotators=each.n_annotators),
            each.upto_id,
        )
        for each in kept
    }


def agreement_now_plain(project: Project) -> list[dict[str, Any]]:
    """The same for programs, in the project's order of criteria."""
    found = agreement_now(project)
    return [
        {
            "criterion": criterion.key,
            "upto_judgment_id": found[criterion.pk].upto_id,
            "figures": plain_figures(found[criterion.pk].figures),
            "parting": found[criterion.pk].figures.parting,
        }
        for criterion in project.criteria.all()
        if criterion.pk in found
    ]


@transaction.atomic
def agreement_sums_update(*, project: Project, at_most: int | None = None) -> bool:
    """Brings the sums of all criteria up to the newest judgment; says whether they are there.

    With `at_most` nothing is done where more judgments than that would have to be read: a page that
    is opened must not wait for what the schedule does anyway.
    """
    if not _lock(project, waits_for_disk=False):
        return False
    stand = _stand(project)
    if at_most is not None and _n_to_read(stand, at_most) > at_most:
        return False
    for criterion in stand.uncounted:
        _keep(stand.cutoff, criterion, rated(stand.cutoff.judgments(), criterion))
    for kept in stand.behind:
        touched = {comparison for pk, comparison in stand.newer if pk > kept.upto_id}
        if not _changed(kept, stand.cutoff, sorted(touched), is_anybody_out=stand.is_anybody_out):
            _keep(stand.cutoff, kept.criterion, rated(stand.cutoff.judgments(), kept.criterion))
    return True


def agreement_sums_catch_up() -> None:
    """Brings the sums of every project that is at work up to its newest judgment."""
    for project in Project.objects.filter(is_archived=False):
        agreement_sums_update(project=project)


@transaction.atomic
def agreement_sums_keep(*, cutoff: Cutoff, criterion: Criterion, found: Rated) -> None:
    """Keeps the sums of what a snapshot has counted, unless somebody else is at it."""
    if _lock(cutoff.project):
        _keep(cutoff, criterion, found)


@dataclass(frozen=True, slots=True)
class _Stand:
    """How far the sums are: `uncounted` must be counted anew, `behind` lack the `newer` judgments,
    each with its comparison."""

    cutoff: Cutoff
    uncounted: tuple[Criterion, ...]
    behind: tuple[AgreementSums, ...]
    newer: tuple[tuple[int, int], ...]
    is_anybody_out: bool


def _stand(project: Project) -> _Stand:
    criteria = list(project.criteria.select_related("agreement_sums"))
    found = {each.pk: getattr(each, "agreement_sums", None) for each in criteria}
    now = Cutoff(project, 0, timezone.now(), with_judges=_with_judges(project, found.values()))
    left_out = _left_out(now)
    uncounted, kept = [], []
    for criterion in criteria:
        sums = found[criterion.pk]
        if sums is None or sums.basis != _basis(now, criterion, left_out):
            uncounted.append(criterion)
        else:
            sums.criterion = criterion
            kept.append(sums)
    newer = _newer(project, min(sums.upto_id for sums in kept)) if kept else []
    if not kept or len(newer) > TOUCHED_AT_MOST:
        newest = latest_judgment_id(project)
        uncounted, kept = [*uncounted, *(sums.criterion for sums in kept)], []
    else:
        newest = max([pk for pk, _ in newer] + [sums.upto_id for sums in kept])
    return _Stand(
        cutoff=replace(now, judgment_id=newest),
        uncounted=tuple(uncounted),
        behind=tuple(sums for sums in kept if sums.upto_id < newest),
        newer=tuple(newer),
        is_anybody_out=bool(left_out),
    )


def _with_judges(project: Project, found: Iterable[AgreementSums | None]) -> bool:
    """Whether only LLM judges have judged; where a person once has, nobody has to look again."""
    if any(sums is not None and sums.sums.get("with_judges") is False for sums in found):
        return False
    return not has_people(project)


def _newer(project: Project, upto_id: int) -> list[tuple[int, int]]:
    """What was judged since, with its comparison; no more of it than is worth to be read."""
    asked = {"project": project.pk, "upto": upto_id, "most": TOUCHED_AT_MOST + 1}
    return [(pk, comparison) for pk, comparison in prepared_rows(NEWER, asked)]


def _changed(
    kept: AgreementSums, cutoff: Cutoff, touched: Sequence[int], *, is_anybody_out: bool
) -> bool:
    """The sums with the touched comparisons as they are now; False where they cannot be changed."""
    everybody = replace(cutoff, with_quarantined=not is_anybody_out)
    said = said_between(everybody, kept.upto_id, kept.criterion, touched)
    was, now = [s for s in said if s.held_before], [s for s in said if s.holds_now]
    before, after = _clusters(was), _clusters(now)
    try:
        running = running_from_dict(kept.sums["running"])
        for comparison in before.keys() | after.keys():
            running = running.changed(
                before=before.get(comparison, ()), after=after.get(comparison, ())
            )
    except Invalid:
        return False
    people = Counter({int(key): n for key, n in kept.sums["people"].items()})
    people.update(each.annotator_id for each in now for _value in each.values)
    people.subtract(each.annotator_id for each in was for _value in each.values)
    judging = _judging(people)
    sums = json.dumps(_sums(running, judging, cutoff))
    asked = [cutoff.judgment_id, sums, len(judging), kept.pk]
    return bool(prepared_rows(CHANGE, asked))


def _clusters(said: Sequence[Said]) -> dict[int, list[list[int]]]:
    """By comparison, the values that each of its units was given."""
    units: dict[int, dict[tuple[int, int], list[int]]] = {}
    for each in said:
        own = units.setdefault(each.comparison_id, {})
        for unit, value in each.values:
            own.setdefault(unit, []).append(value)
    return {comparison: list(values.values()) for comparison, values in units.items()}


def _keep(cutoff: Cutoff, criterion: Criterion, found: Rated) -> None:
    running = running_agreement(
        found.ratings,
        categories=categories_of(cutoff.project, criterion, found.ratings),
        level=level_of(criterion),
    )
    judging = _judging(Counter(found.ratings.annotators.tolist()))
    AgreementSums.objects.update_or_create(
        criterion=criterion,
        defaults={
            "upto_id": cutoff.judgment_id,
            "basis": _basis(cutoff, criterion, _left_out(cutoff)),
            "sums": _sums(running, judging, cutoff),
            "n_annotators": len(judging),
        },
    )


def _sums(running: RunningAgreement, judging: dict[str, int], cutoff: Cutoff) -> dict[str, Any]:
    return {"running": running.to_dict(), "people": judging, "with_judges": cutoff.with_judges}


def _judging(people: Counter[int]) -> dict[str, int]:
    """How many ratings each annotator gave, as JSON keeps it."""
    return {str(key): n for key, n in people.items() if n > 0}


def _n_to_read(stand: _Stand, at_most: int) -> int:
    """How many judgments an update would read, counted no further than needed."""
    if not stand.uncounted:
        return len(stand.newer)
    return len(_newer(stand.cutoff.project, 0)[: at_most + 1])


def _left_out(cutoff: Cutoff) -> list[tuple[int, str]]:
    return sorted(
        (annotator, since.isoformat() if since else "")
        for annotator, since in quarantines(cutoff.project, as_of=cutoff.as_of)
    )


def _basis(cutoff: Cutoff, criterion: Criterion, left_out: Sequence[tuple[int, str]]) -> str:
    """Names which judgments are left out, and what can be answered."""
    project = cutoff.project
    known = [
        VERSION, left_out, project.learns_from_simulated, cutoff.with_judges, project.allow_tie,
        criterion.scale,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _lock(project: Project, *, waits_for_disk: bool = True) -> bool:
    """One at a time; who comes second leaves it to the first.

    An update by itself need not wait for the disk: one that a crash loses is made again, for its
    row says how far it had come.
    """
    asked = "SELECT pg_try_advisory_xact_lock(%s, %s)"
    if not waits_for_disk:
        asked += ", set_config('synchronous_commit', 'off', true)"
    with connection.cursor() as cursor:
        cursor.execute(asked, [LOCK_SPACE, project.pk])
        row = cursor.fetchone()
    return bool(row and row[0])
