"""Roles in one project, whatever pools somebody is in: to lead, review, judge or look."""

from django.db import transaction

from annotation.core.errors import Conflict, Forbidden, Invalid
from annotation.models import Membership, Project, ProjectRole, User
from annotation.selectors.access import roles
from annotation.services.audit_log import audit_entry_create
from annotation.services.people import leases_release

OWNER = Membership.Role.OWNER


@transaction.atomic
def project_role_set(*, actor: User | None, project: Project, user: User, role: str) -> ProjectRole:
    """Gives the user a role in the project, or changes it; only an owner makes owners.

    Who annotates by such a role is in no pool, and so has neither quotas nor pay.
    """
    if role not in Membership.Role.values:
        raise Invalid(f"There is no role “{role}”.", field="role")
    if not user.is_active:
        raise Conflict(f"The account of {user} is closed.", field="username")
    known = ProjectRole.objects.filter(project=project, user=user).first()
    _check_may_change(actor, project, role, known)
    given, _is_new = ProjectRole.objects.update_or_create(
        project=project, user=user, defaults={"role": role, "granted_by": actor}
    )
    leases_release(user)
    audit_entry_create(
        actor=actor, project=project, action="project-role.set", subject=str(user),
        detail={"role": role},
    )  # fmt: skip
    return given


@transaction.atomic
def project_role_remove(*, actor: User, role: ProjectRole) -> None:
    """Takes the role back; what the user holds without another right returns at once."""
    _check_may_change(actor, role.project, role.role, role)
    role.delete()
    leases_release(role.user)
    audit_entry_create(
        actor=actor, project=role.project, action="project-role.remove", subject=str(role.user),
        detail={"role": role.role},
    )  # fmt: skip


def _check_may_change(
    actor: User | None, project: Project, role: str, known: ProjectRole | None
) -> None:
    if actor is None or actor.is_superuser:
        return
    if OWNER in {role, known.role if known else ""} and OWNER not in roles(actor, project):
        raise Forbidden("Only an owner can make or change another owner.", field="role")
