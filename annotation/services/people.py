"""Accounts and memberships: who somebody is, what they may do, and how that ends."""

from collections.abc import Sequence
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.crowd import LONGEST
from annotation.core.errors import AlignUIError, Conflict, Forbidden, Invalid, NotFound
from annotation.models import (
    ApiToken,
    Draft,
    Invitation,
    Membership,
    Pool,
    Project,
    ProjectRole,
    User,
)
from annotation.models.people import draw_token, token_digest
from annotation.selectors.access import projects_annotated
from annotation.services.assignments import leases_take_back
from annotation.services.audit_log import audit_entry_create, pool_note
from annotation.services.deadlocks import tried_once_more
from annotation.services.pools import check_may_grant, tidy_words
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
def membership_set(*, actor: User | None, pool: Pool, user: User, role: str) -> Membership:
    """Adds the user to the pool, or changes the role. The last owner stays an owner.

    Who was removed is in again; who is paused stays paused.
    """
    if role not in Membership.Role.values:
        raise Invalid(f"There is no role “{role}”.", field="role")
    check_may_grant(actor, pool, role)
    _lock_pool(pool)
    membership = Membership.objects.filter(pool=pool, user=user).first()
    if membership is not None and membership.role != role:
        check_may_grant(actor, pool, membership.role)
        _check_not_last_owner(membership)
    is_paused = membership is not None and membership.state == Membership.State.PAUSED
    state = Membership.State.PAUSED if is_paused else Membership.State.ACTIVE
    membership, _is_new = Membership.objects.update_or_create(
        pool=pool, user=user, defaults={"role": role, "state": state}
    )
    leases_release(user)
    if actor is not None:
        pool_note(actor, pool, "membership.set", str(user), role=role)
    return membership


@tried_once_more
@transaction.atomic
def membership_state_set(*, actor: User, membership: Membership, state: str) -> Membership:
    """Pauses, removes or restores a member; the leases of one who may not judge return at once."""
    if state not in Membership.State.values:
        raise Invalid(f"There is no state “{state}”.", field="state")
    check_may_grant(actor, membership.pool, membership.role)
    _lock_pool(membership.pool)
    if state != Membership.State.ACTIVE:
        _check_not_last_owner(membership)
    membership.state = state
    membership.save(update_fields=["state"])
    leases_release(membership.user)
    pool_note(actor, membership.pool, f"membership.{state}", str(membership.user))
    return membership


def memberships_state_set(
    *, actor: User, memberships: Sequence[Membership], state: str
) -> tuple[int, list[AlignUIError]]:
    """The same for several, each in a transaction of its own: how many, and what was refused.

    A last owner among them keeps nobody else from being paused.
    """
    done, refused = 0, list[AlignUIError]()
    for membership in memberships:
        if membership.state == state:
            continue
        try:
            membership_state_set(actor=actor, membership=membership, state=state)
        except (Conflict, Forbidden) as error:
            refused.append(type(error)(f"{membership.user}: {error.message}", hint=error.hint))
        else:
            done += 1
    return done, refused


@transaction.atomic
def membership_terms_set(
    *, actor: User, membership: Membership, languages: Sequence[str], skills: Sequence[str],
    external_id: str,
) -> Membership:  # fmt: skip
    """A member's own languages and skills (empty: the pool's) and who a platform knows them as."""
    membership.languages = tidy_words(languages, field="languages")
    membership.skills = tidy_words(skills, field="skills")
    external_id = external_id.strip()
    if len(external_id) > LONGEST:
        raise Invalid(f"An id has at most {LONGEST} characters.", field="external_id")
    others = membership.pool.memberships.exclude(pk=membership.pk)
    if external_id and others.filter(external_id=external_id).exists():
        raise Conflict("Somebody else in the pool has this id.", field="external_id")
    membership.external_id = external_id
    membership.save(update_fields=["languages", "skills", "external_id"])
    pool_note(actor, membership.pool, "membership.terms", str(membership.user))
    return membership


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
        membership.external_id = membership.external_study = membership.external_session = ""
        membership.state = Membership.State.REMOVED
        membership.save(
            update_fields=["external_id", "external_study", "external_session", "state"]
        )
    ProjectRole.objects.filter(user=user).delete()
    leases_release(user)
    audit_entry_create(actor=actor, action="user.erase", subject=user.pseudonym)
    return user


def leases_release(user: User) -> None:
    """Returns what the user holds in projects where nothing lets them judge any more.

    To be called in the transaction that takes a right away.
    """
    shut = Project.objects.exclude(pk__in=projects_annotated(user).values("pk"))
    leases_take_back(annotator=user, projects=shut)


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from error


def _lock_pool(pool: Pool) -> None:
    Pool.objects.select_for_update(no_key=True).get(pk=pool.pk)


def _check_not_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(
        pool=membership.pool, role=Membership.Role.OWNER, state=Membership.State.ACTIVE
    )
    if membership.role == Membership.Role.OWNER and not owners.exclude(pk=membership.pk).exists():
        raise Conflict("This is the pool's last owner.", hint="Make somebody else an owner first.")
