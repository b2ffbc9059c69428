"""Long jobs as people see them, and the log of who did what."""

from django.db import models
from django.db.models import Q

from annotation.models.people import User
from annotation.models.project import Project, RewardModelKind


class Run(models.Model):
    class Kind(models.TextChoices):
        IMPORT = "import", "Import"
        GENERATION = "generation", "Generation"
        AGREEMENT = "agreement", "Agreement"
        AUDIT = "audit", "Bias audit"
        PEOPLE = "people", "Quality of people"
        PLURALISM = "pluralism", "Who prefers what"
        TRAINING = "training", "Reward model training"
        ACQUISITION = "acquisition", "Acquisition"
        SCORING = "scoring", "Scoring of texts"
        PACKAGING = "packaging", "Packaging of a reward model"
        EXPORT = "export", "Export"

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    LIVE_STATES = (State.QUEUED, State.RUNNING)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=11, choices=Kind)
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    params = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    log = models.TextField(blank=True)
    error = models.TextField(blank=True)
    is_cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveSmallIntegerField(default=0)
    retry_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="retries"
    )
    requested_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="queued", finished_at__isnull=True)
                | Q(state="running", started_at__isnull=False, finished_at__isnull=True)
                | Q(state__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False),
                name="run_state_consistent",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "state"], name="run_live", condition=Q(finished_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} run {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE_STATES

    @property
    def queue(self) -> str:
        """The workers that take it: those with an accelerator for what runs a language model."""
        if self.kind == self.Kind.GENERATION:
            return "gpu"
        reads_texts = {self.Kind.TRAINING, self.Kind.SCORING, self.Kind.PACKAGING}
        is_deep = self.project.reward_model == RewardModelKind.DEEP
        return "gpu" if self.kind in reads_texts and is_deep else "default"

    @property
    def percent(self) -> int:
        return round(100 * min(self.done, self.total) / self.total) if self.total else 0


class AuditEntry(models.Model):
    """Who changed what; never updated or deleted."""

    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.DO_NOTHING, related_name="audit_entries"
    )
    actor = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["project", "-id"], name="audit_entry_recent")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

    @property
    def details(self) -> list[tuple[str, object]]:
        """For templates, which would take a key called `items` for what they ask of a mapping."""
        return list(self.detail.items())
