"""Agreement as of now: sums that each new judgment changes, from which every figure follows.

An update reads what was judged since the last one, and all judgments of the comparisons that it
touches, as they were then and as they are now. Where other people are left out than before, all is
counted anew. Whoever commits a judgment late, behind newer ones that were counted, is caught up
with by the next snapshot, which counts everything.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection, transaction

from annotation.core.agreement import Agreement
from annotation.core.errors import Invalid
from annotation.core.rated_units import Rated
from annotation.core.running_agreement import (
    RunningAgreement,
    running_agreement,
    running_from_dict,
)
from annotation.models import AgreementSums, Criterion, Judgment, Project
from annotation.selectors.agreement import Cutoff, answers, cutoff_now, rated, rated_answers
from annotation.selectors.judgments import quarantines
from annotation.services.agreement_detail import categories_of, level_of

LOCK_SPACE = 0x414752  # "AGR": keeps these advisory locks apart from anybody else's
TOUCHED_AT_MOST = 5_000
VERSION = 1


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


@transaction.atomic
def agreement_sums_update(*, project: Project, at_most: int | None = None) -> bool:
    """Brings the sums of all criteria up to the newest judgment; says whether they are there.

    With `at_most` nothing is done where more judgments than that would have to be read: a page that
    is opened must not wait for what the schedule does anyway.
    """
    cutoff = cutoff_now(project)
    criteria = list(project.criteria.all())
    behind = [each for each in criteria if not _is_upto(each, cutoff)]
    if not behind:
        return True
    if at_most is not None and _n_to_read(behind, cutoff, at_most) > at_most:
        return False
    if not _lock(project):
        return False
    for criterion in behind:
        _update(cutoff, criterion)
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


def _update(cutoff: Cutoff, criterion: Criterion) -> None:
    kept = AgreementSums.objects.filter(criterion=criterion).first()
    if kept is not None and kept.basis == _basis(cutoff, criterion):
        touched = _touched(cutoff, kept.upto_id)
        if touched is not None and _changed(kept, cutoff, criterion, touched):
            return
    _keep(cutoff, criterion, rated(cutoff.judgments(), criterion))


def _changed(
    kept: AgreementSums, cutoff: Cutoff, criterion: Criterion, touched: Sequence[int]
) -> bool:
    """The sums with the touched comparisons as they are now; False where they cannot be changed."""
    was, now = (
        _of_comparisons(replace(cutoff, judgment_id=judgment_id), criterion, touched)
        for judgment_id in (kept.upto_id, cutoff.judgment_id)
    )
    try:
        running = running_from_dict(kept.sums["running"])
        before, after = _clusters(was), _clusters(now)
        for comparison in touched:
            running = running.changed(
                before=before.get(comparison, ()), after=after.get(comparison, ())
            )
    except Invalid:
        return False
    people = Counter({int(key): n for key, n in kept.sums["people"].items()})
    people.update(_people(now))
    people.subtract(_people(was))
    _save(cutoff, criterion, running, people)
    return True


def _of_comparisons(cutoff: Cutoff, criterion: Criterion, comparisons: Sequence[int]) -> Rated:
    own = cutoff.judgments().filter(comparison__in=comparisons)
    return rated_answers(answers(own, criterion))


def _touched(cutoff: Cutoff, upto_id: int) -> list[int] | None:
    """The comparisons judged since; None where they are so many that counting all is faster."""
    newer = Judgment.objects.filter(
        comparison__project=cutoff.project, pk__gt=upto_id, pk__lte=cutoff.judgment_id
    )
    found = list(
        newer.order_by().values_list("comparison", flat=True).distinct()[: TOUCHED_AT_MOST + 1]
    )
    return found if len(found) <= TOUCHED_AT_MOST else None


def _clusters(found: Rated) -> dict[int, list[list[int]]]:
    """By comparison, the values that each of its units was given."""
    units: dict[int, dict[int, list[int]]] = {}
    rows = (found.comparisons.tolist(), found.ratings.units.tolist(), found.ratings.values.tolist())
    for comparison, unit, value in zip(*rows, strict=True):
        units.setdefault(comparison, {}).setdefault(unit, []).append(value)
    return {comparison: list(marks.values()) for comparison, marks in units.items()}


def _people(found: Rated) -> Counter[int]:
    return Counter(found.ratings.annotators.tolist())


def _keep(cutoff: Cutoff, criterion: Criterion, found: Rated) -> None:
    running = running_agreement(
        found.ratings,
        categories=categories_of(cutoff.project, criterion, found.ratings),
        level=level_of(criterion),
    )
    _save(cutoff, criterion, running, _people(found))


def _save(
    cutoff: Cutoff, criterion: Criterion, running: RunningAgreement, people: Counter[int]
) -> None:
    judging = {str(key): n for key, n in people.items() if n > 0}
    sums: dict[str, Any] = {"running": running.to_dict(), "people": judging}
    AgreementSums.objects.update_or_create(
        criterion=criterion,
        defaults={
            "upto_id": cutoff.judgment_id,
            "basis": _basis(cutoff, criterion),
            "sums": sums,
            "n_annotators": len(judging),
        },
    )


def _is_upto(criterion: Criterion, cutoff: Cutoff) -> bool:
    return AgreementSums.objects.filter(
        criterion=criterion, upto_id=cutoff.judgment_id, basis=_basis(cutoff, criterion)
    ).exists()


def _n_to_read(behind: Sequence[Criterion], cutoff: Cutoff, at_most: int) -> int:
    """How many judgments an update would read, counted no further than needed."""
    bases = {each: _basis(cutoff, each) for each in behind}
    kept = {each.criterion_id: each for each in AgreementSums.objects.filter(criterion__in=behind)}
    since = min(
        kept[each.pk].upto_id if each.pk in kept and kept[each.pk].basis == basis else 0
        for each, basis in bases.items()
    )
    newer = Judgment.objects.filter(comparison__project=cutoff.project, pk__gt=since)
    return len(newer.order_by().values_list("pk", flat=True)[: at_most + 1])


def _basis(cutoff: Cutoff, criterion: Criterion) -> str:
    """Names which judgments are left out, and what can be answered."""
    project = cutoff.project
    left_out = sorted(
        (annotator, since.isoformat() if since else "")
        for annotator, since in quarantines(project, as_of=cutoff.as_of)
    )
    known = [VERSION, left_out, project.learns_from_simulated, project.allow_tie, criterion.scale]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _lock(project: Project) -> bool:
    """One at a time; who comes second leaves it to the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, project.pk])
        (is_ours,) = cursor.fetchone() or (False,)
    return bool(is_ours)
