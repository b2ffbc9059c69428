"""Flags: an annotator raises one beside the work, a lead looks and resolves."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid
from annotation.core.rendering import render_markdown
from annotation.models import Assignment, Completion, Flag, Prompt
from annotation.selectors import flags as selectors
from annotation.selectors.access import assignment_for_annotator, flag_for_lead
from annotation.services.flags import flag_raise, flag_resolve
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, looked_at, page
from annotation.web.requests import Request

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Response:
    """A flagged comparison's response as a lead sees it: with who wrote it."""

    policy: str
    html: str
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Line:
    flag: Flag
    prompt: Prompt
    about: str
    responses: tuple[Response, ...]


@signed_in
@require_POST
def flag(request: Request, assignment_id: int) -> HttpResponse:
    """JSON for the page's own JavaScript; without it, back to the work with a word."""
    user = person(request)
    assignment = assignment_for_annotator(user=user, assignment_id=assignment_id)
    try:
        flag_raise(
            annotator=user,
            assignment=assignment,
            kind=request.POST.get("kind", ""),
            slot=_slot(request.POST.get("slot", "")),
            note=request.POST.get("note", ""),
        )
    except AlignUIError as error:
        if not request.htmx:
            raise
        return JsonResponse({"error": str(error)}, status=error.status)
    if request.htmx:
        return JsonResponse({})
    messages.success(request, _("Flagged: the lead will see it. You can judge on."))
    return _back(assignment)


@signed_in
@require_safe
def flags(request: HttpRequest, slug: str) -> HttpResponse:
    project = looked_at(request, slug)
    paged = Paginator(selectors.flags(project), PAGE_SIZE).get_page(request.GET.get("page"))
    return page(
        request,
        "lead/flags.html",
        project,
        paged=paged,
        lines=list(_lines(paged.object_list)),
        n_waiting=selectors.unresolved_flags(project),
    )


@signed_in
@require_POST
def resolve(request: HttpRequest, flag_id: int) -> HttpResponse:
    user = person(request)
    found = flag_for_lead(user=user, flag_id=flag_id)
    flag_resolve(actor=user, flag=found, answer=request.POST.get("answer", ""))
    return done(request, _("The flag is resolved."), "annotation:flags", found.project.slug)


def _slot(written: str) -> int | None:
    if not written:
        return None
    if not (written.isdecimal() and len(written) == 1):
        raise Invalid(_("There is no such response here."), field="slot")
    return int(written)


def _back(assignment: Assignment) -> HttpResponse:
    judgment = assignment.judgments.filter(superseded_by__isnull=True).first()
    if assignment.state == Assignment.State.SUBMITTED and judgment is not None:
        return redirect("annotation:amend", judgment.pk)
    return redirect("annotation:judge", assignment.comparison.project.slug)


def _lines(found: object) -> Iterator[Line]:
    for each in found:  # type: ignore[attr-defined]
        shown = _completions(each)
        prompt = each.comparison.prompt if each.comparison else each.completion.prompt
        yield Line(
            flag=each,
            prompt=prompt,
            about=str(each.completion.policy) if each.completion else "",
            responses=tuple(_response(completion, each) for completion in shown),
        )


def _completions(flag: Flag) -> list[Completion]:
    if flag.comparison is not None:
        return [candidate.completion for candidate in flag.comparison.candidates.all()]
    return [flag.completion] if flag.completion is not None else []


def _response(completion: Completion, flag: Flag) -> Response:
    return Response(
        policy=str(completion.policy),
        html=completion.html or render_markdown(completion.text),
        is_flagged=completion.pk == flag.completion_id,
    )
