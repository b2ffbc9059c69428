"""What the machine half remembers: features, trainings, scores and acquisition rounds."""

from django.db import models
from django.db.models import Q

from annotation.models import Batch, Completion, Criterion, Project, Prompt, Run


class CompletionFeature(models.Model):
    """What one frozen extractor read from one completion: float32 values, little-endian."""

    completion = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="features")
    extractor = models.CharField(max_length=64)
    vector = models.BinaryField()
    mean_logprob = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["extractor", "completion"], name="completion_feature_once"
            ),
        ]

    def __str__(self) -> str:
        return f"Features of completion {self.completion_id} by {self.extractor}"


class TrainingRun(models.Model):
    """A frozen judgment cutoff, config and data hash, and what came of them."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Trigger(models.TextChoices):
        MANUAL = "manual", "Asked for"
        DUE = "due", "Due by schedule"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="training_runs")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="training_run")
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    trigger = models.CharField(max_length=6, choices=Trigger, default=Trigger.MANUAL)
    cutoff_judgment_id = models.BigIntegerField()
    n_judgments = models.PositiveIntegerField(default=0)
    n_preferences = models.PositiveIntegerField(default=0)
    includes_simulated = models.BooleanField(default=False)
    config = models.JSONField(default=dict)
    data_hash = models.CharField(max_length=64, blank=True)
    seed = models.BigIntegerField()
    code_version = models.CharField(max_length=40)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="running"), name="training_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True)
                | Q(state__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False),
                name="training_state_consistent",
            ),
        ]

    def __str__(self) -> str:
        return f"Training {self.pk} of {self.project}"


class Checkpoint(models.Model):
    """A trained reward model, its measured quality, and whether it is the one in use."""

    class State(models.TextChoices):
        PROMOTED = "promoted", "In use"
        REJECTED = "rejected", "Not promoted"
        RETIRED = "retired", "Replaced"

    class Kind(models.TextChoices):
        EMBEDDED = "embedded", "On frozen features"
        DEEP = "deep", "A fine-tuned language model"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="checkpoints")
    training_run = models.OneToOneField(
        TrainingRun, on_delete=models.PROTECT, related_name="checkpoint"
    )
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.EMBEDDED)
    state = models.CharField(max_length=8, choices=State)
    reason = models.TextField()
    folder = models.CharField(max_length=200, unique=True)
    extractor = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="promoted"), name="checkpoint_one_in_use"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["promoted", "rejected", "retired"]),
                name="checkpoint_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.pk} of {self.project}"


class Score(models.Model):
    """A checkpoint's posterior of one completion's reward on one criterion.

    `novelty` is the share of the training's completions that are less unusual than this one.
    """

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.CASCADE, related_name="scores")
    completion = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="scores")
    criterion = models.ForeignKey(Criterion, on_delete=models.CASCADE, related_name="+")
    mean = models.FloatField()
    sd = models.FloatField()
    novelty = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["checkpoint", "criterion", "completion"], name="score_once"
            ),
            models.CheckConstraint(condition=Q(sd__gte=0), name="score_sd_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.sd:.2f}"


class AcquisitionRound(models.Model):
    """What was considered for the next batch, what was chosen, by which function, at which cost.

    `reason` says why this function. `detail` holds the portfolio's weights, the prompts' places on
    the map and what the round is expected to cost.
    """

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="acquisition_rounds"
    )
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="acquisition_round")
    checkpoint = models.ForeignKey(
        Checkpoint, null=True, blank=True, on_delete=models.PROTECT, related_name="rounds"
    )
    function = models.CharField(max_length=32)
    unit = models.CharField(max_length=6, default="pair")
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict, blank=True)
    size = models.PositiveIntegerField()
    control_share = models.FloatField()
    seed = models.BigIntegerField()
    n_considered = models.PositiveIntegerField()
    n_left_out = models.PositiveIntegerField(default=0)
    judgments_wanted = models.PositiveIntegerField()
    seconds = models.FloatField()
    batch = models.OneToOneField(
        Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="acquisition_round"
    )
    control_batch = models.OneToOneField(
        Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="control_of_round"
    )
    evaluation_batch = models.OneToOneField(
        Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluation_of_round"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Acquisition round {self.pk} of {self.project}"


class Considered(models.Model):
    """One pair that a round weighed, with its utility, what explains it and what became of it."""

    class Arm(models.TextChoices):
        ACQUIRED = "acquired", "Chosen by utility"
        CONTROL = "control", "Chosen at random"
        PASSED = "passed", "Not chosen"

    round = models.ForeignKey(AcquisitionRound, on_delete=models.CASCADE, related_name="considered")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="+")
    first = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Completion, on_delete=models.CASCADE, related_name="+")
    utility = models.FloatField()
    detail = models.JSONField(default=dict, blank=True)
    arm = models.CharField(max_length=8, choices=Arm)

    class Meta:
        ordering = ["-utility", "id"]
        constraints = [
            models.UniqueConstraint(fields=["round", "first", "second"], name="considered_once"),
            models.CheckConstraint(
                condition=Q(arm__in=["acquired", "control", "passed"]), name="considered_arm_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.utility:.3f} ({self.arm})"


class SavingsReport(models.Model):
    """How many labels active learning saved: its arm against the control arm, at one cutoff.

    saved: the share of the control arm's labels that the acquired arm did without, with its
    interval; null_high: the 95th percentile of the same figure between two random arms. All are
    null where nothing can be said yet, and `verdict` says why.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="savings_reports")
    training_run = models.OneToOneField(
        TrainingRun, on_delete=models.CASCADE, related_name="savings_report"
    )
    function = models.CharField(max_length=32)
    cutoff_judgment_id = models.BigIntegerField()
    n_acquired = models.PositiveIntegerField()
    n_control = models.PositiveIntegerField()
    saved = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    null_high = models.FloatField(null=True, blank=True)
    verdict = models.TextField()
    detail = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField()
    code_version = models.CharField(max_length=40)
    includes_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(saved__isnull=True)
                | Q(low__lte=models.F("saved"), high__gte=models.F("saved")),
                name="savings_interval_holds_estimate",
            ),
        ]

    def __str__(self) -> str:
        return f"Labels saved in {self.project} at {self.created_at:%Y-%m-%d %H:%M}"
