"""Who is in which state and why, and what figures are with and without quarantined judgments."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Q, QuerySet

from annotation.core.intervals import Proportion, wilson
from annotation.models import (
    Intervention,
    Participation,
    Project,
    QualificationAttempt,
    QualityRule,
)
from annotation.selectors.judgments import live

State = Participation.State

MEASURED_AGAIN = timedelta(days=1)
SHOWN_LOWEST = 15


@dataclass(frozen=True, slots=True)
class StateCount:
    state: str
    words: str
    n: int


def participations_due(
    project: Project, now: datetime, *, everybody: bool = False
) -> list[Participation]:
    """Those about whom something is new: they judged since they were measured, somebody's
    quarantine began or ended, or it was a day ago."""
    found = Participation.objects.filter(project=project).select_related("annotator").order_by("pk")
    if everybody:
        return list(found)
    changed = _quarantine_changed(project)
    is_due = (
        Q(measured_at__isnull=True, judged__gt=0)
        | Q(last_judged_at__gt=F("measured_at"))
        | Q(measured_at__lt=now - MEASURED_AGAIN)
    )
    return list(found.filter(is_due | Q(measured_at__lt=changed) if changed else is_due))


def state_counts(project: Project) -> list[StateCount]:
    counts = dict(
        Participation.objects.filter(project=project)
        .order_by()
        .values_list("state")
        .annotate(n=Count("pk"))
    )
    return [
        StateCount(state.value, str(state.label), counts.get(state.value, 0))
        for state in Participation.State
    ]


def people_in_question(project: Project) -> list[tuple[Participation, list[Intervention]]]:
    """Those about whom something is in force, and what; the most severe state first."""
    found: dict[int, list[Intervention]] = {}
    for each in timeline(project).filter(lifted_at__isnull=True):
        found.setdefault(each.participation_id, []).append(each)
    people = (
        Participation.objects.filter(
            Q(pk__in=found) | ~Q(state=Participation.State.ACTIVE), project=project
        )
        .select_related("annotator", "project")
        .order_by("quality", "pk")
    )
    severe = [State.QUARANTINED, State.PAUSED, State.RETRAINING, State.ACTIVE]
    rows = [(each, found.get(each.pk, [])) for each in people]
    return sorted(rows, key=lambda row: severe.index(State(row[0].state)))


def lowest_quality(project: Project, *, most: int = SHOWN_LOWEST) -> QuerySet[Participation]:
    """The people whose score could be lowest: by the upper end of its interval."""
    return (
        Participation.objects.filter(project=project, quality__isnull=False)
        .select_related("annotator")
        .order_by("quality_high", "pk")[:most]
    )


def timeline(project: Project) -> QuerySet[Intervention]:
    """Everything that was done about anybody, newest first."""
    return Intervention.objects.filter(participation__project=project).select_related(
        "participation__annotator", "participation__project", "rule", "decided_by", "lifted_by"
    )


def quality_rules(project: Project) -> QuerySet[QualityRule]:
    return (
        QualityRule.objects.filter(project=project)
        .annotate(
            n_in_force=Count("interventions", filter=Q(interventions__lifted_at__isnull=True)),
            n_fired=Count("interventions"),
        )
        .order_by("-is_active", "id")
    )


def measured_at(project: Project) -> datetime | None:
    """When anybody was measured last."""
    newest = Participation.objects.filter(project=project).aggregate(at=Max("measured_at"))
    moment: datetime | None = newest["at"]
    return moment


def attempts_of(participation: Participation) -> QuerySet[QualificationAttempt]:
    """The person's attempts at the project's qualifications, newest first."""
    return QualificationAttempt.objects.filter(
        annotator=participation.annotator_id, qualification__project=participation.project_id
    ).select_related("qualification")


def gold_share(project: Project, *, with_quarantined: bool) -> Proportion:
    """How often gold in use is answered exactly as the lead would, over all judgments."""
    judgments = live(project, with_quarantined=with_quarantined).filter(
        comparison__gold_groups__isnull=False, comparison__state="open"
    )
    right = judgments.filter(groups=F("comparison__gold_groups")).count()
    return wilson(right, judgments.count())


def projects_with_news(now: datetime, *, every: timedelta) -> Iterator[Project]:
    """Projects where somebody judged since they were measured, none measured twice in `every`."""
    for project in Project.objects.filter(is_archived=False):
        parts = Participation.objects.filter(project=project)
        newest = parts.aggregate(at=Max("measured_at"))["at"]
        if newest is not None and now - newest < every:
            continue
        news = Q(measured_at__isnull=True, judged__gt=0) | Q(last_judged_at__gt=F("measured_at"))
        changed = _quarantine_changed(project)
        if changed:
            news |= Q(measured_at__lt=changed)
        if parts.filter(news).exists():
            yield project


def _quarantine_changed(project: Project) -> datetime | None:
    """When somebody's judgments were last left out or taken back in."""
    moments = Intervention.objects.filter(
        participation__project=project, action=QualityRule.Action.QUARANTINE
    ).aggregate(began=Max("created_at"), ended=Max("lifted_at"))
    return max((m for m in moments.values() if m is not None), default=None)
