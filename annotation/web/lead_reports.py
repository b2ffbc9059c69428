"""What leaves: released datasets, each with its card."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.rendering import render_markdown
from annotation.core.row_weights import CONSENSUS, OFF
from annotation.models import Run
from annotation.selectors import reports
from annotation.selectors.access import export_for_lead
from annotation.selectors.disputes import decisions_in_force
from annotation.selectors.judgments import live
from annotation.selectors.overview import latest_runs
from annotation.services.exports import archive_path
from annotation.services.runs import run_create
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, page, send


@signed_in
@require_safe
def exports(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    n_people = live(project).count()
    return page(
        request,
        "lead/exports.html",
        project,
        exports=reports.exports(project),
        n_people=n_people,
        n_quarantined=live(project, with_quarantined=True).count() - n_people,
        n_decided=decisions_in_force(project).count(),
        n_simulated=live(project, include_simulated=True).count() - n_people,
        run=latest_runs(project).get(Run.Kind.EXPORT),
    )


@signed_in
@require_POST
def export_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    params = {
        "include_simulated": "include_simulated" in request.POST,
        "is_majority": request.POST.get("rows") == "majority",
        "follows_adjudication": "beside" not in request.POST,
        "weights": CONSENSUS if "weights" in request.POST else OFF,
        "with_quarantined": "with_quarantined" in request.POST,
    }
    run = run_create(actor=person(request), project=project, kind=Run.Kind.EXPORT, params=params)
    send(run)
    return done(request, _("The release is being written."), "annotation:exports", slug)


@signed_in
@require_safe
def export_card(request: HttpRequest, export_id: int) -> HttpResponse:
    export = export_for_lead(user=person(request), export_id=export_id)
    return page(
        request,
        "lead/export.html",
        export.project,
        export=export,
        card_html=render_markdown(_without_front_matter(export.card)),
    )


@signed_in
@require_safe
def export_download(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """The release as one zip file, named by its row and never by what was asked for."""
    export = export_for_lead(user=person(request), export_id=export_id)
    path = archive_path(export)
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{export.project.slug}-export-{export.pk}.zip",
        content_type="application/zip",
    )


def _without_front_matter(card: str) -> str:
    """The card's text; its YAML head is for programs."""
    if not card.startswith("---\n"):
        return card
    return card.split("\n---\n", 1)[-1]
