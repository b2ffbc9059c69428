"""Rules on measured figures: an alert opens where one surely holds, and closes where it is over.

Each opening and each closing stands in the project's log and goes to whoever the rule names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotation.core.addresses import addresses
from annotation.core.alerts import Reading, check_rule, state_of, statement
from annotation.core.errors import Conflict, Invalid, Unavailable
from annotation.core.webhooks import webhook_address
from annotation.models import Alert, AlertMessage, AlertRule, Project, User
from annotation.selectors.alerts import readings
from annotation.services.audit_log import audit_entry_create
from annotation.services.webhooks import check_reachable

MOST_EMAILS = 20
MOST_RULES = 50
Channel = AlertMessage.Channel


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at a project's rules has changed."""

    opened: tuple[Alert, ...]
    closed: tuple[Alert, ...]


@transaction.atomic
def alert_rule_create(
    *,
    actor: User,
    project: Project,
    signal: str,
    threshold: float,
    subject: str = "",
    emails: str = "",
    webhook_url: str = "",
) -> AlertRule:
    """From the next look on. Raises Invalid naming the field, Unavailable without a mail server.

    `emails` as somebody pastes them. A person who can reach no page is told by mail or webhook;
    the page shows every alert in any case.
    """
    if project.alert_rules.count() >= MOST_RULES:
        raise Conflict(f"A project has at most {MOST_RULES} rules.", hint="Delete one first.")
    check_rule(signal, threshold)
    _check_subject(project, signal, subject)
    told = _emails(emails)
    if webhook_url:
        check_reachable(webhook_address(webhook_url))
    rule = AlertRule.objects.create(
        project=project, signal=signal, subject=subject, threshold=threshold, emails=told,
        webhook_url=webhook_url, created_by=actor,
    )  # fmt: skip
    audit_entry_create(
        actor=actor, project=project, action="alert_rule.create", subject=str(rule),
        detail={"rule": rule.pk, "subject": subject, "emails": told, "webhook": webhook_url},
    )  # fmt: skip
    return rule


@transaction.atomic
def alert_rule_state_set(*, actor: User, rule: AlertRule, is_active: bool) -> AlertRule:
    """Switches a rule on or off. Off, its open alerts are closed: nobody looks any more."""
    locked = AlertRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    if locked.is_active == is_active:
        raise Conflict("The rule is that already.", hint="Reload the page.")
    locked.is_active = is_active
    locked.save(update_fields=["is_active"])
    audit_entry_create(
        actor=actor, project=locked.project, subject=str(locked),
        action="alert_rule.on" if is_active else "alert_rule.off", detail={"rule": locked.pk},
    )  # fmt: skip
    if not is_active:
        for alert in locked.alerts.filter(closed_at__isnull=True):
            _close(alert, f"The rule was switched off while: {alert.statement}", actor=actor)
    return locked


@transaction.atomic
def alert_rule_delete(*, actor: User, rule: AlertRule) -> None:
    """Takes the rule and its alerts away; the log keeps what it asked and what it had raised."""
    locked = AlertRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    raised = [
        {"subject": alert.subject, "opened": alert.opened_at.isoformat(), "said": alert.statement}
        for alert in locked.alerts.all()[:50]
    ]
    audit_entry_create(
        actor=actor, project=locked.project, action="alert_rule.delete", subject=str(locked),
        detail={"rule": locked.pk, "alerts": locked.alerts.count(), "newest": raised},
    )  # fmt: skip
    locked.delete()


@transaction.atomic
def alert_note(*, actor: User, alert: Alert) -> Alert:
    """Somebody takes note of an alert; the first one is on record."""
    locked = Alert.objects.select_for_update(of=("self",)).select_related("rule").get(pk=alert.pk)
    if locked.seen_at is not None:
        raise Conflict("Somebody has taken note of it already.", hint="Reload the page.")
    locked.seen_at, locked.seen_by = timezone.now(), actor
    locked.save(update_fields=["seen_at", "seen_by"])
    audit_entry_create(
        actor=actor, project=locked.rule.project, action="alert.note", subject=locked.statement,
        detail={"alert": locked.pk},
    )  # fmt: skip
    return locked


@transaction.atomic
def alerts_check(*, project: Project) -> Checked:
    """Holds every active rule against the newest figures. Looking twice changes nothing.

    Locks the rules, so that two measurements that end at once open one alert.
    """
    rules = AlertRule.objects.select_for_update(of=("self",)).filter(
        project=project, is_active=True
    )
    opened: list[Alert] = []
    closed: list[Alert] = []
    for rule in rules.select_related("project"):
        known = {each.subject: each for each in rule.alerts.filter(closed_at__isnull=True)}
        for reading in readings(rule):
            alert, state = (
                known.get(reading.subject),
                state_of(rule.signal, rule.threshold, reading),
            )
            words = statement(rule.signal, rule.threshold, reading, state)
            if alert is None:
                if state == "alarm":
                    opened.append(_open(rule, reading, words))
                continue
            _bring_up_to_date(alert, reading, words)
            if state == "clear":
                closed.append(_close(alert, words))
    return Checked(tuple(opened), tuple(closed))


def _open(rule: AlertRule, reading: Reading, words: str) -> Alert:
    alert = Alert.objects.create(
        rule=rule, subject=reading.subject, statement=words, value=reading.value,
        low=reading.low, high=reading.high, n=reading.n,
    )  # fmt: skip
    told = [(Channel.MAIL, each) for each in rule.emails]
    if rule.webhook_url:
        told.append((Channel.WEBHOOK, rule.webhook_url))
    AlertMessage.objects.bulk_create(
        AlertMessage(alert=alert, channel=channel, address=address) for channel, address in told
    )
    audit_entry_create(
        actor=None, project=rule.project, action="alert.open", subject=words,
        detail={"alert": alert.pk, "rule": rule.pk},
    )  # fmt: skip
    return alert


def _bring_up_to_date(alert: Alert, reading: Reading, words: str) -> None:
    if reading.value is None:
        return
    alert.statement, alert.value, alert.n = words, reading.value, reading.n
    alert.low, alert.high = reading.low, reading.high
    alert.save(update_fields=["statement", "value", "n", "low", "high"])


def _close(alert: Alert, words: str, *, actor: User | None = None) -> Alert:
    """Closes it, and sends the news on the ways by which the alert went out."""
    alert.closed_at, alert.statement = timezone.now(), words
    alert.save(update_fields=["closed_at", "statement"])
    alert.messages.update(
        state=AlertMessage.State.WAITING, attempts=0, next_try_at=timezone.now(), sent_at=None,
        error="",
    )  # fmt: skip
    audit_entry_create(
        actor=actor, project=alert.rule.project, action="alert.close", subject=words,
        detail={"alert": alert.pk, "rule": alert.rule_id},
    )  # fmt: skip
    return alert


def _check_subject(project: Project, signal: str, subject: str) -> None:
    if len(subject) > 160 or "\0" in subject:
        raise Invalid("A subject has at most 160 characters.", field="subject")
    if not subject or signal == AlertRule.Signal.BIAS:
        return
    if not project.criteria.filter(key=subject).exists():
        raise Invalid(f"The project has no criterion “{subject}”.", field="subject")


def _emails(written: str) -> Sequence[str]:
    try:
        found = addresses(written)
    except Invalid as error:
        raise Invalid(error.message, field="emails", hint="Correct it and try again.") from error
    if len(found) > MOST_EMAILS:
        raise Invalid(f"At most {MOST_EMAILS} addresses can be told.", field="emails")
    if found and not settings.EMAIL_IS_SET_UP:
        raise Unavailable(
            "This installation sends no e-mail.", field="emails",
            hint="Leave it empty, or have EMAIL_URL set by who operates it.",
        )  # fmt: skip
    return found
