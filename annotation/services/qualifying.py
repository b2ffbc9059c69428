"""Going through a qualification: training with explanations, then a test without.

Nothing of it is a judgment. Items and display orders follow from the attempt's recorded seed.
"""

from collections import Counter
from random import Random

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.core.rankings import Groups, as_canonical, parse_groups
from annotation.core.scheduling import derive_seed, display_order
from annotation.models import (
    Participation,
    Qualification,
    QualificationAnswer,
    QualificationAttempt,
    QualificationItem,
    User,
)
from annotation.models.project import draw_seed
from annotation.selectors.qualifications import (
    Progress,
    gold_groups,
    needed,
    progress,
    standing,
)
from annotation.services.interventions import retraining_end
from annotation.services.participations import participation_of

Phase = QualificationItem.Phase
State = QualificationAttempt.State
LONGEST_MS = 2**31 - 1


@transaction.atomic
def attempt_begin(*, annotator: User, qualification: Qualification) -> QualificationAttempt:
    """The attempt under way, else a new one. Raises Conflict where none may begin now, with why."""
    participation = participation_of(annotator=annotator, project=qualification.project)
    Participation.objects.select_for_update().get(pk=participation.pk)
    now = timezone.now()
    stands = standing(annotator, qualification, now)
    if stands.attempt is not None:
        return stands.attempt
    _check_may_begin(qualification, stands.is_qualified, stands.is_barred)
    if stands.left == 0:
        raise Conflict(
            _("You have used all attempts at this qualification."),
            hint=_("Ask the lead whether you may try again."),
        )
    if stands.waits_until is not None:
        raise Conflict(_("You can try again later."), hint=_("This page says when."))
    earlier = QualificationAttempt.objects.filter(annotator=annotator, qualification=qualification)
    number = earlier.count() + 1
    seed = derive_seed(draw_seed(), annotator.pk, number)
    items = _training(qualification) + _test(qualification, annotator, seed)
    n_training = len(items) - qualification.test_size
    return QualificationAttempt.objects.create(
        qualification=qualification, annotator=annotator, number=number, seed=seed, items=items,
        state=State.TRAINING if n_training else State.TESTING,
    )  # fmt: skip


@transaction.atomic
def attempt_answer(
    *,
    annotator: User,
    attempt: QualificationAttempt,
    item_id: int,
    groups: Groups,
    active_ms: int | None = None,
) -> QualificationAnswer:
    """Keeps an answer, in slots as displayed, to the item that is next; the last ends the attempt.

    Sent twice, it is one. Raises Conflict when the attempt has ended or another item is next,
    Invalid when the answer does not fit.
    """
    participation = Participation.objects.select_for_update().get(
        annotator=annotator, project=attempt.qualification.project_id
    )
    locked = _locked(attempt)
    given = QualificationAnswer.objects.filter(attempt=locked, item=item_id).first()
    if given is not None:
        return given
    if participation.state in {Participation.State.PAUSED, Participation.State.QUARANTINED}:
        raise Conflict(_("Your work in this project is paused."))
    now_at = progress(locked)
    if now_at.item is None or now_at.item.pk != item_id:
        raise Conflict(_("This is not the question that is next."), hint=_("Load the page again."))
    order = order_shown(locked, now_at)
    canonical = as_canonical(parse_groups([list(g) for g in groups], len(order)), order)
    if active_ms is not None and not 0 <= active_ms <= LONGEST_MS:
        raise Invalid(_("The active time is not a time."), field="active_ms")
    answer = QualificationAnswer.objects.create(
        attempt=locked, item=now_at.item, display_order=list(order), groups=canonical,
        is_right=canonical == gold_groups(now_at.item.comparison), active_ms=active_ms,
    )  # fmt: skip
    _move_on(locked, participation)
    return answer


def order_shown(attempt: QualificationAttempt, at: Progress) -> tuple[int, ...]:
    """The display order of the item that is next, counterbalanced over the attempt."""
    assert at.item is not None
    return display_order(
        size=at.item.comparison.candidates.count(), index=at.index, seed=attempt.seed
    )


def _check_may_begin(qualification: Qualification, is_qualified: bool, is_barred: bool) -> None:
    if not qualification.is_open:
        raise Conflict(_("This qualification is closed."))
    if is_qualified:
        raise Conflict(_("You have passed this already."), hint=_("Go on judging."))
    if is_barred:
        raise Conflict(_("Your work in this project is paused."))


def _training(qualification: Qualification) -> list[int]:
    items = qualification.items.filter(phase=Phase.TRAINING, is_active=True)
    return list(items.order_by("position", "pk").values_list("pk", flat=True))


def _test(qualification: Qualification, annotator: User, seed: int) -> list[int]:
    """The test's items in a drawn order: those that the person has seen least come first."""
    keys = list(
        qualification.items.filter(phase=Phase.TEST, is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if len(keys) < qualification.test_size:
        raise Conflict(
            _("This qualification is being changed."), hint=_("Come back in a little while.")
        )
    seen = Counter(
        key
        for items in QualificationAttempt.objects.filter(
            annotator=annotator, qualification=qualification
        ).values_list("items", flat=True)
        for key in items
    )
    random = Random(seed)
    random.shuffle(keys)
    drawn = sorted(keys, key=lambda key: seen[key])[: qualification.test_size]
    random.shuffle(drawn)
    return drawn


def _locked(attempt: QualificationAttempt) -> QualificationAttempt:
    locked = (
        QualificationAttempt.objects.select_for_update(of=("self",))
        .select_related("qualification")
        .get(pk=attempt.pk)
    )
    if locked.state in {State.PASSED, State.FAILED}:
        raise Conflict(_("This attempt has ended."), hint=_("Load the page again."))
    return locked


def _move_on(attempt: QualificationAttempt, participation: Participation) -> None:
    at = progress(attempt)
    if at.item is not None:
        attempt.state = State.TESTING if at.is_test else State.TRAINING
        attempt.save(update_fields=["state"])
        return
    tested = attempt.answers.filter(item__phase=Phase.TEST)
    attempt.n_tested = tested.count()
    attempt.n_right = tested.filter(is_right=True).count()
    has_passed = attempt.n_right >= needed(attempt.qualification, attempt.n_tested)
    attempt.state = State.PASSED if has_passed else State.FAILED
    attempt.finished_at = timezone.now()
    attempt.save(update_fields=["state", "n_right", "n_tested", "finished_at"])
    if has_passed:
        participation.qualified_at = attempt.finished_at
        participation.save(update_fields=["qualified_at"])
        retraining_end(participation=participation, reason="Passed the qualification again.")
