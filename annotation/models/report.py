"""Dated snapshots of what the judgments say about themselves, and released datasets."""

from typing import ClassVar

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
    includes_quarantined = models.BooleanField(default=False)
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
    """Krippendorff's alpha of one criterion; every other figure of it is in `detail`."""

    n_comparisons = models.PositiveIntegerField()

    class Meta(Snapshot.Meta):
        constraints = [_interval_holds_estimate("agreement_interval_holds_estimate")]

    def __str__(self) -> str:
        return f"Agreement of {self.project} at {self.created_at:%Y-%m-%d %H:%M}"


class AgreementSums(models.Model):
    """What the figures of one criterion rest on, kept up with each judgment.

    `sums` are those of `core.running_agreement` up to the judgment `upto_id`; they hold as long as
    the same judgments are to be left out, which `basis` names.
    """

    criterion = models.OneToOneField(
        Criterion, primary_key=True, on_delete=models.CASCADE, related_name="agreement_sums"
    )
    upto_id = models.BigIntegerField(default=0)
    basis = models.CharField(max_length=64)
    sums = models.JSONField()
    n_annotators = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Sums of {self.criterion} up to judgment {self.upto_id}"


class BiasAudit(Snapshot):
    """What one covariate does to the votes, beside all the others that were audited with it.

    `bias` is the covariate's key, `kind` the family it belongs to. `estimate` is its average
    marginal effect: by how much, on the scale of a chance, it shifts votes towards what it favours.
    Audits of an LLM judge say `judge:<model>:` before the covariate, and are no audits of people.
    """

    OF_JUDGE: ClassVar[str] = "judge:"

    class Status(models.TextChoices):
        FOUND = "found", "Found"
        HINT = "hint", "A hint"
        NONE_FOUND = "none_found", "None found"
        UNCLEAR = "unclear", "Unclear"
        UNTOLD = "untold", "Cannot be told"

    bias = models.CharField(max_length=160)
    kind = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.UNTOLD)
    p_value = models.FloatField(null=True, blank=True)

    class Meta(Snapshot.Meta):
        constraints = [
            _interval_holds_estimate("bias_interval_holds_estimate"),
            models.CheckConstraint(
                condition=Q(status__in=["found", "hint", "none_found", "unclear", "untold"]),
                name="bias_status_known",
            ),
        ]
        indexes = [models.Index(fields=["project", "bias", "-id"], name="bias_history")]

    def __str__(self) -> str:
        return f"Audit of {self.bias} in {self.project}"

    @property
    def is_of_judge(self) -> bool:
        return self.bias.startswith(self.OF_JUDGE)


class PeopleReport(Snapshot):
    """Everybody's quality on one criterion at one moment; what holds of each is in `people`.

    `estimate` stays empty: people are not one figure. `detail` has what holds of all of them.
    """

    class Meta(Snapshot.Meta):
        constraints = [_interval_holds_estimate("people_interval_holds_estimate")]

    def __str__(self) -> str:
        return f"Quality of the annotators of {self.project} at {self.created_at:%Y-%m-%d %H:%M}"


class PersonReport(models.Model):
    """One annotator in a report on people.

    `reliability` is the chance that a preference of theirs for one of a pair is right; `honest`,
    `coin` and `flipped` the chances of what kind they are. `weight` is what a vote of theirs is
    worth in a consensus. `action` is recommended and never carried out by itself; its reasons are
    in `evidence`. `influence` says what would change without them.
    """

    class Action(models.TextChoices):
        KEEP = "keep", "Keep"
        WATCH = "watch", "Watch"
        REQUALIFY = "requalify", "Qualify again"
        QUARANTINE = "quarantine", "Quarantine"

    report = models.ForeignKey(
        PeopleReport, on_delete=models.CASCADE, related_name="people", db_index=False
    )
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="person_reports")
    n = models.PositiveIntegerField()
    reliability = models.FloatField(null=True, blank=True)
    reliability_low = models.FloatField(null=True, blank=True)
    reliability_high = models.FloatField(null=True, blank=True)
    reliability_n = models.PositiveIntegerField(default=0)
    agreement = models.FloatField(null=True, blank=True)
    honest = models.FloatField(null=True, blank=True)
    coin = models.FloatField(null=True, blank=True)
    flipped = models.FloatField(null=True, blank=True)
    weight = models.FloatField(default=1.0)
    action = models.CharField(max_length=10, choices=Action, default=Action.KEEP)
    severity = models.PositiveSmallIntegerField(default=0)
    summary = models.TextField(blank=True)
    evidence = models.JSONField(default=list, blank=True)
    figures = models.JSONField(default=dict, blank=True)
    influence = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["report", "-severity", "annotator"]
        constraints = [
            models.UniqueConstraint(fields=["report", "annotator"], name="person_report_once"),
            models.CheckConstraint(
                condition=Q(reliability__isnull=True)
                | Q(
                    reliability_low__lte=models.F("reliability"),
                    reliability_high__gte=models.F("reliability"),
                ),
                name="person_interval_holds_reliability",
            ),
            models.CheckConstraint(
                condition=Q(action__in=["keep", "watch", "requalify", "quarantine"]),
                name="person_action_known",
            ),
        ]
        indexes = [models.Index(fields=["report", "-severity"], name="person_report_worst")]

    def __str__(self) -> str:
        return f"{self.annotator} in report {self.report_id}"


class PluralismReport(Snapshot):
    """Where groups of annotators reliably differ; `estimate` is the share of compared pairs of
    responses on which they do, of `n_compared`. Groups, map and divisions are in `detail`."""

    n_compared = models.PositiveIntegerField(default=0)

    class Meta(Snapshot.Meta):
        constraints = [_interval_holds_estimate("pluralism_interval_holds_estimate")]

    def __str__(self) -> str:
        return f"Who prefers what in {self.project} at {self.created_at:%Y-%m-%d %H:%M}"


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
