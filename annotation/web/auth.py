"""Coming in, going out, and one's own account."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.models import User
from annotation.services.people import (
    api_token_create,
    api_token_revoke,
    invitation_accept,
    invitation_open,
    password_change,
)
from annotation.web.requests import Request

THEMES = ("auto", "light", "dark")
THEME_SECONDS = 365 * 24 * 60 * 60

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
    context: dict[str, object] = {"next": target}
    if request.method == "POST":
        username = request.POST.get("username", "").strip()
        user = authenticate(request, username=username, password=request.POST.get("password", ""))
        if user is not None:
            login(request, user)
            return redirect(target)
        context |= {
            "username": username,
            "error": _("The user name and the password do not belong together."),
        }
    status = 422 if "error" in context else 200
    return render(request, "annotation/sign_in.html", context, status=status)


@require_POST
def sign_out(request: Request) -> HttpResponse:
    logout(request)
    return redirect("annotation:sign-in")


@never_cache
@sensitive_post_parameters("password")
def invitation(request: Request, token: str) -> HttpResponse:
    context: dict[str, object] = {"invitation": invitation_open(token=token)}
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


@signed_in
@require_safe
def profile(request: Request) -> HttpResponse:
    return _profile(request)


@signed_in
@require_POST
def name_change(request: Request) -> HttpResponse:
    user = person(request)
    user.name = request.POST.get("name", "").strip()[:150]
    user.save(update_fields=["name"])
    messages.success(request, _("Your name is saved."))
    return redirect("annotation:profile")


@signed_in
@require_POST
@sensitive_post_parameters("current", "new")
def password(request: Request) -> HttpResponse:
    try:
        user = password_change(
            user=person(request),
            current=request.POST.get("current", ""),
            new=request.POST.get("new", ""),
        )
    except AlignUIError as error:
        return _profile(request, password_error=error)
    update_session_auth_hash(request, user)
    messages.success(request, _("Your password is changed."))
    return redirect("annotation:profile")


@signed_in
@require_POST
def token_create(request: Request) -> HttpResponse:
    """Shows the secret in the answer itself: it is stored nowhere, not even in the session."""
    try:
        token, secret = api_token_create(
            user=person(request), name=request.POST.get("token_name", "")
        )
    except AlignUIError as error:
        return _profile(request, token_error=error)
    return _profile(request, new_token=token, secret=secret)


@signed_in
@require_POST
def token_revoke(request: Request, token_id: int) -> HttpResponse:
    api_token_revoke(user=person(request), token_id=token_id)
    messages.success(request, _("The token no longer works."))
    return redirect("annotation:profile")


@require_POST
def theme(request: Request) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    answer = redirect(_safe_target(request, request.META.get("HTTP_REFERER", "")))
    if chosen in THEMES:
        answer.set_cookie(
            "theme", chosen, max_age=THEME_SECONDS, samesite="Lax", secure=settings.BEHIND_TLS
        )
    return answer


def _profile(
    request: HttpRequest,
    password_error: AlignUIError | None = None,
    token_error: AlignUIError | None = None,
    **context: object,
) -> HttpResponse:
    error = password_error or token_error
    tokens = person(request).api_tokens.filter(revoked_at__isnull=True).order_by("-created_at")
    context |= {"tokens": tokens, "password_error": password_error, "token_error": token_error}
    return render(
        request, "annotation/profile.html", context, status=error.status if error else 200
    )


def _safe_target(request: Request, target: str = "") -> str:
    """Where to go next: an address of ours that was asked for, else home."""
    target = target or request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)
