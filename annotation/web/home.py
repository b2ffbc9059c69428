"""What is open for an annotator, and the guideline of a project."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from annotation.core.rendering import render_markdown
from annotation.models import Criterion
from annotation.selectors.access import project_for_annotator, projects_led
from annotation.selectors.standing import drafts_begun, standing
from annotation.selectors.work import annotator_home, question_of
from annotation.services.people import tour_finish
from annotation.web.auth import person, signed_in
from annotation.web.requests import Request

MOST_DRAFTS = 10


@signed_in
@require_safe
def home(request: Request) -> HttpResponse:
    user = person(request)
    works = sorted(annotator_home(user), key=lambda work: work.n_open == 0)
    standings = [standing(user, work.project) for work in works]
    context = {
        "works": list(zip(works, standings, strict=True)),
        "n_open": sum(work.n_open for work in works),
        "n_today": sum(each.today for each in standings),
        "tells_agreement": any(each.agreement.n for each in standings),
        "drafts": drafts_begun(user)[:MOST_DRAFTS],
        "led": projects_led(user),
    }
    return render(request, "annotation/home.html", context)


@signed_in
@require_safe
def guidelines(request: Request, slug: str) -> HttpResponse:
    project = project_for_annotator(user=person(request), slug=slug)
    criteria = [
        (criterion.name, render_markdown(criterion.guideline))
        for criterion in project.criteria.all()
        if criterion.guideline or criterion.key != Criterion.OVERALL
    ]
    context = {
        "project": project,
        "question": question_of(project),
        "guideline_html": render_markdown(project.guideline),
        "criteria": criteria,
    }
    return render(request, "annotation/guidelines.html", context)


@signed_in
@require_POST
def toured(request: Request) -> HttpResponse:
    """The tour was seen or left: it does not begin by itself again."""
    tour_finish(user=person(request))
    return HttpResponse(status=204)
