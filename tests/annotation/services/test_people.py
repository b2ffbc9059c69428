"""Letting people in and out: invitations, roles, pauses, erasure; each leaves a line in the log."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.core.errors import Conflict, Forbidden, Invalid, NotFound
from annotation.models import AuditEntry, Invitation, Judgment, Membership, Pool, Project, User
from annotation.selectors.access import project_for_annotator
from annotation.services.invitations import (
    invitation_accept,
    invitation_create,
    invitation_open,
    invitation_revoke,
)
from annotation.services.people import (
    membership_set,
    membership_state_set,
    user_create,
    user_erase,
)
from tests.factories import PASSWORD, claim, judge, make_user

pytestmark = pytest.mark.django_db


def accept(token: str, username: str = "nora") -> User:
    return invitation_accept(token=token, username=username, name="Nora", password=PASSWORD)


def test_an_invitation_lets_one_person_in_once(lena: User, pool: Pool, project: Project) -> None:
    invitation, token = invitation_create(actor=lena, pool=pool, email="nora@example.org")
    assert token not in str(Invitation.objects.values_list().get())
    nora = accept(token)
    assert project_for_annotator(user=nora, slug=project.slug) == project
    with pytest.raises(NotFound, match="not valid"):
        accept(token, "somebody")
    invitation.refresh_from_db()
    assert invitation.accepted_by == nora
    actions = AuditEntry.objects.filter(project=project).values_list("action", flat=True)
    assert {"invitation.create", "invitation.accept"} <= set(actions)


def test_an_invitation_ends_when_revoked_or_too_old(lena: User, pool: Pool) -> None:
    revoked, token = invitation_create(actor=lena, pool=pool)
    invitation_revoke(actor=lena, invitation=revoked)
    with pytest.raises(NotFound):
        invitation_open(token=token)
    old, token = invitation_create(actor=lena, pool=pool)
    Invitation.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(1))
    with pytest.raises(NotFound):
        accept(token)


def test_a_name_that_is_taken_leaves_the_invitation_open(lena: User, pool: Pool, ana: User) -> None:
    _, token = invitation_create(actor=lena, pool=pool)
    with pytest.raises(Conflict, match="taken"):
        accept(token, "ANA")
    assert accept(token, "nora").username == "nora"


def test_a_weak_password_is_refused_in_words() -> None:
    with pytest.raises(Invalid) as refused:
        user_create(username="nora", password="1234")
    assert refused.value.field == "password"
    assert not User.objects.exists()


def test_only_an_owner_makes_owners_and_the_last_one_stays(
    lena: User, ana: User, pool: Pool
) -> None:
    membership_set(actor=lena, pool=pool, user=ana, role="lead")
    with pytest.raises(Forbidden):
        membership_set(actor=ana, pool=pool, user=ana, role="owner")
    owner = Membership.objects.get(pool=pool, user=lena)
    with pytest.raises(Conflict, match="last owner"):
        membership_state_set(actor=lena, membership=owner, state="removed")
    with pytest.raises(Forbidden, match="change another owner"):
        membership_state_set(actor=ana, membership=owner, state="paused")
    with pytest.raises(Forbidden):
        membership_set(actor=ana, pool=pool, user=lena, role="viewer")


def test_a_new_role_lets_a_removed_member_in_again_but_no_paused_one(
    lena: User, ana: User, ben: User, pool: Pool
) -> None:
    for user, before, after in ((ana, "paused", "paused"), (ben, "removed", "active")):
        Membership.objects.filter(user=user).update(state=before)
        changed = membership_set(actor=lena, pool=pool, user=user, role="reviewer")
        assert (changed.state, changed.role) == (after, "reviewer")


def test_a_paused_member_gives_leases_back_at_once(
    lena: User, ana: User, pool: Pool, project: Project
) -> None:
    held = claim(ana, project)
    member = Membership.objects.get(pool=pool, user=ana)
    membership_state_set(actor=lena, membership=member, state="paused")
    held.refresh_from_db()
    assert held.state == "released"
    with pytest.raises(NotFound):
        project_for_annotator(user=ana, slug=project.slug)


def test_erasure_takes_the_person_and_leaves_the_votes(
    lena: User, ana: User, project: Project
) -> None:
    judge(ana, project)
    user_erase(actor=lena, user=ana)
    ana.refresh_from_db()
    assert not ana.is_active
    assert "ana" not in f"{ana.username} {ana.name} {ana.email}"
    assert not ana.check_password(PASSWORD)
    assert Judgment.objects.filter(annotator=ana).count() == 1
    assert make_user("ana").pk != ana.pk
