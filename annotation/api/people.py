"""People and pools over REST: pools and their members, invitations, statements of pay."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.core.addresses import addresses
from annotation.core.errors import Invalid
from annotation.core.statements import Period
from annotation.models import Invitation, Membership, Pool, Project, ProjectRole, User
from annotation.selectors import access
from annotation.selectors.pools import invitations
from annotation.selectors.statements import (
    projects_worked,
    statement,
    statement_data,
    this_month,
)
from annotation.services.invitations import (
    invitation_create,
    invitation_extend,
    invitation_revoke,
    invitations_create,
)
from annotation.services.people import (
    membership_set,
    membership_state_set,
    membership_terms_set,
)
from annotation.services.pools import PoolTerms, pool_update
from annotation.services.project_roles import project_role_set
from annotation.tasks import enqueue_invitation

TERMS = tuple(PoolTerms.__dataclass_fields__)


class PoolOut(serializers.ModelSerializer):
    has_entry_link = serializers.SerializerMethodField()

    class Meta:
        model = Pool
        fields = ["id", *TERMS, "has_entry_link", "created_at"]
        read_only_fields = fields

    def get_has_entry_link(self, pool: Pool) -> bool:
        return pool.entry_digest is not None


class Words(serializers.ListField):
    child = serializers.CharField(max_length=64)


class PoolIn(Strict):
    """What is to change; what is left out stays."""

    name = serializers.CharField(required=False)
    description = serializers.CharField(required=False, allow_blank=True)
    languages = Words(required=False)
    skills = Words(required=False)
    daily_quota = serializers.IntegerField(required=False, allow_null=True)
    total_quota = serializers.IntegerField(required=False, allow_null=True)
    harmful_daily_cap = serializers.IntegerField(required=False, allow_null=True)
    works_from = serializers.TimeField(required=False, allow_null=True)
    works_until = serializers.TimeField(required=False, allow_null=True)
    works_on = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="ISO weekdays; 1 is Monday."
    )
    time_zone = serializers.CharField(required=False, allow_blank=True)
    pay_per_judgment = serializers.DecimalField(8, 4, required=False, allow_null=True)
    pay_per_hour = serializers.DecimalField(8, 4, required=False, allow_null=True)
    pay_currency = serializers.CharField(required=False, allow_blank=True)
    platform = serializers.CharField(required=False, allow_blank=True)
    completion_code = serializers.CharField(required=False, allow_blank=True)
    return_url = serializers.CharField(required=False, allow_blank=True)


class MemberOut(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.name")
    pool = serializers.IntegerField(source="pool_id")

    class Meta:
        model = Membership
        fields = [
            "id", "pool", "username", "name", "role", "state", "is_qualified", "languages",
            "skills", "external_id", "external_study", "external_session", "completed_at",
            "joined_at",
        ]  # fmt: skip
        read_only_fields = fields


class MemberIn(Strict):
    """What is to change; pausing and removing return what the person holds at once."""

    role = serializers.ChoiceField(Membership.Role.choices, required=False)
    state = serializers.ChoiceField(Membership.State.choices, required=False)
    languages = Words(required=False)
    skills = Words(required=False)
    external_id = serializers.CharField(required=False, allow_blank=True)


class InvitationOut(serializers.ModelSerializer):
    pool = serializers.IntegerField(source="pool_id")
    invited_by = serializers.CharField(source="invited_by.username")
    accepted_by = serializers.CharField(source="accepted_by.username", default=None)

    class Meta:
        model = Invitation
        fields = [
            "id", "pool", "role", "email", "invited_by", "created_at", "expires_at", "sent_at",
            "accepted_at", "accepted_by", "revoked_at",
        ]  # fmt: skip
        read_only_fields = fields


class InvitationsIn(Strict):
    """With `emails` each address is sent a link; without, one link comes back, once."""

    emails = serializers.ListField(child=serializers.CharField(), required=False)
    role = serializers.ChoiceField(Membership.Role.choices, default=Membership.Role.ANNOTATOR)
    days = serializers.IntegerField(default=14)


class InvitationsOut(serializers.Serializer):
    invitations = InvitationOut(many=True)
    link = serializers.CharField(allow_null=True, help_text="Shown only now, where not sent.")


class RoleOut(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")

    class Meta:
        model = ProjectRole
        fields = ["id", "username", "role", "created_at"]
        read_only_fields = fields


class RoleIn(Strict):
    username = serializers.CharField()
    role = serializers.ChoiceField(Membership.Role.choices)


class StatementLineOut(serializers.Serializer):
    person = serializers.CharField()
    username = serializers.CharField()
    external_id = serializers.CharField()
    project = serializers.CharField()
    days = serializers.IntegerField()
    judgments = serializers.IntegerField()
    active_hours = serializers.FloatField()
    per_judgment = serializers.CharField(allow_null=True)
    per_hour = serializers.CharField(allow_null=True)
    earned = serializers.CharField(help_text="Money as text, so that no digit is lost.")
    currency = serializers.CharField()


class StatementTotalOut(serializers.Serializer):
    currency = serializers.CharField()
    people = serializers.IntegerField()
    judgments = serializers.IntegerField()
    active_hours = serializers.FloatField()
    earned = serializers.CharField()


class StatementOut(serializers.Serializer):
    since = serializers.DateField()
    until = serializers.DateField()
    lines = StatementLineOut(many=True)
    totals = StatementTotalOut(many=True)


PERIOD = [
    OpenApiParameter("since", date, description="First day; the first of this month."),
    OpenApiParameter("until", date, description="Last day; today."),
]


class Pools(ListView):
    """The pools that serve a project which you lead; change those that you lead as well."""

    queryset = Pool.objects.none()
    serializer_class = PoolOut

    def get_queryset(self) -> QuerySet[Pool]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        return project.pools.all()


class PoolDetail(View):
    @documented(PoolOut, operation_id="pools_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """What a pool that you lead asks and pays."""
        return Response(PoolOut(access.pool_for_lead(user=person(request), pool_id=pk)).data)

    @documented(PoolOut, body=PoolIn, operation_id="pools_update")
    def patch(self, request: Request, pk: int) -> Response:
        """Changes it, from the next comparison that somebody is given; what was earned stays."""
        pool = access.pool_for_lead(user=person(request), pool_id=pk)
        given = read(PoolIn, request)
        values: dict[str, Any] = {name: given.get(name, getattr(pool, name)) for name in TERMS}
        for name in ("languages", "skills", "works_on"):
            values[name] = tuple(values[name])
        changed = pool_update(actor=person(request), pool=pool, terms=PoolTerms(**values))
        return Response(PoolOut(changed).data)


class Members(ListView):
    """The members of a pool that you lead, newest first."""

    queryset = Membership.objects.none()
    serializer_class = MemberOut

    def get_queryset(self) -> QuerySet[Membership]:
        pool = access.pool_for_lead(user=person(self.request), pool_id=self.kwargs["pk"])
        return pool.memberships.select_related("user")


class MemberDetail(View):
    @documented(MemberOut, operation_id="members_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """A member of a pool that you lead."""
        found = access.membership_for_lead(user=person(request), membership_id=pk)
        return Response(MemberOut(found).data)

    @documented(MemberOut, body=MemberIn, operation_id="members_update")
    def patch(self, request: Request, pk: int) -> Response:
        """Changes role, state, languages, skills or external id; all of it or nothing."""
        user = person(request)
        found = access.membership_for_lead(user=user, membership_id=pk)
        with transaction.atomic():
            _change(user, found, read(MemberIn, request))
        found.refresh_from_db()
        return Response(MemberOut(found).data)


@extend_schema_view(get=extend_schema(operation_id="invitations_list"))
class Invitations(ListView):
    """Invitations into a pool that you lead, newest first."""

    queryset = Invitation.objects.none()
    serializer_class = InvitationOut

    def get_queryset(self) -> QuerySet[Invitation]:
        pool = access.pool_for_lead(user=person(self.request), pool_id=self.kwargs["pk"])
        return invitations(pool)

    @documented(InvitationsOut, body=InvitationsIn, code=201, operation_id="invitations_create")
    def post(self, request: Request, pk: int) -> Response:
        """Makes invitations: one link to hand on, or one for each address, sent by e-mail."""
        user = person(request)
        pool = access.pool_for_lead(user=user, pool_id=pk)
        given = read(InvitationsIn, request)
        link = None
        if "emails" in given:
            emails = addresses("\n".join(given.pop("emails")))
            with transaction.atomic():
                made = invitations_create(actor=user, pool=pool, emails=emails, **given)
                for invitation in made:
                    _send(request, invitation)
        else:
            invitation, token = invitation_create(actor=user, pool=pool, **given)
            made, link = [invitation], _site(request) + _path(token)
        body = {"invitations": InvitationOut(made, many=True).data, "link": link}
        return Response(body, status=status.HTTP_201_CREATED)


class InvitationResend(View):
    @documented(InvitationOut, operation_id="invitations_resend")
    def post(self, request: Request, pk: int) -> Response:
        """Sends a fresh link to the same address; the one before it stops working."""
        user = person(request)
        found = access.invitation_for_lead(user=user, invitation_id=pk)
        with transaction.atomic():
            extended = invitation_extend(actor=user, invitation=found)
            _send(request, extended)
        return Response(InvitationOut(extended).data)


class InvitationRevoke(View):
    @documented(InvitationOut, operation_id="invitations_revoke")
    def post(self, request: Request, pk: int) -> Response:
        """Its link stops working."""
        user = person(request)
        found = access.invitation_for_lead(user=user, invitation_id=pk)
        invitation_revoke(actor=user, invitation=found)
        found.refresh_from_db()
        return Response(InvitationOut(found).data)


@extend_schema_view(get=extend_schema(operation_id="project_roles_list"))
class Roles(ListView):
    """Roles in a project alone, whatever pools somebody is in."""

    queryset = ProjectRole.objects.none()
    serializer_class = RoleOut

    def get_queryset(self) -> QuerySet[ProjectRole]:
        project = access.project_for_lead(user=person(self.request), slug=self.kwargs["slug"])
        return ProjectRole.objects.filter(project=project).select_related("user")

    @documented(RoleOut, body=RoleIn, operation_id="project_roles_set")
    def post(self, request: Request, slug: str) -> Response:
        """Gives somebody who has an account a role in the project, or another one."""
        user = person(request)
        project = access.project_for_lead(user=user, slug=slug)
        given = read(RoleIn, request)
        known = User.objects.filter(username__iexact=given["username"], is_active=True).first()
        if known is None:
            raise Invalid("Nobody here has this user name.", field="username")
        role = project_role_set(actor=user, project=project, user=known, role=given["role"])
        return Response(RoleOut(role).data)


class ProjectStatement(View):
    @documented(StatementOut, operation_id="projects_statement", parameters=PERIOD)
    def get(self, request: Request, slug: str) -> Response:
        """What people did and earned in a project that you lead."""
        project = access.project_for_lead(user=person(request), slug=slug)
        return _statement(request, [project], None)


class OwnStatement(View):
    @documented(StatementOut, operation_id="me_statement", parameters=PERIOD)
    def get(self, request: Request) -> Response:
        """What you did and earned, in all projects in which you have worked."""
        user = person(request)
        return _statement(request, list(projects_worked(user)), user)


def _statement(request: Request, projects: list[Project], user: User | None) -> Response:
    usual = this_month()
    first = _day(request.query_params, "since", usual.first)
    period = Period(first, _day(request.query_params, "until", max(first, usual.last)))
    return Response(statement_data(period, statement(projects, period, user=user)))


def _day(query: Mapping[str, str], name: str, usual: date) -> date:
    try:
        return date.fromisoformat(query[name]) if name in query else usual
    except ValueError as error:
        raise Invalid("Write a day as 2026-01-31.", field=name) from error


def _change(user: User, membership: Membership, given: dict[str, Any]) -> None:
    if "role" in given:
        membership_set(actor=user, pool=membership.pool, user=membership.user, role=given["role"])
        membership.refresh_from_db()
    if "state" in given:
        membership_state_set(actor=user, membership=membership, state=given["state"])
    terms = ("languages", "skills", "external_id")
    if any(name in given for name in terms):
        values: dict[str, Any] = {n: given.get(n, getattr(membership, n)) for n in terms}
        membership_terms_set(actor=user, membership=membership, **values)


def _send(request: Request, invitation: Invitation) -> None:
    transaction.on_commit(partial(enqueue_invitation, invitation.pk, _site(request)))


def _site(request: Request) -> str:
    return request.build_absolute_uri("/").rstrip("/")


def _path(token: str) -> str:
    return reverse("annotation:invitation", args=[token])
