"""Qualifications: where somebody stands in one, and how its items and attempts turn out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from annotation.core.errors import NotFound
from annotation.core.intervals import Proportion, wilson
from annotation.core.known_answers import order_in_words
from annotation.core.rankings import Groups
from annotation.models import (
    Assignment,
    Candidate,
    Comparison,
    Intervention,
    Participation,
    Project,
    Qualification,
    QualificationAnswer,
    QualificationAttempt,
    QualificationItem,
    QualityRule,
    User,
)
from annotation.selectors.access import projects_led
from annotation.selectors.work import LETTERS, Presentation, ShownCandidate, Turn, presented

Phase = QualificationItem.Phase
State = QualificationAttempt.State
BROKEN_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody is in a qualification; `left` attempts, the next not before `waits_until`."""

    qualification: Qualification
    is_qualified: bool
    is_barred: bool
    attempt: QualificationAttempt | None
    last: QualificationAttempt | None
    left: int
    waits_until: datetime | None

    @property
    def may_begin(self) -> bool:
        return not (self.is_qualified or self.is_barred or self.waits_until) and self.left > 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an attempt is: the item to answer next, None when all are answered."""

    item: QualificationItem | None
    index: int
    n_training: int
    n_test: int
    n_answered: int

    @property
    def is_test(self) -> bool:
        return self.item is not None and self.item.phase == Phase.TEST

    @property
    def at(self) -> int:
        """The number of the item in its phase, from 1."""
        return self.index + 1 - (self.n_training if self.is_test else 0)

    @property
    def of(self) -> int:
        return self.n_test if self.is_test else self.n_training

    @property
    def begins_test(self) -> bool:
        return self.is_test and self.at == 1


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """One item and how often it was answered right, in the first answer of each attempt."""

    item: QualificationItem
    order: str
    right: Proportion
    median_seconds: float | None

    @property
    def looks_broken(self) -> bool:
        return self.right.high is not None and self.right.high < BROKEN_BELOW


def open_qualification(project: Project) -> Qualification | None:
    return Qualification.objects.filter(project=project, is_open=True).first()


def must_qualify(annotator: User, project: Project) -> bool:
    """Whether the project has an entrance that this person has not passed."""
    if not Qualification.objects.filter(project=project, is_open=True).exists():
        return False
    return not Participation.objects.filter(
        annotator=annotator, project=project, qualified_at__isnull=False
    ).exists()


def standing(annotator: User, qualification: Qualification, now: datetime) -> Standing:
    participation = Participation.objects.filter(
        annotator=annotator, project=qualification.project_id
    ).first()
    attempts = attempts_that_count(annotator, qualification)
    newest = attempts.first()
    is_live = newest is not None and newest.state in {State.TRAINING, State.TESTING}
    used = attempts.exclude(state__in=[State.TRAINING, State.TESTING]).count()
    return Standing(
        qualification=qualification,
        is_qualified=participation is not None and participation.qualified_at is not None,
        is_barred=participation is not None
        and participation.state in {Participation.State.PAUSED, Participation.State.QUARANTINED},
        attempt=newest if is_live else None,
        last=None if is_live else newest,
        left=max(qualification.attempts_allowed - used, 0),
        waits_until=None if is_live else _waits_until(newest, qualification, now),
    )


def attempts_that_count(
    annotator: User, qualification: Qualification
) -> QuerySet[QualificationAttempt]:
    """The attempts since the person was last asked to train (again), newest first."""
    attempts = QualificationAttempt.objects.filter(
        annotator=annotator, qualification=qualification
    ).order_by("-number")
    asked = (
        Intervention.objects.filter(
            participation__annotator=annotator,
            participation__project=qualification.project_id,
            action=QualityRule.Action.RETRAIN,
        )
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )
    return attempts if asked is None else attempts.filter(started_at__gte=asked)


def progress(attempt: QualificationAttempt) -> Progress:
    phases = dict(QualificationItem.objects.filter(pk__in=attempt.items).values_list("pk", "phase"))
    answered = set(attempt.answers.values_list("item", flat=True))
    n_training = sum(phases[key] == Phase.TRAINING for key in attempt.items)
    left = [(at, key) for at, key in enumerate(attempt.items) if key not in answered]
    index, item = len(attempt.items), None
    if left:
        index = left[0][0]
        item = QualificationItem.objects.select_related(
            "comparison__prompt", "comparison__project"
        ).get(pk=left[0][1])
    return Progress(
        item=item, index=index, n_training=n_training,
        n_test=len(attempt.items) - n_training, n_answered=len(answered),
    )  # fmt: skip


def needed(qualification: Qualification, n: int) -> int:
    """How many of n must be right."""
    return ceil(qualification.pass_mark * n - 1e-9)


def item_presentation(item: QualificationItem, display_order: Sequence[int]) -> Presentation:
    """The item as the judge page would show it, asking only which is better."""
    comparison = item.comparison
    project, prompt = comparison.project, comparison.prompt
    completions = {
        candidate.position: candidate.completion
        for candidate in comparison.candidates.select_related("completion")
    }
    shown = presented(
        Assignment(comparison=comparison, display_order=list(display_order)),
        project,
        comparison.kind,
        warning=project.content_warning,
        language=prompt.language,
        turns=[
            Turn(message["role"], html, str(message["content"]))
            for message, html in zip(prompt.messages, prompt.rendered, strict=False)
        ],
        candidates=[
            ShownCandidate(slot, LETTERS[slot], completions[at].html, completions[at].text)
            for slot, at in enumerate(display_order)
        ],
    )
    return replace(shown, criteria=(), strengths=())


def answer_of(*, user: User, answer_id: int) -> QualificationAnswer:
    """An answer of the user's own to a training item; those of tests are not shown again."""
    found = (
        QualificationAnswer.objects.filter(
            pk=answer_id, attempt__annotator=user, item__phase=Phase.TRAINING
        )
        .select_related("attempt__qualification", "item__comparison__project",
                        "item__comparison__prompt")
        .first()
    )  # fmt: skip
    if found is None:
        raise NotFound("There is no such answer of yours.")
    return found


def attempt_of(*, user: User, attempt_id: int) -> QualificationAttempt:
    found = (
        QualificationAttempt.objects.filter(pk=attempt_id, annotator=user)
        .select_related("qualification__project")
        .first()
    )
    if found is None:
        raise NotFound("There is no such attempt of yours.")
    return found


def qualifications(project: Project) -> QuerySet[Qualification]:
    """All of a project's, the open one first, with how many items and attempts each has."""
    return (
        Qualification.objects.filter(project=project)
        .annotate(
            n_training=_items(Phase.TRAINING),
            n_test=_items(Phase.TEST),
            n_attempts=Count("attempts", distinct=True),
            n_passed=Count("attempts", filter=Q(attempts__state=State.PASSED), distinct=True),
        )
        .order_by("-is_open", "-id")
    )


def qualification_for_lead(*, user: User, qualification_id: int) -> Qualification:
    found = (
        Qualification.objects.select_related("project")
        .filter(pk=qualification_id, project__in=projects_led(user))
        .first()
    )
    if found is None:
        raise NotFound("There is no such qualification for you.")
    return found


def item_for_lead(*, user: User, item_id: int) -> QualificationItem:
    found = (
        QualificationItem.objects.select_related("qualification__project", "comparison")
        .filter(pk=item_id, qualification__project__in=projects_led(user))
        .first()
    )
    if found is None:
        raise NotFound("There is no such item for you.")
    return found


def item_figures(qualification: Qualification) -> list[ItemFigures]:
    """Every item with its share of right answers; a broken one shows by an interval below half."""
    candidates = Candidate.objects.select_related("completion__policy").order_by("position")
    items = (
        QualificationItem.objects.filter(qualification=qualification)
        .select_related("comparison__prompt")
        .prefetch_related(Prefetch("comparison__candidates", queryset=candidates))
        .order_by("-phase", "-is_active", "position", "pk")
    )
    given: dict[int, list[tuple[bool, int | None]]] = {}
    rows = QualificationAnswer.objects.filter(item__qualification=qualification)
    for item, is_right, active_ms in rows.values_list("item", "is_right", "active_ms"):
        given.setdefault(item, []).append((is_right, active_ms))
    return [_figures(item, given.get(item.pk, [])) for item in items]


def attempts(qualification: Qualification) -> QuerySet[QualificationAttempt]:
    return (
        QualificationAttempt.objects.filter(qualification=qualification)
        .select_related("annotator")
        .annotate(n_answers=Count("answers"))
        .order_by("-id")
    )


def share_right(attempt: QualificationAttempt) -> Proportion:
    return wilson(attempt.n_right, attempt.n_tested)


def passed_share(qualification: Qualification) -> Proportion:
    """Of the people who finished an attempt, how many have passed one."""
    finished = QualificationAttempt.objects.filter(
        qualification=qualification, state__in=[State.PASSED, State.FAILED]
    )
    people = finished.values("annotator").distinct().count()
    passed = finished.filter(state=State.PASSED).values("annotator").distinct().count()
    return wilson(passed, people)


def gold_groups(comparison: Comparison) -> Groups:
    return tuple(tuple(group) for group in comparison.gold_groups or ())


def _items(phase: str) -> Any:
    return Count("items", filter=Q(items__phase=phase, items__is_active=True), distinct=True)


def _waits_until(
    last: QualificationAttempt | None, qualification: Qualification, now: datetime
) -> datetime | None:
    if last is None or last.finished_at is None or last.state == State.PASSED:
        return None
    until = last.finished_at + timedelta(hours=qualification.hours_between)
    return until if until > now else None


def _figures(item: QualificationItem, given: Sequence[tuple[bool, int | None]]) -> ItemFigures:
    times = sorted(ms / 1000 for _, ms in given if ms)
    return ItemFigures(
        item=item,
        order=order_in_words(gold_groups(item.comparison)),
        right=wilson(sum(right for right, _ in given), len(given)),
        median_seconds=times[len(times) // 2] if times else None,
    )
