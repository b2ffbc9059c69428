"""Rules, alerts, and the newest figures that rules look at."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Count, F, Prefetch, Q, QuerySet

from annotation.core.alerts import Reading
from annotation.core.errors import NotFound
from annotation.models import (
    AgreementReport,
    Alert,
    AlertMessage,
    AlertRule,
    BiasAudit,
    Criterion,
    PeopleReport,
    PersonReport,
    PluralismReport,
    Project,
    User,
)
from annotation.selectors.access import projects_led

Signal = AlertRule.Signal
RECOMMENDED = (PersonReport.Action.REQUALIFY, PersonReport.Action.QUARANTINE)


def alert_rules(project: Project) -> QuerySet[AlertRule]:
    """With how often each has raised an alert, and how many of these are open."""
    return AlertRule.objects.filter(project=project).annotate(
        n_alerts=Count("alerts"),
        n_open=Count("alerts", filter=Q(alerts__closed_at__isnull=True)),
    )


def open_alerts(project: Project) -> QuerySet[Alert]:
    return alerts(project).filter(closed_at__isnull=True)


def alerts(project: Project) -> QuerySet[Alert]:
    """Newest first, each with its messages."""
    return (
        Alert.objects.filter(rule__project=project)
        .select_related("rule", "seen_by")
        .prefetch_related(Prefetch("messages", queryset=AlertMessage.objects.order_by("pk")))
    )


def projects_with_rules() -> QuerySet[Project]:
    watched = AlertRule.objects.filter(is_active=True).values("project")
    return Project.objects.filter(pk__in=watched, is_archived=False)


def messages_due(now: datetime) -> list[int]:
    waiting = AlertMessage.objects.filter(state=AlertMessage.State.WAITING, next_try_at__lte=now)
    return list(waiting.order_by("next_try_at").values_list("pk", flat=True)[:1000])


def alert_rule_for_lead(*, user: User, rule_id: int) -> AlertRule:
    rule = (
        AlertRule.objects.select_related("project")
        .filter(pk=rule_id, project__in=projects_led(user))
        .first()
    )
    if rule is None:
        raise NotFound("There is no such rule for you.")
    return rule


def alert_for_lead(*, user: User, alert_id: int) -> Alert:
    alert = (
        Alert.objects.select_related("rule__project")
        .filter(pk=alert_id, rule__project__in=projects_led(user))
        .first()
    )
    if alert is None:
        raise NotFound("There is no such alert for you.")
    return alert


def readings(rule: AlertRule) -> list[Reading]:
    """The newest figures that the rule asks about; those that leave nobody out never count.

    What LLM judges lean to counts only where the rule names it.
    """
    find: dict[str, Callable[[Project], list[Reading]]] = {
        Signal.AGREEMENT: _agreement,
        Signal.BIAS: _biases,
        Signal.PERSON: _people,
        Signal.DIVISION: _divisions,
    }
    found = find[rule.signal](rule.project)
    if rule.subject:
        return [each for each in found if each.subject == rule.subject]
    return [each for each in found if not (rule.signal == Signal.BIAS and _is_of_judge(each))]


def known_biases(project: Project) -> list[str]:
    """The biases that audits have looked for, by name."""
    audited = BiasAudit.objects.filter(project=project).values_list("bias", flat=True)
    return list(audited.order_by("bias").distinct())


def _agreement(project: Project) -> list[Reading]:
    newest = (
        AgreementReport.objects.filter(project=project, includes_quarantined=False)
        .select_related("criterion")
        .order_by("criterion_id", "-id")
        .distinct("criterion_id")
        .defer("detail")
    )
    return [
        Reading(r.criterion.key, r.criterion.name, r.estimate, r.low, r.high, r.n_comparisons)
        for r in newest
    ]


def _biases(project: Project) -> list[Reading]:
    newest = (
        BiasAudit.objects.filter(
            project=project, criterion__key=Criterion.OVERALL, includes_quarantined=False
        )
        .order_by("bias", "-id")
        .distinct("bias")
        .defer("detail")
    )
    return [
        Reading(
            a.bias, a.bias, a.estimate, a.low, a.high, a.n_judgments,
            is_found=a.status == BiasAudit.Status.FOUND,
        )
        for a in newest
    ]  # fmt: skip


def _is_of_judge(reading: Reading) -> bool:
    return reading.subject.startswith(BiasAudit.OF_JUDGE)


def _people(project: Project) -> list[Reading]:
    newest = (
        PeopleReport.objects.filter(project=project, includes_quarantined=False)
        .order_by("criterion_id", "-id")
        .distinct("criterion_id")
        .values("pk")
    )
    counted = PeopleReport.objects.filter(pk__in=newest).annotate(
        key=F("criterion__key"),
        name=F("criterion__name"),
        n_people=Count("people"),
        n_recommended=Count("people", filter=Q(people__action__in=RECOMMENDED)),
    )
    rows = counted.values_list("key", "name", "n_recommended", "n_people")
    return [
        Reading(key, name, float(recommended), None, None, people)
        for key, name, recommended, people in rows
    ]


def _divisions(project: Project) -> list[Reading]:
    newest = (
        PluralismReport.objects.filter(project=project, includes_quarantined=False)
        .select_related("criterion")
        .order_by("criterion_id", "-id")
        .distinct("criterion_id")
        .defer("detail")
    )
    return [
        Reading(r.criterion.key, r.criterion.name, r.estimate, r.low, r.high, r.n_compared)
        for r in newest
    ]
