"""Invitations: single use, expiring, by a link or by e-mail; the only way to an account.

The database keeps digests only. What is sent by e-mail draws its secret when it is sent, so that
no queue and no log ever holds what would let somebody in.
"""

from collections.abc import Sequence
from datetime import timedelta
from logging import getLogger
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from annotation.core.errors import Conflict, Invalid, NotFound, Unavailable
from annotation.models import Invitation, Membership, Pool, User
from annotation.models.people import draw_token, token_digest
from annotation.services.audit_log import pool_note
from annotation.services.people import user_create
from annotation.services.pools import check_may_grant

LONGEST_DAYS = 90

log = getLogger(__name__)


@transaction.atomic
def invitation_create(
    *, actor: User, pool: Pool, role: str = Membership.Role.ANNOTATOR, email: str = "",
    days: int = 14,
) -> tuple[Invitation, str]:  # fmt: skip
    """An invitation and its secret, which is shown once and never stored."""
    _check(actor, pool, role, days)
    token = draw_token()
    invitation = Invitation.objects.create(
        pool=pool, role=role, email=email, invited_by=actor, token_digest=token_digest(token),
        expires_at=timezone.now() + timedelta(days=days),
    )  # fmt: skip
    pool_note(actor, pool, "invitation.create", email or pool.name, role=role)
    return invitation, token


@transaction.atomic
def invitations_create(
    *, actor: User, pool: Pool, emails: Sequence[str], role: str = Membership.Role.ANNOTATOR,
    days: int = 14,
) -> list[Invitation]:  # fmt: skip
    """One invitation for each address, to be sent after the transaction.

    Addresses that hold an open invitation into the pool already are passed over: resend those.
    Raises Invalid for a role, a length or an empty list, Unavailable without a mail server.
    """
    _check(actor, pool, role, days)
    if not emails:
        raise Invalid("Paste at least one address.", field="emails")
    check_mail()
    invited = {email.casefold() for email in _open(pool).values_list("email", flat=True)}
    expires_at = timezone.now() + timedelta(days=days)
    made = Invitation.objects.bulk_create(
        Invitation(
            pool=pool, role=role, email=email, invited_by=actor, expires_at=expires_at,
            token_digest=token_digest(draw_token()),
        )
        for email in emails
        if email.casefold() not in invited
    )  # fmt: skip
    if made:
        pool_note(actor, pool, "invitation.create", f"{len(made)} by e-mail", role=role)
    return made


def invitation_send(*, invitation_id: int, site: str) -> bool:
    """Mails a fresh link, so that earlier ones stop working; whether the server took it.

    `site` is the address of this installation as people reach it, without a slash at its end. An
    invitation that was used, revoked or has expired meanwhile is not sent.
    """
    token = draw_token()
    with transaction.atomic():
        invitation = (
            Invitation.objects.select_for_update(of=("self",))
            .select_related("pool", "invited_by")
            .filter(pk=invitation_id)
            .exclude(email="")
            .first()
        )
        if invitation is None or not _works(invitation):
            return False
        invitation.token_digest, invitation.sent_at = token_digest(token), None
        invitation.save(update_fields=["token_digest", "sent_at"])
    link = site + reverse("annotation:invitation", args=[token])
    try:
        _message(invitation, link).send()
    except (SMTPException, OSError) as error:
        log.warning("Invitation %s was not sent: %s", invitation.pk, error)
        return False
    Invitation.objects.filter(pk=invitation.pk).update(sent_at=timezone.now())
    return True


@transaction.atomic
def invitation_extend(*, actor: User, invitation: Invitation, days: int = 14) -> Invitation:
    """Makes an invitation last anew, before it is sent again. Raises Conflict where it is over."""
    check_mail()
    locked = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if locked.accepted_at is not None or locked.revoked_at is not None:
        raise Conflict("This invitation was accepted or revoked.", hint="Make a new one.")
    if not locked.email:
        raise Conflict("This invitation has no address.", hint="Revoke it and make a new link.")
    locked.expires_at = timezone.now() + timedelta(days=days)
    locked.save(update_fields=["expires_at"])
    pool_note(actor, locked.pool, "invitation.resend", locked.email)
    return locked


def invitation_open(*, token: str) -> Invitation:
    """The invitation that the token opens. Raises NotFound when used, revoked or expired."""
    invitation = (
        Invitation.objects.select_related("pool").filter(token_digest=token_digest(token)).first()
    )
    if invitation is None or not _works(invitation):
        raise NotFound(
            _("This invitation is not valid: it was used, revoked or has expired."),
            hint=_("Ask whoever invited you for a new one."),
        )
    return invitation


@transaction.atomic
def invitation_accept(*, token: str, username: str, name: str, password: str) -> User:
    """Makes the account and the membership; the invitation is spent. Locks the invitation."""
    Invitation.objects.select_for_update().filter(token_digest=token_digest(token)).first()
    invitation = invitation_open(token=token)
    user = user_create(username=username, password=password, name=name, email=invitation.email)
    Membership.objects.create(pool=invitation.pool, user=user, role=invitation.role)
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    pool_note(user, invitation.pool, "invitation.accept", invitation.pool.name)
    return user


@transaction.atomic
def invitation_revoke(*, actor: User, invitation: Invitation) -> None:
    locked = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if locked.accepted_at is not None:
        raise Conflict("The invitation was accepted already; pause or remove the member instead.")
    locked.revoked_at = timezone.now()
    locked.save(update_fields=["revoked_at"])
    pool_note(actor, locked.pool, "invitation.revoke", locked.email or locked.pool.name)


def check_mail() -> None:
    """Raises Unavailable where no mail server is set up."""
    if not settings.EMAIL_IS_SET_UP:
        raise Unavailable(
            "This installation sends no e-mail.", field="emails",
            hint="Make a link and send it yourself, or have EMAIL_URL set by who operates it.",
        )  # fmt: skip


def _check(actor: User, pool: Pool, role: str, days: int) -> None:
    if role not in Membership.Role.values:
        raise Invalid(f"There is no role “{role}”.", field="role")
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid(f"An invitation lasts from 1 to {LONGEST_DAYS} days.", field="days")
    check_may_grant(actor, pool, role)


def _open(pool: Pool) -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        pool=pool, accepted_at__isnull=True, revoked_at__isnull=True, expires_at__gt=timezone.now()
    )


def _works(invitation: Invitation) -> bool:
    return (
        invitation.accepted_at is None
        and invitation.revoked_at is None
        and invitation.expires_at > timezone.now()
    )


def _message(invitation: Invitation, link: str) -> EmailMessage:
    """In the language of whoever invites: it is the best guess at what the invited reads."""
    with override(invitation.invited_by.language or settings.LANGUAGE_CODE):
        context = {"invitation": invitation, "link": link}
        subject = _("Invitation to %(pool)s") % {"pool": invitation.pool.name}
        body = render_to_string("annotation/invitation.txt", context)
    return EmailMessage(" ".join(subject.split()), body, to=[invitation.email])
