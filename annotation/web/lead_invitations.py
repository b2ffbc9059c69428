"""Letting people in: a link to hand on, or invitations to many addresses at once."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from annotation.core.addresses import addresses
from annotation.core.errors import AlignUIError, Invalid
from annotation.models import Invitation
from annotation.selectors.access import invitation_for_lead
from annotation.services.invitations import (
    invitation_create,
    invitation_extend,
    invitation_revoke,
    invitations_create,
)
from annotation.tasks import enqueue_invitation
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led
from annotation.web.lead_people import people_answer, pool_chosen


@signed_in
@require_POST
@never_cache
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the link in the answer itself: its secret is stored nowhere."""
    project, user = led(request, slug), person(request)
    try:
        written = addresses(request.POST.get("email", ""), field="email")
        if len(written) > 1:
            raise Invalid(
                _("One address makes one link."), field="email",
                hint=_("Invite several by e-mail, below."),
            )  # fmt: skip
        invitation, token = invitation_create(
            actor=user,
            pool=pool_chosen(user, project, request.POST.get("pool", "")),
            role=request.POST.get("role", ""),
            email=written[0] if written else "",
            days=_days(request.POST.get("days", "")),
        )
    except AlignUIError as error:
        return people_answer(request, project, error=error, error_place="invite")
    link = request.build_absolute_uri(reverse("annotation:invitation", args=[token]))
    return people_answer(request, project, link=link, invitation=invitation)


@signed_in
@require_POST
def invite_many(request: HttpRequest, slug: str) -> HttpResponse:
    """One invitation for each address that was pasted; workers send them."""
    project, user = led(request, slug), person(request)
    try:
        with transaction.atomic():
            written = addresses(request.POST.get("emails", ""))
            made = invitations_create(
                actor=user,
                pool=pool_chosen(user, project, request.POST.get("pool", "")),
                emails=written,
                role=request.POST.get("role", ""),
                days=_days(request.POST.get("days", "")),
            )
            _send(request, made)
    except AlignUIError as error:
        return people_answer(request, project, error=error, error_place="many")
    words = ngettext("%(n)s invitation is on its way.", "%(n)s invitations are on their way.",
                     len(made)) % {"n": len(made)}  # fmt: skip
    if passed_over := len(written) - len(made):
        more = ngettext(
            "%(n)s address was invited already.", "%(n)s addresses were invited already.",
            passed_over,
        )  # fmt: skip
        words = f"{words} {more % {'n': passed_over}}"
    return done(request, words, "annotation:people", slug)


@signed_in
@require_POST
def invitation_again(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    """Sends a fresh link to the same address; the one before it stops working."""
    project, user = led(request, slug), person(request)
    invitation = invitation_for_lead(user=user, invitation_id=invitation_id)
    with transaction.atomic():
        _send(request, [invitation_extend(actor=user, invitation=invitation)])
    return done(request, _("A fresh link is on its way."), "annotation:people", project.slug)


@signed_in
@require_POST
def invitation_withdraw(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    project, user = led(request, slug), person(request)
    invitation = invitation_for_lead(user=user, invitation_id=invitation_id)
    invitation_revoke(actor=user, invitation=invitation)
    return done(request, _("The invitation no longer works."), "annotation:people", project.slug)


def _send(request: HttpRequest, invitations: Iterable[Invitation]) -> None:
    """Hands each to the workers once it is certain that it exists."""
    site = request.build_absolute_uri("/").rstrip("/")
    for invitation in invitations:
        transaction.on_commit(partial(enqueue_invitation, invitation.pk, site))


def _days(written: str) -> int:
    if not (written.isdecimal() and len(written) <= 3):
        raise Invalid(_("Say for how many days."), field="days")
    return int(written)
