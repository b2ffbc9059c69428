"""Who judges what: batches, comparisons, their candidates, leased assignments, and flags."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models.content import Completion, Prompt
from annotation.models.people import User
from annotation.models.project import ComparisonKind, Project


class Batch(models.Model):
    """The comparisons opened together, and why."""

    class Reason(models.TextChoices):
        MANUAL = "manual", "Opened by a lead"
        ACQUISITION = "acquisition", "Chosen by acquisition"
        CONTROL = "control", "Random control arm"
        EVALUATION = "evaluation", "Held-out prompts"
        GOLD = "gold", "Gold"
        QUALIFICATION = "qualification", "Qualification"
        IMPORTED = "imported", "Imported with judgments"
        REPEAT = "repeat", "Hidden repeats"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="batches")
    name = models.CharField(max_length=160)
    reason = models.CharField(max_length=13, choices=Reason)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    seed = models.BigIntegerField()
    opened_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    reason__in=[
                        "manual", "acquisition", "control", "evaluation", "gold", "qualification",
                        "imported", "repeat",
                    ]
                ),
                name="batch_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "paused"], closed_at__isnull=True)
                | Q(state="closed", closed_at__isnull=False),
                name="batch_state_known",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class Lane(models.Model):
    """Comparisons of one batch that the same people may take, in the order of their `place`.

    A claim looks at the head of each lane that is open to its annotator, so what it costs does not
    grow with what waits behind. `is_drained` is a hint that nothing in it is open: such a lane is
    looked at last.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lanes")
    language = models.CharField(max_length=16, blank=True)
    skills = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    is_harmful = models.BooleanField(default=False)
    is_drained = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "language", "skills", "is_harmful"], name="lane_once"
            ),
        ]

    def __str__(self) -> str:
        return f"Lane {self.pk} of {self.batch}"


class Comparison(models.Model):
    """A prompt with 2 to 9 completions shown together.

    `taken` and `judged` count leased-or-submitted and submitted assignments. The database's own
    triggers keep them, so `taken <= overlap` is exact under any concurrency. `place` is its turn
    in its lane; one without a lane is never given out by itself. `is_returned` says that it became
    open again: claims may have passed its place. `suggestion` is an answer (ordered groups) that
    `suggestion_by` proposes.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        RETIRED = "retired", "Retired"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="comparisons")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="comparisons")
    kind = models.CharField(max_length=8, choices=ComparisonKind)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    overlap = models.PositiveSmallIntegerField()
    utility = models.FloatField(default=0.0)
    lane = models.ForeignKey(
        Lane,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="comparisons",
        db_index=False,
    )
    place = models.PositiveIntegerField(default=0)
    is_returned = models.BooleanField(default=False, editable=False)
    gold_groups = models.JSONField(null=True, blank=True)
    gold_reason = models.TextField(blank=True)
    suggestion = models.JSONField(null=True, blank=True)
    suggestion_by = models.CharField(max_length=120, blank=True)
    repeat_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="repeats"
    )
    external_id = models.CharField(max_length=128, blank=True)
    taken = models.PositiveSmallIntegerField(default=0, editable=False)
    judged = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(taken__lte=F("overlap")), name="comparison_taken_within_overlap"
            ),
            models.CheckConstraint(
                condition=Q(judged__lte=F("taken")), name="comparison_judged_within_taken"
            ),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="comparison_overlap_positive"),
            models.CheckConstraint(
                condition=Q(kind__in=["pairwise", "ranking"]), name="comparison_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "retired"]), name="comparison_state_known"
            ),
            models.CheckConstraint(
                condition=Q(repeat_of__isnull=True) | ~Q(repeat_of=F("id")),
                name="comparison_repeats_another",
            ),
        ]
        indexes = [
            models.Index(
                fields=["lane", "place"],
                name="comparison_claimable",
                condition=Q(state="open", taken__lt=F("overlap")),
            ),
            models.Index(
                fields=["lane", "place"],
                name="comparison_returned",
                condition=Q(state="open", taken__lt=F("overlap"), is_returned=True),
            ),
        ]

    def __str__(self) -> str:
        return f"Comparison {self.pk}"


class Candidate(models.Model):
    """One completion's place in a comparison; `position` is canonical, not as displayed."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="candidates")
    completion = models.ForeignKey(Completion, on_delete=models.PROTECT, related_name="candidacies")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["comparison", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "position"], name="candidate_position_once"
            ),
            models.UniqueConstraint(
                fields=["comparison", "completion"], name="candidate_completion_once"
            ),
            models.CheckConstraint(condition=Q(position__lte=8), name="candidate_at_most_nine"),
        ]

    def __str__(self) -> str:
        return f"Candidate {self.position} of comparison {self.comparison_id}"


class Assignment(models.Model):
    """One annotator's leased right to judge one comparison, or a reviewer's to decide a dispute.

    Only those to judge count towards the overlap.

    `display_order[slot]` is the canonical position of the candidate shown in that slot. One that
    is leased ahead has no `shown_at` until its annotator gets to see it. `suggestion_shown` is
    empty where there was nothing to suggest.
    """

    class State(models.TextChoices):
        LEASED = "leased", "Leased"
        SUBMITTED = "submitted", "Submitted"
        SKIPPED = "skipped", "Skipped"
        EXPIRED = "expired", "Expired"
        RELEASED = "released", "Returned"

    class Purpose(models.TextChoices):
        JUDGE = "judge", "To judge"
        ADJUDICATE = "adjudicate", "To decide a dispute"

    class SkipReason(models.TextChoices):
        EXPERTISE = "expertise", _("I lack the knowledge to judge this")
        LANGUAGE = "language", _("I do not read this language")
        BROKEN = "broken", _("The prompt or a response is broken")
        HARMFUL = "harmful", _("I do not want to read this")
        OTHER = "other", _("Another reason")

    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, related_name="assignments", db_index=False
    )
    annotator = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="assignments", db_index=False
    )
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.JUDGE)
    state = models.CharField(max_length=9, choices=State, default=State.LEASED)
    display_order = ArrayField(models.PositiveSmallIntegerField())
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    suggestion_shown = models.BooleanField(null=True, blank=True)
    skip_reason = models.CharField(max_length=9, choices=SkipReason, blank=True)
    skip_note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "annotator"],
                condition=Q(state__in=["leased", "submitted"]),
                name="assignment_live_once",
            ),
            models.UniqueConstraint(
                fields=["id", "comparison", "annotator"], name="assignment_identity"
            ),
            models.CheckConstraint(
                condition=Q(state="leased", closed_at__isnull=True, skip_reason="")
                | Q(
                    state__in=["submitted", "expired", "released"],
                    closed_at__isnull=False,
                    skip_reason="",
                )
                | (Q(state="skipped", closed_at__isnull=False) & ~Q(skip_reason="")),
                name="assignment_state_consistent",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["judge", "adjudicate"]), name="assignment_purpose_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], name="assignment_lapsing", condition=Q(state="leased")
            ),
            models.Index(fields=["annotator", "-closed_at"], name="assignment_history"),
            models.Index(fields=["annotator"], name="assignment_held", condition=Q(state="leased")),
            models.Index(fields=["comparison", "annotator"], name="assignment_met"),
        ]

    def __str__(self) -> str:
        return f"Assignment {self.pk}"


class Flag(models.Model):
    """Something about a comparison that a lead should look at: raised by a person or by a check."""

    class Kind(models.TextChoices):
        IDENTIFIES = "identifies", _("A response says who wrote it")
        BROKEN = "broken", _("The prompt or a response is broken")
        UNSAFE = "unsafe", _("Harmful or upsetting content")
        PRIVATE = "private", _("Personal data")
        UNCLEAR = "unclear", _("The guideline does not cover this")
        OTHER = "other", _("Something else")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="flags")
    completion = models.ForeignKey(
        Completion, null=True, blank=True, on_delete=models.CASCADE, related_name="flags"
    )
    comparison = models.ForeignKey(
        Comparison, null=True, blank=True, on_delete=models.CASCADE, related_name="flags"
    )
    raised_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="flags"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["completion", "kind"],
                condition=Q(raised_by__isnull=True),
                name="flag_found_once",
            ),
            models.CheckConstraint(
                condition=Q(completion__isnull=False) | Q(comparison__isnull=False),
                name="flag_is_about_something",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="flag_resolved_by_someone",
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-id"], name="flag_unresolved",
                condition=Q(resolved_at__isnull=True),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"Flag {self.pk} ({self.kind})"
