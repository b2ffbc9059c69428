"""What the machine half can be asked to do over REST: write, learn, choose, score, package."""

import time
from threading import BoundedSemaphore
from typing import cast

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.core.errors import Unavailable
from annotation.models import Run, User
from annotation.selectors import access
from rewardmodel import selectors, services
from rewardmodel.services import uses
from rewardmodel.tasks import enqueue

LONGEST_WAIT = 10.0
SECONDS_BETWEEN_LOOKS = 0.05
MOST_WAITING = 2
_waiting = BoundedSemaphore(MOST_WAITING)


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


class TrainIn(serializers.Serializer):
    deep = serializers.DictField(
        required=False, help_text="What this training of a deep reward does otherwise."
    )


class ScoreIn(serializers.Serializer):
    items = serializers.JSONField(
        help_text="A list of {prompt or messages, completion}, 256 at most."
    )
    checkpoint = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Its id; default: the one in use."
    )
    wait = serializers.FloatField(
        required=False, default=LONGEST_WAIT, min_value=0, max_value=LONGEST_WAIT,
        help_text="Seconds to wait for the result before a run is answered.",
    )  # fmt: skip


class CriterionScoreOut(serializers.Serializer):
    mean = serializers.FloatField()
    sd = serializers.FloatField()
    novelty = serializers.FloatField(help_text="Share of the training's responses less unusual.")
    out_of_distribution = serializers.BooleanField()
    rank = serializers.IntegerField(
        allow_null=True, help_text="Among the items of the same conversation; 1 is best."
    )


class ScoreOut(serializers.Serializer):
    item = serializers.IntegerField(help_text="Its place in the request, from 0.")
    criteria = serializers.DictField(child=CriterionScoreOut())
    is_truncated = serializers.BooleanField(help_text="Only a part of so long a text was read.")


class ScoresOut(serializers.Serializer):
    checkpoint = serializers.IntegerField()
    items = ScoreOut(many=True)


class PackageIn(serializers.Serializer):
    checkpoint = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="Its id; default: the one in use."
    )
    criterion = serializers.SlugField(
        required=False, default="overall", help_text="Whose reward; all for an output for each."
    )
    license = serializers.CharField(
        required=False, default="other", help_text="For the model card, such as apache-2.0."
    )


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
    @extend_schema(request=TrainIn, responses={202: RequestedRunOut}, operation_id="train")
    def post(self, request: Request, slug: str) -> Response:
        """Trains the reward model on the judgments as they stand."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        given = TrainIn(data=request.data)
        given.is_valid(raise_exception=True)
        return _accepted(
            services.training_request(
                actor=_person(request), project=project, deep=given.validated_data.get("deep")
            )
        )


class Acquire(APIView):
    @extend_schema(request=None, responses={202: RequestedRunOut}, operation_id="acquire")
    def post(self, request: Request, slug: str) -> Response:
        """Chooses and opens the next batch."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        return _accepted(services.acquisition_request(actor=_person(request), project=project))


class Score(APIView):
    @extend_schema(
        request=ScoreIn, responses={200: ScoresOut, 202: RequestedRunOut}, operation_id="score"
    )
    def post(self, request: Request, slug: str) -> Response:
        """Rewards of texts that are not stored; a run to follow where it takes longer."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        given = ScoreIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        run = uses.scoring_request(
            actor=_person(request), project=project, items=wanted["items"],
            checkpoint=selectors.checkpoint_named(project, wanted.get("checkpoint")),
        )  # fmt: skip
        accepted = _accepted(run)
        result = _awaited(run, seconds=wanted["wait"])
        return accepted if result is None else Response(result)


class Package(APIView):
    @extend_schema(request=PackageIn, responses={202: RequestedRunOut}, operation_id="package")
    def post(self, request: Request, slug: str) -> Response:
        """Asks for a checkpoint as a folder that transformers loads."""
        project = access.project_for_lead(user=_person(request), slug=slug)
        given = PackageIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        return _accepted(
            uses.packaging_request(
                actor=_person(request), project=project, license_name=wanted["license"],
                criterion=wanted["criterion"],
                checkpoint=selectors.checkpoint_named(project, wanted.get("checkpoint")),
            )
        )  # fmt: skip


class PackageArchive(APIView):
    @extend_schema(responses={200: OpenApiTypes.BINARY}, operation_id="package_archive")
    def get(self, request: Request, pk: int) -> FileResponse:
        """The folder that a packaging run wrote, as one zip file."""
        path = uses.package_archive(access.run_for_lead(user=_person(request), run_id=pk))
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def _person(request: Request) -> User:
    return cast(User, request.user)


def _accepted(run: Run) -> Response:
    enqueue(run)
    return Response(
        RequestedRunOut(run).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/runs/{run.pk}"},
    )


def _awaited(run: Run, *, seconds: float) -> dict[str, object] | None:
    """The run's result once it is done, None where that takes longer or many wait already.

    A request that waits keeps a thread of this process busy; the pages need the others.
    """
    if seconds <= 0 or not _waiting.acquire(blocking=False):
        return None
    try:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run.refresh_from_db()
            if not run.is_live:
                break
            time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        _waiting.release()
    if run.state == Run.State.FAILED:
        raise Unavailable(run.error, hint=f"See run {run.pk}.")
    return run.result if run.state == Run.State.SUCCEEDED else None
