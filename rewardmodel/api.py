"""The machine half over REST: ask for completions, a training, the next batch; read what came."""

from typing import cast

from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import generics, pagination, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.models import Run, User
from annotation.selectors import access
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Checkpoint
from rewardmodel.tasks import enqueue


class RequestedRunOut(serializers.ModelSerializer):
    """Follow it at the address in the Location header."""

    project = serializers.SlugField(source="project.slug", read_only=True)

    class Meta:
        model = Run
        fields = ["id", "project", "kind", "state", "params", "created_at"]
        read_only_fields = fields


class GenerateIn(serializers.Serializer):
    policies = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids; default: the active ones."
    )
    prompts = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids; default: all."
    )
    samples = serializers.IntegerField(
        min_value=1, max_value=100, required=False, help_text="For each prompt and policy."
    )


class CheckpointOut(serializers.ModelSerializer):
    class Meta:
        model = Checkpoint
        fields = [
            "id", "state", "reason", "extractor", "sha256", "metrics", "training_run", "created_at"
        ]  # fmt: skip
        read_only_fields = fields


class RoundOut(serializers.ModelSerializer):
    class Meta:
        model = AcquisitionRound
        fields = [
            "id", "run", "checkpoint", "function", "size", "control_share", "seed", "n_considered",
            "judgments_wanted", "seconds", "batch", "control_batch", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class Cursor(pagination.CursorPagination):
    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"
    ordering = "-id"


class Generate(APIView):
    @extend_schema(request=GenerateIn, responses={202: RequestedRunOut}, operation_id="generate")
    def post(self, request: Request, slug: str) -> Response:
        """Asks the gpu worker for the samples that are missing."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        given = GenerateIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        policies = project.policies.filter(provider="transformers", is_active=True)
        if "policies" in wanted:
            policies = project.policies.filter(pk__in=wanted["policies"])
        prompts = None
        if "prompts" in wanted:
            prompts = list(project.prompts.filter(pk__in=wanted["prompts"]))
        return _accepted(
            services.generation_request(
                actor=_person(request), project=project, policies=list(policies), prompts=prompts,
                samples=wanted.get("samples"),
            )
        )  # fmt: skip


class Train(APIView):
    @extend_schema(request=None, responses={202: RequestedRunOut}, operation_id="train")
    def post(self, request: Request, slug: str) -> Response:
        """Trains the reward model on the judgments as they stand."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        return _accepted(services.training_request(actor=_person(request), project=project))


class Acquire(APIView):
    @extend_schema(request=None, responses={202: RequestedRunOut}, operation_id="acquire")
    def post(self, request: Request, slug: str) -> Response:
        """Chooses and opens the next batch."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        return _accepted(services.acquisition_request(actor=_person(request), project=project))


class Checkpoints(generics.ListAPIView):
    """Trained reward models with their measured quality, newest first."""

    queryset = Checkpoint.objects.none()
    serializer_class = CheckpointOut
    pagination_class = Cursor

    def get_queryset(self) -> QuerySet[Checkpoint]:
        project = access.project_for_viewer(user=_person(self.request), slug=self.kwargs["slug"])
        return selectors.checkpoints(project)


class Rounds(generics.ListAPIView):
    """Acquisition rounds: what was considered and what was chosen, newest first."""

    queryset = AcquisitionRound.objects.none()
    serializer_class = RoundOut
    pagination_class = Cursor

    def get_queryset(self) -> QuerySet[AcquisitionRound]:
        project = access.project_for_viewer(user=_person(self.request), slug=self.kwargs["slug"])
        return selectors.rounds(project)


def _person(request: Request) -> User:
    return cast(User, request.user)


def _accepted(run: Run) -> Response:
    enqueue(run)
    return Response(
        RequestedRunOut(run).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/runs/{run.pk}"},
    )


app_name = "rewardmodel-api"

urlpatterns = [
    path("projects/<slug:slug>/generate", Generate.as_view()),
    path("projects/<slug:slug>/train", Train.as_view()),
    path("projects/<slug:slug>/acquire", Acquire.as_view()),
    path("projects/<slug:slug>/checkpoints", Checkpoints.as_view()),
    path("projects/<slug:slug>/rounds", Rounds.as_view()),
]
