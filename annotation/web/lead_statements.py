"""What people earned in a period: a page for leads, one for oneself; CSV and JSON of both."""

from collections.abc import Collection, Mapping
from datetime import date
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.core.errors import Invalid
from annotation.core.statements import Line, Period, statement_table, totals
from annotation.models import Project, User
from annotation.selectors.statements import (
    last_month,
    projects_worked,
    statement,
    statement_data,
    this_month,
)
from annotation.web.auth import person, signed_in
from annotation.web.lead import led, page

PAGE_SIZE = 100


@signed_in
@require_safe
def project_statement(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    answer = _answer(request, [project], None, name=project.slug)
    if isinstance(answer, HttpResponse):
        return answer
    return page(request, "lead/statement.html", project, tables=(), status=200, **answer)


@signed_in
@require_safe
def own_statement(request: HttpRequest) -> HttpResponse:
    """What somebody has earned themselves, in all projects in which they have worked."""
    user = person(request)
    answer = _answer(request, list(projects_worked(user)), user, name="my")
    if isinstance(answer, HttpResponse):
        return answer
    return render(request, "annotation/earnings.html", answer)


def _answer(
    request: HttpRequest, projects: Collection[Project], user: User | None, *, name: str
) -> HttpResponse | dict[str, object]:
    """A file where one is asked for, else what the page shows."""
    period, error = _period(request.GET)
    lines = statement(projects, period, user=user)
    wanted = request.GET.get("format", "")
    if not error and wanted == "csv":
        file = HttpResponse(statement_table(lines).csv(), content_type="text/csv; charset=utf-8")
    elif not error and wanted == "json":
        file = JsonResponse(statement_data(period, lines), json_dumps_params={"indent": 2})
    else:
        return _shown(request, period, lines) | {"error": error}
    stem = f"{name}-statement-{period.first:%Y-%m-%d}-{period.last:%Y-%m-%d}"
    file["Content-Disposition"] = f'attachment; filename="{stem}.{wanted}"'
    return file


def _shown(request: HttpRequest, period: Period, lines: list[Line]) -> dict[str, object]:
    days = urlencode({"since": period.first.isoformat(), "until": period.last.isoformat()})
    return {
        "period": period,
        "period_query": days,
        "page_query": f"{days}&",
        "totals": totals(lines),
        "this_month": this_month(),
        "last_month": last_month(),
        "n_people": len({line.user_id for line in lines}),
        "paged": Paginator(lines, PAGE_SIZE).get_page(request.GET.get("page")),
    }


def _period(query: Mapping[str, str]) -> tuple[Period, Invalid | None]:
    """The period that is asked for; this month, with what is wrong, where it cannot be read."""
    usual = this_month()
    try:
        first = _day(query.get("since", ""), usual.first, "since")
        return Period(first, _day(query.get("until", ""), max(first, usual.last), "until")), None
    except Invalid as error:
        return usual, error


def _day(written: str, usual: date, field: str) -> date:
    if not written:
        return usual
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        words = _("“%(text)s” is no day; write 2026-01-31.") % {"text": written[:20]}
        raise Invalid(words, field=field) from error
