"""What a lead does about one comparison: give it to somebody, take it back, retire, extend it."""

from datetime import timedelta

from django.db import transaction

from annotation.core.errors import Conflict, Invalid
from annotation.core.scheduling import derive_seed, display_order
from annotation.models import Assignment, Batch, Comparison, Participation, User
from annotation.selectors.batch_work import tallies_forget
from annotation.selectors.seats import Seat, seat
from annotation.services.assignments import assignments_return, database_now
from annotation.services.audit_log import audit_entry_create
from annotation.services.batches import lanes_awake
from annotation.services.deadlocks import tried_once_more

State = Assignment.State
JUDGE = Assignment.Purpose.JUDGE
LONGEST_HOURS = 24 * 14


@tried_once_more
@transaction.atomic
def comparison_state_set(*, actor: User, comparison: Comparison, state: str) -> Comparison:
    """Retires a comparison, so that nobody is given it any more, or restores it.

    What was judged stays. Its leases return at once, and before it is locked, as a submit does it.
    """
    if state not in Comparison.State.values:
        raise Invalid(f"There is no state “{state}”.", field="state")
    if state == Comparison.State.RETIRED:
        held = comparison.assignments.filter(state=State.LEASED, purpose=JUDGE)
        assignments_return(held, State.RELEASED, database_now())
    locked = (
        Comparison.objects.select_for_update(of=("self",), no_key=True)
        .select_related("project")
        .get(pk=comparison.pk)
    )
    if locked.state == state:
        raise Conflict(f"The comparison is {locked.get_state_display().lower()} already.")
    locked.state = state
    locked.save(update_fields=["state"])
    lanes_awake(locked.batch_id)
    tallies_forget(locked.batch_id)
    act = "retire" if state == Comparison.State.RETIRED else "restore"
    _log(actor, locked, f"comparison.{act}")
    return locked


@tried_once_more
@transaction.atomic
def lease_take_back(*, actor: User, assignment: Assignment) -> Assignment:
    """Ends somebody's lease: the comparison can be claimed again, by them as well.

    Raises Conflict when it has ended already.
    """
    locked = (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("comparison__project", "annotator")
        .get(pk=assignment.pk)
    )
    if locked.state != State.LEASED or locked.purpose != JUDGE:
        raise Conflict("This lease has ended already.", hint="Reload the page.")
    locked.state, locked.closed_at = State.RELEASED, database_now()
    locked.save(update_fields=["state", "closed_at"])
    _log(actor, locked.comparison, "lease.return", person=locked.annotator.pseudonym)
    return locked


@tried_once_more
@transaction.atomic
def comparison_give(
    *,
    actor: User,
    comparison: Comparison,
    person: User,
    hours: int = 24,
    instead_of: Assignment | None = None,
) -> Assignment:
    """Leases a comparison to a chosen person, and ends the lease that is given instead of.

    It waits for them that long, and is what they see first when they come. Raises Conflict with
    the reason where they may not have it. Locks as a claim does: the person's seat, then the
    comparison.
    """
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid(f"It can wait for 1 to {LONGEST_HOURS} hours.", field="hours")
    place = seat(person, comparison.project)
    if instead_of is not None:
        lease_take_back(actor=actor, assignment=instead_of)
    locked = (
        Comparison.objects.select_for_update(of=("self",), no_key=True)
        .select_related("batch", "lane", "project")
        .get(pk=comparison.pk)
    )
    if reason := why_not(locked, person, place):
        raise Conflict(reason, field="person")
    order = display_order(
        size=locked.candidates.count(),
        index=place.claims,
        seed=derive_seed(locked.project.seed, "annotator", person.pk),
    )
    lease = Assignment.objects.create(
        comparison=locked, annotator=person, display_order=list(order), leased_at=place.now,
        shown_at=place.now, expires_at=place.now + timedelta(hours=hours),
    )  # fmt: skip
    Participation.objects.filter(pk=place.participation_id).update(claims=place.claims + 1)
    _log(actor, locked, "comparison.give", person=person.pseudonym, hours=hours)
    return lease


def why_not(comparison: Comparison, person: User, place: Seat) -> str:
    """Why the person may not have the comparison at this moment, as a lead is told; else "".

    Working hours and the window between comparisons of one prompt do not count: the lead decides.
    """
    return (
        _comparison_refuses(comparison)
        or _seat_refuses(place)
        or _lane_refuses(comparison, place)
        or _met_refuses(comparison, person)
    )


def _comparison_refuses(comparison: Comparison) -> str:
    if comparison.state != Comparison.State.OPEN:
        return "It is retired: restore it first."
    if comparison.batch.state != Batch.State.OPEN:
        return f"Its batch is {comparison.batch.get_state_display().lower()}: open it first."
    if comparison.repeat_of_id is not None:
        return "A hidden repeat belongs to the person whose answer it repeats."
    if comparison.taken >= comparison.overlap:
        return "It has all its judges: ask for one more judgment first."
    return ""


def _seat_refuses(place: Seat) -> str:
    if not place.is_member:
        return "They are not among those who judge in this project."
    if place.state != Participation.State.ACTIVE:
        return f"Their work here is stopped: {Participation.State(place.state).label.lower()}."
    if not place.is_qualified:
        return "They have not passed the project's qualification."
    if place.total_quota is not None and place.judged + place.held >= place.total_quota:
        return "They have judged as many comparisons as they may in this project."
    if place.daily_quota is not None and place.judged_today + place.held >= place.daily_quota:
        return "They have judged as many comparisons as they may today."
    return ""


def _lane_refuses(comparison: Comparison, place: Seat) -> str:
    lane = comparison.lane
    if lane is None:
        return ""
    reads_it = place.languages is None or lane.language in {"", *place.languages}
    if not reads_it:
        return f"They do not read “{lane.language}”."
    if missing := sorted(set(lane.skills) - set(place.skills)):
        return f"They lack a skill that it asks for: {', '.join(missing)}."
    if lane.is_harmful and place.shuns_harm:
        return "They have seen as much harmful content as they may today."
    return ""


def _met_refuses(comparison: Comparison, person: User) -> str:
    met = comparison.assignments.filter(
        annotator=person, state__in=[State.LEASED, State.SUBMITTED, State.SKIPPED]
    ).first()
    if met is None:
        return ""
    return {
        State.LEASED: "They have it already.",
        State.SUBMITTED: "They have judged it already.",
        State.SKIPPED: f"They have skipped it: {met.get_skip_reason_display()}.",
    }[State(met.state)]


def _log(actor: User, comparison: Comparison, action: str, **detail: object) -> None:
    audit_entry_create(
        actor=actor, project=comparison.project, action=action, subject=str(comparison),
        detail={"comparison": comparison.pk, "batch": comparison.batch_id, **detail},
    )  # fmt: skip
