"""Leases: who may judge which comparison, in which display order, until when.

The database keeps `taken <= overlap`; these services only decide whose turn it is. A page asks for
the next comparison while its annotator still reads the present one: that lease is ahead, short,
and has no `shown_at` until it is seen.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.core.scheduling import derive_seed, display_order
from annotation.models import Assignment, Batch, Comparison, Project, User

State = Assignment.State
LOCK_SPACE = 0x4C4541  # "LEA": one claim at a time per annotator, whatever tabs they have open
UNDO_SECONDS = 60
AHEAD_SECONDS = 300


@transaction.atomic
def assignment_claim(*, annotator: User, project: Project) -> Assignment | None:
    """The annotator's own lease if they hold one, else the most useful open comparison.

    Returns None when nothing is open for them. Locks the annotator's claims and the comparison.
    """
    _lock_claims(annotator)
    now = timezone.now()
    held = _held_leases(annotator, project).first()
    return _show(held, now) if held else _lease_next(annotator, project, now, shown_at=now)


@transaction.atomic
def assignment_claim_ahead(*, annotator: User, shown: Assignment) -> Assignment | None:
    """What will follow `shown`, leased for a short while before it is seen; None for nothing.

    Asked again, it gives the same: nobody holds more than one comparison that they do not see.
    """
    _lock_claims(annotator)
    now = timezone.now()
    project = shown.comparison.project
    present = lock_own(annotator, shown)
    if present.state == State.LEASED and present.shown_at is None:
        _show(present, now)
    held = _held_leases(annotator, project).exclude(pk=shown.pk).first()
    return held or _lease_next(annotator, project, now, shown_at=None)


@transaction.atomic
def assignment_show(*, annotator: User, assignment: Assignment) -> Assignment:
    """The annotator sees what was leased ahead. Raises Conflict when it has lapsed meanwhile."""
    locked = lock_own(annotator, assignment)
    if locked.state != State.LEASED:
        raise Conflict(_("This lease has ended."), hint=_("Take the next comparison."))
    return _show(locked, timezone.now())


@transaction.atomic
def assignment_renew(*, annotator: User, assignment: Assignment) -> Assignment:
    """Extends a lease while its page is in use, and with it the one ahead.

    Raises Conflict when it has lapsed.
    """
    locked = lock_own(annotator, assignment)
    if locked.state != State.LEASED:
        raise Conflict(_("This lease has ended."), hint=_("Take the next comparison."))
    now = timezone.now()
    _held_leases(annotator, locked.comparison.project).filter(shown_at=None).update(
        expires_at=now + _length_ahead(locked.comparison.project)
    )
    return _extend(locked, now)


@transaction.atomic
def assignment_release(*, annotator: User, assignment: Assignment) -> Assignment:
    """Gives a comparison back unanswered; it may come to the same annotator again."""
    locked = lock_own(annotator, assignment)
    if locked.state != State.LEASED:
        raise Conflict(_("This lease has ended."))
    return _close(locked, State.RELEASED)


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
    return _close(locked, State.SKIPPED)


@transaction.atomic
def assignment_unskip(*, annotator: User, assignment: Assignment) -> Assignment:
    """Undoes a skip. Raises Conflict when too late or when others have filled the comparison."""
    _lock_claims(annotator)
    locked = lock_own(annotator, assignment)
    if locked.state == State.LEASED:
        return locked
    now = timezone.now()
    if locked.state != State.SKIPPED or locked.closed_at is None:
        raise Conflict(_("There is no skip to undo."))
    if now - locked.closed_at > timedelta(seconds=UNDO_SECONDS):
        raise Conflict(_("A skip can be undone for a minute only."))
    return lease_again(locked, now)


@transaction.atomic
def assignments_expire(*, now: datetime, project: Project | None = None) -> int:
    """Returns lapsed leases to the queue; how many. Rows that are in use are left for later."""
    lapsed = Assignment.objects.filter(state=State.LEASED, expires_at__lt=now)
    if project is not None:
        lapsed = lapsed.filter(comparison__project=project)
    keys = list(
        lapsed.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    )
    return Assignment.objects.filter(pk__in=keys).update(state=State.EXPIRED, closed_at=now)


def lock_own(annotator: User, assignment: Assignment) -> Assignment:
    """The annotator's assignment, its row locked until the transaction ends."""
    return (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("comparison__project")
        .get(pk=assignment.pk, annotator=annotator)
    )


def lease_again(assignment: Assignment, now: datetime) -> Assignment:
    """Turns an ended assignment into a lease if the comparison still has room for it."""
    assignment.state, assignment.closed_at = State.LEASED, None
    assignment.skip_reason = assignment.skip_note = ""
    assignment.leased_at = assignment.shown_at = now
    assignment.expires_at = now + timedelta(seconds=assignment.comparison.project.lease_seconds)
    try:
        with transaction.atomic():
            assignment.save()
    except IntegrityError as error:
        raise Conflict(
            _("Others have judged this comparison in the meantime."),
            hint=_("Take the next one; nothing else of yours is affected."),
        ) from error
    return assignment


def _lock_claims(annotator: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, annotator.pk])


def _held_leases(annotator: User, project: Project) -> QuerySet[Assignment]:
    """What was seen last comes first; what is ahead comes in the order in which it was leased."""
    return (
        Assignment.objects.select_for_update(of=("self",))
        .filter(
            annotator=annotator, state=State.LEASED, comparison__project=project,
            comparison__batch__state=Batch.State.OPEN,
        )
        .select_related("comparison__project")
        .order_by(F("shown_at").desc(nulls_last=True), "id")
    )  # fmt: skip


def _lease_next(
    annotator: User, project: Project, now: datetime, *, shown_at: datetime | None
) -> Assignment | None:
    comparison = _next_comparison(annotator, project)
    if comparison is None and assignments_expire(now=now, project=project):
        comparison = _next_comparison(annotator, project)
    if comparison is None:
        return None
    length = timedelta(seconds=project.lease_seconds) if shown_at else _length_ahead(project)
    return Assignment.objects.create(
        comparison=comparison,
        annotator=annotator,
        display_order=list(_display_order(annotator, project, comparison)),
        leased_at=now,
        shown_at=shown_at,
        expires_at=now + length,
    )


def _next_comparison(annotator: User, project: Project) -> Comparison | None:
    """The most useful comparison nobody else is taking at this moment, else the one they are.

    Waiting only when nothing else is left keeps claims apart and still finds the last place.
    """
    return (
        _claimable(annotator, project, skip_locked=True).first()
        or _claimable(annotator, project, skip_locked=False).first()
    )


def _claimable(annotator: User, project: Project, *, skip_locked: bool) -> QuerySet[Comparison]:
    met = Assignment.objects.filter(
        comparison=OuterRef("pk"),
        annotator=annotator,
        state__in=[State.LEASED, State.SUBMITTED, State.SKIPPED],
    )
    return (
        Comparison.objects.select_for_update(skip_locked=skip_locked, of=("self",), no_key=True)
        .filter(
            ~Exists(met),
            project=project,
            state=Comparison.State.OPEN,
            taken__lt=F("overlap"),
            batch__state=Batch.State.OPEN,
        )
        .order_by(F("utility").desc(), "id")
    )


def _display_order(annotator: User, project: Project, comparison: Comparison) -> tuple[int, ...]:
    """Counterbalanced over this annotator's own sequence in the project."""
    index = Assignment.objects.filter(annotator=annotator, comparison__project=project).count()
    return display_order(
        size=comparison.candidates.count(),
        index=index,
        seed=derive_seed(project.seed, "annotator", annotator.pk),
    )


def _length_ahead(project: Project) -> timedelta:
    return timedelta(seconds=min(project.lease_seconds, AHEAD_SECONDS))


def _show(assignment: Assignment, now: datetime) -> Assignment:
    if assignment.shown_at is None:
        assignment.shown_at = now
        assignment.save(update_fields=["shown_at"])
    return _extend(assignment, now)


def _extend(assignment: Assignment, now: datetime) -> Assignment:
    assignment.expires_at = now + timedelta(seconds=assignment.comparison.project.lease_seconds)
    assignment.save(update_fields=["expires_at"])
    return assignment


def _close(assignment: Assignment, state: str) -> Assignment:
    assignment.state, assignment.closed_at = state, timezone.now()
    assignment.save(update_fields=["state", "closed_at", "skip_reason", "skip_note"])
    return assignment
