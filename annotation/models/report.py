"""Dated snapshots of what the judgments say about themselves, and released datasets."""

from django.db import models
from django.db.models import Q

from annotation.models.people import User
from annotation.models.project import Criterion, Project
from annotation.models.run import Run


class Snapshot(models.Model):
    """An estimate never travels without interval, sample sizes, method and the code's version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="%(class)ss")
    criterion = models.ForeignKey(Criterion, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)ss"
    )
    cutoff_judgment_id = models.BigIntegerField(default=0)
    includes_simulated = models.BooleanField(default=False)
    estimate = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    n_judgments = models.PositiveIntegerField()
    n_annotators = models.PositiveIntegerField()
    method = models.CharField(max_length=200)
    seed = models.BigIntegerField()
    code_version = models.CharField(max_length=40)
    note = models.TextField(blank=True)
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-id"]


def _interval_holds_estimate(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(estimate__isnull=True)
        | Q(low__isnull=True, high__isnull=True)
        | Q(low__lte=models.F("estimate"), high__gte=models.F("estimate")),
        name=name,
    )


class AgreementReport(Snapshot):
    n_comparisons = models.PositiveIntegerField()

    class Meta(Snapshot.Meta):
        constraints = [_interval_holds_estimate("agreement_interval_holds_estimate")]

    def __str__(self) -> str:
        return f"Agreement of {self.project} at {self.created_at:%Y-%m-%d %H:%M}"


class BiasAudit(Snapshot):
    class Bias(models.TextChoices):
        POSITION = "position", "Position"
        LENGTH = "length", "Length"

    bias = models.CharField(max_length=10, choices=Bias)
    p_value = models.FloatField(null=True, blank=True)

    class Meta(Snapshot.Meta):
        constraints = [
            _interval_holds_estimate("bias_interval_holds_estimate"),
            models.CheckConstraint(condition=Q(bias__in=["position", "length"]), name="bias_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_bias_display()} audit of {self.project}"


class Export(models.Model):
    """An immutable, hashed dataset release with its card."""

    class Format(models.TextChoices):
        PREFERENCE = "preference", "Preference pairs (prompt, chosen, rejected)"

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="exports")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.DO_NOTHING)
    format = models.CharField(max_length=12, choices=Format, default=Format.PREFERENCE)
    folder = models.CharField(max_length=200, unique=True)
    sha256 = models.CharField(max_length=64)
    byte_size = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    card = models.TextField()
    params = models.JSONField(default=dict, blank=True)
    cutoff_judgment_id = models.BigIntegerField(default=0)
    includes_simulated = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Export {self.pk} of {self.project}"
