"""What is done about somebody's work, by a rule or by a lead, and how it is taken back.

Each locks the person's participation, so that it and a claim never pass each other. Nothing that
was judged is deleted: a quarantine only says what figures and exports leave out.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.core.quality_rules import state_after
from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Intervention,
    Judgment,
    Lane,
    Participation,
    Qualification,
    QualityRule,
    User,
)
from annotation.services.assignments import assignments_return
from annotation.services.audit_log import audit_entry_create
from annotation.services.deadlocks import tried_once_more

Action = QualityRule.Action
NOTE_CHARACTERS = 2_000
MOST_OVERLAP = 32_000


@tried_once_more
@transaction.atomic
def intervention_open(
    *,
    participation: Participation,
    action: str,
    reason: str,
    actor: User | None = None,
    rule: QualityRule | None = None,
    evidence: Mapping[str, object] | None = None,
    leaves_out_from: datetime | None = None,
) -> Intervention:
    """Warns, retrains, pauses or quarantines; whoever may not judge loses their leases at once.

    Raises Invalid without a reason, Conflict where it cannot be or is done already.
    """
    if action not in Action.values:
        raise Invalid("Choose what is to be done.", field="action")
    locked = _locked(participation)
    _check_possible(locked, action, rule)
    done = Intervention.objects.create(
        participation=locked, rule=rule, action=action, reason=clean(reason), decided_by=actor,
        evidence=dict(evidence or {}),
        leaves_out_from=leaves_out_from if action == Action.QUARANTINE else None,
    )  # fmt: skip
    if action == Action.RETRAIN:
        locked.qualified_at = None
    _set_state(locked)
    audit_entry_create(
        actor=actor, project=locked.project, action=f"person.{action}",
        subject=str(locked.annotator),
        detail={"intervention": done.pk, "reason": done.reason, "rule": rule.pk if rule else None},
    )  # fmt: skip
    return done


@tried_once_more
@transaction.atomic
def intervention_lift(*, actor: User, intervention: Intervention, reason: str) -> Intervention:
    """Takes it back, with why. What a quarantine left out counts again; what it asked others for
    and nobody has begun is no longer asked. Raises Conflict where it is lifted already."""
    locked = _locked(intervention.participation)
    current = Intervention.objects.select_for_update().get(pk=intervention.pk)
    if current.lifted_at is not None:
        raise Conflict("This was lifted already.", hint="Reload the page to see by whom and why.")
    current.lift_reason = clean(reason)
    current.lifted_at, current.lifted_by = timezone.now(), actor
    current.save(update_fields=["lift_reason", "lifted_at", "lifted_by"])
    if current.action == Action.RETRAIN:
        locked.qualified_at = current.lifted_at
    if current.replayed_at is not None:
        _ask_no_more(current)
    _set_state(locked)
    audit_entry_create(
        actor=actor, project=locked.project, action=f"person.{current.action}.lift",
        subject=str(locked.annotator),
        detail={"intervention": current.pk, "reason": current.lift_reason},
    )  # fmt: skip
    return current


@transaction.atomic
def retraining_end(*, participation: Participation, reason: str) -> None:
    """Ends what asked for training, because the person has passed again."""
    locked = _locked(participation)
    Intervention.objects.filter(
        participation=locked, action=Action.RETRAIN, lifted_at__isnull=True
    ).update(lifted_at=timezone.now(), lift_reason=reason)
    _set_state(locked)


@transaction.atomic
def intervention_seen(*, annotator: User, intervention: Intervention) -> None:
    """The person has read the notice; a second time changes nothing."""
    Intervention.objects.filter(
        pk=intervention.pk, participation__annotator=annotator, seen_at__isnull=True
    ).update(seen_at=timezone.now())


@tried_once_more
@transaction.atomic
def quarantine_replay(*, actor: User, intervention: Intervention) -> int:
    """Asks others for one judgment more of each comparison that was left out; of how many.

    Closed batches, gold and hidden repeats are passed over. Raises Conflict where it is no
    quarantine in force or was done before.
    """
    locked = _locked(intervention.participation)
    current = Intervention.objects.select_for_update().get(pk=intervention.pk)
    if current.action != Action.QUARANTINE or current.lifted_at is not None:
        raise Conflict("Only a quarantine that is in force can be replayed.")
    if current.replayed_at is not None:
        raise Conflict("This was replayed already.")
    keys = list(_to_replay(locked, current).values_list("pk", flat=True))
    Comparison.objects.filter(pk__in=keys).update(overlap=F("overlap") + 1)
    Lane.objects.filter(comparisons__in=keys, is_drained=True).update(is_drained=False)
    current.replayed_at = timezone.now()
    current.evidence = current.evidence | {"replayed": keys}
    current.save(update_fields=["replayed_at", "evidence"])
    audit_entry_create(
        actor=actor, project=locked.project, action="person.quarantine.replay",
        subject=str(locked.annotator),
        detail={"intervention": current.pk, "comparisons": len(keys)},
    )  # fmt: skip
    return len(keys)


def clean(reason: str) -> str:
    """A reason that says something. Raises Invalid."""
    reason = reason.replace("\x00", "").replace("\r\n", "\n").strip()
    if not reason:
        raise Invalid("Say why: the person reads it, and so does whoever asks later.",
                      field="reason")  # fmt: skip
    if len(reason) > NOTE_CHARACTERS:
        raise Invalid(f"Keep the reason under {NOTE_CHARACTERS:,} characters.", field="reason")
    return reason


def _locked(participation: Participation) -> Participation:
    return (
        Participation.objects.select_for_update(of=("self",))
        .select_related("annotator", "project")
        .get(pk=participation.pk)
    )


def _check_possible(participation: Participation, action: str, rule: QualityRule | None) -> None:
    if action == Action.RETRAIN and not _must_qualify(participation):
        raise Conflict(
            "There is no open qualification to go through again.",
            hint="Open one first, or pause the person.",
        )
    in_force = Intervention.objects.filter(
        participation=participation, action=action, lifted_at__isnull=True
    )
    if action == Action.WARN:
        in_force = in_force.filter(rule__isnull=False, rule=rule)
    if in_force.exists():
        raise Conflict("That is done already.", hint="Lift what is in force first.")


def _must_qualify(participation: Participation) -> bool:
    return Qualification.objects.filter(project=participation.project_id, is_open=True).exists()


def _set_state(participation: Participation) -> None:
    """The state that what is in force asks for; leases return where it is not to work."""
    in_force = Intervention.objects.filter(participation=participation, lifted_at__isnull=True)
    participation.state = state_after(list(in_force.values_list("action", flat=True)))
    participation.save(update_fields=["state", "qualified_at"])
    if participation.state != Participation.State.ACTIVE:
        held = Assignment.objects.filter(
            annotator=participation.annotator_id,
            state=Assignment.State.LEASED,
            comparison__project=participation.project_id,
        )
        assignments_return(held, Assignment.State.RELEASED, timezone.now(), waits=True)


def _to_replay(participation: Participation, quarantine: Intervention) -> QuerySet[Comparison]:
    judgments = Judgment.objects.live().filter(
        annotator=participation.annotator_id,
        comparison__project=participation.project_id,
        is_adjudication=False,
    )
    if quarantine.leaves_out_from is not None:
        judgments = judgments.filter(judged_at__gte=quarantine.leaves_out_from)
    return (
        Comparison.objects.filter(
            pk__in=judgments.values("comparison"),
            lane__isnull=False,
            gold_groups__isnull=True,
            state=Comparison.State.OPEN,
            overlap__lt=MOST_OVERLAP,
        )
        .exclude(batch__state=Batch.State.CLOSED)
        .exclude(batch__reason=Batch.Reason.IMPORTED)
    )


def _ask_no_more(quarantine: Intervention) -> None:
    keys = quarantine.evidence.get("replayed", [])
    Comparison.objects.filter(pk__in=keys, taken__lt=F("overlap"), overlap__gt=1).update(
        overlap=F("overlap") - 1
    )
