"""One person's part in one project: what they did, how well, and what a lead decided about it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models.content import Policy
from annotation.models.people import User
from annotation.models.project import Project


class Participation(models.Model):
    """Counted as work goes on, so that no page and no claim counts a history.

    A claim locks this row, and with it all that its annotator does in the project. `frontiers`
    maps a lane to the place before which nothing is left for this annotator. `quality` is the
    chance that a judgment of theirs is right, from gold, hidden repeats and agreement with others,
    with its interval and the number of cases it rests on.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        RETRAINING = "retraining", _("To be trained again")
        PAUSED = "paused", _("Paused")
        QUARANTINED = "quarantined", _("Quarantined")

    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="participations")
    state = models.CharField(max_length=11, choices=State, default=State.ACTIVE)
    qualified_at = models.DateTimeField(null=True, blank=True)

    claims = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    recent_prompts = ArrayField(models.BigIntegerField(), default=list, blank=True)
    frontiers = models.JSONField(default=dict, blank=True)
    first_judged_at = models.DateTimeField(null=True, blank=True)
    last_judged_at = models.DateTimeField(null=True, blank=True)

    quality = models.FloatField(null=True, blank=True)
    quality_low = models.FloatField(null=True, blank=True)
    quality_high = models.FloatField(null=True, blank=True)
    quality_n = models.PositiveIntegerField(default=0)
    signals = models.JSONField(default=dict, blank=True)
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["annotator", "project"], name="participation_once"),
            models.CheckConstraint(
                condition=Q(state__in=["active", "retraining", "paused", "quarantined"]),
                name="participation_state_known",
            ),
            models.CheckConstraint(
                condition=Q(quality__isnull=True)
                | Q(quality_low__lte=F("quality"), quality_high__gte=F("quality")),
                name="participation_interval_holds_quality",
            ),
        ]
        indexes = [models.Index(fields=["project", "-judged"], name="participation_most")]

    def __str__(self) -> str:
        return f"{self.annotator} in {self.project}"


class WorkDay(models.Model):
    """What one person did in one project on one day of the installation's time zone.

    `earned` adds up at the rates that held when each judgment came in.
    """

    participation = models.ForeignKey(
        Participation, on_delete=models.CASCADE, related_name="days", db_index=False
    )
    day = models.DateField()
    judged = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    harmful = models.PositiveIntegerField(default=0)
    active_ms = models.PositiveBigIntegerField(default=0)
    earned = models.DecimalField(max_digits=12, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        ordering = ["participation", "day"]
        constraints = [
            models.UniqueConstraint(fields=["participation", "day"], name="work_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} of {self.participation}"


class SittingClock(models.Model):
    """How long a person has been at work without a longer pause, in whatever project.

    `first_ms` are the active times of the sitting's first answers, `recent_ms` of its last.
    """

    annotator = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, related_name="sitting_clock"
    )
    began_at = models.DateTimeField()
    last_at = models.DateTimeField()
    answers = models.PositiveIntegerField(default=0)
    first_ms = ArrayField(models.PositiveIntegerField(), default=list, blank=True)
    recent_ms = ArrayField(models.PositiveIntegerField(), default=list, blank=True)

    def __str__(self) -> str:
        return f"Sitting of {self.annotator}"


class PairOrder(models.Model):
    """How often a person saw each of two policies first: the next order evens it out."""

    participation = models.ForeignKey(
        Participation, on_delete=models.CASCADE, related_name="pair_orders", db_index=False
    )
    low = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="+", db_index=False)
    high = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="+", db_index=False)
    low_first = models.PositiveIntegerField(default=0)
    high_first = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "low", "high"], name="pair_order_once"
            ),
            models.CheckConstraint(condition=Q(low__lte=F("high")), name="pair_order_sorted"),
        ]

    def __str__(self) -> str:
        return f"{self.low_first}:{self.high_first}"


class QualityRule(models.Model):
    """When a signal falls to a threshold, what follows. Nothing of it is ever silent.

    Shares (gold, repeats, agreement, quality, straight lines) are judged by the end of their
    interval that favours the person: a rule fires where even that is beyond `threshold`.
    """

    class Signal(models.TextChoices):
        QUALITY = "quality", _("Quality score")
        GOLD = "gold", _("Gold comparisons answered as the lead would")
        REPEATS = "repeats", _("Hidden repeats answered the same")
        AGREEMENT = "agreement", _("Agreement with others")
        SPEED = "speed", _("Median seconds for a judgment")
        STRAIGHT = "straight", _("Longest run of the same slot")

    class Action(models.TextChoices):
        WARN = "warn", _("Warn")
        RETRAIN = "retrain", _("Train again")
        PAUSE = "pause", _("Pause")
        QUARANTINE = "quarantine", _("Quarantine")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="quality_rules")
    signal = models.CharField(max_length=9, choices=Signal)
    threshold = models.FloatField()
    least_cases = models.PositiveIntegerField(default=10)
    action = models.CharField(max_length=10, choices=Action)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    signal__in=["quality", "gold", "repeats", "agreement", "speed", "straight"]
                ),
                name="quality_rule_signal_known",
            ),
            models.CheckConstraint(
                condition=Q(action__in=["warn", "retrain", "pause", "quarantine"]),
                name="quality_rule_action_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} when {self.signal} reaches {self.threshold}"


class Intervention(models.Model):
    """Something done about a person's work, by a rule or by a lead, with why and on what evidence.

    A quarantine leaves out their judgments, all of them or those since `leaves_out_from`, until it
    is lifted. What it touched is never deleted.
    """

    participation = models.ForeignKey(
        Participation, on_delete=models.CASCADE, related_name="interventions"
    )
    rule = models.ForeignKey(
        QualityRule, null=True, blank=True, on_delete=models.PROTECT, related_name="interventions"
    )
    action = models.CharField(max_length=10, choices=QualityRule.Action)
    reason = models.TextField()
    evidence = models.JSONField(default=dict, blank=True)
    leaves_out_from = models.DateTimeField(null=True, blank=True)
    replayed_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lift_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["warn", "retrain", "pause", "quarantine"]),
                name="intervention_action_known",
            ),
            models.CheckConstraint(
                condition=Q(rule__isnull=False) | Q(decided_by__isnull=False),
                name="intervention_has_a_cause",
            ),
            models.UniqueConstraint(
                fields=["participation"],
                condition=Q(action="quarantine", lifted_at__isnull=True),
                name="intervention_one_quarantine",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.participation}"
