"""Who prefers what, as dated snapshots, and measuring it on demand."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import (
    ListView,
    RunOut,
    View,
    documented,
    person,
)
from annotation.api.measuring import MeasureIn, measure_asked
from annotation.api.reports import SNAPSHOT, FewCursor
from annotation.models import Criterion, PluralismReport, Run
from annotation.selectors import access
from annotation.selectors.pluralism import pluralism_history


class PluralismOut(serializers.ModelSerializer):
    """`estimate` is the share of `n_compared` pairs of responses that reliably divide groups.

    `detail` holds the groups with their divided and agreed pairs (the surest 50 of each), the
    opinion map without anybody's name, and the winners by Borda and Copeland for each group.
    """

    criterion = serializers.SlugField(source="criterion.key", read_only=True)

    class Meta:
        model = PluralismReport
        fields = [*SNAPSHOT, "n_compared"]
        read_only_fields = fields


class PluralismQuery(serializers.Serializer):
    criterion = serializers.SlugField(required=False, default=Criterion.OVERALL)
    quarantined = serializers.ChoiceField(
        ["with"], required=False, help_text="The snapshots that count quarantined people."
    )


@extend_schema_view(get=extend_schema(parameters=[PluralismQuery]))
class PluralismReports(ListView):
    """Where groups of annotators reliably differ, newest first; for leads only."""

    queryset = PluralismReport.objects.none()
    serializer_class = PluralismOut
    pagination_class = FewCursor

    def get_queryset(self) -> QuerySet[PluralismReport]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        query = PluralismQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        return pluralism_history(
            project, asked["criterion"], with_quarantined="quarantined" in asked
        )


class PluralismMeasure(View):
    @documented(RunOut, body=MeasureIn, code=202, operation_id="pluralism_measure")
    def post(self, request: Request, slug: str) -> Response:
        """Measures who prefers what now, on every criterion."""
        return measure_asked(request, slug, Run.Kind.PLURALISM)
