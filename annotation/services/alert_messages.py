"""Alerts on their way: a mail, or a signed request, tried again until it is given up.

A message is taken by moving its next try ahead, which only one worker can do; one that dies with it
in its hands leaves it to that next try. So each arrives at least once, and says which it is.
"""

import json
from datetime import datetime
from logging import getLogger
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from annotation.core.errors import AlignUIError, Invalid, Unavailable
from annotation.core.webhooks import MOST_TRIES, signature, wait_after, webhook_address
from annotation.models import Alert, AlertMessage
from annotation.services.webhooks import webhook_post

State = AlertMessage.State
log = getLogger(__name__)


def alert_message_send(*, message_id: int, now: datetime | None = None) -> bool:
    """Sends one message if it is its time; whether it arrived."""
    moment = now or timezone.now()
    message = _taken(message_id, moment)
    if message is None:
        return False
    try:
        _send(message)
    except AlignUIError as error:
        _failed(message, str(error), is_final=isinstance(error, Invalid))
        return False
    except (SMTPException, OSError) as error:
        _failed(message, f"{type(error).__name__}: {error}")
        return False
    _still_ours(message).update(state=State.SENT, sent_at=timezone.now(), error="")
    return True


def payload_of(alert: Alert, *, delivery: str) -> dict[str, object]:
    """What a webhook is sent; documented for who receives it."""
    rule = alert.rule
    return {
        "delivery": delivery,
        "event": "alert.closed" if alert.closed_at else "alert.opened",
        "project": rule.project.slug,
        "rule": {
            "id": rule.pk,
            "signal": rule.signal,
            "subject": rule.subject,
            "threshold": rule.threshold,
        },
        "alert": {
            "id": alert.pk,
            "subject": alert.subject,
            "statement": alert.statement,
            "value": alert.value,
            "low": alert.low,
            "high": alert.high,
            "n": alert.n,
            "opened_at": alert.opened_at.isoformat(),
            "closed_at": alert.closed_at.isoformat() if alert.closed_at else None,
        },
        "link": _link(alert),
    }


def _taken(message_id: int, moment: datetime) -> AlertMessage | None:
    due = AlertMessage.objects.filter(pk=message_id, state=State.WAITING, next_try_at__lte=moment)
    tries = due.values_list("attempts", flat=True).first()
    if tries is None:
        return None
    if tries >= MOST_TRIES:
        due.update(state=State.FAILED, error="No worker lived to see how the last try went.")
        return None
    mine = due.filter(attempts=tries).update(
        attempts=tries + 1, next_try_at=moment + wait_after(tries + 1)
    )
    if not mine:
        return None
    return AlertMessage.objects.select_related("alert__rule__project").get(pk=message_id)


def _send(message: AlertMessage) -> None:
    if message.channel == AlertMessage.Channel.MAIL:
        if not settings.EMAIL_IS_SET_UP:
            raise Invalid("This installation sends no e-mail.")
        _mail(message.alert, message.address).send()
        return
    event = "closed" if message.alert.closed_at else "opened"
    body = json.dumps(payload_of(message.alert, delivery=f"{message.pk}-{event}")).encode()
    timestamp = int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "AlignUI",
        "X-AlignUI-Timestamp": str(timestamp),
        "X-AlignUI-Signature": signature(message.alert.rule.secret, timestamp=timestamp, body=body),
    }
    status = webhook_post(webhook_address(message.address), body, headers)
    if not 200 <= status < 300:
        raise Unavailable(f"The answer was {status}; only 2xx counts, and no redirect is followed.")


def _failed(message: AlertMessage, words: str, *, is_final: bool = False) -> None:
    is_over = is_final or message.attempts >= MOST_TRIES
    _still_ours(message).update(state=State.FAILED if is_over else State.WAITING, error=words[:300])
    log.warning("Alert message %s was not sent (try %s): %s", message.pk, message.attempts, words)


def _still_ours(message: AlertMessage) -> QuerySet[AlertMessage]:
    """Not where news of the alert has meanwhile put the message in line anew."""
    return AlertMessage.objects.filter(
        pk=message.pk, attempts=message.attempts, next_try_at=message.next_try_at
    )


def _mail(alert: Alert, address: str) -> EmailMessage:
    context = {"alert": alert, "project": alert.rule.project, "link": _link(alert)}
    about = "Over" if alert.closed_at else "Alert"
    subject = f"{about}: {alert.rule.project}: {alert.statement}"
    body = render_to_string("lead/alert_mail.txt", context)
    return EmailMessage(" ".join(subject.split())[:200], body, to=[address])


def _link(alert: Alert) -> str:
    return settings.SITE_URL + reverse("annotation:alerts", args=[alert.rule.project.slug])
