"""Coming in, going out, and one's own account."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from annotation.core.errors import AlignUIError
from annotation.models import User
from annotation.services.invitations import invitation_accept, invitation_open
from annotation.services.people import language_set
from annotation.services.sign_ins import (
    sign_in_blocked_until,
    sign_in_failed,
    sign_in_succeeded,
)
from annotation.web.requests import Request

THEMES = ("auto", "light", "dark")
KEPT_SECONDS = 365 * 24 * 60 * 60

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponseBase]


def signed_in(view: View[P]) -> View[P]:
    """Only for who is signed in; others go to the sign-in page, and htmx takes the whole page."""

    @wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.htmx:
            target = request.htmx.current_url_abs_path or reverse("annotation:home")
            answer = HttpResponse(status=204)
            answer["HX-Redirect"] = redirect_to_login(target).url
            return answer
        return redirect_to_login(request.get_full_path())

    return guarded


def person(request: HttpRequest) -> User:
    """The signed-in user; to be asked inside a view that is `signed_in`."""
    return cast(User, request.user)


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: Request) -> HttpResponse:
    target = _safe_target(request)
    if request.user.is_authenticated and request.method != "POST":
        return redirect(target)
    if request.method != "POST":
        return render(request, "annotation/sign_in.html", {"next": target})
    username, address = request.POST.get("username", "").strip(), address_of(request)
    now = timezone.now()
    if until := sign_in_blocked_until(username=username, address=address, now=now):
        return _blocked(request, username, target, until)
    user = authenticate(request, username=username, password=request.POST.get("password", ""))
    if isinstance(user, User):
        sign_in_succeeded(username=username)
        login(request, user)
        return in_own_language(redirect(target), user)
    sign_in_failed(username=username, address=address, now=now)
    error = _("The user name and the password do not belong together.")
    context = {"next": target, "username": username, "error": error}
    return render(request, "annotation/sign_in.html", context, status=422)


@require_POST
def sign_out(request: Request) -> HttpResponse:
    logout(request)
    return redirect("annotation:sign-in")


@never_cache
@sensitive_post_parameters("password")
def invitation(request: Request, token: str) -> HttpResponse:
    context: dict[str, object] = {"invitation": invitation_open(token=token)}
    if request.user.is_authenticated:
        return render(request, "annotation/invitation.html", context)
    if request.method == "POST":
        given = {name: request.POST.get(name, "") for name in ("username", "name")}
        try:
            user = invitation_accept(
                token=token, password=request.POST.get("password", ""), **given
            )
        except AlignUIError as error:
            context |= {"error": error, "given": given}
            return render(request, "annotation/invitation.html", context, status=error.status)
        login(request, user)
        messages.success(request, _("Welcome. This is where your work appears."))
        return redirect("annotation:home")
    return render(request, "annotation/invitation.html", context)


@require_POST
def language(request: Request) -> HttpResponse:
    """The language of the pages: kept with the user, and in the browser for the sign-in page."""
    chosen = request.POST.get("language", "")
    answer = redirect(_safe_target(request, request.META.get("HTTP_REFERER", "")))
    if request.user.is_authenticated:
        language_set(user=person(request), language=chosen)
    elif chosen and chosen not in dict(settings.LANGUAGES):
        return answer
    return _in_language(answer, chosen)


@require_POST
def theme(request: Request) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    answer = redirect(_safe_target(request, request.META.get("HTTP_REFERER", "")))
    if chosen in THEMES:
        answer.set_cookie(
            "theme", chosen, max_age=KEPT_SECONDS, samesite="Lax", secure=settings.BEHIND_TLS
        )
    return answer


def in_own_language(answer: HttpResponse, user: User) -> HttpResponse:
    """The browser takes the language that the user once chose, if any."""
    return _in_language(answer, user.language) if user.language else answer


def _in_language(answer: HttpResponse, language: str) -> HttpResponse:
    name = settings.LANGUAGE_COOKIE_NAME
    if not language:
        answer.delete_cookie(name, samesite="Lax")
        return answer
    answer.set_cookie(
        name, language, max_age=KEPT_SECONDS, samesite="Lax", secure=settings.BEHIND_TLS
    )
    return answer


class TooMany(AlignUIError):
    """Tried too often for now."""

    status = 429


def too_many(until: datetime) -> TooMany:
    minutes = _minutes(until)
    words = ngettext(
        "There were too many attempts. Try again in %(n)s minute, at %(time)s.",
        "There were too many attempts. Try again in %(n)s minutes, at %(time)s.",
        minutes,
    )
    return TooMany(words % {"n": minutes, "time": date_format(timezone.localtime(until), "H:i")})


def _blocked(request: Request, username: str, target: str, until: datetime) -> HttpResponse:
    error = too_many(until)
    context = {"next": target, "username": username, "error": error}
    answer = render(request, "annotation/sign_in.html", context, status=error.status)
    answer["Retry-After"] = str(_minutes(until) * 60)
    return answer


def _minutes(until: datetime) -> int:
    return max(math.ceil((until - timezone.now()) / timedelta(minutes=1)), 1)


def address_of(request: Request) -> str:
    """Whence a request comes; behind a proxy, what the proxy says last. A socket has none."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_TLS else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


def _safe_target(request: Request, target: str = "") -> str:
    """Where to go next: an address of ours that was asked for, else home."""
    target = target or request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)
