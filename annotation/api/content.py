"""What is judged: prompts, policies and completions."""

from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, documented, person, read
from annotation.models import Completion, Policy, Prompt
from annotation.selectors import access
from annotation.services.imports import records_import
from annotation.services.projects import policy_create


class RowsIn(Strict):
    rows = serializers.ListField(
        child=serializers.DictField(),
        allow_empty=False,
        max_length=10_000,
        help_text="The same rows as an import file holds, one object each.",
    )
    allow_empty = serializers.BooleanField(
        default=False, help_text="Take completions without text, too."
    )


class ImportedOut(serializers.Serializer):
    rows = serializers.IntegerField()
    prompts = serializers.IntegerField(help_text="New ones.")
    completions = serializers.IntegerField(help_text="New ones.")
    known = serializers.IntegerField(help_text="Rows that were here already and were left out.")
    held_out = serializers.IntegerField(help_text="New prompts that joined the held-out set.")


class PromptOut(serializers.ModelSerializer):
    class Meta:
        model = Prompt
        fields = [
            "id", "external_id", "messages", "language", "tags", "source", "metadata", "is_unsafe",
            "is_held_out", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class PolicyOut(serializers.ModelSerializer):
    class Meta:
        model = Policy
        fields = [
            "id", "name", "version", "provider", "model", "family", "system_prompt", "decoding",
            "is_active", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class PolicyIn(Strict):
    name = serializers.CharField(max_length=120)
    provider = serializers.ChoiceField(
        Policy.Provider.choices, default=Policy.Provider.TRANSFORMERS
    )
    model = serializers.CharField(
        default="", allow_blank=True, help_text="A folder, a hub id, or “smollm2”."
    )
    system_prompt = serializers.CharField(default="", allow_blank=True)
    decoding = serializers.DictField(default=dict, help_text="temperature, top_p, max_new_tokens …")
    family = serializers.CharField(
        default="", allow_blank=True, max_length=60,
        help_text="Models of one origin, to tell whether a judge prefers its own.",
    )  # fmt: skip


class CompletionOut(serializers.ModelSerializer):
    policy = serializers.CharField(source="policy.__str__", read_only=True)

    class Meta:
        model = Completion
        fields = [
            "id", "prompt", "policy", "sample_index", "text", "seed", "prompt_tokens",
            "completion_tokens", "mean_logprob", "finish_reason", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class Prompts(ListView):
    queryset = Prompt.objects.none()
    serializer_class = PromptOut

    def get_queryset(self) -> QuerySet[Prompt]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return project.prompts.all()

    @documented(ImportedOut, body=RowsIn, code=201)
    def post(self, request: Request, slug: str) -> Response:
        """Adds prompts: all rows or none. Those that are here already are counted and skipped."""
        return _import(request, slug, "prompts")


class Completions(ListView):
    queryset = Completion.objects.none()
    serializer_class = CompletionOut

    def get_queryset(self) -> QuerySet[Completion]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return Completion.objects.filter(prompt__project=project).select_related("policy")

    @documented(ImportedOut, body=RowsIn, code=201)
    def post(self, request: Request, slug: str) -> Response:
        """Adds completions that were written elsewhere: all rows or none."""
        return _import(request, slug, "completions")


class Policies(ListView):
    queryset = Policy.objects.none()
    serializer_class = PolicyOut

    def get_queryset(self) -> QuerySet[Policy]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return project.policies.all()

    @documented(PolicyOut, body=PolicyIn, code=201)
    def post(self, request: Request, slug: str) -> Response:
        """A policy of these settings: a new version where the name exists with other settings."""
        project = access.project_for_lead(user=person(request), slug=slug)
        policy = policy_create(actor=person(request), project=project, **read(PolicyIn, request))
        return Response(PolicyOut(policy).data, status=status.HTTP_201_CREATED)


def _import(request: Request, slug: str, kind: str) -> Response:
    project = access.project_for_lead(user=person(request), slug=slug)
    result = records_import(
        actor=person(request), project=project, kind=kind, **read(RowsIn, request)
    )
    return Response(ImportedOut(result).data, status=status.HTTP_201_CREATED)
