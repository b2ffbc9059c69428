"""Comparisons on which judgments part: they wait for a reviewer's decision."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.judgment import Judgment
from annotation.models.people import User
from annotation.models.project import Project
from annotation.models.work import Comparison


class Dispute(models.Model):
    """Why a comparison needs a decision, and the decision: an adjudication, or that none is needed.

    `agreement` is the largest share of the judgments that say the same, when it was opened.
    """

    class Reason(models.TextChoices):
        DISAGREEMENT = "disagreement", _("Judgments disagree")
        FLAG = "flag", _("Somebody flagged it")
        LEAD = "lead", _("A lead asked for it")

    class State(models.TextChoices):
        OPEN = "open", _("Waiting")
        DECIDED = "decided", _("Decided")
        DISMISSED = "dismissed", _("No decision needed")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="disputes")
    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="disputes")
    reason = models.CharField(max_length=12, choices=Reason)
    note = models.TextField(blank=True)
    agreement = models.FloatField(null=True, blank=True)
    n_judgments = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State, default=State.OPEN)
    opened_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField(auto_now_add=True)
    decision = models.OneToOneField(
        Judgment, null=True, blank=True, on_delete=models.PROTECT, related_name="dispute"
    )
    closed_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison"], condition=Q(state="open"), name="dispute_one_open"
            ),
            models.CheckConstraint(
                condition=Q(
                    state="open",
                    closed_at__isnull=True,
                    closed_by__isnull=True,
                    decision__isnull=True,
                )
                | Q(
                    state="decided",
                    closed_at__isnull=False,
                    closed_by__isnull=False,
                    decision__isnull=False,
                )
                | Q(
                    state="dismissed",
                    closed_at__isnull=False,
                    closed_by__isnull=False,
                    decision__isnull=True,
                ),
                name="dispute_state_consistent",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="dispute_open", condition=Q(state="open")),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Dispute {self.pk} about comparison {self.comparison_id}"
