"""Dated snapshots with their uncertainty, and released datasets."""

from django.conf import settings
from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request

from annotation.api.base import ListView, View, documented, person
from annotation.core.errors import NotFound
from annotation.models import AgreementReport, BiasAudit, Export
from annotation.selectors import access, reports
from annotation.services.exports import archive_path

SNAPSHOT = [
    "id", "criterion", "estimate", "low", "high", "n_judgments", "n_annotators", "method", "note",
    "detail", "includes_simulated", "cutoff_judgment_id", "seed", "code_version", "created_at",
]  # fmt: skip


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
        fields = [*SNAPSHOT, "bias", "p_value"]
        read_only_fields = fields


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


class Agreement(ListView):
    """Krippendorff's alpha by criterion, newest first, each with its interval, n and method."""

    queryset = AgreementReport.objects.none()
    serializer_class = AgreementOut

    def get_queryset(self) -> QuerySet[AgreementReport]:
        return reports.agreement_history(
            access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        )


class Audits(ListView):
    """Position and length bias, newest first."""

    queryset = BiasAudit.objects.none()
    serializer_class = AuditOut

    def get_queryset(self) -> QuerySet[BiasAudit]:
        project = access.project_for_viewer(user=person(self.request), slug=self.kwargs["slug"])
        return reports.audit_history(project).select_related("criterion")


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
