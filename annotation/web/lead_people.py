"""Who works in a project: the table of everybody, and what a lead does about several of them."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid
from annotation.core.figures import Table
from annotation.models import Invitation, Membership, Pool, Project, ProjectRole, User
from annotation.selectors.access import pool_for_lead
from annotation.selectors.people import (
    SORTS,
    STATES,
    PeoplePage,
    PeopleSummary,
    Wanted,
    people_page,
    people_summary,
)
from annotation.selectors.pools import invitations_open, pools_into
from annotation.services.people import membership_set, memberships_state_set
from annotation.services.project_roles import project_role_set
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, csv_answer, done, go, led, page
from annotation.web.people_words import FLAG_WORDS, STATE_WORDS
from annotation.web.requests import Request

PAGE_SIZE = 50
LONGEST_ID = 18
THIS_PROJECT = "project"
COLUMNS = (
    "person", "name", "kind", "roles", "external_id", "state", "judged", "per_hour",
    "active_hours", "quality", "quality_low", "quality_high", "quality_n", "agreement",
    "agreement_low", "agreement_high", "agreement_n", "gold", "gold_low", "gold_high", "gold_n",
    "ties", "ties_low", "ties_high", "first", "first_low", "first_high", "first_n",
    "median_seconds", "flags", "last_judged_at",
)  # fmt: skip


@signed_in
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    if request.GET.get("csv") == "people":
        return csv_answer(project, people_table(people_page(project, wanted(request.GET))))
    return people_answer(request, project)


@signed_in
@require_POST
def members_change(request: Request, slug: str) -> HttpResponse:
    """Pauses, lets back in or removes everybody who is ticked, in the pools that the lead leads."""
    project, user = led(request, slug), person(request)
    state = request.POST.get("state", "")
    chosen_ids = [int(key) for key in request.POST.getlist("person") if _is_id(key)]
    try:
        if not chosen_ids:
            raise Invalid(_("Tick the people whom this is about."), field="person")
        memberships = Membership.objects.select_related("pool", "user").filter(
            user__in=chosen_ids, pool__in=pools_into(project, user)
        )
        n_done, refused = memberships_state_set(
            actor=user, memberships=list(memberships), state=state
        )
    except AlignUIError as error:
        return people_answer(request, project, error=error, error_place="members")
    for each in refused:
        messages.warning(request, str(each))
    _say_how_many(request, n_done, chosen_ids, memberships)
    if not pools_into(project, user).exists():
        return go(request, "annotation:home")
    return _back(request, slug)


@signed_in
@require_POST
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Lets somebody who has an account into one of the project's pools, or into the project."""
    project, user = led(request, slug), person(request)
    username = request.POST.get("username", "").strip()
    role = request.POST.get("role", "")
    try:
        known = User.objects.filter(username__iexact=username, is_active=True).first()
        if known is None:
            raise Invalid(
                _("Nobody here is called “%(name)s”.") % {"name": username[:150]},
                field="username",
                hint=_("Invite them instead."),
            )
        if request.POST.get("pool") == THIS_PROJECT:
            project_role_set(actor=user, project=project, user=known, role=role)
        else:
            pool = pool_chosen(user, project, request.POST.get("pool", ""))
            membership_set(actor=user, pool=pool, user=known, role=role)
    except AlignUIError as error:
        return people_answer(request, project, error=error, error_place="add")
    return done(request, _("%(user)s is in.") % {"user": known}, "annotation:people", slug)


def people_answer(
    request: HttpRequest,
    project: Project,
    *,
    error: AlignUIError | None = None,
    error_place: str = "",
    link: str = "",
    invitation: Invitation | None = None,
) -> HttpResponse:
    """The page, with an error at the form (`error_place`) and the field that it is about."""
    asked = wanted(request.GET)
    pools = pools_into(project, person(request))
    found, paged = _paged(project, asked, request.GET)
    return page(
        request,
        "lead/people.html",
        project,
        status=error.status if error else 200,
        sentence=_sentence(people_summary(project)),
        found=found,
        paged=paged,
        asked=asked,
        query=_query(request.GET, "page"),
        sort_query=_query(request.GET, "page", "sort", "order"),
        pools=pools,
        all_pools=project.pools.order_by("name"),
        roles=Membership.Role.choices,
        states=[(key, STATE_WORDS[key]) for key in STATES],
        flag_words=FLAG_WORDS,
        project_roles=ProjectRole.objects.filter(project=project).select_related("user"),
        invitations=invitations_open(pools),
        mail_is_set_up=settings.EMAIL_IS_SET_UP,
        given=request.POST if error else QueryDict(),
        errors={error_place: {error.field or "all": str(error)}} if error else {},
        link=link,
        invitation=invitation,
    )


def wanted(query: QueryDict) -> Wanted:
    """What the address asks for; what it does not offer is left out."""
    pool = query.get("pool", "")
    return Wanted(
        search=query.get("q", "").strip()[:150],
        pool_id=int(pool) if _is_id(pool) else None,
        state=chosen(query, "state", STATES, ""),
        role=chosen(query, "role", Membership.Role.values, ""),
        is_flagged="flagged" in query,
        sort=chosen(query, "sort", list(SORTS), "judged"),
        is_reversed=query.get("order") == "reverse",
    )


def pool_chosen(user: User, project: Project, written: str) -> Pool:
    """One of the project's pools that the user leads."""
    if not _is_id(written):
        raise Invalid(_("Choose a pool."), field="pool")
    pool = pool_for_lead(user=user, pool_id=int(written))
    if not project.pools.filter(pk=pool.pk).exists():
        raise Invalid(_("That pool does not serve this project."), field="pool")
    return pool


def people_table(found: PeoplePage) -> Table:
    return Table(
        "people",
        _("People"),
        COLUMNS,
        tuple(
            (
                r.username, r.name, r.kind, " ".join(r.roles), r.external_id, r.state, r.judged,
                r.per_hour, round(r.hours, 4), r.quality.value, r.quality.low, r.quality.high,
                r.quality.n, r.agreement.value, r.agreement.low, r.agreement.high, r.agreement.n,
                r.gold.value, r.gold.low, r.gold.high, r.gold.n, r.ties.value, r.ties.low,
                r.ties.high, r.first.value, r.first.low, r.first.high, r.first.n, r.seconds.value,
                " ".join(r.flags), r.last_judged_at.isoformat() if r.last_judged_at else None,
            )
            for r in found.rows
        ),
    )  # fmt: skip


def _paged(project: Project, asked: Wanted, query: QueryDict) -> tuple[PeoplePage, object]:
    number = query.get("page", "")
    at = max(int(number), 1) if _is_id(number) else 1
    found = people_page(project, asked, offset=(at - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    if not found.rows and found.total:
        at = -(-found.total // PAGE_SIZE)
        found = people_page(project, asked, offset=(at - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    return found, Paginator(range(found.total), PAGE_SIZE).get_page(at)


def _query(query: QueryDict, *without: str) -> str:
    """The address's parameters but for some, ready for one more."""
    kept = [(key, value) for key, value in query.items() if key not in without and value]
    return f"{urlencode(kept)}&" if kept else ""


def _back(request: HttpRequest, slug: str) -> HttpResponse:
    """To the part of the table from which the lead came."""
    kept = QueryDict(request.POST.get("back", ""))
    answer = go(request, "annotation:people", slug)
    address = f"{reverse('annotation:people', args=[slug])}?{urlencode(list(kept.items()))}"
    name = "HX-Redirect" if "HX-Redirect" in answer else "Location"
    if kept:
        answer[name] = address
    return answer


def _say_how_many(
    request: HttpRequest, n_done: int, chosen_ids: list[int], memberships: QuerySet[Membership]
) -> None:
    if n_done:
        words = ngettext("%(n)s membership is changed.", "%(n)s memberships are changed.", n_done)
        messages.success(request, words % {"n": n_done})
    outside = len(set(chosen_ids) - set(memberships.values_list("user_id", flat=True)))
    if outside:
        words = ngettext(
            "%(n)s person is in no pool that you lead: see their own page.",
            "%(n)s people are in no pool that you lead: see their own pages.",
            outside,
        )
        messages.warning(request, words % {"n": outside})


def _sentence(summary: PeopleSummary) -> str:
    if not summary.n:
        return _("Nobody has judged yet.")
    words = ngettext("%(n)s person has judged", "%(n)s people have judged", summary.n)
    who = words % {"n": f"{summary.n:,}"}
    if summary.agreement is None:
        return _("%(who)s; how they agree has not been measured yet.") % {"who": who}
    sentence = _("%(who)s; half of them agree with others on more than %(share)s of pairs.") % {
        "who": who,
        "share": f"{100 * summary.agreement:.0f}%",
    }
    if not summary.n_below:
        return sentence
    below = ngettext("%(n)s is clearly below.", "%(n)s are clearly below.", summary.n_below)
    return f"{sentence} {below % {'n': f'{summary.n_below:,}'}}"


def _is_id(written: str) -> bool:
    return written.isascii() and written.isdecimal() and len(written) <= LONGEST_ID
