"""Stored snapshots and releases, newest first."""

from django.db.models import QuerySet

from annotation.models import AgreementReport, AuditEntry, BiasAudit, Export, Project, Run


def agreement_history(
    project: Project, *, with_quarantined: bool = False
) -> QuerySet[AgreementReport]:
    """Those that count quarantined people are a history of their own."""
    found = AgreementReport.objects.filter(project=project, includes_quarantined=with_quarantined)
    return found.select_related("criterion")


def latest_agreement(project: Project) -> AgreementReport | None:
    return agreement_history(project).filter(criterion__key="overall").first()


def latest_agreements(project: Project, *, with_quarantined: bool = False) -> list[AgreementReport]:
    """The newest report of each criterion, in the project's order of criteria."""
    history = agreement_history(project, with_quarantined=with_quarantined)
    newest = history.order_by("criterion_id", "-id").distinct("criterion_id")
    return sorted(newest, key=lambda report: report.criterion.position)


def latest_audits(project: Project) -> list[BiasAudit]:
    """The newest audit of each bias."""
    newest = BiasAudit.objects.filter(project=project).order_by("bias", "-id").distinct("bias")
    return sorted(newest, key=lambda audit: audit.bias != "position")


def audit_history(project: Project) -> QuerySet[BiasAudit]:
    return BiasAudit.objects.filter(project=project)


def exports(project: Project) -> QuerySet[Export]:
    return Export.objects.filter(project=project).select_related("created_by")


def runs(project: Project, *, kind: str | None = None) -> QuerySet[Run]:
    found = Run.objects.filter(project=project).select_related("requested_by")
    return found.filter(kind=kind) if kind else found


def audit_entries(project: Project) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(project=project).select_related("actor")
