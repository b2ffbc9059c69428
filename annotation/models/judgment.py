"""What annotators answered. Rows are only ever added: an amendment supersedes."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotation.models.people import User
from annotation.models.project import Criterion
from annotation.models.work import Assignment, Candidate, Comparison


class Strength(models.IntegerChoices):
    SLIGHTLY = 1, "slightly better"
    CLEARLY = 2, "better"
    MUCH = 3, "much better"


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def live(self) -> "JudgmentQuerySet":
        """The newest word of each annotator on each comparison, unless it was withdrawn."""
        return self.filter(superseded_by__isnull=True, is_withdrawal=False)


class Judgment(models.Model):
    """An annotator's answer: ordered groups of canonical candidate positions, best first."""

    class Source(models.TextChoices):
        WEB = "web", "Browser"
        API = "api", "REST"
        IMPORT = "import", "Imported file"

    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="judgments")
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="judgments")
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="judgments")
    revision = models.PositiveSmallIntegerField(default=0)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    is_withdrawal = models.BooleanField(default=False)
    idempotency_token = models.UUIDField()

    groups = models.JSONField()
    strength = models.PositiveSmallIntegerField(choices=Strength, null=True, blank=True)
    both_bad = models.BooleanField(default=False)
    rationale = models.TextField(blank=True)
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    active_ms = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=6, choices=Source)
    judged_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "annotator"],
                condition=Q(supersedes__isnull=True),
                name="judgment_one_chain",
            ),
            models.UniqueConstraint(
                fields=["comparison", "annotator", "revision"], name="judgment_revision_once"
            ),
            models.UniqueConstraint(
                fields=["annotator", "idempotency_token"], name="judgment_submitted_once"
            ),
            models.UniqueConstraint(
                fields=["id", "comparison", "annotator"], name="judgment_identity"
            ),
            models.CheckConstraint(
                condition=Q(revision=0, supersedes__isnull=True)
                | Q(revision__gte=1, supersedes__isnull=False),
                name="judgment_revision_supersedes",
            ),
            models.CheckConstraint(
                condition=Q(is_withdrawal=False) | Q(revision__gte=1, groups=[]),
                name="judgment_withdraws_something",
            ),
            models.CheckConstraint(
                condition=Q(both_bad=False) | Q(groups__1__isnull=True, strength__isnull=True),
                name="judgment_both_bad_is_tie",
            ),
            models.CheckConstraint(
                condition=Q(strength__isnull=True) | Q(strength__gte=1, strength__lte=3),
                name="judgment_strength_known",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=1, confidence__lte=5),
                name="judgment_confidence_known",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "-id"], name="judgment_history")]

    def __str__(self) -> str:
        return f"Judgment {self.pk} of comparison {self.comparison_id}"


class CriterionAnswer(models.Model):
    """The same comparison on another criterion: an order, or 1 to 5 for each candidate."""

    judgment = models.ForeignKey(Judgment, on_delete=models.PROTECT, related_name="answers")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="answers")
    groups = models.JSONField(null=True, blank=True)
    strength = models.PositiveSmallIntegerField(choices=Strength, null=True, blank=True)
    ratings = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["judgment", "criterion"]
        constraints = [
            models.UniqueConstraint(
                fields=["judgment", "criterion"], name="criterion_answered_once"
            ),
            models.CheckConstraint(
                condition=Q(groups__isnull=False, ratings__isnull=True)
                | Q(groups__isnull=True, ratings__isnull=False),
                name="criterion_answer_order_or_ratings",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.criterion} in judgment {self.judgment_id}"


class Span(models.Model):
    """A passage of a response that the annotator marked; offsets count characters of its text."""

    class Label(models.TextChoices):
        GOOD = "good", "Good"
        BAD = "bad", "Bad"
        FALSE = "false", "False"

    judgment = models.ForeignKey(Judgment, on_delete=models.PROTECT, related_name="spans")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="spans")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    label = models.CharField(max_length=5, choices=Label)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["judgment", "candidate", "start"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="span_has_length"),
        ]

    def __str__(self) -> str:
        return f"{self.label} span in judgment {self.judgment_id}"
