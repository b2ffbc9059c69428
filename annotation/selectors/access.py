"""Named loaders decide access: a view that has the object has the right to it.

What a person may not see does not exist for them: every refusal is `NotFound`.
"""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.core.errors import NotFound
from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Dispute,
    Export,
    Flag,
    Invitation,
    Judgment,
    Membership,
    Pool,
    Project,
    ProjectRole,
    Run,
    User,
)

Role = Membership.Role
LEADS = (Role.OWNER, Role.LEAD)
VIEWERS = (*LEADS, Role.REVIEWER, Role.VIEWER)
REVIEWERS = (*LEADS, Role.REVIEWER)
JUDGES = (*LEADS, Role.REVIEWER, Role.ANNOTATOR)


def _projects_with_role(user: User, roles: tuple[str, ...]) -> QuerySet[Project]:
    """By a pool that serves the project, or by a role in the project itself."""
    by_pool = _active(user, roles).values("pool__projects")
    by_project = ProjectRole.objects.filter(user=user, role__in=roles).values("project")
    return Project.objects.filter(Q(pk__in=by_pool) | Q(pk__in=by_project))


def _active(user: User, roles: tuple[str, ...]) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, role__in=roles, state=Membership.State.ACTIVE)


def projects_led(user: User) -> QuerySet[Project]:
    return Project.objects.all() if user.is_superuser else _projects_with_role(user, LEADS)


def projects_viewed(user: User) -> QuerySet[Project]:
    return Project.objects.all() if user.is_superuser else _projects_with_role(user, VIEWERS)


def projects_reviewed(user: User) -> QuerySet[Project]:
    """Projects whose disputes the user may decide."""
    return Project.objects.all() if user.is_superuser else _projects_with_role(user, REVIEWERS)


def projects_annotated(user: User) -> QuerySet[Project]:
    """Projects whose work the user may take: a role, not superuser power, lets one judge."""
    by_pool = _active(user, JUDGES).filter(is_qualified=True).values("pool__projects")
    by_project = ProjectRole.objects.filter(user=user, role__in=JUDGES).values("project")
    return Project.objects.filter(
        Q(pk__in=by_pool) | Q(pk__in=by_project), is_archived=False
    ).order_by("id")


def projects_visible(user: User) -> QuerySet[Project]:
    """Every project in which the user has any standing: to lead, to look, or to judge."""
    mine = projects_viewed(user).values("pk").union(projects_annotated(user).values("pk"))
    return Project.objects.filter(pk__in=mine)


def may_judge(project: Project) -> QuerySet[User]:
    """Everybody who may take the project's work, by a pool or by a role of their own in it."""
    by_pool = Membership.objects.filter(
        pool__projects=project, role__in=JUDGES, state=Membership.State.ACTIVE
    ).values("user")
    by_project = ProjectRole.objects.filter(project=project, role__in=JUDGES).values("user")
    return User.objects.filter(Q(pk__in=by_pool) | Q(pk__in=by_project), is_active=True)


def roles(user: User, project: Project) -> set[str]:
    """The user's roles in the project, by its pools and of its own."""
    by_pool = Membership.objects.filter(
        user=user, pool__projects=project, state=Membership.State.ACTIVE
    )
    by_project = ProjectRole.objects.filter(user=user, project=project)
    return set(by_pool.values_list("role", flat=True)) | set(
        by_project.values_list("role", flat=True)
    )


def is_lead(user: User) -> bool:
    """Whether the user leads anything at all, and so sees the leads' navigation."""
    return bool(
        user.is_superuser
        or _active(user, LEADS).exists()
        or ProjectRole.objects.filter(user=user, role__in=LEADS).exists()
    )


def _project(projects: QuerySet[Project], slug: str) -> Project:
    project = projects.filter(slug=slug).first()
    if project is None:
        raise NotFound(
            _("There is no project “%(slug)s” for you.") % {"slug": slug},
            hint=_("Ask its lead to add you to one of its pools."),
        )
    return project


def project_for_lead(*, user: User, slug: str) -> Project:
    return _project(projects_led(user), slug)


def project_for_viewer(*, user: User, slug: str) -> Project:
    return _project(projects_viewed(user), slug)


def project_for_reviewer(*, user: User, slug: str) -> Project:
    return _project(projects_reviewed(user), slug)


def project_for_member(*, user: User, slug: str) -> Project:
    return _project(projects_visible(user), slug)


def project_for_annotator(*, user: User, slug: str) -> Project:
    return _project(projects_annotated(user), slug)


def pools_led(user: User) -> QuerySet[Pool]:
    """The pools into which the user may invite and which may serve a new project.

    A role in a project gives no right over the pools that serve it: these serve others too.
    """
    if user.is_superuser:
        return Pool.objects.all()
    return Pool.objects.filter(pk__in=_active(user, LEADS).values("pool"))


def pool_for_lead(*, user: User, pool_id: int) -> Pool:
    pool = pools_led(user).filter(pk=pool_id).first()
    if pool is None:
        raise NotFound("There is no such pool for you.")
    return pool


def invitation_for_lead(*, user: User, invitation_id: int) -> Invitation:
    invitation = Invitation.objects.select_related("pool").filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound("There is no such invitation for you.")
    pool_for_lead(user=user, pool_id=invitation.pool_id)
    return invitation


def membership_for_lead(*, user: User, membership_id: int) -> Membership:
    membership = Membership.objects.select_related("pool", "user").filter(pk=membership_id).first()
    if membership is None:
        raise NotFound("There is no such member for you.")
    pool_for_lead(user=user, pool_id=membership.pool_id)
    return membership


def project_role_for_lead(*, user: User, role_id: int) -> ProjectRole:
    role = (
        ProjectRole.objects.select_related("project", "user")
        .filter(pk=role_id, project__in=projects_led(user))
        .first()
    )
    if role is None:
        raise NotFound("There is no such role for you.")
    return role


def batch_for_lead(*, user: User, batch_id: int) -> Batch:
    batch = (
        Batch.objects.select_related("project")
        .filter(pk=batch_id, project__in=projects_led(user))
        .first()
    )
    if batch is None:
        raise NotFound("There is no such batch for you.")
    return batch


def comparison_for_lead(*, user: User, comparison_id: int) -> Comparison:
    comparison = (
        Comparison.objects.select_related("project", "batch")
        .filter(pk=comparison_id, project__in=projects_led(user))
        .first()
    )
    if comparison is None:
        raise NotFound("There is no such comparison for you.")
    return comparison


def leased_for_lead(*, user: User, assignment_id: int) -> Assignment:
    """Somebody's assignment in a project that the user leads."""
    assignment = (
        Assignment.objects.select_related("comparison__project", "comparison__batch", "annotator")
        .filter(pk=assignment_id, comparison__project__in=projects_led(user))
        .first()
    )
    if assignment is None:
        raise NotFound("There is no such assignment for you.")
    return assignment


def dispute_for_reviewer(*, user: User, dispute_id: int) -> Dispute:
    dispute = (
        Dispute.objects.select_related("project", "comparison__prompt", "decision")
        .filter(pk=dispute_id, project__in=projects_reviewed(user))
        .first()
    )
    if dispute is None:
        raise NotFound(_("There is no such dispute for you."))
    return dispute


def run_for_lead(*, user: User, run_id: int) -> Run:
    run = (
        Run.objects.select_related("project")
        .filter(pk=run_id, project__in=projects_led(user))
        .first()
    )
    if run is None:
        raise NotFound("There is no such run for you.")
    return run


def runs_led(user: User, *, kind: str | None = None) -> QuerySet[Run]:
    """The runs of every project that the user leads."""
    led = Run.objects.select_related("project").filter(project__in=projects_led(user))
    return led.filter(kind=kind) if kind else led


def export_for_lead(*, user: User, export_id: int) -> Export:
    export = (
        Export.objects.select_related("project")
        .filter(pk=export_id, project__in=projects_led(user))
        .first()
    )
    if export is None:
        raise NotFound("There is no such export for you.")
    return export


def flag_for_lead(*, user: User, flag_id: int) -> Flag:
    flag = (
        Flag.objects.select_related("project")
        .filter(pk=flag_id, project__in=projects_led(user))
        .first()
    )
    if flag is None:
        raise NotFound("There is no such flag for you.")
    return flag


def assignment_for_annotator(*, user: User, assignment_id: int) -> Assignment:
    assignment = (
        Assignment.objects.select_related("comparison__project", "comparison__prompt")
        .filter(
            pk=assignment_id, annotator=user, comparison__project__in=projects_annotated(user),
            purpose=Assignment.Purpose.JUDGE,
        )
        .first()
    )  # fmt: skip
    if assignment is None:
        raise NotFound(_("There is no such comparison for you."))
    return assignment


def judgment_for_annotator(*, user: User, judgment_id: int) -> Judgment:
    judgment = (
        Judgment.objects.select_related("assignment__comparison__project")
        .filter(
            pk=judgment_id, annotator=user, comparison__project__in=projects_annotated(user),
            is_adjudication=False,
        )
        .first()
    )  # fmt: skip
    if judgment is None:
        raise NotFound(_("There is no such judgment of yours."))
    return judgment
