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
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotation.core.agreement import Agreement
from annotation.core.errors import Invalid
from annotation.core.rated_units import Rated
from annotation.core.running_agreement import running_agreement, running_from_dict
from annotation.models import AgreementSums, Criterion, Judgment, Project
from annotation.selectors.agreement import Cutoff, Said, cutoff_now, rated, said_between
from annotation.selectors.judgments import quarantines
from annotation.services.agreement_detail import categories_of, level_of, plain_figures

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
    if not _lock(project):
        return False
    cutoff = cutoff_now(project)
    behind = _behind(cutoff)
    if at_most is not None and _n_to_read(behind, cutoff, at_most) > at_most:
        return False
    touched: dict[int, list[int] | None] = {}
    for each in behind:
        if each.upto_id is None:
            _keep(cutoff, each.criterion, rated(cutoff.judgments(), each.criterion))
            continue
        if each.upto_id not in touched:
            touched[each.upto_id] = _touched(cutoff, each.upto_id)
        _update(cutoff, each, touched[each.upto_id])
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
class _Behind:
    """A criterion whose sums are not up to the newest judgment; `kept` if they can be changed."""

    criterion: Criterion
    kept: AgreementSums | None

    @property
    def upto_id(self) -> int | None:
        return self.kept.upto_id if self.kept is not None else None


def _behind(cutoff: Cutoff) -> list[_Behind]:
    found = {
        kept.criterion_id: kept
        for kept in AgreementSums.objects.filter(criterion__project=cutoff.project)
    }
    left_out = _left_out(cutoff)
    behind = []
    for criterion in cutoff.project.criteria.all():
        kept = found.get(criterion.pk)
        if kept is None or kept.basis != _basis(cutoff, criterion, left_out):
            behind.append(_Behind(criterion, None))
        elif kept.upto_id < cutoff.judgment_id:
            behind.append(_Behind(criterion, kept))
    return behind


def _update(cutoff: Cutoff, behind: _Behind, touched: Sequence[int] | None) -> None:
    kept, criterion = behind.kept, behind.criterion
    if kept is not None and touched is not None and _changed(kept, cutoff, criterion, touched):
        return
    _keep(cutoff, criterion, rated(cutoff.judgments(), criterion))


def _changed(
    kept: AgreementSums, cutoff: Cutoff, criterion: Criterion, touched: Sequence[int]
) -> bool:
    """The sums with the touched comparisons as they are now; False where they cannot be changed."""
    said = said_between(cutoff, kept.upto_id, criterion, touched) if touched else []
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
    AgreementSums.objects.filter(pk=kept.pk).update(
        upto_id=cutoff.judgment_id,
        sums={"running": running.to_dict(), "people": judging},
        n_annotators=len(judging),
        updated_at=timezone.now(),
    )
    return True


def _touched(cutoff: Cutoff, upto_id: int) -> list[int] | None:
    """The comparisons judged since; None where they are so many that counting all is faster."""
    newer = Judgment.objects.filter(
        comparison__project=cutoff.project, pk__gt=upto_id, pk__lte=cutoff.judgment_id
    )
    found = list(
        newer.order_by().values_list("comparison", flat=True).distinct()[: TOUCHED_AT_MOST + 1]
    )
    return found if len(found) <= TOUCHED_AT_MOST else None


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
            "sums": {"running": running.to_dict(), "people": judging},
            "n_annotators": len(judging),
        },
    )


def _judging(people: Counter[int]) -> dict[str, int]:
    """How many ratings each annotator gave, as JSON keeps it."""
    return {str(key): n for key, n in people.items() if n > 0}


def _n_to_read(behind: Sequence[_Behind], cutoff: Cutoff, at_most: int) -> int:
    """How many judgments an update would read, counted no further than needed."""
    since = min((each.upto_id or 0 for each in behind), default=cutoff.judgment_id)
    newer = Judgment.objects.filter(comparison__project=cutoff.project, pk__gt=since)
    return len(newer.order_by().values_list("pk", flat=True)[: at_most + 1])


def _left_out(cutoff: Cutoff) -> list[tuple[int, str]]:
    return sorted(
        (annotator, since.isoformat() if since else "")
        for annotator, since in quarantines(cutoff.project, as_of=cutoff.as_of)
    )


def _basis(cutoff: Cutoff, criterion: Criterion, left_out: Sequence[tuple[int, str]]) -> str:
    """Names which judgments are left out, and what can be answered."""
    project = cutoff.project
    known = [VERSION, left_out, project.learns_from_simulated, project.allow_tie, criterion.scale]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _lock(project: Project) -> bool:
    """One at a time; who comes second leaves it to the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_SPACE, project.pk])
        (is_ours,) = cursor.fetchone() or (False,)
    return bool(is_ours)
