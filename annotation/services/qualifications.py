"""Qualifications as leads make them: items with a known order, a pass mark, and who is let in."""

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.models import (
    Batch,
    Participation,
    Project,
    Qualification,
    QualificationItem,
    QualityRule,
    User,
)
from annotation.models.project import draw_seed
from annotation.services.audit_log import audit_entry_create
from annotation.services.interventions import clean, intervention_open, retraining_end
from annotation.services.known_answers import (
    Known,
    clean_explanation,
    comparisons_with_known_order,
)
from annotation.services.participations import participation_of

Phase = QualificationItem.Phase
RETRAINING = Participation.State.RETRAINING
SETTINGS = ("name", "introduction", "pass_mark", "test_size", "attempts_allowed", "hours_between")
MOST_ATTEMPTS = 100
MOST_HOURS = 24 * 90
MOST_ITEMS = 500


@transaction.atomic
def qualification_create(
    *, actor: User, project: Project, settings: Mapping[str, object]
) -> Qualification:
    """Makes one that is closed: items come first. Raises Invalid naming the field."""
    qualification = Qualification(project=project, created_by=actor)
    _set(qualification, settings)
    qualification.save()
    _audit(actor, qualification, "create", **_plain(qualification))
    return qualification


@transaction.atomic
def qualification_change(
    *, actor: User, qualification: Qualification, settings: Mapping[str, object]
) -> Qualification:
    """Other settings from the next attempt on; attempts under way keep the items they drew."""
    locked = _locked(qualification)
    _set(locked, settings)
    if locked.is_open:
        _check_ready(locked)
    locked.save()
    _audit(actor, locked, "change", **_plain(locked))
    return locked


@transaction.atomic
def qualification_open_set(
    *, actor: User, qualification: Qualification, is_open: bool, lets_in: bool = False
) -> Qualification:
    """Opens or closes the entrance. With `lets_in`, whoever has judged here need not pass.

    Raises Invalid where there are too few items, Conflict where another one is open.
    """
    locked = _locked(qualification)
    if is_open:
        _check_ready(locked)
    locked.is_open = is_open
    try:
        with transaction.atomic():
            locked.save(update_fields=["is_open"])
    except IntegrityError as error:
        raise Conflict(
            "Another qualification of this project is open.", hint="Close that one first."
        ) from error
    let_in = 0
    if is_open and lets_in:
        let_in = Participation.objects.filter(
            project=locked.project, judged__gt=0, qualified_at__isnull=True
        ).update(qualified_at=timezone.now())
    if not is_open:
        for sent in Participation.objects.filter(project=locked.project, state=RETRAINING):
            retraining_end(participation=sent, reason="The qualification was closed.")
    _audit(actor, locked, "open" if is_open else "close", let_in=let_in)
    return locked


@transaction.atomic
def qualification_items_add(
    *, actor: User, qualification: Qualification, known: Sequence[Known], phase: str
) -> list[QualificationItem]:
    """Adds items; each goes to its own phase where it names one, else to `phase`."""
    if phase not in Phase.values:
        raise Invalid("Choose training or test.", field="phase")
    locked = _locked(qualification)
    there = locked.items.count()
    if not known:
        raise Invalid("There is nothing to add.", hint="Choose comparisons or a file with rows.")
    if there + len(known) > MOST_ITEMS:
        raise Invalid(f"A qualification holds {MOST_ITEMS} items at most.")
    comparisons = comparisons_with_known_order(batch=_batch(actor, locked), known=known, overlap=1)
    items = QualificationItem.objects.bulk_create(
        QualificationItem(
            qualification=locked, comparison=comparison, phase=each.phase or phase,
            position=there + number,
        )
        for number, (comparison, each) in enumerate(zip(comparisons, known, strict=True))
    )  # fmt: skip
    _audit(actor, locked, "items.add", items=[item.pk for item in items])
    return items


@transaction.atomic
def qualification_item_change(
    *,
    actor: User,
    item: QualificationItem,
    phase: str | None = None,
    is_active: bool | None = None,
    explanation: str | None = None,
) -> QualificationItem:
    """Another phase or explanation, or out of use; what was answered stays.

    Raises Invalid where an open qualification would have too few items left.
    """
    locked = _locked(item.qualification)
    current = QualificationItem.objects.select_related("comparison").get(pk=item.pk)
    if phase is not None:
        if phase not in Phase.values:
            raise Invalid("Choose training or test.", field="phase")
        current.phase = phase
    if is_active is not None:
        current.is_active = is_active
    if explanation is not None:
        current.comparison.gold_reason = clean_explanation(explanation)
        current.comparison.save(update_fields=["gold_reason"])
    current.save(update_fields=["phase", "is_active"])
    if locked.is_open:
        _check_ready(locked)
    _audit(actor, locked, "item.change", item=current.pk, phase=current.phase,
           is_active=current.is_active)  # fmt: skip
    return current


@transaction.atomic
def qualification_pass_by_hand(
    *, actor: User, project: Project, annotator: User, reason: str
) -> Participation:
    """Lets somebody work without the test, with why."""
    reason = clean(reason)
    participation = participation_of(annotator=annotator, project=project)
    locked = Participation.objects.select_for_update(of=("self",)).get(pk=participation.pk)
    if locked.qualified_at is not None:
        raise Conflict("This person has passed already.")
    locked.qualified_at = timezone.now()
    locked.save(update_fields=["qualified_at"])
    retraining_end(participation=locked, reason=reason)
    audit_entry_create(
        actor=actor, project=project, action="qualification.pass", subject=str(annotator),
        detail={"reason": reason},
    )  # fmt: skip
    locked.refresh_from_db()
    return locked


@transaction.atomic
def qualification_again(
    *, actor: User, project: Project, annotator: User, reason: str
) -> Participation:
    """Asks somebody to train and pass once more, with all attempts anew; they read why."""
    participation = participation_of(annotator=annotator, project=project)
    retraining_end(participation=participation, reason="Asked again.")
    intervention_open(
        participation=participation, action=QualityRule.Action.RETRAIN, reason=reason, actor=actor
    )
    participation.refresh_from_db()
    return participation


def _set(qualification: Qualification, settings: Mapping[str, object]) -> None:
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise Invalid(f"There is no setting “{unknown[0]}”.", field=unknown[0])
    for name, value in settings.items():
        setattr(qualification, name, value)
    qualification.name = str(qualification.name).strip()
    qualification.introduction = str(qualification.introduction).replace("\x00", "").strip()
    if not 1 <= len(qualification.name) <= 120:
        raise Invalid("Give it a name of up to 120 characters.", field="name")
    if not 0 < qualification.pass_mark <= 1:
        raise Invalid("The pass mark lies above 0% and up to 100%.", field="pass_mark")
    _check_whole(qualification.test_size, 1, MOST_ITEMS, "test_size")
    _check_whole(qualification.attempts_allowed, 1, MOST_ATTEMPTS, "attempts_allowed")
    _check_whole(qualification.hours_between, 0, MOST_HOURS, "hours_between")


def _check_whole(value: int, low: int, high: int, field: str) -> None:
    if not low <= value <= high:
        raise Invalid(f"A whole number from {low} to {high:,} is wanted here.", field=field)


def _check_ready(qualification: Qualification) -> None:
    n_test = qualification.items.filter(phase=Phase.TEST, is_active=True).count()
    if n_test < qualification.test_size:
        raise Invalid(
            f"The test asks for {qualification.test_size} items and has {n_test} in use.",
            field="test_size",
            hint="Add items, or ask for fewer.",
        )


def _batch(actor: User, qualification: Qualification) -> Batch:
    """The batch that holds its comparisons; it has no lanes, so nothing of it is given out."""
    first = qualification.items.select_related("comparison__batch").first()
    if first is not None:
        return first.comparison.batch
    return Batch.objects.create(
        project=qualification.project, name=f"Qualification: {qualification.name}"[:160],
        reason=Batch.Reason.QUALIFICATION, seed=draw_seed(), opened_by=actor,
    )  # fmt: skip


def _locked(qualification: Qualification) -> Qualification:
    return (
        Qualification.objects.select_for_update(of=("self",))
        .select_related("project")
        .get(pk=qualification.pk)
    )


def _plain(qualification: Qualification) -> dict[str, object]:
    return {name: getattr(qualification, name) for name in SETTINGS if name != "introduction"}


def _audit(actor: User, qualification: Qualification, action: str, **detail: object) -> None:
    audit_entry_create(
        actor=actor, project=qualification.project, action=f"qualification.{action}",
        subject=str(qualification), detail={"qualification": qualification.pk, **detail},
    )  # fmt: skip
