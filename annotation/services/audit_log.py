"""Every change that a lead makes leaves a line that nobody can take back."""

from collections.abc import Mapping

from annotation.models import AuditEntry, Pool, Project, User


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


def pool_note(actor: User | None, pool: Pool, action: str, subject: str, **detail: object) -> None:
    """An entry in the log of each project that the pool serves, or one without a project."""
    projects: list[Project | None] = list(pool.projects.all())
    for project in projects or [None]:
        audit_entry_create(
            actor=actor,
            project=project,
            action=action,
            subject=subject,
            detail={"pool": pool.name, **detail},
        )
