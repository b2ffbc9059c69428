"""When a figure passes a threshold that a lead has set, somebody is told."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from annotation.models.people import User
from annotation.models.project import Project


def draw_secret() -> str:
    return secrets.token_hex(16)


class AlertRule(models.Model):
    """What to look out for, and whom to tell beside the page.

    `subject` narrows it down: the key of a criterion or of a bias; "" means any. `threshold` is
    compared with the end of the interval that speaks against an alarm, so that noise raises none.
    Messages to `webhook_url` are signed with `secret`.
    """

    class Signal(models.TextChoices):
        AGREEMENT = "agreement", "Agreement below"
        BIAS = "bias", "A bias of at least"
        PERSON = "person", "People recommended to re-qualify or quarantine, at least"
        DIVISION = "division", "Share of divided pairs above"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alert_rules")
    signal = models.CharField(max_length=10, choices=Signal)
    subject = models.CharField(max_length=160, blank=True)
    threshold = models.FloatField()
    emails = ArrayField(models.EmailField(), default=list, blank=True)
    webhook_url = models.URLField(max_length=500, blank=True)
    secret = models.CharField(max_length=64, default=draw_secret, editable=False)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(signal__in=["agreement", "bias", "person", "division"]),
                name="alert_rule_signal_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_signal_display()} {self.threshold:g}"


class Alert(models.Model):
    """A rule that holds of one subject, from when it began to hold until it does no more.

    `statement` says what is the matter, with figures; `seen_by` has taken note of it.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=160, blank=True)
    statement = models.TextField()
    value = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    seen_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"],
                condition=Q(closed_at__isnull=True),
                name="alert_open_once",
            ),
        ]

    def __str__(self) -> str:
        return self.statement


class AlertMessage(models.Model):
    """One alert on its way to one address, by mail or webhook; tried again until it is given up."""

    class Channel(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=7, choices=Channel)
    address = models.CharField(max_length=500)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "channel", "address"], name="alert_message_once"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["mail", "webhook"]), name="alert_message_channel_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sent", "failed"]),
                name="alert_message_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], name="alert_message_due", condition=Q(state="waiting")
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.address}"
