"""Reports on annotators' quality over REST: what holds of all, a page of people at a time."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import (
    Cursor,
    ListView,
    RunOut,
    View,
    documented,
    person,
)
from annotation.api.measuring import MeasureIn, measure_asked
from annotation.api.reports import SNAPSHOT
from annotation.models import PeopleReport, PersonReport, Run
from annotation.selectors import access
from annotation.selectors.people_reports import (
    PeopleWanted,
    people_report_for_lead,
    people_reports,
    person_reports,
)

ABOUT_ALL = [name for name in SNAPSHOT if name not in {"estimate", "low", "high"}]


class PeopleReportOut(serializers.ModelSerializer):
    criterion = serializers.SlugField(source="criterion.key", read_only=True)

    class Meta:
        model = PeopleReport
        fields = [*ABOUT_ALL, "includes_quarantined"]
        read_only_fields = fields


class PersonReportOut(serializers.ModelSerializer):
    annotator = serializers.CharField(source="annotator.username", read_only=True)

    class Meta:
        model = PersonReport
        fields = [
            "annotator", "annotator_id", "n", "reliability", "reliability_low",
            "reliability_high", "reliability_n", "agreement", "honest", "coin", "flipped", "weight",
            "action", "summary", "evidence", "figures", "influence",
        ]  # fmt: skip
        read_only_fields = fields


class PersonQuery(serializers.Serializer):
    action = serializers.ChoiceField(PersonReport.Action.choices, required=False, default="")


class WorstFirst(Cursor):
    ordering = ("-severity", "id")  # type: ignore[assignment]


@extend_schema_view(get=extend_schema(operation_id="people_reports_list"))
class PeopleReports(ListView):
    """Reports on the annotators of a project that you lead, newest first."""

    queryset = PeopleReport.objects.none()
    serializer_class = PeopleReportOut

    def get_queryset(self) -> QuerySet[PeopleReport]:
        return people_reports(
            access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        )

    @documented(RunOut, body=MeasureIn, code=202, operation_id="people_reports_measure")
    def post(self, request: Request, slug: str) -> Response:
        """Looks at everybody now, on each criterion with answers."""
        return measure_asked(request, slug, Run.Kind.PEOPLE)


class PeopleReportDetail(View):
    @documented(PeopleReportOut, operation_id="people_reports_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """What holds of everybody in one report."""
        report = people_report_for_lead(user=person(request), report_id=pk)
        return Response(PeopleReportOut(report).data)


@extend_schema_view(
    get=extend_schema(parameters=[PersonQuery], operation_id="people_reports_people")
)
class PeopleOfReport(ListView):
    """The people of one report, those first for whom most is recommended, with the evidence."""

    queryset = PersonReport.objects.none()
    serializer_class = PersonReportOut
    pagination_class = WorstFirst

    def get_queryset(self) -> QuerySet[PersonReport]:
        report = people_report_for_lead(user=person(self.request), report_id=self.kwargs["pk"])
        query = PersonQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return person_reports(report, PeopleWanted(action=query.validated_data["action"]))
