"""A project's settings over REST: those of its settings page, by the same service."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import Strict, View, documented, person
from annotation.core.errors import Invalid
from annotation.models import Project
from annotation.selectors import access
from annotation.services.projects import ACQUISITION_FUNCTIONS, LIMITS, project_update

SETTABLE = (
    "name", "question", "description", "guideline", "content_warning", "attribution", "overlap",
    "lease_seconds", "strength_levels", "rationale", "confidence", "spans", "rewrite",
    "break_after_minutes", "allow_tie", "allow_both_bad", "allow_amend", "shows_gold",
    "overlap_cap", "stop_at_agreement", "adjudicates", "prompt_window_hours", "oldest_share",
    "gold_rate", "repeat_rate", "suggestion_share", "skill_tags", "samples_per_prompt",
    "reward_model", "reward_uses_text", "reward_debiases_length", "reward_weighs_annotators",
    "loop_paused", "retrain_automatically", "retrain_after_judgments", "retrain_after_minutes",
    "retrain_on_drift", "acquire_automatically", "acquisition_function", "acquisition_unit",
    "acquisition_weighs_cost", "acquisition_size", "acquisition_budget", "control_share",
    "evaluation_share",
    "learns_from_simulated",
)  # fmt: skip


class SettingsOut(serializers.ModelSerializer):
    class Meta:
        model = Project
        fields = ["slug", *SETTABLE]
        read_only_fields = fields


class SettingsIn(Strict, serializers.ModelSerializer):
    """What is to change; what is left out stays. Shares are fractions, 0.2 for the page's 20 %."""

    acquisition_function = serializers.ChoiceField(sorted(ACQUISITION_FUNCTIONS))
    skill_tags = serializers.ListField(child=serializers.CharField(max_length=64))

    class Meta:
        model = Project
        fields = list(SETTABLE)
        extra_kwargs = {
            name: {"min_value": low, "max_value": high} for name, (low, high) in LIMITS.items()
        } | {"question": {"allow_blank": False}}

    def validate_skill_tags(self, tags: list[str]) -> list[str]:
        return sorted(set(tags))


class ProjectSettings(View):
    @documented(SettingsOut, operation_id="project_settings_retrieve")
    def get(self, request: Request, slug: str) -> Response:
        """How the project is judged, assigned and learned from, for who leads it."""
        return Response(SettingsOut(access.project_for_lead(user=person(request), slug=slug)).data)

    @documented(SettingsOut, body=SettingsIn, operation_id="project_settings_change")
    def patch(self, request: Request, slug: str) -> Response:
        """Changes the settings that are given, all or none; the activity log says who did."""
        actor = person(request)
        project = access.project_for_lead(user=actor, slug=slug)
        given = SettingsIn(project, data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        if not given.validated_data:
            raise Invalid("Give at least one setting.", hint=f"There are {', '.join(SETTABLE)}.")
        changed = project_update(actor=actor, project=project, **given.validated_data)
        return Response(SettingsOut(changed).data)
