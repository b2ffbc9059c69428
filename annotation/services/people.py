"""Letting people in, and what they may do: users, pools, invitations, tokens."""

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict, Forbidden, Invalid, NotFound
from annotation.models import (
    ApiToken,
    Assignment,
    Draft,
    Invitation,
    Membership,
    Pool,
    Project,
    User,
)
from annotation.models.people import draw_token, token_digest
from annotation.services.audit_log import audit_entry_create
from annotation.services.self_descriptions import self_description_withdraw


@transaction.atomic
def user_create(
    *, username: str, password: str | None = None, name: str = "", email: str = "",
    kind: str = User.Kind.HUMAN,
) -> User:  # fmt: skip
    """Raises Invalid for a bad password, Conflict for a name that is taken."""
    username = username.strip()
    if not username:
        raise Invalid(_("Choose a user name."), field="username")
    if User.objects.filter(username__iexact=username).exists():
        raise Conflict(
            _("The user name “%(name)s” is taken.") % {"name": username}, field="username"
        )
    if password is not None:
        _check_password(password, User(username=username, name=name, email=email))
    return User.objects.create_user(username, password, name=name.strip(), email=email, kind=kind)


@transaction.atomic
def password_change(*, user: User, current: str, new: str) -> User:
    if not user.check_password(current):
        raise Invalid(_("That is not your current password."), field="current")
    _check_password(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])
    return user


@transaction.atomic
def language_set(*, user: User, language: str) -> None:
    """The language of the pages; "" leaves it to the browser. Raises Invalid for another."""
    if language and language not in dict(settings.LANGUAGES):
        raise Invalid(_("The pages are not written in that language."), field="language")
    user.language = language
    user.save(update_fields=["language"])


@transaction.atomic
def tour_finish(*, user: User) -> None:
    """The annotator has seen the tour of the judge page, or left it."""
    User.objects.filter(pk=user.pk, toured_at__isnull=True).update(toured_at=timezone.now())


@transaction.atomic
def pool_create(*, actor: User | None, name: str, description: str = "") -> Pool:
    """A new pool; whoever made it owns it."""
    if not name.strip():
        raise Invalid("Give the pool a name.", field="name")
    try:
        with transaction.atomic():
            pool = Pool.objects.create(name=name.strip(), description=description)
    except IntegrityError as error:
        raise Conflict(f"There is a pool “{name}” already.", field="name") from error
    if actor is not None:
        Membership.objects.create(pool=pool, user=actor, role=Membership.Role.OWNER)
        _note(actor, pool, "pool.create", pool.name)
    return pool


@transaction.atomic
def membership_set(*, actor: User | None, pool: Pool, user: User, role: str) -> Membership:
    """Adds the user to the pool, or changes the role. The last owner stays an owner."""
    if role not in Membership.Role.values:
        raise Invalid(f"There is no role “{role}”.", field="role")
    _check_may_grant(actor, pool, role)
    _lock_pool(pool)
    membership = Membership.objects.filter(pool=pool, user=user).first()
    if membership is not None and membership.role != role:
        _check_not_last_owner(membership)
    membership, _is_new = Membership.objects.update_or_create(
        pool=pool, user=user, defaults={"role": role, "state": Membership.State.ACTIVE}
    )
    if actor is not None:
        _note(actor, pool, "membership.set", str(user), role=role)
    return membership


@transaction.atomic
def membership_state_set(*, actor: User, membership: Membership, state: str) -> Membership:
    """Pauses, removes or restores a member; the leases of one who may not judge return at once."""
    if state not in Membership.State.values:
        raise Invalid(f"There is no state “{state}”.", field="state")
    _lock_pool(membership.pool)
    if state != Membership.State.ACTIVE:
        _check_not_last_owner(membership)
    membership.state = state
    membership.save(update_fields=["state"])
    if state != Membership.State.ACTIVE:
        _release_leases(membership)
    _note(actor, membership.pool, f"membership.{state}", str(membership.user))
    return membership


@transaction.atomic
def invitation_create(
    *, actor: User, pool: Pool, role: str = Membership.Role.ANNOTATOR, email: str = "",
    days: int = 14,
) -> tuple[Invitation, str]:  # fmt: skip
    """A single-use invitation and its secret, which is shown once and never stored."""
    if role not in Membership.Role.values:
        raise Invalid(f"There is no role “{role}”.", field="role")
    if not 1 <= days <= 90:
        raise Invalid("An invitation lasts from 1 to 90 days.", field="days")
    _check_may_grant(actor, pool, role)
    token = draw_token()
    invitation = Invitation.objects.create(
        pool=pool, role=role, email=email, invited_by=actor, token_digest=token_digest(token),
        expires_at=timezone.now() + timedelta(days=days),
    )  # fmt: skip
    _note(actor, pool, "invitation.create", email or pool.name, role=role)
    return invitation, token


def invitation_open(*, token: str) -> Invitation:
    """The invitation that the token opens. Raises NotFound when used, revoked or expired."""
    invitation = (
        Invitation.objects.select_related("pool").filter(token_digest=token_digest(token)).first()
    )
    if (
        invitation is None
        or invitation.accepted_at is not None
        or invitation.revoked_at is not None
        or invitation.expires_at <= timezone.now()
    ):
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
    _note(user, invitation.pool, "invitation.accept", invitation.pool.name)
    return user


@transaction.atomic
def invitation_revoke(*, actor: User, invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise Conflict("The invitation was accepted already; pause or remove the member instead.")
    Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())
    name = invitation.email or invitation.pool.name
    _note(actor, invitation.pool, "invitation.revoke", name)


@transaction.atomic
def api_token_create(*, user: User, name: str) -> tuple[ApiToken, str]:
    """A key for the REST interface and its secret, which is shown once and never stored."""
    if not name.strip():
        raise Invalid(_("Say what the token is for."), field="name")
    secret = draw_token()
    token = ApiToken.objects.create(user=user, name=name.strip(), digest=token_digest(secret))
    return token, secret


@transaction.atomic
def api_token_revoke(*, user: User, token_id: int) -> None:
    changed = ApiToken.objects.filter(user=user, pk=token_id, revoked_at__isnull=True).update(
        revoked_at=timezone.now()
    )
    if not changed:
        raise NotFound(_("There is no such token of yours."))


@transaction.atomic
def user_erase(*, actor: User, user: User) -> User:
    """Right to erasure: who the person was goes, what was judged stays under a pseudonym."""
    user.username = f"erased-{uuid4().hex[:12]}"
    user.name = user.email = user.language = ""
    user.is_active = user.is_staff = user.is_superuser = False
    user.erased_at = timezone.now()
    user.set_unusable_password()
    user.save()
    user.api_tokens.all().delete()
    self_description_withdraw(user=user)
    Draft.objects.filter(assignment__annotator=user).delete()
    Invitation.objects.filter(accepted_by=user).update(email="")
    for membership in user.memberships.select_related("pool"):
        membership.external_id = ""
        membership.state = Membership.State.REMOVED
        membership.save(update_fields=["external_id", "state"])
        _release_leases(membership)
    audit_entry_create(actor=actor, action="user.erase", subject=user.pseudonym)
    return user


def _note(actor: User, pool: Pool, action: str, subject: str, **detail: object) -> None:
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


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from error


def _check_may_grant(actor: User | None, pool: Pool, role: str) -> None:
    """Only an owner makes owners; a lead may grant every lesser role."""
    if actor is None or actor.is_superuser or role != Membership.Role.OWNER:
        return
    if not Membership.objects.filter(
        pool=pool, user=actor, role=Membership.Role.OWNER, state=Membership.State.ACTIVE
    ).exists():
        raise Forbidden("Only an owner of the pool can make another owner.")


def _lock_pool(pool: Pool) -> None:
    Pool.objects.select_for_update(no_key=True).get(pk=pool.pk)


def _check_not_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(
        pool=membership.pool, role=Membership.Role.OWNER, state=Membership.State.ACTIVE
    )
    if membership.role == Membership.Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        raise Conflict("This is the pool's last owner.", hint="Make somebody else an owner first.")


def _release_leases(membership: Membership) -> None:
    """Returns the person's leases in projects that no other active membership of theirs serves."""
    kept = Project.objects.filter(
        pools__memberships__user=membership.user,
        pools__memberships__state=Membership.State.ACTIVE,
    )
    Assignment.objects.filter(annotator=membership.user, state=Assignment.State.LEASED).exclude(
        comparison__project__in=kept
    ).update(state=Assignment.State.RELEASED, closed_at=timezone.now())
