"""What was learned and chosen, over REST, and the switch that pauses the loop."""

from typing import Any, cast

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, pagination, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.models import Project, User
from annotation.selectors import access
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Checkpoint, Considered, SavingsReport


class CheckpointOut(serializers.ModelSerializer):
    """`metrics.people`, whose votes move it, is told to who leads the project only."""

    class Meta:
        model = Checkpoint
        fields = [
            "id", "kind", "state", "reason", "extractor", "sha256", "metrics", "training_run",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Checkpoint) -> dict[str, Any]:
        """As stored, less what tells of single people where the reader does not lead them."""
        found = super().to_representation(instance)
        reader = cast(User, self.context["request"].user)
        if not access.projects_led(reader).filter(pk=instance.project_id).exists():
            found["metrics"] = {k: v for k, v in found["metrics"].items() if k != "people"}
        return found


class RoundOut(serializers.ModelSerializer):
    """A round of acquisition, without what was weighed."""

    class Meta:
        model = AcquisitionRound
        fields = [
            "id", "run", "checkpoint", "function", "unit", "reason", "size", "control_share",
            "seed", "n_considered", "n_left_out", "judgments_wanted", "seconds", "batch",
            "control_batch", "evaluation_batch", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class RoundDetailOut(RoundOut):
    """With the portfolio's weights, the prompts' places on the map, and the cost."""

    detail = serializers.JSONField(read_only=True)

    class Meta(RoundOut.Meta):
        fields = [*RoundOut.Meta.fields, "detail"]
        read_only_fields = fields


class ConsideredOut(serializers.ModelSerializer):
    """A pair that was weighed, with what explains its utility."""

    class Meta:
        model = Considered
        fields = ["id", "prompt", "first", "second", "utility", "arm", "detail"]
        read_only_fields = fields


class SavingsOut(serializers.ModelSerializer):
    """Shares of labels; null where it cannot be said yet, which the verdict explains."""

    class Meta:
        model = SavingsReport
        fields = [
            "id", "training_run", "function", "cutoff_judgment_id", "n_acquired", "n_control",
            "saved", "low", "high", "null_high", "verdict", "detail", "seed", "code_version",
            "includes_simulated", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class LoopOut(serializers.Serializer):
    """Where the loop stands."""

    is_paused = serializers.BooleanField()
    trains_automatically = serializers.BooleanField()
    acquires_automatically = serializers.BooleanField()
    new_judgments = serializers.IntegerField(help_text="That no training has seen.")
    training_is_due = serializers.CharField(
        allow_null=True, help_text="Why: judgments, work, drift or time; null: not yet."
    )
    acquisition_is_due = serializers.BooleanField()
    budget_left = serializers.IntegerField(
        allow_null=True, help_text="Judgments that rounds may still ask for; null: no budget."
    )


class Cursor(pagination.CursorPagination):
    """Newest first."""

    page_size = 100
    max_page_size = 500
    page_size_query_param = "limit"
    ordering: str | tuple[str, ...] = "-id"


class ByUtility(Cursor):
    """Of most utility first."""

    ordering = ("-utility", "id")


class Checkpoints(generics.ListAPIView):
    """Trained reward models with their measured quality, newest first."""

    queryset = Checkpoint.objects.none()
    serializer_class = CheckpointOut
    pagination_class = Cursor

    def get_queryset(self) -> QuerySet[Checkpoint]:
        return selectors.checkpoints(_seen(self))


class CheckpointDetail(generics.RetrieveAPIView):
    """One trained reward model with everything that was measured of it."""

    queryset = Checkpoint.objects.none()
    serializer_class = CheckpointOut

    def get_queryset(self) -> QuerySet[Checkpoint]:
        return selectors.checkpoints(_seen(self))


class Promote(APIView):
    @extend_schema(request=None, responses={200: CheckpointOut}, operation_id="promote")
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Puts a checkpoint in use, also an older one again."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        checkpoint = selectors.checkpoint_in(project, pk)
        found = services.checkpoint_promote(actor=_person(request), checkpoint=checkpoint)
        return Response(CheckpointOut(found, context={"request": request}).data)


class Rounds(generics.ListAPIView):
    """Acquisition rounds: what was considered and what was chosen, newest first."""

    queryset = AcquisitionRound.objects.none()
    serializer_class = RoundOut
    pagination_class = Cursor

    def get_queryset(self) -> QuerySet[AcquisitionRound]:
        return selectors.rounds(_seen(self))


class RoundDetail(generics.RetrieveAPIView):
    """One round with what explains it."""

    queryset = AcquisitionRound.objects.none()
    serializer_class = RoundDetailOut

    def get_queryset(self) -> QuerySet[AcquisitionRound]:
        return selectors.rounds(_seen(self))


class ConsideredPairs(generics.ListAPIView):
    """The pairs that a round weighed, the most useful first."""

    queryset = Considered.objects.none()
    serializer_class = ConsideredOut
    pagination_class = ByUtility

    def get_queryset(self) -> QuerySet[Considered]:
        return selectors.considered(selectors.round_in(_seen(self), self.kwargs["pk"]))


class Savings(generics.ListAPIView):
    """Labels saved by acquisition, measured after each training, newest first."""

    queryset = SavingsReport.objects.none()
    serializer_class = SavingsOut
    pagination_class = Cursor

    def get_queryset(self) -> QuerySet[SavingsReport]:
        return selectors.savings_reports(_seen(self))


class Loop(APIView):
    @extend_schema(responses={200: LoopOut}, operation_id="loop")
    def get(self, request: Request, slug: str) -> Response:
        """What the project does by itself, and what of it is due."""
        return Response(_loop(access.project_for_viewer(user=_person(request), slug=slug)))


class Pause(APIView):
    @extend_schema(request=None, responses={200: LoopOut}, operation_id="loop_pause")
    def post(self, request: Request, slug: str) -> Response:
        """Stops all that the project does by itself; what runs now runs to its end."""
        return Response(_paused(request, slug, is_paused=True))


class Resume(APIView):
    @extend_schema(request=None, responses={200: LoopOut}, operation_id="loop_resume")
    def post(self, request: Request, slug: str) -> Response:
        """Lets the loop go on."""
        return Response(_paused(request, slug, is_paused=False))


def _paused(request: Request, slug: str, *, is_paused: bool) -> dict[str, Any]:
    project = access.project_for_lead(user=_person(request), slug=slug)
    return _loop(services.loop_pause(actor=_person(request), project=project, is_paused=is_paused))


def _loop(project: Project) -> dict[str, Any]:
    due = selectors.due_for_training(project, timezone.now())
    return {
        "is_paused": project.loop_paused,
        "trains_automatically": project.retrain_automatically,
        "acquires_automatically": project.acquire_automatically,
        "new_judgments": selectors.judgments_since_training(project),
        "training_is_due": None if due is None else due.value,
        "acquisition_is_due": selectors.is_due_for_acquisition(project),
        "budget_left": selectors.budget_left(project),
    }


def _seen(view: generics.GenericAPIView) -> Project:
    """The project of a list, for who may see how it goes."""
    return access.project_for_viewer(user=_person(view.request), slug=view.kwargs["slug"])


def _person(request: Request) -> User:
    return cast(User, request.user)
