"""Invitations by e-mail: one link each, known to nobody but whom it was sent to."""

import re
import smtplib

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from annotation.core.errors import Conflict, Invalid, Unavailable
from annotation.models import Invitation, Membership, Pool, User
from annotation.services.invitations import (
    invitation_accept,
    invitation_create,
    invitation_extend,
    invitation_open,
    invitation_revoke,
    invitation_send,
    invitations_create,
)
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

SITE = "https://align.example.org"


@pytest.fixture(autouse=True)
def mail_server(settings: object) -> None:
    settings.EMAIL_IS_SET_UP = True


def sent_token() -> str:
    found = re.search(rf"{SITE}/invitation/(\S+)/", mail.outbox[-1].body)
    assert found is not None
    return found[1]


def invite(lena: User, pool: Pool, *emails: str, **more: object) -> list[Invitation]:
    return invitations_create(actor=lena, pool=pool, emails=emails, **more)


def test_each_address_gets_a_link_that_works_once(lena: User, pool: Pool) -> None:
    made = invite(lena, pool, "nora@example.org", "nils@example.org", role="reviewer")
    assert [invitation_send(invitation_id=one.pk, site=SITE) for one in made] == [True, True]
    assert [message.to for message in mail.outbox] == [["nora@example.org"], ["nils@example.org"]]
    assert "Lena invites you to “Cooks”. Your role: Reviewer." in mail.outbox[0].body
    nils = invitation_accept(token=sent_token(), username="nils", name="", password=PASSWORD)
    assert nils.email == "nils@example.org"
    assert Membership.objects.get(user=nils).role == "reviewer"
    assert Invitation.objects.get(accepted_by=nils).sent_at is not None


def test_sending_again_ends_the_link_before(lena: User, pool: Pool) -> None:
    (made,) = invite(lena, pool, "nora@example.org")
    invitation_send(invitation_id=made.pk, site=SITE)
    first = sent_token()
    invitation_extend(actor=lena, invitation=made)
    invitation_send(invitation_id=made.pk, site=SITE)
    assert invitation_open(token=sent_token()) == made
    assert sent_token() != first
    with pytest.raises(Exception, match="not valid"):
        invitation_open(token=first)


def test_who_is_invited_already_is_passed_over(lena: User, pool: Pool) -> None:
    (old,) = invite(lena, pool, "nora@example.org")
    assert invite(lena, pool, "NORA@example.org") == []
    invitation_revoke(actor=lena, invitation=old)
    assert len(invite(lena, pool, "nora@example.org")) == 1


def test_what_is_over_is_not_sent(lena: User, pool: Pool) -> None:
    revoked, by_link = (
        *invite(lena, pool, "nora@example.org"),
        invitation_create(actor=lena, pool=pool)[0],
    )
    invitation_revoke(actor=lena, invitation=revoked)
    for one in (revoked.pk, by_link.pk, 10**9):
        assert not invitation_send(invitation_id=one, site=SITE)
    assert mail.outbox == []
    for one in (revoked, by_link):
        with pytest.raises(Conflict):
            invitation_extend(actor=lena, invitation=one)


def test_a_server_that_refuses_leaves_the_invitation_unsent(
    lena: User, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    (made,) = invite(lena, pool, "nora@example.org")
    assert not invitation_send(invitation_id=made.pk, site=SITE)
    made.refresh_from_db()
    assert made.sent_at is None


def test_without_a_mail_server_nothing_is_promised(
    lena: User, pool: Pool, settings: object
) -> None:
    settings.EMAIL_IS_SET_UP = False
    with pytest.raises(Unavailable, match="sends no e-mail"):
        invite(lena, pool, "nora@example.org")
    assert not Invitation.objects.exists()


def test_an_empty_list_is_refused(lena: User, pool: Pool) -> None:
    with pytest.raises(Invalid, match="at least one"):
        invite(lena, pool)


def test_a_subject_holds_no_second_line(lena: User, pool: Pool) -> None:
    Pool.objects.filter(pk=pool.pk).update(name="Cooks\nBcc: all@example.org")
    (made,) = invite(lena, pool, "nora@example.org")
    assert invitation_send(invitation_id=made.pk, site=SITE)
    assert mail.outbox[0].subject == "Invitation to Cooks Bcc: all@example.org"
    assert mail.outbox[0].bcc == []
