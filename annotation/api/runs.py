"""Long jobs: asked for here, executed by workers, followed by their address."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import (
    ListView,
    RunOut,
    Strict,
    View,
    accepted,
    documented,
    person,
    read,
)
from annotation.api.measuring import MeasureIn
from annotation.core.errors import Conflict
from annotation.core.row_weights import OFF
from annotation.models import Run
from annotation.selectors import access
from annotation.services import runs
from annotation.services.exports import WEIGHTS


class RunQuery(serializers.Serializer):
    kind = serializers.ChoiceField(Run.Kind.choices, required=False)


class MeasuredOut(serializers.Serializer):
    runs = RunOut(many=True)


class ExportIn(Strict):
    include_simulated = serializers.BooleanField(default=False)
    is_majority = serializers.BooleanField(
        default=False, help_text="One row per pair by majority, not one per judgment."
    )
    follows_adjudication = serializers.BooleanField(
        default=True, help_text="Reviewers' decisions take the place of the judgments they decide."
    )
    with_quarantined = serializers.BooleanField(
        default=False, help_text="With the judgments that quarantines leave out."
    )
    weights = serializers.ChoiceField(
        WEIGHTS, default=OFF, help_text="Where the rows' probabilities and weights come from."
    )


@extend_schema_view(get=extend_schema(parameters=[RunQuery], operation_id="runs_list"))
class Runs(ListView):
    """The runs of the projects that you lead, newest first."""

    queryset = Run.objects.none()
    serializer_class = RunOut

    def get_queryset(self) -> QuerySet[Run]:
        query = RunQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return access.runs_led(person(self.request), **query.validated_data)


class RunDetail(View):
    @documented(RunOut, operation_id="runs_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """Its state, progress, log and, in the end, its result or error."""
        return Response(RunOut(access.run_for_lead(user=person(request), run_id=pk)).data)


class RunCancel(View):
    @documented(RunOut, operation_id="runs_cancel")
    def post(self, request: Request, pk: int) -> Response:
        """Stops a waiting run at once, a running one at its next safe place."""
        run = access.run_for_lead(user=person(request), run_id=pk)
        return Response(RunOut(runs.run_cancel(actor=person(request), run=run)).data)


class RunRetry(View):
    @documented(RunOut, code=202, operation_id="runs_retry")
    def post(self, request: Request, pk: int) -> Response:
        """A new run with the same parameters."""
        run = access.run_for_lead(user=person(request), run_id=pk)
        return accepted(runs.run_retry(actor=person(request), run=run))


class Measure(View):
    @documented(MeasuredOut, body=MeasureIn, code=202, operation_id="measure")
    def post(self, request: Request, slug: str) -> Response:
        """Measures agreement and audits bias now."""
        project = access.project_for_lead(user=person(request), slug=slug)
        params = read(MeasureIn, request)
        asked = [
            runs.run_create_unless_live(
                actor=person(request), project=project, kind=kind, params=params
            )
            for kind in (Run.Kind.AGREEMENT, Run.Kind.AUDIT)
        ]
        new = [run for run in asked if run is not None]
        if not new:
            raise Conflict("Agreement and bias are being measured already.", hint="See the runs.")
        answers = [accepted(run).data for run in new]
        return Response({"runs": answers}, status=status.HTTP_202_ACCEPTED)


class ExportRequest(View):
    @documented(RunOut, body=ExportIn, code=202, operation_id="export")
    def post(self, request: Request, slug: str) -> Response:
        """Writes a hashed, immutable dataset of the judgments as they stand."""
        project = access.project_for_lead(user=person(request), slug=slug)
        run = runs.run_create(
            actor=person(request), project=project, kind=Run.Kind.EXPORT,
            params=read(ExportIn, request),
        )  # fmt: skip
        return accepted(run)
