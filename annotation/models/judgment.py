"""What annotators answered. Rows are only ever added: an amendment supersedes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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
    """An annotator's answer: ordered groups of canonical candidate positions, best first.

    `first_viewed_ms[position]` is when a candidate first came into view, in ms of active time after
    the comparison was shown. `sitting_ms` is how long the annotator had been at work without a
    longer pause, and `pace` how long they now take relative to how that sitting began: the two
    signs of fatigue that audits read. An adjudication is a reviewer's decision of a dispute: a
    judgment of its own kind, which counts neither towards the overlap nor in anybody's agreement.
    """

    class Source(models.TextChoices):
        WEB = "web", "Browser"
        API = "api", "REST"
        IMPORT = "import", "Imported file"

    comparison = models.ForeignKey(
        Comparison, on_delete=models.PROTECT, related_name="judgments", db_index=False
    )
    annotator = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="judgments", db_index=False
    )
    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="judgments")
    revision = models.PositiveSmallIntegerField(default=0)
    supersedes = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    is_withdrawal = models.BooleanField(default=False)
    is_adjudication = models.BooleanField(default=False)
    idempotency_token = models.UUIDField()

    groups = models.JSONField()
    strength = models.PositiveSmallIntegerField(choices=Strength, null=True, blank=True)
    both_bad = models.BooleanField(default=False)
    rationale = models.TextField(blank=True)
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    active_ms = models.PositiveIntegerField(null=True, blank=True)
    first_viewed_ms = ArrayField(models.PositiveIntegerField(null=True), null=True, blank=True)
    sitting_ms = models.PositiveIntegerField(null=True, blank=True)
    pace = models.FloatField(null=True, blank=True)
    source = models.CharField(max_length=6, choices=Source)
    judged_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

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
    """A passage of a response that the annotator marked.

    `start` and `end` count characters (code points) of the completion's text as it was written,
    `shown_start` and `shown_end` those of its rendering, which is what was read: `quote`.
    """

    class Label(models.TextChoices):
        GOOD = "good", _("Good")
        BAD = "bad", _("Bad")
        FALSE = "false", _("False")

    judgment = models.ForeignKey(Judgment, on_delete=models.PROTECT, related_name="spans")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="spans")
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    shown_start = models.PositiveIntegerField(default=0)
    shown_end = models.PositiveIntegerField(default=0)
    quote = models.TextField(blank=True)
    label = models.CharField(max_length=5, choices=Label)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["judgment", "candidate", "start"]
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="span_has_length"),
        ]

    def __str__(self) -> str:
        return f"{self.label} span in judgment {self.judgment_id}"


class Rewrite(models.Model):
    """A response as its annotator made it better: a demonstration, and with it an edit pair."""

    judgment = models.OneToOneField(Judgment, on_delete=models.PROTECT, related_name="rewrite")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="rewrites")
    text = models.TextField()

    class Meta:
        ordering = ["judgment"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="rewrite_says_something"),
        ]

    def __str__(self) -> str:
        return f"Rewrite in judgment {self.judgment_id}"


class Draft(models.Model):
    """An answer that is being given: the fields of the sheet, until they are submitted.

    `amends` is the judgment that was live when the draft was begun; another one makes it stale.
    """

    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="draft")
    amends = models.ForeignKey(
        Judgment, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    fields = models.JSONField()
    active_ms = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    saved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Draft of assignment {self.assignment_id}"
