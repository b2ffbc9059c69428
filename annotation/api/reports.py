"""Dated snapshots with their uncertainty, and released datasets."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
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
from annotation.core.errors import NotFound
from annotation.models import AgreementReport, BiasAudit, Export, Run
from annotation.selectors import access, reports
from annotation.services.agreement_sums import agreement_now_plain, agreement_sums_update
from annotation.services.exports import archive_path

READ_AT_MOST = 2_000
SNAPSHOT = [
    "id", "criterion", "estimate", "low", "high", "n_judgments", "n_annotators", "method", "note",
    "detail", "includes_simulated", "includes_quarantined", "cutoff_judgment_id", "seed",
    "code_version", "created_at",
]  # fmt: skip


class FewCursor(Cursor):
    """Each of these is long."""

    page_size = 20
    max_page_size = 100


class AgreementOut(serializers.ModelSerializer):
    criterion = serializers.SlugField(source="criterion.key", read_only=True)

    class Meta:
        model = AgreementReport
        fields = [*SNAPSHOT, "n_comparisons"]
        read_only_fields = fields


class AuditOut(serializers.ModelSerializer):
    criterion = serializers.SlugField(source="criterion.key", read_only=True)

    class Meta:
        model = BiasAudit
        fields = [*SNAPSHOT, "bias", "kind", "status", "p_value"]
        read_only_fields = fields


class AuditQuery(serializers.Serializer):
    quarantined = serializers.ChoiceField(
        ["with"], required=False, help_text="Those audits that counted quarantined people."
    )


class ExportOut(serializers.ModelSerializer):
    files = serializers.SerializerMethodField(help_text="Names, to be fetched under files/.")

    class Meta:
        model = Export
        fields = [
            "id", "run", "format", "rows", "byte_size", "sha256", "card", "params", "files",
            "cutoff_judgment_id", "includes_simulated", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_files(self, export: Export) -> list[str]:
        folder = settings.EXPORTS_DIR / export.folder
        return sorted(path.name for path in folder.glob("*") if path.is_file())


class AgreementQuery(serializers.Serializer):
    criterion = serializers.SlugField(required=False)
    quarantined = serializers.ChoiceField(
        ["with"], required=False, help_text="The snapshots that count quarantined people."
    )


@extend_schema_view(get=extend_schema(parameters=[AgreementQuery]))
class Agreement(ListView):
    """Agreement by criterion, newest first. `estimate` is Krippendorff's alpha; `detail` has every
    other coefficient, each with its interval, n and method, and the slices, people and items."""

    queryset = AgreementReport.objects.none()
    serializer_class = AgreementOut
    pagination_class = FewCursor

    def get_queryset(self) -> QuerySet[AgreementReport]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        query = AgreementQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = reports.agreement_history(project, with_quarantined="quarantined" in asked)
        if "criterion" in asked:
            return found.filter(criterion__key=asked["criterion"])
        return found

    @documented(RunOut, body=MeasureIn, code=202, operation_id="agreement_measure")
    def post(self, request: Request, slug: str) -> Response:
        """Measures agreement now, on all criteria."""
        return measure_asked(request, slug, Run.Kind.AGREEMENT)


class AgreementNowOut(serializers.Serializer):
    criterion = serializers.SlugField()
    upto_judgment_id = serializers.IntegerField()
    figures = serializers.DictField(help_text="Each coefficient with interval, n and note.")
    parting = serializers.CharField(help_text="Why alpha and AC differ, where they do.")


class AgreementNow(View):
    @documented(AgreementNowOut(many=True), operation_id="agreement_now")
    def get(self, request: Request, slug: str) -> Response:
        """Agreement as of now, kept up with each judgment; intervals are linear, not drawn."""
        project = access.project_for_viewer(user=person(request), slug=slug)
        agreement_sums_update(project=project, at_most=READ_AT_MOST)
        return Response(agreement_now_plain(project))


class Audits(ListView):
    """What each audited thing does to the votes, newest first: `estimate` is by how much it shifts
    a choice. Comparisons of groups are for leads only."""

    queryset = BiasAudit.objects.none()
    serializer_class = AuditOut

    def get_queryset(self) -> QuerySet[BiasAudit]:
        asked = AuditQuery(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        return reports.audits_for(
            access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"]),
            viewer=person(self.request),
            with_quarantined=asked.validated_data.get("quarantined") == "with",
        ).select_related("criterion")

    @documented(RunOut, body=MeasureIn, code=202, operation_id="audits_measure")
    def post(self, request: Request, slug: str) -> Response:
        """Audits bias now."""
        return measure_asked(request, slug, Run.Kind.AUDIT)


class Audit(View):
    @documented(AuditOut, operation_id="audits_read")
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """One audit, with all its figures in `detail`."""
        project = access.project_for_viewer(user=person(request), slug=slug)
        audit = reports.audit_for(project, viewer=person(request), audit_id=pk)
        return Response(AuditOut(audit).data)


class Exports(ListView):
    """Released datasets, newest first."""

    queryset = Export.objects.none()
    serializer_class = ExportOut

    def get_queryset(self) -> QuerySet[Export]:
        return reports.exports(
            access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        )


class ExportFile(View):
    @documented(OpenApiTypes.BINARY, operation_id="exports_file")
    def get(self, request: Request, pk: int, name: str) -> FileResponse:
        """One file of a released dataset."""
        export = access.export_for_lead(user=person(request), export_id=pk)
        if name not in ExportOut().get_files(export):
            raise NotFound(f"This export has no file “{name}”.")
        path = settings.EXPORTS_DIR / export.folder / name
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)


class ExportArchive(View):
    @documented(OpenApiTypes.BINARY, operation_id="exports_archive")
    def get(self, request: Request, pk: int) -> FileResponse:
        """The whole released dataset as one zip file."""
        path = archive_path(access.export_for_lead(user=person(request), export_id=pk))
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
