"""What somebody must show before they judge: a training set, then a test."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.people import User
from annotation.models.project import Project
from annotation.models.work import Comparison


class Qualification(models.Model):
    """A project's entrance: who has not passed it gets no work. At most one per project is open."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="qualifications")
    name = models.CharField(max_length=120)
    introduction = models.TextField(blank=True)
    pass_mark = models.FloatField(
        default=0.8, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    test_size = models.PositiveSmallIntegerField(default=10)
    attempts_allowed = models.PositiveSmallIntegerField(default=3)
    hours_between = models.PositiveSmallIntegerField(default=0)
    is_open = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_open=True), name="qualification_one_open"
            ),
            models.CheckConstraint(
                condition=Q(pass_mark__gte=0, pass_mark__lte=1), name="qualification_mark_a_share"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class QualificationItem(models.Model):
    """A comparison with a known order (`gold_groups`) and why (`gold_reason`), for one phase.

    The comparison has no lane: it is never given out as work.
    """

    class Phase(models.TextChoices):
        TRAINING = "training", _("Training")
        TEST = "test", _("Test")

    qualification = models.ForeignKey(Qualification, on_delete=models.CASCADE, related_name="items")
    comparison = models.ForeignKey(Comparison, on_delete=models.PROTECT, related_name="+")
    phase = models.CharField(max_length=8, choices=Phase)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["qualification", "phase", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["qualification", "comparison"], name="qualification_item_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.phase} item of {self.qualification}"


class QualificationAttempt(models.Model):
    """One person's go: the items drawn for it, in order, and how it ended."""

    class State(models.TextChoices):
        TRAINING = "training", _("In training")
        TESTING = "testing", _("In the test")
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Not passed")

    qualification = models.ForeignKey(
        Qualification, on_delete=models.PROTECT, related_name="attempts"
    )
    annotator = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="qualification_attempts"
    )
    number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State, default=State.TRAINING)
    items = ArrayField(models.BigIntegerField(), default=list)
    seed = models.BigIntegerField()
    n_right = models.PositiveSmallIntegerField(default=0)
    n_tested = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["qualification", "annotator", "number"], name="attempt_number_once"
            ),
            models.UniqueConstraint(
                fields=["qualification", "annotator"],
                condition=Q(state__in=["training", "testing"]),
                name="attempt_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["training", "testing"], finished_at__isnull=True)
                | Q(state__in=["passed", "failed"], finished_at__isnull=False),
                name="attempt_state_consistent",
            ),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number} of {self.annotator} at {self.qualification}"


class QualificationAnswer(models.Model):
    """What somebody answered to an item; never changed, and never mistaken for a judgment."""

    attempt = models.ForeignKey(
        QualificationAttempt, on_delete=models.PROTECT, related_name="answers"
    )
    item = models.ForeignKey(QualificationItem, on_delete=models.PROTECT, related_name="answers")
    display_order = ArrayField(models.PositiveSmallIntegerField())
    groups = models.JSONField()
    is_right = models.BooleanField()
    active_ms = models.PositiveIntegerField(null=True, blank=True)
    answered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "item"], name="qualification_answer_once"),
        ]

    def __str__(self) -> str:
        return f"Answer {self.pk} in {self.attempt}"
