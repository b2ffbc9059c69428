"""One collection effort and the axes that it judges."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_noop

from annotation.models.people import Pool


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


class Project(models.Model):
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
    acquire_automatically = models.BooleanField(default=False)
    acquisition_function = models.CharField(max_length=32, default="bald")
    acquisition_size = models.PositiveIntegerField(default=20)
    control_share = models.FloatField(
        default=0.2, validators=[MinValueValidator(0.05), MaxValueValidator(1.0)]
    )
    learns_from_simulated = models.BooleanField(default=False)
    seed = models.BigIntegerField(default=draw_seed, editable=False)
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
                & models.Q(control_share__gte=0.05, control_share__lte=1),
                name="project_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return self.name


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
