"""People of a crowd platform: in by their pool's entry link, done when their quota is.

The link's secret and the platform's id are all that such a person has, so that both together open
nothing but an annotator's account that was made this way: never one with a password, never one
that may do more than annotate.
"""

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.crowd import Arrival
from annotation.core.errors import Forbidden, NotFound
from annotation.models import Membership, Pool, ProjectRole, User
from annotation.models.people import token_digest
from annotation.selectors.crowd import memberships_done
from annotation.services.audit_log import pool_note


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in, and whether this was the first time."""

    user: User
    is_new: bool


def entry_open(*, token: str) -> Pool:
    """The pool that the link leads into. Raises NotFound for a link that leads nowhere."""
    pool = Pool.objects.filter(entry_digest=token_digest(token)).exclude(platform="").first()
    if pool is None:
        raise NotFound(
            _("This link leads nowhere: the study has ended or its link has changed."),
            hint=_("Go back to the page of the study and open it from there."),
        )
    return pool


@transaction.atomic
def crowd_enter(*, token: str, arrival: Arrival) -> Entry:
    """The account of whoever arrives: made at first arrival, the same when they come again.

    Raises NotFound for a link that leads nowhere, Forbidden where the id belongs to an account
    that has a password or rights of its own, or to somebody who was removed.
    """
    pool = entry_open(token=token)
    Pool.objects.select_for_update(no_key=True).get(pk=pool.pk)
    membership = _known(pool, arrival)
    if membership is not None and membership.pool_id == pool.pk:
        return Entry(_returning(membership, arrival), is_new=False)
    user = membership.user if membership else _account(pool)
    if membership is not None:
        _check_harmless(user)
    Membership.objects.create(
        pool=pool, user=user, external_id=arrival.external_id, external_study=arrival.study,
        external_session=arrival.session,
    )  # fmt: skip
    pool_note(user, pool, "crowd.enter", str(user))
    return Entry(user, is_new=membership is None)


@transaction.atomic
def crowd_completions_note(*, user: User) -> list[Membership]:
    """The platform memberships whose quota is done; the first time, when that was is kept."""
    done = memberships_done(user)
    Membership.objects.filter(
        pk__in=[membership.pk for membership in done], completed_at__isnull=True
    ).update(completed_at=timezone.now())
    return done


def _known(pool: Pool, arrival: Arrival) -> Membership | None:
    """The person's membership here, else in a pool of the platform that shares a project with this
    one: whoever takes part in two studies of a project must stay one annotator in it."""
    memberships = (
        Membership.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(external_id=arrival.external_id)
    )
    here = memberships.filter(pool=pool).first()
    if here is not None:
        return here
    beside = Pool.objects.filter(platform=pool.platform, projects__in=pool.projects.all())
    return memberships.filter(pool__in=beside).order_by("pk").first()


def _returning(membership: Membership, arrival: Arrival) -> User:
    _check_harmless(membership.user)
    if membership.state == Membership.State.REMOVED:
        raise Forbidden(
            _("You do not take part in this study any more."),
            hint=_("Ask its researchers on the platform."),
        )
    study = arrival.study or membership.external_study
    session = arrival.session or membership.external_session
    if (study, session) != (membership.external_study, membership.external_session):
        membership.external_study, membership.external_session = study, session
        membership.save(update_fields=["external_study", "external_session"])
    return membership.user


def _account(pool: Pool) -> User:
    """Without a password: nobody signs in to it but by the link."""
    return User.objects.create_user(f"{pool.platform}-{secrets.token_hex(6)}")


def _check_harmless(user: User) -> None:
    is_more = (
        user.has_usable_password()
        or user.is_staff
        or user.is_superuser
        or user.memberships.exclude(role=Membership.Role.ANNOTATOR).exists()
        or ProjectRole.objects.filter(user=user).exclude(role=Membership.Role.ANNOTATOR).exists()
    )
    if is_more or not user.is_active:
        raise Forbidden(
            _("This id belongs to an account that signs in with a password."),
            hint=_("Sign in with it, or ask the researchers."),
        )
