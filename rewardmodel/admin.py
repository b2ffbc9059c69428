"""The machine half's tables as they stand; nothing is added, changed or deleted here."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from rewardmodel import models


class ReadOnly(admin.ModelAdmin):
    """Can be looked at, and changed by nobody: services write these tables."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Never."""
        return False


@admin.register(models.CompletionFeature)
class CompletionFeatureAdmin(ReadOnly):
    list_display = ["completion_id", "extractor", "mean_logprob", "created_at"]
    list_filter = ["extractor"]
    exclude = ["vector"]


@admin.register(models.TrainingRun)
class TrainingRunAdmin(ReadOnly):
    list_display = ["id", "project", "state", "trigger", "n_judgments", "started_at", "finished_at"]
    list_filter = ["project", "state"]
    list_select_related = ["project"]


@admin.register(models.Checkpoint)
class CheckpointAdmin(ReadOnly):
    list_display = ["id", "project", "state", "reason", "extractor", "created_at"]
    list_filter = ["project", "state"]
    list_select_related = ["project"]


@admin.register(models.Score)
class ScoreAdmin(ReadOnly):
    list_display = ["completion_id", "checkpoint_id", "criterion", "mean", "sd"]
    list_select_related = ["criterion"]


@admin.register(models.AcquisitionRound)
class AcquisitionRoundAdmin(ReadOnly):
    list_display = ["id", "project", "function", "size", "n_considered", "seconds", "created_at"]
    list_filter = ["project"]
    list_select_related = ["project"]


@admin.register(models.Considered)
class ConsideredAdmin(ReadOnly):
    list_display = ["round_id", "prompt_id", "first_id", "second_id", "utility", "arm"]
    list_filter = ["arm"]
