"""What the leads' pages share: who may look, who may act, a page with its CSV, asking for work."""

from collections.abc import Mapping, Sequence

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from annotation.core.figures import Table
from annotation.models import Project, Run
from annotation.selectors.access import project_for_lead, project_for_viewer, projects_led
from annotation.tasks import enqueue
from annotation.web.auth import person


def looked_at(request: HttpRequest, slug: str) -> Project:
    """The project for who may see how it goes: its leads, reviewers and viewers."""
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
    status: int = 200,
    **context: object,
) -> HttpResponse:
    """The page; or, with ?csv=KEY, one of its tables as a file."""
    wanted = request.GET.get("csv")
    for table in tables:
        if table.key == wanted:
            return csv_answer(project, table)
    context |= {
        "project": project,
        "is_lead": projects_led(person(request)).filter(pk=project.pk).exists(),
        "tables": {table.key: table for table in tables},
    }
    return render(request, template, context, status=status)


def csv_answer(project: Project, table: Table) -> HttpResponse:
    answer = HttpResponse(table.csv(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{project.slug}-{table.key}.csv"'
    return answer


def send(run: Run) -> Run:
    """Hands the run to the workers once it is certain that it exists."""
    transaction.on_commit(lambda: enqueue(run))
    return run


def done(request: HttpRequest, words: str, to: str, *args: object) -> HttpResponse:
    """Says what happened and goes on; htmx takes the whole page."""
    messages.success(request, words)
    return go(request, to, *args)


def go(request: HttpRequest, to: str, *args: object) -> HttpResponse:
    answer = redirect(to, *args)
    if not getattr(request, "htmx", False):
        return answer
    elsewhere = HttpResponse(status=204)
    elsewhere["HX-Redirect"] = answer["Location"]
    return elsewhere


def chosen(values: Mapping[str, str], name: str, allowed: Sequence[str], default: str) -> str:
    """A choice of a link or a form; anything that is not offered becomes the default."""
    value = values.get(name, default)
    return value if value in allowed else default
