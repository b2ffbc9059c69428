"""Stored snapshots and releases, newest first."""

from django.db.models import QuerySet

from annotation.core.errors import NotFound
from annotation.models import AgreementReport, AuditEntry, BiasAudit, Export, Project, Run, User
from annotation.selectors.access import projects_led


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


def latest_audits(project: Project, *, with_quarantined: bool = False) -> list[BiasAudit]:
    """The newest audit: all its rows, effects in the order of their covariates."""
    history = audit_history(project, with_quarantined=with_quarantined)
    newest = history.first()
    if newest is None:
        return []
    if newest.run_id is not None:
        return list(history.filter(run=newest.run_id).order_by("pk"))
    return list(history.filter(created_at=newest.created_at).order_by("pk"))


def audit_history(project: Project, *, with_quarantined: bool = False) -> QuerySet[BiasAudit]:
    """All rows of audits without quarantined people; those with them are a history of their own."""
    return BiasAudit.objects.filter(project=project, includes_quarantined=with_quarantined)


def audits_for(
    project: Project, *, viewer: User, with_quarantined: bool = False
) -> QuerySet[BiasAudit]:
    """Those that somebody may see who looks at the project: what groups of annotators do, as they
    described themselves, is for its leads."""
    found = audit_history(project, with_quarantined=with_quarantined)
    return found if leads(viewer, project) else found.exclude(kind="group")


def audit_for(project: Project, *, viewer: User, audit_id: int) -> BiasAudit:
    """Raises NotFound where there is none for them."""
    for with_quarantined in (False, True):
        found = audits_for(project, viewer=viewer, with_quarantined=with_quarantined)
        audit = found.select_related("criterion").filter(pk=audit_id).first()
        if audit is not None:
            return audit
    raise NotFound("There is no such audit in this project.")


def leads(user: User, project: Project) -> bool:
    return projects_led(user).filter(pk=project.pk).exists()


def exports(project: Project) -> QuerySet[Export]:
    return Export.objects.filter(project=project).select_related("created_by")


def runs(project: Project, *, kind: str | None = None) -> QuerySet[Run]:
    found = Run.objects.filter(project=project).select_related("requested_by")
    return found.filter(kind=kind) if kind else found


def audit_entries(project: Project) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(project=project).select_related("actor")
