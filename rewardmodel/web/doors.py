"""What the machine half's pages share; it may not borrow from the people half's pages."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from annotation.core.figures import Table
from annotation.models import Project, Run, User
from annotation.selectors.access import project_for_lead, project_for_viewer, projects_led
from rewardmodel.tasks import enqueue

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def signed_in(view: View[P]) -> View[P]:
    """Only for who is signed in; a poll of a page that was signed out leads to the sign-in page."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        htmx = getattr(request, "htmx", None)
        if not htmx:
            return redirect_to_login(request.get_full_path())
        target = htmx.current_url_abs_path or reverse("annotation:home")
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = redirect_to_login(target).url
        return answer

    return cast("View[P]", guarded)


def person(request: HttpRequest) -> User:
    """Whoever is signed in; behind `signed_in` there is somebody."""
    return cast(User, request.user)


def looked_at(request: HttpRequest, slug: str) -> Project:
    """The project for who may see how it goes."""
    return project_for_viewer(user=person(request), slug=slug)


def led(request: HttpRequest, slug: str) -> Project:
    """The project for who may change it."""
    return project_for_lead(user=person(request), slug=slug)


def page(
    request: HttpRequest,
    template: str,
    project: Project,
    *,
    tables: Sequence[Table] = (),
    **context: object,
) -> HttpResponse:
    """The page; or, with ?csv=KEY, one of its tables as a file."""
    for table in tables:
        if table.key == request.GET.get("csv"):
            answer = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
            name = f"{project.slug}-{table.key}.csv"
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
            return answer
    context |= {
        "project": project,
        "is_lead": projects_led(person(request)).filter(pk=project.pk).exists(),
        "tables": {table.key: table for table in tables},
    }
    return render(request, template, context)


def asked(request: HttpRequest, run: Run, words: str, to: str) -> HttpResponse:
    """Sends the run once it is certain that it exists, says so, and goes back to its page."""
    transaction.on_commit(lambda: enqueue(run))
    messages.success(request, words)
    return redirect(to, run.project.slug)
