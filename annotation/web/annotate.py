"""The judge page: what comes next, what is answered, what is undone.

It is one template whose fragment, DOM id and htmx target are called `comparison`: a
full page for a browser without JavaScript, the fragment alone for htmx.
"""

from functools import partial
from http import HTTPStatus
from uuid import uuid4

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Conflict, NotFound
from annotation.models import Assignment, Flag, Project
from annotation.selectors.access import (
    assignment_for_annotator,
    judgment_for_annotator,
    project_for_annotator,
)
from annotation.selectors.work import (
    annotator_home,
    draft_of,
    fresh_presentation,
    presentation,
)
from annotation.services.assignments import (
    assignment_claim,
    assignment_claim_ahead,
    assignment_renew,
    assignment_show,
    assignment_skip,
    assignment_unskip,
)
from annotation.services.drafts import draft_save
from annotation.services.judgments import (
    Submitted,
    judgment_submit_and_claim,
    judgment_withdraw,
)
from annotation.web.after import notice_html, progress_html
from annotation.web.auth import person, signed_in
from annotation.web.forms import Values, read_answer, read_draft, token_of, values_of
from annotation.web.fresh import fresh_comparison
from annotation.web.requests import Request
from annotation.web.sheet import answer_sheet
from annotation.web.standing import standing
from annotation.web.undoing import (
    NOTHING,
    Undo,
    forgotten,
    remembered,
    remembered_undo,
    undo_of_judgment,
)

LONGEST_ID = 19


@signed_in
@require_safe
@never_cache
def judge(request: Request, slug: str) -> HttpResponse:
    return _next(request, project_for_annotator(user=person(request), slug=slug))


@signed_in
@require_POST
def ahead(request: Request, assignment_id: int) -> HttpResponse:
    """The comparison that will follow, as a fragment to be kept until it is its turn."""
    user = person(request)
    shown = assignment_for_annotator(user=user, assignment_id=assignment_id)
    following = assignment_claim_ahead(annotator=user, shown=shown)
    if following is None:
        return HttpResponse(status=204)
    context = _context(request, following)
    return HttpResponse(render_to_string("annotation/judge.html#comparison", context, request))


@signed_in
@require_POST
def submit(request: Request, assignment_id: int) -> HttpResponse:
    user = person(request)
    is_amendment = "amends" in request.POST
    shows = request.POST.get("ahead", "") if request.htmx else ""
    try:
        submitted = judgment_submit_and_claim(
            annotator=user,
            assignment_id=assignment_id,
            token=token_of(request.POST),
            read=partial(read_answer, request.POST),
            amends=is_amendment,
            shows=int(shows) if shows.isdecimal() and len(shows) < LONGEST_ID else None,
            claims=bool(request.htmx) and not is_amendment,
            is_shown=not shows,
        )
    except AlignUIError as error:
        if request.htmx or error.status == HTTPStatus.NOT_FOUND:
            raise
        assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
        return _comparison(request, assignment, values=request.POST, error=error)
    if is_amendment:
        return _go(request, "annotation:history")
    undo = undo_of_judgment(submitted)
    return remembered(_after(request, submitted, undo), undo)


@signed_in
@require_POST
def draft(request: Request, assignment_id: int) -> JsonResponse:
    user = person(request)
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    try:
        saved = draft_save(annotator=user, assignment=assignment, **read_draft(request.body))
    except Conflict as error:
        return JsonResponse({"error": f"{error.message} {error.hint or ''}"}, status=error.status)
    return JsonResponse({"version": saved.version})


@signed_in
@require_POST
def skip(request: Request, assignment_id: int) -> HttpResponse:
    user = person(request)
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    assignment_skip(
        annotator=user,
        assignment=assignment,
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", "")[:2000],
    )
    project = assignment.comparison.project
    undo = Undo(project=project.pk, assignment=assignment.pk)
    return remembered(_onwards(request, project, undo), undo)


@signed_in
@require_POST
def withdraw(request: Request, judgment_id: int) -> HttpResponse:
    user = person(request)
    judgment = judgment_for_annotator(user=user, judgment_id=judgment_id)
    assignment = judgment_withdraw(annotator=user, judgment=judgment, token=token_of(request.POST))
    return _back(request, assignment)


@signed_in
@require_POST
def unskip(request: Request, assignment_id: int) -> HttpResponse:
    user = person(request)
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    return _back(request, assignment_unskip(annotator=user, assignment=assignment))


@signed_in
@require_POST
def renew(request: Request, assignment_id: int) -> HttpResponse:
    user = person(request)
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    try:
        renewed = assignment_renew(annotator=user, assignment=assignment)
    except Conflict as error:
        return JsonResponse({"error": error.message}, status=error.status)
    return JsonResponse({"expires_at": renewed.expires_at.isoformat()})


@signed_in
@require_safe
@never_cache
def amend(request: Request, judgment_id: int) -> HttpResponse:
    judgment = judgment_for_annotator(user=person(request), judgment_id=judgment_id)
    return _comparison(request, judgment.assignment)


def _next(request: Request, project: Project, undo: Undo | None = None) -> HttpResponse:
    """The comparison that the annotator holds or is given, or why there is none."""
    assignment = assignment_claim(annotator=person(request), project=project)
    if assignment is not None:
        return _comparison(request, assignment, undo=undo)
    works = annotator_home(person(request))
    work = next(work for work in works if work.project == project)
    return _render(request, {"project": project, "work": work}, undo=undo)


def _comparison(
    request: Request,
    assignment: Assignment,
    *,
    values: Values | None = None,
    error: AlignUIError | None = None,
    undo: Undo | None = None,
) -> HttpResponse:
    """One comparison, where it is refused with what was sent."""
    context = _context(request, assignment, values) | {"error": error}
    return _render(request, context, status=error.status if error else 200, undo=undo)


def _context(
    request: Request, assignment: Assignment, values: Values | None = None
) -> dict[str, object]:
    """A comparison and its sheet: filled with `values`, the draft or the last answer, in turn."""
    shown = presentation(assignment)
    draft = draft_of(assignment, shown.previous)
    kept = draft.fields if draft else values_of(shown.previous, shown)
    filled = kept if values is None else values
    return {
        "project": shown.project,
        "shown": shown,
        "sheet": answer_sheet(shown, filled),
        "draft": draft,
        "is_amendment": assignment.state == Assignment.State.SUBMITTED,
        "is_guided": request.COOKIES.get("guideline") == "pinned",
        "token": uuid4() if values is None else filled.get("token", ""),
        "skip_reasons": Assignment.SkipReason.choices,
        "flag_kinds": Flag.Kind.choices,
        **standing(request, shown.project),
    }


def _render(
    request: Request, context: dict[str, object], status: int = 200, undo: Undo | None = None
) -> HttpResponse:
    if not context.get("is_amendment"):
        project = context["project"]
        context["undo"] = remembered_undo(request, project) if undo is None else undo
    if not request.htmx:
        return render(request, "annotation/judge.html", context, status=status)
    return _fragments(request, context, "comparison", "notice")


def _fragments(request: Request, context: dict[str, object], *names: str) -> HttpResponse:
    parts = (f"annotation/judge.html#{name}" for name in names)
    return HttpResponse("".join(render_to_string(part, context, request) for part in parts))


def _after(request: Request, submitted: Submitted, undo: Undo) -> HttpResponse:
    """What follows a submit: the page shows it already, or it comes along, or it is claimed."""
    project, day, following = submitted.project, submitted.day, submitted.following
    if not request.htmx:
        return redirect("annotation:judge", project.slug)
    if day is None:
        return _onwards(request, project, undo)
    if following is None and not day.is_ahead_shown:
        return _next(request, project, undo)
    progress = progress_html(submitted)
    parts = []
    if following is not None:
        shown = fresh_presentation(following.assignment, following.pick, project)
        comparison = fresh_comparison(request, following, shown, progress)
        is_ahead = day.is_ahead_shown
        parts.append(f'<template id="ahead">{comparison}</template>' if is_ahead else comparison)
    parts.append(notice_html(request, undo))
    if day.is_ahead_shown:
        parts.append(progress)
    return HttpResponse("".join(parts))


def _onwards(request: Request, project: Project, undo: Undo) -> HttpResponse:
    """What comes next; only what is new around it, when the page shows it already."""
    if not request.htmx:
        return redirect("annotation:judge", project.slug)
    if request.POST.get("ahead", "").isdecimal() and _is_shown(request, int(request.POST["ahead"])):
        context = {"project": project, **standing(request, project), "undo": undo}
        return _fragments(request, context, "notice", "progress")
    return _next(request, project, undo)


def _is_shown(request: Request, assignment_id: int) -> bool:
    """Whether the comparison that was leased ahead is still its annotator's, and now seen."""
    user = person(request)
    try:
        following = assignment_for_annotator(user=user, assignment_id=assignment_id)
        assignment_show(annotator=user, assignment=following)
    except (Conflict, NotFound):
        return False
    return True


def _back(request: Request, assignment: Assignment) -> HttpResponse:
    if request.htmx:
        response = _comparison(request, assignment, undo=NOTHING)
    else:
        response = redirect("annotation:judge", assignment.comparison.project.slug)
    return forgotten(response)


def _go(request: Request, name: str) -> HttpResponse:
    answer = redirect(name)
    if not request.htmx:
        return answer
    elsewhere = HttpResponse(status=204)
    elsewhere["HX-Redirect"] = answer["Location"]
    return elsewhere
