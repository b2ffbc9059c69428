"""The door for people of a crowd platform: the entry link of a pool, with the platform's ids.

Looking at the page changes nothing, so that previews of a link make no accounts; Begin signs in.
"""

from django.contrib.auth import login, logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotation.core.crowd import Arrival, arrival
from annotation.core.errors import AlignUIError, Forbidden, NotFound
from annotation.models import Pool
from annotation.services.crowd import Entry, crowd_enter, entry_open
from annotation.services.sign_ins import sign_in_blocked_until, sign_in_failed
from annotation.web.auth import address_of, person, too_many
from annotation.web.requests import Request


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: Request, token: str) -> HttpResponse:
    """Says what awaits; on Begin, signs in the annotator whom the platform sent."""
    now, address = timezone.now(), address_of(request)
    name = f"join/{token[:64]}/{address}"
    if until := sign_in_blocked_until(username=name, address=address, now=now):
        return _refused(request, too_many(until))
    try:
        pool = entry_open(token=token)
        arrived = arrival(pool.platform, request.GET.dict())
        if request.method != "POST":
            return _page(request, pool, arrived)
        entry = crowd_enter(token=token, arrival=arrived)
    except AlignUIError as error:
        if isinstance(error, Forbidden | NotFound):
            sign_in_failed(username=name, address=address, now=now)
        return _refused(request, error)
    if entry.is_new:  # so that a link that has leaked does not make accounts without end
        sign_in_failed(username=f"{name}/{arrived.external_id}", address=address, now=now)
    return _begin(request, entry)


def _begin(request: Request, entry: Entry) -> HttpResponse:
    if request.user.is_authenticated and person(request).pk != entry.user.pk:
        logout(request)
    login(request, entry.user)
    return redirect("annotation:home")


def _page(request: Request, pool: Pool, arrived: Arrival) -> HttpResponse:
    context = {"pool": pool, "external_id": arrived.external_id}
    return render(request, "annotation/join.html", context)


def _refused(request: Request, error: AlignUIError) -> HttpResponse:
    return render(request, "annotation/join.html", {"error": error}, status=error.status)
