"""Every change that a lead makes leaves a line that nobody can take back."""

from collections.abc import Mapping

from annotation.models import AuditEntry, Project, User


def audit_entry_create(
    *,
    actor: User | None,
    action: str,
    subject: str = "",
    project: Project | None = None,
    detail: Mapping[str, object] | None = None,
) -> AuditEntry:
    return AuditEntry.objects.create(
        actor=actor, action=action, subject=subject[:120], project=project, detail=detail or {}
    )
