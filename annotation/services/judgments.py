"""Answers. Each names the assignment whose display order was shown; none is ever overwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Invalid
from annotation.core.rankings import Groups, as_canonical, parse_groups
from annotation.models import (
    Ask,
    Assignment,
    ComparisonKind,
    Criterion,
    CriterionAnswer,
    Draft,
    Judgment,
    Project,
    User,
)
from annotation.selectors.sittings import sitting
from annotation.services.assignments import UNDO_SECONDS, lease_again, lock_own
from annotation.services.passages import (
    RewriteInput,
    SpanInput,
    checked_rewrite,
    checked_spans,
    rewrite_create,
    spans_create,
)

State = Assignment.State
STRENGTHS: Mapping[int, tuple[int, ...]] = {0: (), 1: (), 2: (1, 3), 3: (1, 2, 3)}
RATIONALE_CHARACTERS = 20_000
LONGEST_MS = 2**31 - 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CriterionInput:
    """One criterion's answer in slots as displayed: an order, or one rating per slot."""

    groups: Groups | None = None
    strength: int | None = None
    ratings: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class JudgmentInput:
    """An answer in slots as displayed: `groups` are ordered, best first; ties share a group.

    `first_viewed_ms[slot]` is the active time at which that response first came into view.
    """

    groups: Groups
    strength: int | None = None
    both_bad: bool = False
    criteria: Mapping[str, CriterionInput] = field(default_factory=dict)
    rationale: str = ""
    confidence: int | None = None
    active_ms: int | None = None
    first_viewed_ms: tuple[int | None, ...] | None = None
    spans: tuple[SpanInput, ...] = ()
    rewrite: RewriteInput | None = None


@transaction.atomic
def judgment_submit(
    *,
    annotator: User,
    assignment: Assignment,
    token: UUID,
    answer: JudgmentInput,
    source: str = Judgment.Source.WEB,
    amends: bool | None = None,
) -> Judgment:
    """Stores the answer once per token, however often it is sent. Locks the assignment.

    On a comparison that the annotator has judged before it is an amendment, unless `amends` is
    False: then the annotator does not know of that judgment. An answer that arrives after its
    lease has lapsed is kept as long as the comparison has room for it. Raises Invalid naming the
    field, Conflict when the comparison has no room any more or was answered already.
    """
    locked = lock_own(annotator, assignment)
    project = locked.comparison.project
    earlier = Judgment.objects.filter(annotator=annotator, idempotency_token=token).first()
    if earlier is not None:
        return _same_submission(earlier, locked)
    answer = _checked(answer, locked, project)
    head = _head(locked)
    if locked.state == State.SUBMITTED:
        _check_may_amend(project, head, amends)
    elif locked.state in (State.EXPIRED, State.RELEASED):
        lease_again(locked, timezone.now())
    elif locked.state == State.SKIPPED:
        raise Conflict(_("You skipped this comparison."), hint=_("Undo the skip to judge it."))
    judgment = _append(locked, head, token, source, answer)
    locked.state, locked.closed_at = State.SUBMITTED, timezone.now()
    locked.save(update_fields=["state", "closed_at"])
    Draft.objects.filter(assignment=locked).delete()
    return judgment


@transaction.atomic
def judgment_withdraw(*, annotator: User, judgment: Judgment, token: UUID) -> Assignment:
    """Takes a judgment back and leases its comparison again; the judgment itself is kept.

    Raises Conflict when it is not the annotator's newest word or the time to undo is over.
    """
    locked = lock_own(annotator, judgment.assignment)
    if Judgment.objects.filter(annotator=annotator, idempotency_token=token).exists():
        return locked
    head = _head(locked)
    if locked.state != State.SUBMITTED or head is None or head.pk != judgment.pk:
        raise Conflict(_("This is not your latest answer to that comparison."))
    _check_may_amend(locked.comparison.project, head)
    Judgment.objects.create(
        comparison=locked.comparison, annotator=annotator, assignment=locked,
        revision=head.revision + 1, supersedes=head, is_withdrawal=True,
        idempotency_token=token, groups=[], source=Judgment.Source.WEB,
    )  # fmt: skip
    return lease_again(locked, timezone.now())


def _same_submission(earlier: Judgment, assignment: Assignment) -> Judgment:
    if earlier.assignment_id != assignment.pk:
        raise Conflict(_("This token was used for another comparison."), hint=_("Reload the page."))
    return earlier


def _head(assignment: Assignment) -> Judgment | None:
    return Judgment.objects.filter(
        comparison=assignment.comparison_id,
        annotator=assignment.annotator_id,
        superseded_by__isnull=True,
    ).first()


def _check_may_amend(project: Project, head: Judgment | None, amends: bool | None = True) -> None:
    if amends is False:
        raise Conflict(
            _("You have answered this one already, perhaps in another tab."),
            hint=_("That answer is kept; change it in your history if it is not what you think."),
        )
    if head is None or timezone.now() - head.created_at <= timedelta(seconds=UNDO_SECONDS):
        return
    if project.shows_gold and head.comparison.gold_groups is not None:
        raise Conflict(_("You may know the lead's answer by now, so yours stays as it was."))
    if not project.allow_amend:
        raise Conflict(_("This project does not allow judgments to be changed after a minute."))


def _append(
    assignment: Assignment,
    head: Judgment | None,
    token: UUID,
    source: str,
    answer: JudgmentInput,
    judged_at: datetime | None = None,
) -> Judgment:
    order, now = assignment.display_order, judged_at or timezone.now()
    tired = sitting(assignment.annotator, now, working_ms=answer.active_ms or 0)
    judgment = Judgment.objects.create(
        comparison=assignment.comparison,
        annotator_id=assignment.annotator_id,
        assignment=assignment,
        revision=head.revision + 1 if head else 0,
        supersedes=head,
        idempotency_token=token,
        groups=as_canonical(answer.groups, order),
        strength=answer.strength,
        both_bad=answer.both_bad,
        rationale=answer.rationale,
        confidence=answer.confidence,
        active_ms=answer.active_ms,
        first_viewed_ms=_by_position(answer.first_viewed_ms, order),
        sitting_ms=min(tired.sitting_ms, LONGEST_MS),
        pace=tired.pace,
        source=source,
        judged_at=now,
    )
    criteria = {c.key: c for c in assignment.comparison.project.criteria.all()}
    CriterionAnswer.objects.bulk_create(
        _criterion_answer(judgment, criteria[key], given, order)
        for key, given in answer.criteria.items()
    )
    if answer.spans:
        spans_create(judgment, answer.spans)
    if answer.rewrite is not None:
        rewrite_create(judgment, answer.rewrite)
    return judgment


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


def _checked(answer: JudgmentInput, assignment: Assignment, project: Project) -> JudgmentInput:
    """The answer with clean text, or Invalid that names the field and says what is missing."""
    size = len(assignment.display_order)
    kind = assignment.comparison.kind
    groups = parse_groups(answer.groups, size)
    _check_order(groups, answer.strength, answer.both_bad, kind, project, "groups")
    rationale = answer.rationale.replace("\x00", "").strip()
    if project.rationale == Ask.REQUIRED and not rationale:
        raise Invalid(_("Say in a sentence why."), field="rationale")
    if len(rationale) > RATIONALE_CHARACTERS:
        raise Invalid(
            _("Keep the rationale under %(most)s characters.")
            % {"most": number_format(RATIONALE_CHARACTERS, force_grouping=True)},
            field="rationale",
        )
    _check_confidence(answer.confidence, project)
    if answer.active_ms is not None and not 0 <= answer.active_ms <= LONGEST_MS:
        raise Invalid(_("The active time is not a time."), field="active_ms")
    _check_views(answer.first_viewed_ms, size)
    return JudgmentInput(
        groups=groups,
        strength=answer.strength,
        both_bad=answer.both_bad,
        criteria=_checked_criteria(answer.criteria, size, kind, project),
        rationale="" if project.rationale == Ask.OFF else rationale,
        confidence=answer.confidence,
        active_ms=answer.active_ms,
        first_viewed_ms=answer.first_viewed_ms,
        spans=checked_spans(answer.spans, size, project),
        rewrite=checked_rewrite(answer.rewrite, groups, assignment),
    )


def _check_views(first_viewed_ms: tuple[int | None, ...] | None, size: int) -> None:
    if first_viewed_ms is None:
        return
    known = [ms for ms in first_viewed_ms if ms is not None]
    if len(first_viewed_ms) != size or not all(0 <= ms <= LONGEST_MS for ms in known):
        raise Invalid(_("The times of first views are not one for each response."),
                      field="first_viewed_ms")  # fmt: skip


def _check_order(
    groups: Groups, strength: int | None, both_bad: bool, kind: str, project: Project, field: str
) -> None:
    has_tie = any(len(group) > 1 for group in groups)
    all_tied = len(groups) == 1
    if both_bad and not (all_tied and project.allow_both_bad):
        raise Invalid(
            _("“Both bad” fits only responses that are tied, where the project offers it."),
            field="both_bad",
        )
    if has_tie and not both_bad and not project.allow_tie:
        raise Invalid(_("This project does not offer ties: say which is better."), field=field)
    if strength is None:
        return
    if kind != ComparisonKind.PAIRWISE or all_tied:
        raise Invalid(
            _("A strength goes with a preference between two responses."), field="strength"
        )
    if strength not in STRENGTHS[project.strength_levels]:
        raise Invalid(
            _("This project has no strength %(strength)s.") % {"strength": strength},
            field="strength",
        )


def _check_confidence(confidence: int | None, project: Project) -> None:
    if confidence is None:
        if project.confidence == Ask.REQUIRED:
            raise Invalid(_("Say how sure you are."), field="confidence")
    elif project.confidence == Ask.OFF or not 1 <= confidence <= 5:
        raise Invalid(_("Confidence goes from 1 to 5, where the project asks."), field="confidence")


def _checked_criteria(
    given: Mapping[str, CriterionInput], size: int, kind: str, project: Project
) -> dict[str, CriterionInput]:
    criteria = {c.key: c for c in project.criteria.all() if c.key != Criterion.OVERALL}
    for key in given:
        if key not in criteria:
            raise Invalid(_("This project has no criterion “%(name)s”.") % {"name": key}, field=key)
    checked = {}
    for key, criterion in criteria.items():
        if key in given:
            checked[key] = _checked_criterion(given[key], criterion, size, kind, project)
        elif criterion.is_required:
            raise Invalid(
                _("“%(name)s” is not answered yet.") % {"name": criterion.name}, field=key
            )
    return checked


def _checked_criterion(
    given: CriterionInput, criterion: Criterion, size: int, kind: str, project: Project
) -> CriterionInput:
    if criterion.scale == Criterion.Scale.RATING:
        ratings = given.ratings
        if ratings is None or len(ratings) != size or not all(1 <= r <= 5 for r in ratings):
            raise Invalid(
                _("Rate each response from 1 to 5 on “%(name)s”.") % {"name": criterion.name},
                field=criterion.key,
            )
        return CriterionInput(ratings=ratings)
    if given.groups is None:
        raise Invalid(
            _("Say which response is better on “%(name)s”.") % {"name": criterion.name},
            field=criterion.key,
        )
    groups = parse_groups(given.groups, size)
    _check_order(groups, given.strength, False, kind, project, criterion.key)
    return CriterionInput(groups=groups, strength=given.strength)
