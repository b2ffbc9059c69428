"""One collection effort and the axes that it judges."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_noop

from annotation.models.people import Membership, Pool, User


def draw_seed() -> int:
    """A recorded seed that fits a signed 64-bit column and numpy's generators."""
    return secrets.randbelow(2**62)


# Leads may write their own; this one is asked in the language of whoever judges.
DEFAULT_QUESTION = gettext_noop("Which response is better?")


class ComparisonKind(models.TextChoices):
    PAIRWISE = "pairwise", "Pairwise"
    RANKING = "ranking", "Ranking"


class Ask(models.TextChoices):
    OFF = "off", "Do not ask"
    OPTIONAL = "optional", "Optional"
    REQUIRED = "required", "Required"


class RewardModelKind(models.TextChoices):
    EMBEDDED = "embedded", "On frozen features"
    DEEP = "deep", "A fine-tuned language model"


class AcquisitionUnit(models.TextChoices):
    PAIR = "pair", "Pairs"
    PROMPT = "prompt", "Prompts"
    POOL = "pool", "Responses of a prompt"


class Project(models.Model):
    """One collection effort.

    `overlap` judgments are wanted of each comparison. With an `overlap_cap` one more is asked for,
    up to the cap, as long as fewer than `stop_at_agreement` of them say the same. A tag in
    `skill_tags` is shown only to people with the skill of that name. Where a comparison comes with
    a suggestion, `suggestion_share` of those who judge it see it, drawn at random. `revision` is
    counted by the database whenever the project or one of its criteria changes: what is derived
    from them may be kept for as long as it stays the same. While `loop_paused`, nothing trains or
    opens a batch by itself. Rounds ask for no more than `acquisition_budget` judgments in all.
    """

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True)
    question = models.CharField(max_length=200, default=DEFAULT_QUESTION)
    guideline = models.TextField(blank=True)
    content_warning = models.CharField(max_length=200, blank=True)
    attribution = models.TextField(blank=True)

    kind = models.CharField(max_length=8, choices=ComparisonKind, default=ComparisonKind.PAIRWISE)
    candidates = models.PositiveSmallIntegerField(
        default=2, validators=[MinValueValidator(2), MaxValueValidator(9)]
    )
    overlap = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    overlap_cap = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(500)]
    )
    stop_at_agreement = models.FloatField(
        default=0.75, validators=[MinValueValidator(0.5), MaxValueValidator(1.0)]
    )
    adjudicates = models.BooleanField(default=False)
    prompt_window_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    oldest_share = models.FloatField(
        default=0.25, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    gold_rate = models.FloatField(
        default=0.05, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )
    repeat_rate = models.FloatField(
        default=0.0, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )
    suggestion_share = models.FloatField(
        default=0.0, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    skill_tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    lease_seconds = models.PositiveIntegerField(default=1200)
    strength_levels = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(3)])
    allow_tie = models.BooleanField(default=True)
    allow_both_bad = models.BooleanField(default=True)
    allow_amend = models.BooleanField(default=True)
    rationale = models.CharField(max_length=8, choices=Ask, default=Ask.OPTIONAL)
    confidence = models.CharField(max_length=8, choices=Ask, default=Ask.OFF)
    spans = models.CharField(max_length=8, choices=Ask, default=Ask.OFF)
    rewrite = models.CharField(max_length=8, choices=Ask, default=Ask.OFF)
    shows_gold = models.BooleanField(default=False)
    break_after_minutes = models.PositiveSmallIntegerField(
        default=50, validators=[MaxValueValidator(480)]
    )
    pools = models.ManyToManyField(Pool, related_name="projects", blank=True)

    samples_per_prompt = models.PositiveSmallIntegerField(default=1)
    held_out_fraction = models.FloatField(
        default=0.2, validators=[MinValueValidator(0.0), MaxValueValidator(0.9)]
    )
    retrain_automatically = models.BooleanField(default=True)
    retrain_after_judgments = models.PositiveIntegerField(default=50)
    retrain_after_minutes = models.PositiveIntegerField(default=60)
    retrain_on_drift = models.BooleanField(default=True)
    loop_paused = models.BooleanField(default=False)
    reward_model = models.CharField(
        max_length=8, choices=RewardModelKind, default=RewardModelKind.EMBEDDED
    )
    reward_uses_text = models.BooleanField(default=True)
    reward_debiases_length = models.BooleanField(default=False)
    reward_weighs_annotators = models.BooleanField(default=False)
    acquire_automatically = models.BooleanField(default=False)
    acquisition_function = models.CharField(max_length=32, default="portfolio")
    acquisition_unit = models.CharField(
        max_length=6, choices=AcquisitionUnit, default=AcquisitionUnit.PAIR
    )
    acquisition_weighs_cost = models.BooleanField(default=False)
    acquisition_budget = models.PositiveIntegerField(null=True, blank=True)
    acquisition_size = models.PositiveIntegerField(default=20)
    control_share = models.FloatField(
        default=0.2, validators=[MinValueValidator(0.05), MaxValueValidator(1.0)]
    )
    evaluation_share = models.FloatField(
        default=0.1, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)]
    )
    learns_from_simulated = models.BooleanField(default=False)
    seed = models.BigIntegerField(default=draw_seed, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="pairwise", candidates=2)
                | models.Q(kind="ranking", candidates__gte=2, candidates__lte=9),
                name="project_candidates_fit_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(overlap__gte=1), name="project_overlap_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(held_out_fraction__gte=0, held_out_fraction__lte=0.9)
                & models.Q(control_share__gte=0.05, control_share__lte=1)
                & models.Q(evaluation_share__gte=0, evaluation_share__lte=0.5),
                name="project_shares_are_shares",
            ),
            models.CheckConstraint(
                condition=models.Q(overlap_cap__isnull=True)
                | models.Q(overlap_cap__gte=models.F("overlap")),
                name="project_overlap_cap_above_overlap",
            ),
            models.CheckConstraint(
                condition=models.Q(gold_rate__gte=0, repeat_rate__gte=0)
                & models.Q(gold_rate__lte=0.5, repeat_rate__lte=0.5)
                & models.Q(oldest_share__gte=0, oldest_share__lte=1)
                & models.Q(stop_at_agreement__gte=0.5, stop_at_agreement__lte=1)
                & models.Q(suggestion_share__gte=0, suggestion_share__lte=1),
                name="project_rates_are_shares",
            ),
            models.CheckConstraint(
                condition=models.Q(reward_model__in=["embedded", "deep"])
                & models.Q(acquisition_unit__in=["pair", "prompt", "pool"]),
                name="project_learning_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ProjectRole(models.Model):
    """What somebody may do in one project, whatever pools they are in."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="project_roles")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="project_roles")
    role = models.CharField(max_length=10, choices=Membership.Role)
    granted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["project", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="project_role_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "lead", "reviewer", "annotator", "viewer"]),
                name="project_role_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project} as {self.role}"


class Criterion(models.Model):
    """An axis judged; `overall` is always the first."""

    class Scale(models.TextChoices):
        PREFERENCE = "preference", "Which is better"
        RATING = "rating", "1 to 5 for each"

    OVERALL = "overall"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="criteria")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    guideline = models.TextField(blank=True)
    scale = models.CharField(max_length=10, choices=Scale, default=Scale.PREFERENCE)
    is_required = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="criterion_key_once"),
            models.UniqueConstraint(fields=["project", "position"], name="criterion_position_once"),
            models.CheckConstraint(
                condition=models.Q(key="overall", position=0, scale="preference")
                | (~models.Q(key="overall") & models.Q(position__gte=1)),
                name="criterion_overall_first",
            ),
        ]

    def __str__(self) -> str:
        return self.name
