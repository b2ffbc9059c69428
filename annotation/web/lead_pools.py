"""Pools: who serves the project, and one pool's terms, hours, pay and platform."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.core.crowd import entry_query
from annotation.core.errors import AlignUIError, Invalid, NotFound
from annotation.core.statements import rate_words
from annotation.models import Pool, Project
from annotation.selectors.access import pool_for_lead
from annotation.selectors.pools import invitations, pool_lines, pools_to_add
from annotation.services.pools import (
    PoolTerms,
    entry_link_close,
    entry_link_draw,
    pool_create,
    pool_serve,
    pool_update,
)
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, page

WEEKDAYS = (
    (1, gettext_lazy("Mon")), (2, gettext_lazy("Tue")), (3, gettext_lazy("Wed")),
    (4, gettext_lazy("Thu")), (5, gettext_lazy("Fri")), (6, gettext_lazy("Sat")),
    (7, gettext_lazy("Sun")),
)  # fmt: skip
LISTS = ("languages", "skills")
WHOLES = ("daily_quota", "total_quota", "harmful_daily_cap")
CLOCKS = ("works_from", "works_until")
AMOUNTS = ("pay_per_judgment", "pay_per_hour")
WORDS = (
    "name", "description", "time_zone", "pay_currency", "platform", "completion_code", "return_url",
)  # fmt: skip


@signed_in
@require_safe
def pools(request: HttpRequest, slug: str) -> HttpResponse:
    return _pools(request, led(request, slug))


@signed_in
@require_POST
def pool_new(request: HttpRequest, slug: str) -> HttpResponse:
    """A pool that serves the project: a new one, or another one that the lead leads."""
    project, user = led(request, slug), person(request)
    written = request.POST.get("pool", "")
    try:
        if written.isdecimal():
            pool = pool_for_lead(user=user, pool_id=int(written))
            pool_serve(actor=user, pool=pool, project=project)
        else:
            name = request.POST.get("name", "")
            pool = pool_create(actor=user, name=name, project=project)
    except AlignUIError as error:
        return _pools(request, project, error=error)
    words = _("The pool serves this project.")
    return done(request, words, "annotation:pool", slug, pool.pk)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def pool(request: HttpRequest, slug: str, pool_id: int) -> HttpResponse:
    """What the pool asks and pays. A form that is refused comes back as it was filled in."""
    project, found = _found(request, slug, pool_id)
    if request.method != "POST":
        return _pool(request, project, found)
    try:
        pool_update(actor=person(request), pool=found, terms=read_terms(request.POST))
    except AlignUIError as error:
        return _pool(request, project, found, error=error)
    return done(request, _("The pool is saved."), "annotation:pool", slug, pool_id)


@signed_in
@require_POST
@never_cache
def entry_link(request: HttpRequest, slug: str, pool_id: int) -> HttpResponse:
    """Draws the link for the platform, shown in the answer only, or closes it."""
    project, found = _found(request, slug, pool_id)
    if "close" in request.POST:
        entry_link_close(actor=person(request), pool=found)
        words = _("Nobody comes in by the link any more.")
        return done(request, words, "annotation:pool", slug, pool_id)
    try:
        token = entry_link_draw(actor=person(request), pool=found)
    except AlignUIError as error:
        return _pool(request, project, found, error=error)
    found.refresh_from_db()
    link = request.build_absolute_uri(reverse("annotation:join", args=[token]))
    return _pool(request, project, found, link=f"{link}?{entry_query(found.platform)}")


def read_terms(post: QueryDict) -> PoolTerms:
    """What was sent. Raises Invalid naming the field that cannot be read."""
    values: dict[str, Any] = {name: post.get(name, "") for name in WORDS}
    values |= {name: tuple(post.get(name, "").split(",")) for name in LISTS}
    values |= {name: _whole(post, name) for name in WHOLES}
    values |= {name: _clock(post, name) for name in CLOCKS}
    values |= {name: _amount(post, name) for name in AMOUNTS}
    days = tuple(int(day) for day in post.getlist("works_on") if day in set("1234567"))
    return PoolTerms(**values, works_on=days)


def _found(request: HttpRequest, slug: str, pool_id: int) -> tuple[Project, Pool]:
    project = led(request, slug)
    found = pool_for_lead(user=person(request), pool_id=pool_id)
    if not project.pools.filter(pk=found.pk).exists():
        raise NotFound(_("That pool does not serve this project."))
    return project, found


def _pools(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    user = person(request)
    return page(
        request,
        "lead/pools.html",
        project,
        status=error.status if error else 200,
        lines=pool_lines(project, user),
        others=pools_to_add(project, user),
        given=request.POST,
        errors={error.field or "all": str(error)} if error else {},
    )


def _pool(
    request: HttpRequest,
    project: Project,
    found: Pool,
    *,
    error: AlignUIError | None = None,
    link: str = "",
) -> HttpResponse:
    sent = error is not None and "name" in request.POST
    found_invitations = invitations(found)
    return page(
        request,
        "lead/pool.html",
        project,
        status=error.status if error else 200,
        pool=found,
        given=_sent(request.POST) if sent else _stored(found),
        errors={error.field or "all": str(error)} if error else {},
        link=link,
        weekdays=WEEKDAYS,
        platforms=[("", _("None: people are invited")), *Pool.Platform.choices],
        time_zones=sorted(available_timezones()),
        default_zone=settings.TIME_ZONE,
        invitations=found_invitations[:100],
        n_invitations=found_invitations.count(),
        now=timezone.now(),
    )


def _sent(post: QueryDict) -> Mapping[str, object]:
    days = [int(day) for day in post.getlist("works_on") if day in set("1234567")]
    return {**post.dict(), "works_on": days}


def _stored(pool: Pool) -> Mapping[str, object]:
    values: dict[str, object] = {name: getattr(pool, name) for name in (*WORDS, *WHOLES)}
    values |= {name: ", ".join(getattr(pool, name)) for name in LISTS}
    for name in CLOCKS:
        clock: time | None = getattr(pool, name)
        values[name] = f"{clock:%H:%M}" if clock else ""
    for name in AMOUNTS:
        amount: Decimal | None = getattr(pool, name)
        values[name] = rate_words(amount)
    return {**values, "works_on": list(pool.works_on)}


def _whole(post: QueryDict, name: str) -> int | None:
    written = post.get(name, "").strip()
    if not written:
        return None
    if not (written.isascii() and written.isdecimal() and len(written) < 10):
        raise Invalid(_("A whole number is wanted here."), field=name)
    return int(written)


def _clock(post: QueryDict, name: str) -> time | None:
    written = post.get(name, "").strip()
    if not written:
        return None
    try:
        return time.fromisoformat(written).replace(tzinfo=None)
    except ValueError as error:
        raise Invalid(_("Write the time as 09:00."), field=name) from error


def _amount(post: QueryDict, name: str) -> Decimal | None:
    written = post.get(name, "").strip().replace(",", ".")
    if not written:
        return None
    try:
        return Decimal(written)
    except InvalidOperation as error:
        raise Invalid(_("Write an amount as 0.15."), field=name) from error
