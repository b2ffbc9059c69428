"""Answers. Each names the assignment whose display order was shown; none is ever overwritten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, NotFound
from annotation.core.rankings import as_canonical
from annotation.core.sittings import Sitting, sitting_after, sitting_at
from annotation.models import (
    Assignment,
    Comparison,
    Criterion,
    CriterionAnswer,
    Judgment,
    Project,
    User,
)
from annotation.selectors.desks import Desk, desk
from annotation.selectors.settled import further_criteria, settled_project
from annotation.services.answers import CriterionInput, JudgmentInput, checked_answer
from annotation.services.assignments import UNDO_SECONDS, filled_meanwhile, lease_again, lock_own
from annotation.services.closing import Day, submit_close, submit_undo
from annotation.services.deadlocks import tried_once_more
from annotation.services.disputes import dispute_open_if_split
from annotation.services.leasing import Lease, lease_next, lease_seconds
from annotation.services.overlaps import overlap_adapt
from annotation.services.participations import participation_lock
from annotation.services.passages import rewrite_create, spans_create

State = Assignment.State
ROOM = ("comparison_taken_within_overlap", "assignment_live_once")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer sheet needs to be read: how many responses, and what the project asks."""

    project: Project
    kind: str
    size: int
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A stored judgment, where its annotator stands now, and what they are given next.

    `following` was leased in the same transaction: it is None where that was not wanted, where the
    annotator may have nothing more, and where all that is left is being taken by others.
    """

    judgment: Judgment
    project: Project
    sitting: Sitting
    desk: Desk
    day: Day | None = None
    following: Lease | None = None


def judgment_submit(
    *,
    annotator: User,
    assignment: Assignment,
    token: UUID,
    answer: JudgmentInput,
    source: str = Judgment.Source.WEB,
    amends: bool | None = None,
) -> Judgment:
    """Stores the answer once per token, however often it is sent.

    On a comparison that the annotator has judged before it is an amendment, unless `amends` is
    False: then the annotator does not know of that judgment. An answer that arrives after its
    lease has lapsed is kept as long as the comparison has room for it. Raises Invalid naming the
    field, Conflict when the comparison has no room any more or was answered already.
    """
    return judgment_submit_and_claim(
        annotator=annotator, assignment_id=assignment.pk, token=token, read=lambda asked: answer,
        source=source, amends=amends, claims=False,
    ).judgment  # fmt: skip


def judgment_submit_and_claim(
    *,
    annotator: User,
    assignment_id: int,
    token: UUID,
    read: Callable[[Asked], JudgmentInput],
    source: str = Judgment.Source.WEB,
    amends: bool | None = None,
    shows: int | None = None,
    claims: bool = True,
    is_shown: bool = False,
) -> Submitted:
    """Stores an answer as `judgment_submit` does, and leases what comes next, in one transaction.

    `read` turns what was sent into an answer once it is known what was asked. `shows` is the
    assignment held ahead that takes the answered one's place on the annotator's page. With `claims`
    one more is leased: as the one that they see next (`is_shown`), or ahead. Only members of the
    project may claim; raises NotFound for others, and for somebody else's assignment. Where it met
    a lead who queued the work anew at that moment, and lost, it is tried once more.
    """

    @tried_once_more
    @transaction.atomic
    def attempt() -> Submitted:
        place = _desk(annotator, assignment_id, token)
        if claims and not place.seat.is_member:
            raise NotFound(_("There is no such comparison for you."))
        submitted = _submit(place, token, read, source, amends, shows)
        return _with_following(submitted, is_shown=is_shown) if claims else submitted

    try:
        return attempt()
    except IntegrityError as error:
        if any(name in str(error) for name in ROOM):
            raise filled_meanwhile() from error
        raise


@tried_once_more
@transaction.atomic
def judgment_withdraw(*, annotator: User, judgment: Judgment, token: UUID) -> Assignment:
    """Takes a judgment back and leases its comparison again; the judgment itself is kept.

    Raises Conflict when it is not the annotator's newest word or the time to undo is over.
    """
    place = _desk(annotator, judgment.assignment_id, token)
    locked = lock_own(annotator, place.assignment)
    if place.earlier_id is not None:
        return locked
    if locked.state != State.SUBMITTED or place.head_id != judgment.pk:
        raise Conflict(_("This is not your latest answer to that comparison."))
    _check_may_amend(settled_project(place.seat.project_id, place.seat.revision), place)
    Judgment.objects.create(
        comparison_id=locked.comparison_id, annotator=annotator, assignment=locked,
        revision=place.head_revision + 1, supersedes=judgment, is_withdrawal=True,
        idempotency_token=token, groups=[], source=Judgment.Source.WEB,
        judged_at=place.seat.now,
    )  # fmt: skip
    submit_undo(place, active_ms=judgment.active_ms, at=locked.closed_at or place.seat.now)
    return lease_again(locked, place.seat.now)


def _desk(annotator: User, assignment_id: int, token: UUID) -> Desk:
    locked = participation_lock(annotator=annotator, assignment_id=assignment_id)
    return desk(annotator, assignment_id, token, participation_id=locked)


def _submit(
    place: Desk,
    token: UUID,
    read: Callable[[Asked], JudgmentInput],
    source: str,
    amends: bool | None,
    shows: int | None,
) -> Submitted:
    project = settled_project(place.seat.project_id, place.seat.revision)
    known = place.sitting or sitting_at(None, place.seat.now)
    if place.earlier_id is not None:
        return Submitted(_same_submission(place, place.earlier_id), project, known, place)
    asked = Asked(
        project, place.kind, len(place.assignment.display_order), tuple(further_criteria(project))
    )
    answer = checked_answer(read(asked), place.assignment, place.kind, project)
    if place.assignment.state == State.SUBMITTED:
        _check_may_amend(project, place, amends)
    elif place.assignment.state in (State.EXPIRED, State.RELEASED) and place.seat.quota_refusal:
        raise Conflict(place.seat.quota_refusal)
    elif place.assignment.state == State.SKIPPED:
        raise Conflict(_("You skipped this comparison."), hint=_("Undo the skip to judge it."))
    sitting = sitting_at(place.sitting, place.seat.now, working_ms=answer.active_ms or 0)
    judgment = _judgment(place, token, source, answer, sitting)
    sitting = sitting_after(
        sitting, place.seat.now, active_ms=answer.active_ms, is_first_answer=place.head_id is None
    )
    criteria = {c.key: c for c in asked.criteria}
    order = place.assignment.display_order
    day = submit_close(
        place, judgment, sitting, shows=shows, seconds=lease_seconds(project),
        answers=[
            _criterion_answer(judgment, criteria[key], given, order)
            for key, given in answer.criteria.items()
        ],
    )  # fmt: skip
    if answer.spans:
        spans_create(judgment, answer.spans)
    if answer.rewrite is not None:
        rewrite_create(judgment, answer.rewrite)
    _complete(place, project)
    return Submitted(judgment, project, sitting, place, day)


def _complete(place: Desk, project: Project) -> None:
    """What follows when the comparison has all the judgments that were wanted of it."""
    is_new = place.assignment.state != State.SUBMITTED
    if not is_new or place.is_gold or place.judged + 1 < place.overlap:
        return
    key = place.assignment.comparison_id
    if overlap_adapt(comparison_id=key, project=project, overlap=place.overlap):
        return
    if project.adjudicates:
        comparison = Comparison.objects.select_related("project").get(pk=key)
        dispute_open_if_split(comparison=comparison)


def _with_following(submitted: Submitted, *, is_shown: bool) -> Submitted:
    """With the next lease, unless the annotator may have none or holds one that nobody sees yet."""
    place, day = submitted.desk, submitted.day
    if day is None:
        return submitted
    state = place.assignment.state
    seat = place.seat.after_submit(
        was_leased=state == State.LEASED,
        is_new=state != State.SUBMITTED,
        is_unsafe=place.is_unsafe,
    )
    if seat.refusal or seat.held > day.is_ahead_shown:
        return submitted
    lease = lease_next(
        place.assignment.annotator, submitted.project, seat, is_shown=is_shown, waits=False
    )
    return replace(submitted, following=lease)


def _same_submission(place: Desk, earlier_id: int) -> Judgment:
    if place.earlier_assignment_id != place.assignment.pk:
        raise Conflict(_("This token was used for another comparison."), hint=_("Reload the page."))
    return Judgment.objects.get(pk=earlier_id)


def _check_may_amend(project: Project, place: Desk, amends: bool | None = True) -> None:
    if amends is False:
        raise Conflict(
            _("You have answered this one already, perhaps in another tab."),
            hint=_("That answer is kept; change it in your history if it is not what you think."),
        )
    if place.head_at is None or place.seat.now - place.head_at <= timedelta(seconds=UNDO_SECONDS):
        return
    if project.shows_gold and place.is_gold:
        raise Conflict(_("You may know the lead's answer by now, so yours stays as it was."))
    if not project.allow_amend:
        raise Conflict(_("This project does not allow judgments to be changed after a minute."))


def _judgment(
    place: Desk, token: UUID, source: str, answer: JudgmentInput, sitting: Sitting
) -> Judgment:
    order, now = place.assignment.display_order, place.seat.now
    return Judgment(
        comparison_id=place.assignment.comparison_id,
        annotator_id=place.assignment.annotator_id,
        assignment=place.assignment,
        revision=place.head_revision + 1,
        supersedes_id=place.head_id,
        idempotency_token=token,
        groups=as_canonical(answer.groups, order),
        strength=answer.strength,
        both_bad=answer.both_bad,
        rationale=answer.rationale,
        confidence=answer.confidence,
        active_ms=answer.active_ms,
        first_viewed_ms=_by_position(answer.first_viewed_ms, order),
        sitting_ms=sitting.lasted_ms(now),
        pace=sitting.pace,
        source=source,
        judged_at=now,
    )


def _by_position(by_slot: Sequence[T] | None, order: Sequence[int]) -> list[T] | None:
    """What was given in the order shown, in the canonical order."""
    if by_slot is None:
        return None
    return [by_slot[order.index(position)] for position in range(len(order))]


def _criterion_answer(
    judgment: Judgment, criterion: Criterion, given: CriterionInput, order: list[int]
) -> CriterionAnswer:
    return CriterionAnswer(
        judgment=judgment,
        criterion=criterion,
        groups=None if given.groups is None else as_canonical(given.groups, order),
        strength=given.strength,
        ratings=_by_position(given.ratings, order),
    )
