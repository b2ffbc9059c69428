"""Comparisons on which judgments part: they wait for a reviewer, whose decision is a judgment.

Nothing is overwritten: what annotators said stays as it is, the decision stands beside it, and a
reviewer who thinks again appends to their own chain. Every service locks the dispute first.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.consensus import leading_share
from annotation.core.errors import Conflict, Invalid
from annotation.core.rankings import Groups, as_canonical, parse_groups
from annotation.core.scheduling import derive_seed, display_order
from annotation.models import (
    Assignment,
    Comparison,
    ComparisonKind,
    Dispute,
    Judgment,
    Project,
    User,
)
from annotation.selectors.disputes import has_judged, judgments_of
from annotation.services.assignments import assignments_return, database_now
from annotation.services.audit_log import audit_entry_create

State = Dispute.State
STRENGTHS = {2: (1, 3), 3: (1, 2, 3)}
READING = timedelta(minutes=20)
REASON_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decides, in slots as displayed to them, and why."""

    groups: Groups
    reason: str
    strength: int | None = None
    both_bad: bool = False
    active_ms: int | None = None


@transaction.atomic
def dispute_open_if_split(*, comparison: Comparison) -> bool:
    """Puts a comparison before a reviewer when too few of its judgments say the same.

    Says whether it did. For the end of a submit that brought the last judgment wanted: costs one
    statement when the judgments agree, none when the project does not adjudicate. What was decided
    stays decided; what was dismissed comes back only with more judgments than were known then.
    """
    project = comparison.project
    if not project.adjudicates or comparison.gold_groups is not None:
        return False
    given = list(judgments_of(comparison).values_list("groups", flat=True))
    if len(given) < 2 or (agreement := leading_share(given)) >= project.stop_at_agreement:
        return False
    for earlier in comparison.disputes.all():
        if earlier.state != State.DISMISSED or earlier.n_judgments >= len(given):
            return False
    dispute = Dispute(
        project=project, comparison=comparison, reason=Dispute.Reason.DISAGREEMENT,
        agreement=agreement, n_judgments=len(given),
    )  # fmt: skip
    Dispute.objects.bulk_create([dispute], ignore_conflicts=True)  # a lead may be opening one too
    return True


@transaction.atomic
def dispute_open(
    *, actor: User, comparison: Comparison, reason: str = Dispute.Reason.LEAD, note: str = ""
) -> Dispute:
    """A lead wants a decision: because of a flag, or because an earlier one should be looked at.

    Raises Conflict while one is waiting, Invalid for gold, whose answer is the lead's already.
    """
    if reason not in {Dispute.Reason.LEAD, Dispute.Reason.FLAG}:
        raise Invalid("A dispute is opened because of a flag or by a lead.", field="reason")
    if comparison.gold_groups is not None:
        raise Invalid("This is a gold comparison: change its answer instead.")
    given = list(judgments_of(comparison).values_list("groups", flat=True))
    try:
        with transaction.atomic():
            dispute = Dispute.objects.create(
                project_id=comparison.project_id, comparison=comparison, reason=reason,
                note=_clean(note, "note"), opened_by=actor, n_judgments=len(given),
                agreement=leading_share(given) if given else None,
            )  # fmt: skip
    except IntegrityError as error:
        raise Conflict("This comparison waits for a reviewer's decision already.") from error
    _log(actor, dispute, "open", note=dispute.note)
    return dispute


@transaction.atomic
def dispute_take(*, reviewer: User, dispute: Dispute) -> Assignment:
    """The reviewer reads a dispute: others are given another one meanwhile.

    Taken again it is the same, with the same display order. Raises Conflict when it is decided,
    when another reviewer reads it, or when the reviewer has judged the comparison.
    """
    locked = _lock(dispute)
    if locked.state != State.OPEN:
        raise Conflict(_("This dispute is closed already."), hint=_("Take the next one."))
    now = timezone.now()
    others = _readings(locked).filter(state=Assignment.State.LEASED, expires_at__gt=now)
    if others.exclude(annotator=reviewer).exists():
        raise Conflict(_("Another reviewer is reading it."), hint=_("Take the next one."))
    assignment = _reading(reviewer, locked)
    if assignment.state != Assignment.State.SUBMITTED:
        assignment.state, assignment.closed_at = Assignment.State.LEASED, None
        assignment.leased_at = assignment.shown_at = now
        assignment.expires_at = now + READING
        assignment.save()
    return assignment


@transaction.atomic
def dispute_leave(*, reviewer: User, dispute: Dispute) -> None:
    """Not now: the reviewer gets it again after what they have not put off."""
    locked = _lock(dispute)
    own = _readings(locked).filter(annotator=reviewer, state=Assignment.State.LEASED)
    assignments_return(own, Assignment.State.RELEASED, database_now(), waits=True)


@transaction.atomic
def dispute_decide(
    *, reviewer: User, dispute: Dispute, token: UUID, decision: Decision,
    source: str = Judgment.Source.WEB,
) -> Judgment:  # fmt: skip
    """Stores the decision once per token, as a judgment of its own kind.

    Decided by the same reviewer before, it is an amendment of theirs. Raises Invalid naming the
    field, Conflict when another reviewer has decided or the reviewer has judged the comparison.
    """
    locked = _lock(dispute)
    earlier = Judgment.objects.filter(annotator=reviewer, idempotency_token=token).first()
    if earlier is not None:
        if not earlier.is_adjudication or earlier.comparison_id != locked.comparison_id:
            raise Conflict(_("This token was used for another comparison."))
        return earlier
    is_own = locked.state == State.DECIDED and locked.closed_by_id == reviewer.pk
    if locked.state != State.OPEN and not is_own:
        raise Conflict(
            _("This dispute is closed already."),
            hint=_("A lead can put the comparison before the reviewers once more."),
        )
    assignment = _reading(reviewer, locked)
    judgment = _append(locked, assignment, token, _checked(decision, locked), source)
    now = timezone.now()
    assignment.state, assignment.closed_at = Assignment.State.SUBMITTED, now
    assignment.save(update_fields=["state", "closed_at"])
    locked.state, locked.decision = State.DECIDED, judgment
    locked.closed_by, locked.closed_at = reviewer, now
    locked.save(update_fields=["state", "decision", "closed_by", "closed_at"])
    _end_readings(locked)
    _log(reviewer, locked, "decide", judgment=judgment.pk, groups=judgment.groups)
    return judgment


@transaction.atomic
def dispute_dismiss(*, reviewer: User, dispute: Dispute, note: str) -> Dispute:
    """No decision is needed, and why: the judgments stand as they are."""
    locked = _lock(dispute)
    if locked.state != State.OPEN:
        raise Conflict(_("This dispute is closed already."))
    why = _clean(note, "note")
    if not why:
        raise Invalid(_("Say why no decision is needed."), field="note")
    if has_judged(reviewer, locked.comparison):
        raise _judged_it()
    locked.note = f"{locked.note}\n{why}".strip()
    locked.state, locked.closed_by, locked.closed_at = State.DISMISSED, reviewer, timezone.now()
    locked.save(update_fields=["note", "state", "closed_by", "closed_at"])
    _end_readings(locked)
    _log(reviewer, locked, "dismiss", note=why)
    return locked


def _lock(dispute: Dispute) -> Dispute:
    return (
        Dispute.objects.select_for_update(of=("self",))
        .select_related("comparison__project", "project")
        .get(pk=dispute.pk)
    )


def _readings(dispute: Dispute) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        comparison=dispute.comparison_id, purpose=Assignment.Purpose.ADJUDICATE
    )


def _reading(reviewer: User, dispute: Dispute) -> Assignment:
    """The reviewer's own assignment of it, perhaps lapsed; made where none was."""
    if has_judged(reviewer, dispute.comparison):
        raise _judged_it()
    known = _readings(dispute).filter(annotator=reviewer).order_by("-pk").first()
    if known is not None:
        return known
    now = timezone.now()
    order = display_order(
        size=dispute.comparison.candidates.count(),
        index=dispute.pk,
        seed=derive_seed(dispute.project.seed, "reviewer", reviewer.pk),
    )
    return Assignment.objects.create(
        comparison_id=dispute.comparison_id, annotator=reviewer, display_order=list(order),
        purpose=Assignment.Purpose.ADJUDICATE, leased_at=now, expires_at=now + READING,
    )  # fmt: skip


def _end_readings(dispute: Dispute) -> None:
    leases = _readings(dispute).filter(state=Assignment.State.LEASED)
    assignments_return(leases, Assignment.State.RELEASED, database_now(), waits=True)


def _append(
    dispute: Dispute, assignment: Assignment, token: UUID, decision: Decision, source: str
) -> Judgment:
    head = Judgment.objects.filter(
        comparison=dispute.comparison_id, annotator=assignment.annotator_id, superseded_by=None
    ).first()
    return Judgment.objects.create(
        comparison_id=dispute.comparison_id,
        annotator_id=assignment.annotator_id,
        assignment=assignment,
        revision=head.revision + 1 if head else 0,
        supersedes=head,
        is_adjudication=True,
        idempotency_token=token,
        groups=as_canonical(decision.groups, assignment.display_order),
        strength=decision.strength,
        both_bad=decision.both_bad,
        rationale=decision.reason,
        active_ms=decision.active_ms,
        source=source,
    )


def _checked(decision: Decision, dispute: Dispute) -> Decision:
    """The decision with a clean reason, or Invalid that names the field."""
    comparison, project = dispute.comparison, dispute.project
    groups = parse_groups(decision.groups, comparison.candidates.count())
    _check_order(groups, decision, comparison.kind, project)
    reason = _clean(decision.reason, "rationale")
    if not reason:
        raise Invalid(_("Say in a sentence why you decide so."), field="rationale")
    ms = decision.active_ms
    return Decision(
        groups=groups,
        reason=reason,
        strength=decision.strength,
        both_bad=decision.both_bad,
        active_ms=ms if ms is not None and 0 <= ms < 2**31 else None,
    )


def _check_order(groups: Groups, decision: Decision, kind: str, project: Project) -> None:
    """A reviewer has the same answers to choose from as annotators have."""
    is_tied = len(groups) == 1
    if decision.both_bad and not (is_tied and project.allow_both_bad):
        raise Invalid(
            _("“Both bad” fits only responses that are tied, where the project offers it."),
            field="both_bad",
        )
    if any(len(g) > 1 for g in groups) and not decision.both_bad and not project.allow_tie:
        raise Invalid(_("This project does not offer ties: say which is better."), field="groups")
    if decision.strength is None:
        return
    if kind != ComparisonKind.PAIRWISE or is_tied:
        raise Invalid(
            _("A strength goes with a preference between two responses."), field="strength"
        )
    if decision.strength not in STRENGTHS.get(project.strength_levels, ()):
        raise Invalid(
            _("This project has no strength %(strength)s.") % {"strength": decision.strength},
            field="strength",
        )


def _clean(text: str, field: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > REASON_CHARACTERS:
        raise Invalid(
            _("Keep this under %(most)s characters.")
            % {"most": number_format(REASON_CHARACTERS, force_grouping=True)},
            field=field,
        )
    return text


def _judged_it() -> Conflict:
    return Conflict(
        _("You have judged this comparison yourself."),
        hint=_("Somebody who has not judged it decides."),
    )


def _log(actor: User, dispute: Dispute, act: str, **detail: object) -> None:
    audit_entry_create(
        actor=actor, project=dispute.project, action=f"dispute.{act}", subject=str(dispute),
        detail=detail,
    )  # fmt: skip
