"""Who works here, how they work, and who may come in."""

from collections.abc import Callable
from statistics import median

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid, NotFound
from annotation.core.figures import Interval, Table, interval_table
from annotation.models import Membership, Pool, Project, User
from annotation.selectors.access import (
    invitation_for_lead,
    membership_for_lead,
    pool_for_lead,
    pools_led,
)
from annotation.selectors.people import PersonRow, invitations_open, people_table
from annotation.services.invitations import invitation_create, invitation_revoke
from annotation.services.people import membership_set, membership_state_set
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, done, go, led, page

PAGE_SIZE = 50
FEW = 10

SORTS: dict[str, Callable[[PersonRow], tuple[bool, float]]] = {
    "judged": lambda row: (False, -row.n),
    "agreement": lambda row: _missing_last(row.agreement.value),
    "ties": lambda row: _missing_last(row.ties.value, -1),
    "first": lambda row: _missing_last(
        None if row.first.value is None else abs(row.first.value - 0.5), -1
    ),
    "time": lambda row: _missing_last(row.median_seconds),
    "recent": lambda row: _missing_last(
        row.last_judged_at.timestamp() if row.last_judged_at else None, -1
    ),
}


@signed_in
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    return _people(request, led(request, slug))


@signed_in
@require_safe
def member(request: HttpRequest, slug: str, user_id: int) -> HttpResponse:
    """One person's figures in the project, and what the lead may do about them."""
    project = led(request, slug)
    row = next((r for r in people_table(project) if r.user.pk == user_id), None)
    if row is None:
        raise NotFound(_("There is no such person in this project."))
    figures = _figures_of(row)
    return page(
        request,
        "lead/person.html",
        project,
        tables=[interval_table("figures", str(row.user), figures, "share")],
        row=row,
        figures=figures,
        memberships=row.memberships,
        led_pools={pool.pk for pool in pools_led(person(request))},
        roles=Membership.Role.choices,
    )


@signed_in
@require_POST
@never_cache
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the link in the answer itself: its secret is stored nowhere."""
    project = led(request, slug)
    user = person(request)
    try:
        pool = _pool(user, project, request.POST.get("pool", ""))
        invitation, token = invitation_create(
            actor=user,
            pool=pool,
            role=request.POST.get("role", ""),
            email=request.POST.get("email", "").strip(),
            days=_days(request.POST.get("days", "")),
        )
    except AlignUIError as error:
        return _people(request, project, error=error)
    link = request.build_absolute_uri(reverse("annotation:invitation", args=[token]))
    return _people(request, project, link=link, invitation=invitation)


@signed_in
@require_POST
def invitation_withdraw(request: HttpRequest, slug: str, invitation_id: int) -> HttpResponse:
    project = led(request, slug)
    user = person(request)
    invitation = invitation_for_lead(user=user, invitation_id=invitation_id)
    invitation_revoke(actor=user, invitation=invitation)
    return done(request, _("The invitation no longer works."), "annotation:people", project.slug)


@signed_in
@require_POST
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Lets somebody who has an account into one of the project's pools."""
    project = led(request, slug)
    username = request.POST.get("username", "").strip()
    try:
        pool = _pool(person(request), project, request.POST.get("pool", ""))
        user = User.objects.filter(username__iexact=username, is_active=True).first()
        if user is None:
            raise Invalid(
                _("Nobody here is called “%(name)s”.") % {"name": username},
                field="username",
                hint=_("Invite them instead."),
            )
        role = request.POST.get("role", "")
        membership_set(actor=person(request), pool=pool, user=user, role=role)
    except AlignUIError as error:
        return _people(request, project, error=error)
    words = _("%(user)s is in.") % {"user": user}
    return done(request, words, "annotation:people", slug)


@signed_in
@require_POST
def member_change(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """A new role or a new state; the way back is to the person's page."""
    project = led(request, slug)
    user = person(request)
    membership = membership_for_lead(user=user, membership_id=membership_id)
    get_object_or_404(project.pools, pk=membership.pool_id)
    if "state" in request.POST:
        changed = membership_state_set(
            actor=user, membership=membership, state=request.POST["state"]
        )
        words = _("%(user)s is now %(state)s.") % {
            "user": changed.user,
            "state": changed.get_state_display().lower(),
        }
    else:
        role = request.POST.get("role", "")
        changed = membership_set(actor=user, pool=membership.pool, user=membership.user, role=role)
        words = _("%(user)s is now %(role)s.") % {
            "user": changed.user,
            "role": changed.get_role_display().lower(),
        }
    if not project.pools.filter(pk__in=pools_led(user)).exists():
        return go(request, "annotation:home")
    return done(request, words, "annotation:person", slug, membership.user_id)


def _people(
    request: HttpRequest,
    project: Project,
    *,
    error: AlignUIError | None = None,
    **context: object,
) -> HttpResponse:
    rows = people_table(project)
    sort = chosen(request.GET, "sort", list(SORTS), "judged")
    ordered = sorted(rows, key=SORTS[sort])
    pools = pools_led(person(request)).filter(projects=project)
    return page(
        request,
        "lead/people.html",
        project,
        tables=[_table(rows)],
        status=error.status if error else 200,
        sentence=_sentence(rows),
        paged=Paginator(ordered, PAGE_SIZE).get_page(request.GET.get("page")),
        sort=sort,
        pools=pools,
        all_pools=project.pools.all(),
        roles=Membership.Role.choices,
        invitations=invitations_open(project),
        given=request.POST if error else {},
        error=error,
        **context,
    )


def _sentence(rows: list[PersonRow]) -> str:
    judged = [row for row in rows if row.n]
    if not judged:
        return _("Nobody has judged yet.")
    words = ngettext("%(n)s person has judged", "%(n)s people have judged", len(judged))
    told = [r.agreement.value for r in judged if r.agreement.value is not None]
    sentence = words % {"n": f"{len(judged):,}"}
    if not told:
        return _("%(who)s; nobody shares a comparison with two others yet.") % {"who": sentence}
    middle = median(told)
    far = [
        r
        for r in judged
        if r.agreement.high is not None and r.agreement.high < middle and r.agreement.n >= FEW
    ]
    sentence = _("%(who)s; the median goes with the others' majority %(share)s of the time.") % {
        "who": sentence,
        "share": f"{100 * middle:.0f}%",
    }
    if not far:
        return sentence
    below = ngettext("%(n)s is clearly below.", "%(n)s are clearly below.", len(far))
    return f"{sentence} {below % {'n': len(far)}}"


def _figures_of(row: PersonRow) -> list[Interval]:
    shares = (
        (_("Agrees with the others' majority"), row.agreement, _("No comparison shared yet.")),
        (_("Says “no difference”"), row.ties, _("Nothing judged yet.")),
        (_("Prefers what was shown first"), row.first, _("It is not recorded what stood first.")),
        (_("Right on gold"), row.gold, _("No gold judged yet.")),
    )
    return [
        Interval(
            label, share.value, share.low, share.high, share.n,
            note=note if share.value is None else "",
        )
        for label, share, note in shares
    ]  # fmt: skip


def _table(rows: list[PersonRow]) -> Table:
    columns = (
        "person", "kind", "roles", "judged", "agreement", "agreement_low", "agreement_high",
        "agreement_n", "ties", "ties_low", "ties_high", "first", "first_low", "first_high",
        "first_n", "median_seconds", "gold", "gold_n", "last_judged_at",
    )  # fmt: skip
    return Table(
        "people",
        _("People"),
        columns,
        tuple(
            (
                r.user.username, r.user.kind, " ".join(r.roles), r.n,
                r.agreement.value, r.agreement.low, r.agreement.high, r.agreement.n,
                r.ties.value, r.ties.low, r.ties.high, r.first.value, r.first.low, r.first.high,
                r.first.n, r.median_seconds, r.gold.value, r.gold.n,
                r.last_judged_at.isoformat() if r.last_judged_at else None,
            )
            for r in rows
        ),
    )  # fmt: skip


def _pool(user: User, project: Project, written: str) -> Pool:
    """One of the project's pools that the user leads."""
    if not written.isdecimal():
        raise Invalid(_("Choose a pool."), field="pool")
    pool = pool_for_lead(user=user, pool_id=int(written))
    if not project.pools.filter(pk=pool.pk).exists():
        raise Invalid(_("That pool does not serve this project."), field="pool")
    return pool


def _days(written: str) -> int:
    if not (written.isdecimal() and len(written) <= 3):
        raise Invalid(_("Say for how many days."), field="days")
    return int(written)


def _missing_last(value: float | None, sign: int = 1) -> tuple[bool, float]:
    return (value is None, sign * (value or 0.0))
