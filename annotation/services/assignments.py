"""Leases: who may judge which comparison, in which display order, until when.

The database keeps `taken <= overlap`; these services only decide whose turn it is. A page asks for
the next comparison while its annotator still reads the present one: that lease is ahead, short,
and has no `shown_at` until it is seen. All times are the database's, so that the clocks of web
servers do not matter. Whatever an annotator does locks their participation first, then the
assignment, then the comparison.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Batch, Comparison, Participation, Project, User
from annotation.selectors.seats import Seat, seat
from annotation.selectors.settled import settled_project
from annotation.services.deadlocks import tried_once_more
from annotation.services.leasing import ahead_seconds, lease_next, lease_seconds
from annotation.services.participations import participation_lock

State = Assignment.State
UNDO_SECONDS = 60

_COUNT_SKIP = """
    WITH day AS (
        INSERT INTO annotation_workday AS known
            (participation_id, day, judged, skipped, harmful, active_ms, earned, currency)
        VALUES (%(participation)s, (%(at)s AT TIME ZONE %(zone)s)::date, 0, 1, 0, 0, 0, '')
        ON CONFLICT (participation_id, day) DO UPDATE
           SET skipped = greatest(known.skipped + %(step)s, 0)
    )
    UPDATE annotation_participation SET skipped = greatest(skipped + %(step)s, 0)
     WHERE id = %(participation)s
"""


@tried_once_more
@transaction.atomic
def assignment_claim(*, annotator: User, project: Project) -> Assignment | None:
    """The annotator's own lease if they hold one, else the most useful open comparison.

    Returns None when nothing is open for them.
    """
    place = seat(annotator, project)
    if place.is_barred:
        return None
    held = held_leases(annotator, project).first()
    if held is not None:
        return _show(held, place.now)
    return _lease(annotator, place, is_shown=True)


@tried_once_more
@transaction.atomic
def assignment_claim_ahead(*, annotator: User, shown: Assignment) -> Assignment | None:
    """What will follow `shown`, leased for a short while before it is seen; None for nothing.

    Asked again, it gives the same: nobody holds more than one comparison that they do not see.
    """
    project = shown.comparison.project
    place = seat(annotator, project)
    present = lock_own(annotator, shown)
    if present.state == State.LEASED and present.shown_at is None:
        _show(present, place.now)
    if place.is_barred:
        return None
    held = held_leases(annotator, project).exclude(pk=shown.pk).first()
    return held or _lease(annotator, place, is_shown=False)


@tried_once_more
@transaction.atomic
def assignment_show(*, annotator: User, assignment: Assignment) -> Assignment:
    """The annotator sees what was leased ahead. Raises Conflict when it has lapsed meanwhile."""
    locked = lock_own(annotator, assignment)
    _check_leased(locked)
    return _show(locked, database_now())


@tried_once_more
@transaction.atomic
def assignment_renew(*, annotator: User, assignment: Assignment) -> Assignment:
    """Extends a lease while its page is in use, and with it the one ahead.

    Raises Conflict when it has lapsed.
    """
    locked = lock_own(annotator, assignment)
    _check_leased(locked)
    now, project = database_now(), locked.comparison.project
    held_leases(annotator, project).filter(shown_at=None).update(
        expires_at=now + timedelta(seconds=ahead_seconds(project))
    )
    return _extend(locked, now)


@tried_once_more
@transaction.atomic
def assignment_release(*, annotator: User, assignment: Assignment) -> Assignment:
    """Gives a comparison back unanswered; it may come to the same annotator again."""
    locked = lock_own(annotator, assignment)
    if locked.state != State.LEASED:
        raise Conflict(_("This lease has ended."))
    return _close(locked, State.RELEASED, database_now())


@tried_once_more
@transaction.atomic
def assignment_skip(
    *, annotator: User, assignment: Assignment, reason: str, note: str = ""
) -> Assignment:
    """The annotator does not want to judge this one; it does not come back to them."""
    if reason not in Assignment.SkipReason.values:
        raise Invalid(_("Say why you skip this comparison."), field="reason")
    locked = lock_own(annotator, assignment)
    if locked.state == State.SKIPPED:
        return locked
    if locked.state == State.SUBMITTED:
        raise Conflict(_("You have judged this comparison."), hint=_("Undo the judgment first."))
    locked.skip_reason, locked.skip_note = reason, note.strip()
    now = database_now()
    _count_skip(locked, now, 1)
    return _close(locked, State.SKIPPED, now)


@tried_once_more
@transaction.atomic
def assignment_unskip(*, annotator: User, assignment: Assignment) -> Assignment:
    """Undoes a skip. Raises Conflict when too late or when others have filled the comparison."""
    locked = lock_own(annotator, assignment)
    if locked.state == State.LEASED:
        return locked
    now = database_now()
    if locked.state != State.SKIPPED or locked.closed_at is None:
        raise Conflict(_("There is no skip to undo."))
    if now - locked.closed_at > timedelta(seconds=UNDO_SECONDS):
        raise Conflict(_("A skip can be undone for a minute only."))
    place = seat(annotator, locked.comparison.project)
    if place.quota_refusal:
        raise Conflict(place.quota_refusal)
    _count_skip(locked, locked.closed_at, -1)
    return lease_again(locked, now)


@tried_once_more
@transaction.atomic
def assignments_expire(*, project: Project | None = None, now: datetime | None = None) -> int:
    """Returns lapsed leases to the queue; how many. Rows that are in use are left for later.

    So do leases that were taken while their batch was being paused or closed. `now` is the
    database's present unless another moment is to be supposed.
    """
    now = now or database_now()
    is_out = ~Q(comparison__batch__state=Batch.State.OPEN) & Q(purpose=Assignment.Purpose.JUDGE)
    lapsed = Assignment.objects.filter(Q(expires_at__lt=now) | is_out, state=State.LEASED)
    if project is not None:
        lapsed = lapsed.filter(comparison__project=project)
    return assignments_return(lapsed, State.EXPIRED, now)


def leases_take_back(*, annotator: User, projects: QuerySet[Project] | None = None) -> int:
    """Returns all that somebody holds, in all projects or in some; how many leases.

    To be called in the transaction that takes away their right to work: it waits for what they
    are submitting or claiming at this moment, and then for nobody.
    """
    mine = Participation.objects.filter(annotator=annotator)
    leases = Assignment.objects.filter(annotator=annotator, state=State.LEASED)
    if projects is not None:
        mine = mine.filter(project__in=projects)
        leases = leases.filter(comparison__project__in=projects)
    list(mine.order_by("pk").select_for_update().values_list("pk", flat=True))
    return assignments_return(leases, State.RELEASED, database_now(), waits=True)


def assignments_return(
    leases: QuerySet[Assignment], state: str, now: datetime, *, waits: bool = False
) -> int:
    """Ends leases, in the order of their comparisons; how many.

    Those that somebody is about to submit are left alone, or with `waits` waited for.
    """
    locked = leases.order_by("comparison_id").select_for_update(
        skip_locked=not waits, of=("self",), no_key=True
    )
    rows = list(locked.values_list("pk", "comparison_id"))
    list(
        Comparison.objects.filter(pk__in=[comparison for _, comparison in rows])
        .order_by("pk")
        .select_for_update(no_key=True)
        .values_list("pk", flat=True)
    )
    still_leased = Assignment.objects.filter(pk__in=[pk for pk, _ in rows], state=State.LEASED)
    return still_leased.update(state=state, closed_at=now)


def database_now() -> datetime:
    """The beginning of this transaction by the one clock that all processes share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        row: tuple[datetime] = cursor.fetchone()
        return row[0]


def lock_own(annotator: User, assignment: Assignment) -> Assignment:
    """The annotator's assignment, its row locked until the transaction ends."""
    participation_lock(annotator=annotator, assignment_id=assignment.pk)
    return (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("comparison__project")
        .get(pk=assignment.pk, annotator=annotator)
    )


def lease_again(assignment: Assignment, now: datetime) -> Assignment:
    """Turns an ended assignment into a lease if the comparison still has room for it."""
    assignment.state, assignment.closed_at = State.LEASED, None
    assignment.skip_reason = assignment.skip_note = ""
    assignment.leased_at = assignment.shown_at = now
    project = assignment.comparison.project
    assignment.expires_at = now + timedelta(seconds=lease_seconds(project))
    try:
        with transaction.atomic():
            assignment.save()
    except IntegrityError as error:
        raise filled_meanwhile() from error
    return assignment


def filled_meanwhile() -> Conflict:
    return Conflict(
        _("Others have judged this comparison in the meantime."),
        hint=_("Take the next one; nothing else of yours is affected."),
    )


def held_leases(annotator: User, project: Project) -> QuerySet[Assignment]:
    """What was seen last comes first; what is ahead comes in the order in which it was leased."""
    return (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .filter(
            annotator=annotator, state=State.LEASED, purpose=Assignment.Purpose.JUDGE,
            comparison__project=project, comparison__batch__state=Batch.State.OPEN,
        )
        .select_related("comparison__project")
        .order_by(F("shown_at").desc(nulls_last=True), "id")
    )  # fmt: skip


def _lease(annotator: User, place: Seat, *, is_shown: bool) -> Assignment | None:
    if place.refusal:
        return None
    project = settled_project(place.project_id, place.revision)
    lease = lease_next(annotator, project, place, is_shown=is_shown, waits=False)
    if lease is None:
        assignments_expire(project=project)
        lease = lease_next(annotator, project, place, is_shown=is_shown, waits=True)
    return lease.assignment if lease else None


def _check_leased(assignment: Assignment) -> None:
    if assignment.state != State.LEASED:
        raise Conflict(_("This lease has ended."), hint=_("Take the next comparison."))


def _count_skip(assignment: Assignment, at: datetime, step: int) -> None:
    parameters: dict[str, Any] = {
        "participation": participation_lock(
            annotator=assignment.annotator, assignment_id=assignment.pk
        ),
        "at": at,
        "zone": settings.TIME_ZONE,
        "step": step,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SKIP, parameters)


def _show(assignment: Assignment, now: datetime) -> Assignment:
    if assignment.shown_at is None:
        assignment.shown_at = now
        assignment.save(update_fields=["shown_at"])
    return _extend(assignment, now)


def _extend(assignment: Assignment, now: datetime) -> Assignment:
    length = lease_seconds(assignment.comparison.project)
    assignment.expires_at = now + timedelta(seconds=length)
    assignment.save(update_fields=["expires_at"])
    return assignment


def _close(assignment: Assignment, state: str, now: datetime) -> Assignment:
    assignment.state, assignment.closed_at = state, now
    assignment.save(update_fields=["state", "closed_at", "skip_reason", "skip_note"])
    return assignment
