"""Long work as people see it, and the log of who did what."""

from collections.abc import Iterable

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import NotFound
from annotation.core.figures import Table
from annotation.models import AuditEntry, Project, Run
from annotation.selectors import reports
from annotation.selectors.access import run_for_lead
from annotation.services.runs import run_cancel, run_retry
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, done, go, led, looked_at, page, send

PAGE_SIZE = 30


@signed_in
@require_safe
def runs(request: HttpRequest, slug: str) -> HttpResponse:
    """The project's runs; polled by its own fragment while any of them lives."""
    project = looked_at(request, slug)
    kind = chosen(request.GET, "kind", Run.Kind.values, "")
    found = reports.runs(project, kind=kind or None)
    live = reports.runs(project).filter(state__in=Run.LIVE_STATES)
    template = "lead/runs.html#runs" if getattr(request, "htmx", False) else "lead/runs.html"
    return page(
        request,
        template,
        project,
        paged=Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        kind=kind,
        kinds=Run.Kind.choices,
        n_live=live.count(),
        sentence=_sentence(project, live.count()),
    )


@signed_in
@require_safe
def run(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    project = looked_at(request, slug)
    found = _run(project, run_id)
    template = "lead/run.html#run" if getattr(request, "htmx", False) else "lead/run.html"
    return page(request, template, project, run=found)


@signed_in
@require_safe
def run_strip(request: HttpRequest, slug: str, run_id: int) -> HttpResponse:
    """The strip of a live run; when the run has ended, the whole page has news."""
    project = looked_at(request, slug)
    found = _run(project, run_id)
    if not found.is_live:
        ended = HttpResponse(status=204)
        ended["HX-Refresh"] = "true"
        return ended
    is_led = run_for_lead_or_none(request, found) is not None
    return render(request, "lead/run_strip.html", {"run": found, "is_lead": is_led})


@signed_in
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    user = person(request)
    found = run_for_lead(user=user, run_id=run_id)
    run_cancel(actor=user, run=found)
    words = _("The run stops at its next safe place; what it has finished is kept.")
    return done(request, words, "annotation:run", found.project.slug, found.pk)


@signed_in
@require_POST
def retry(request: HttpRequest, run_id: int) -> HttpResponse:
    user = person(request)
    found = run_for_lead(user=user, run_id=run_id)
    again = send(run_retry(actor=user, run=found))
    return go(request, "annotation:run", found.project.slug, again.pk)


@signed_in
@require_safe
def activity(request: HttpRequest, slug: str) -> HttpResponse:
    """Who changed what, newest first; nobody can take a line back."""
    project = led(request, slug)
    entries = reports.audit_entries(project)
    return page(
        request,
        "lead/activity.html",
        project,
        tables=[_activity_table(entries[:10_000])] if "csv" in request.GET else (),
        paged=Paginator(entries, PAGE_SIZE).get_page(request.GET.get("page")),
        newest=entries.first(),
    )


def run_for_lead_or_none(request: HttpRequest, found: Run) -> Run | None:
    try:
        return run_for_lead(user=person(request), run_id=found.pk)
    except NotFound:
        return None


def _run(project: Project, run_id: int) -> Run:
    found = reports.runs(project).select_related("retry_of").filter(pk=run_id).first()
    if found is None:
        raise NotFound(_("There is no such run in this project."))
    return found


def _sentence(project: Project, n_live: int) -> str:
    last = reports.runs(project).first()
    if last is None:
        return _("Nothing has run yet.")
    if n_live:
        return ngettext("%(n)s run is at work.", "%(n)s runs are at work.", n_live) % {"n": n_live}
    failed = last.state == Run.State.FAILED
    return _("Nothing is running; the last run failed.") if failed else _("Nothing is running.")


def _activity_table(entries: Iterable[AuditEntry]) -> Table:
    rows = tuple(
        (e.at.isoformat(), str(e.actor or ""), e.action, e.subject, str(e.detail or ""))
        for e in entries
    )
    return Table("activity", _("Activity"), ("at", "who", "action", "what", "detail"), rows)
