"""The judge page: what comes next, what is answered, what is undone.

It is one template whose fragment, DOM id and htmx target are called `comparison`: a
full page for a browser without JavaScript, the fragment alone for htmx.
"""

from uuid import uuid4

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Conflict, NotFound
from annotation.models import Assignment, Flag, Judgment, Project
from annotation.selectors.access import (
    assignment_for_annotator,
    judgment_for_annotator,
    project_for_annotator,
)
from annotation.selectors.work import annotator_home, draft_of, presentation
from annotation.services.assignments import (
    UNDO_SECONDS,
    assignment_claim,
    assignment_claim_ahead,
    assignment_renew,
    assignment_show,
    assignment_skip,
    assignment_unskip,
)
from annotation.services.drafts import draft_save
from annotation.services.judgments import judgment_submit, judgment_withdraw
from annotation.web.auth import person, signed_in
from annotation.web.forms import Values, read_answer, read_draft, token_of, values_of
from annotation.web.requests import Request
from annotation.web.sheet import answer_sheet
from annotation.web.standing import standing


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
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    is_amendment = "amends" in request.POST
    try:
        judgment = judgment_submit(
            annotator=user,
            assignment=assignment,
            token=token_of(request.POST),
            answer=read_answer(request.POST, presentation(assignment)),
            amends=is_amendment,
        )
    except AlignUIError as error:
        if request.htmx:
            raise
        return _comparison(request, assignment, values=request.POST, error=error)
    if is_amendment:
        return _go(request, "annotation:history")
    project = assignment.comparison.project
    _remember_undo(request, project, judgment=judgment)
    return _onwards(request, project)


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
    _remember_undo(request, project, assignment=assignment)
    return _onwards(request, project)


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


def _next(request: Request, project: Project) -> HttpResponse:
    """The comparison that the annotator holds or is given, or why there is none."""
    assignment = assignment_claim(annotator=person(request), project=project)
    if assignment is not None:
        return _comparison(request, assignment)
    works = annotator_home(person(request))
    work = next(work for work in works if work.project == project)
    return _render(request, {"project": project, "work": work})


def _comparison(
    request: Request,
    assignment: Assignment,
    *,
    values: Values | None = None,
    error: AlignUIError | None = None,
) -> HttpResponse:
    """One comparison, where it is refused with what was sent."""
    context = _context(request, assignment, values) | {"error": error}
    return _render(request, context, status=error.status if error else 200)


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
        "token": uuid4() if values is None else filled.get("token", ""),
        "skip_reasons": Assignment.SkipReason.choices,
        "flag_kinds": Flag.Kind.choices,
        **standing(request, shown.project),
    }


def _render(request: Request, context: dict[str, object], status: int = 200) -> HttpResponse:
    if not context.get("is_amendment"):
        context["undo"] = _undo(request, context["project"])
    if not request.htmx:
        return render(request, "annotation/judge.html", context, status=status)
    return _fragments(request, context, "comparison", "notice")


def _fragments(request: Request, context: dict[str, object], *names: str) -> HttpResponse:
    parts = (f"annotation/judge.html#{name}" for name in names)
    return HttpResponse("".join(render_to_string(part, context, request) for part in parts))


def _onwards(request: Request, project: Project) -> HttpResponse:
    """What comes next; only what is new around it, when the page shows it already."""
    if not request.htmx:
        return redirect("annotation:judge", project.slug)
    if request.POST.get("ahead", "").isdecimal() and _is_shown(request, int(request.POST["ahead"])):
        context = {"project": project, **standing(request, project)}
        context["undo"] = _undo(request, project)
        return _fragments(request, context, "notice", "progress")
    return _next(request, project)


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
    request.session.pop("undo", None)
    if request.htmx:
        return _comparison(request, assignment)
    return redirect("annotation:judge", assignment.comparison.project.slug)


def _go(request: Request, name: str) -> HttpResponse:
    answer = redirect(name)
    if not request.htmx:
        return answer
    elsewhere = HttpResponse(status=204)
    elsewhere["HX-Redirect"] = answer["Location"]
    return elsewhere


def _remember_undo(
    request: Request,
    project: Project,
    *,
    judgment: Judgment | None = None,
    assignment: Assignment | None = None,
) -> None:
    """Keeps the last step in the session, so that it can be undone without JavaScript too."""
    request.session["undo"] = {
        "project": project.pk,
        "judgment": judgment.pk if judgment else None,
        "assignment": assignment.pk if assignment else None,
        "at": timezone.now().timestamp(),
    }


def _undo(request: Request, project: object) -> dict[str, object] | None:
    """The last step, if it was in this project and can still be taken back."""
    step = request.session.get("undo")
    if step is None or not isinstance(project, Project) or step["project"] != project.pk:
        return None
    if timezone.now().timestamp() - step["at"] > UNDO_SECONDS:
        return None
    return {**step, "token": uuid4()}
