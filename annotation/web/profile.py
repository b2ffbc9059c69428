"""One's own account: name, language, password, tokens, and what one says about oneself."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.models import SelfDescription
from annotation.services.people import api_token_create, api_token_revoke, password_change
from annotation.services.self_descriptions import self_description_save, self_description_withdraw
from annotation.web.auth import person, signed_in
from annotation.web.requests import Request

AGE_BANDS = {
    SelfDescription.AgeBand.UNDER_25: gettext_lazy("18 to 24"),
    SelfDescription.AgeBand.UNDER_35: gettext_lazy("25 to 34"),
    SelfDescription.AgeBand.UNDER_45: gettext_lazy("35 to 44"),
    SelfDescription.AgeBand.UNDER_55: gettext_lazy("45 to 54"),
    SelfDescription.AgeBand.UNDER_65: gettext_lazy("55 to 64"),
    SelfDescription.AgeBand.OLDER: gettext_lazy("65 or older"),
}
FIELDS = ("age_band", "gender", "region", "first_languages", "expertise")
LISTS = ("first_languages", "expertise")


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


@signed_in
@require_POST
def describe(request: Request) -> HttpResponse:
    """Keeps what somebody chose to say about themselves; each field may stay empty."""
    given = {name: request.POST.get(name, "") for name in FIELDS}
    try:
        kept = self_description_save(
            user=person(request),
            age_band=given["age_band"],
            gender=given["gender"],
            region=given["region"],
            first_languages=_listed(given["first_languages"]),
            expertise=_listed(given["expertise"]),
        )
    except AlignUIError as error:
        return _profile(request, said_error=error, said=given)
    if kept is None:
        messages.success(request, _("Nothing is kept about you."))
    else:
        messages.success(request, _("Thank you. What you said is saved."))
    return redirect("annotation:profile")


@signed_in
@require_POST
def withdraw(request: Request) -> HttpResponse:
    self_description_withdraw(user=person(request))
    messages.success(request, _("What you said about yourself is deleted."))
    return redirect("annotation:profile")


def _profile(
    request: HttpRequest,
    password_error: AlignUIError | None = None,
    token_error: AlignUIError | None = None,
    said_error: AlignUIError | None = None,
    **context: object,
) -> HttpResponse:
    error = password_error or token_error or said_error
    user = person(request)
    description = SelfDescription.objects.filter(user=user).first()
    tokens = user.api_tokens.filter(revoked_at__isnull=True).order_by("-created_at")
    context = {
        "tokens": tokens,
        "password_error": password_error,
        "token_error": token_error,
        "said_error": said_error,
        "age_bands": AGE_BANDS.items(),
        "languages": settings.LANGUAGES,
        "description": description,
        "said": _said(description),
    } | context
    return render(
        request, "annotation/profile.html", context, status=error.status if error else 200
    )


def _listed(text: str) -> list[str]:
    return text.replace(";", ",").split(",")


def _said(description: SelfDescription | None) -> dict[str, str]:
    if description is None:
        return {}
    said = {name: getattr(description, name) for name in FIELDS}
    return {name: ", ".join(value) if name in LISTS else value for name, value in said.items()}
