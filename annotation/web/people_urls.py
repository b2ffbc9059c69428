"""Addresses of people, pools, invitations and statements; lead_urls.py includes them."""

from django.urls import path

from annotation.web import (
    lead_invitations,
    lead_people,
    lead_person,
    lead_pools,
    lead_statements,
)

P = "projects/<slug:slug>/"

urlpatterns = [
    path(f"{P}people/", lead_people.people, name="people"),
    path(f"{P}people/change/", lead_people.members_change, name="members-change"),
    path(f"{P}people/invite/", lead_invitations.invite, name="invite"),
    path(f"{P}people/invite-many/", lead_invitations.invite_many, name="invite-many"),
    path(f"{P}people/add/", lead_people.member_add, name="member-add"),
    path(
        f"{P}people/invitations/<int:invitation_id>/revoke/",
        lead_invitations.invitation_withdraw,
        name="invitation-revoke",
    ),
    path(
        f"{P}people/invitations/<int:invitation_id>/again/",
        lead_invitations.invitation_again,
        name="invitation-again",
    ),
    path(
        f"{P}people/members/<int:membership_id>/",
        lead_person.member_change,
        name="member-change",
    ),
    path(f"{P}people/roles/<int:role_id>/", lead_person.role_change, name="role-change"),
    path(f"{P}people/statement/", lead_statements.project_statement, name="statement"),
    path(f"{P}people/<int:user_id>/", lead_person.member, name="person"),
    path(f"{P}pools/", lead_pools.pools, name="pools"),
    path(f"{P}pools/new/", lead_pools.pool_new, name="pool-new"),
    path(f"{P}pools/<int:pool_id>/", lead_pools.pool, name="pool"),
    path(f"{P}pools/<int:pool_id>/entry/", lead_pools.entry_link, name="entry-link"),
]
