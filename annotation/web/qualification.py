"""The entrance of a project, as annotators go through it: introduction, training, test, result."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Conflict
from annotation.core.known_answers import order_in_words
from annotation.core.rankings import Groups, as_shown
from annotation.core.rendering import render_markdown
from annotation.models import Project, Qualification, QualificationAttempt
from annotation.selectors import qualifications as selectors
from annotation.selectors.access import project_for_annotator
from annotation.selectors.interventions import intervention_of_annotator
from annotation.services.interventions import intervention_seen
from annotation.services.qualifying import attempt_answer, attempt_begin, order_shown
from annotation.web.auth import person, signed_in
from annotation.web.forms import Values, read_answer
from annotation.web.sheet import answer_sheet, preference_in_words


@signed_in
@require_safe
@never_cache
def qualify(request: HttpRequest, slug: str) -> HttpResponse:
    """Where one is: before, in the training, before the test, in it, or after it."""
    project = project_for_annotator(user=person(request), slug=slug)
    if request.GET.get("seen", "").isdecimal():
        return _explained(request, int(request.GET["seen"][:18]))
    qualification = selectors.open_qualification(project)
    if qualification is None:
        return redirect("annotation:judge", slug)
    stands = selectors.standing(person(request), qualification, timezone.now())
    if stands.attempt is None:
        return _between(request, project, stands)
    at = selectors.progress(stands.attempt)
    if at.begins_test and "test" not in request.GET:
        return _between(request, project, stands, at)
    return _question(request, stands.attempt, at)


@signed_in
@require_POST
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    user = person(request)
    project = project_for_annotator(user=user, slug=slug)
    qualification = selectors.open_qualification(project)
    if qualification is None:
        raise Conflict(_("This qualification is closed."))
    attempt_begin(annotator=user, qualification=qualification)
    return redirect("annotation:qualify", slug)


@signed_in
@require_POST
def answer(request: HttpRequest, attempt_id: int) -> HttpResponse:
    """Keeps the answer; after a training item its explanation comes, after a test item the next."""
    user = person(request)
    attempt = selectors.attempt_of(user=user, attempt_id=attempt_id)
    project = project_for_annotator(user=user, slug=attempt.qualification.project.slug)
    at = selectors.progress(attempt)
    item = request.POST.get("item", "")
    here = reverse("annotation:qualify", args=[project.slug])
    if at.item is None or str(at.item.pk) != item:
        return redirect(here + "?test=1")  # sent twice, or from another tab: go on where one is
    try:
        order = order_shown(attempt, at)
        given = read_answer(request.POST, selectors.item_presentation(at.item, order))
        kept = attempt_answer(
            annotator=user, attempt=attempt, item_id=at.item.pk, groups=given.groups,
            active_ms=given.active_ms,
        )  # fmt: skip
    except AlignUIError as error:
        return _question(request, attempt, at, values=request.POST, error=error)
    if at.is_test:
        return redirect(here + "?test=1")
    return redirect(f"{here}?seen={kept.pk}")


@signed_in
@require_POST
def notice_seen(request: HttpRequest, intervention_id: int) -> HttpResponse:
    """What a rule or a lead said about one's work was read."""
    user = person(request)
    intervention = intervention_of_annotator(user=user, intervention_id=intervention_id)
    intervention_seen(annotator=user, intervention=intervention)
    slug = intervention.participation.project.slug
    if request.POST.get("to") == "judge":
        return redirect("annotation:judge", slug)
    return redirect("annotation:home")


def _between(
    request: HttpRequest,
    project: Project,
    stands: selectors.Standing,
    at: selectors.Progress | None = None,
) -> HttpResponse:
    """A page of words: before the first item, before the test, or after the last."""
    qualification = stands.qualification
    context = {
        "project": project,
        "qualification": qualification,
        "stands": stands,
        "at": at,
        "introduction": render_markdown(qualification.introduction),
        "right": selectors.share_right(stands.last) if stands.last else None,
        "needed": selectors.needed(qualification, _n_test(qualification, stands.last, at)),
        "n_training": qualification.items.filter(phase="training", is_active=True).count(),
    }
    return render(request, "annotation/qualification.html", context)


def _n_test(
    qualification: Qualification, last: QualificationAttempt | None, at: selectors.Progress | None
) -> int:
    if at is not None:
        return at.n_test
    return last.n_tested if last is not None else qualification.test_size


def _question(
    request: HttpRequest,
    attempt: QualificationAttempt,
    at: selectors.Progress,
    *,
    values: Values | None = None,
    error: AlignUIError | None = None,
) -> HttpResponse:
    if at.item is None:
        return redirect("annotation:qualify", attempt.qualification.project.slug)
    shown = selectors.item_presentation(at.item, order_shown(attempt, at))
    context = {
        "project": shown.project,
        "attempt": attempt,
        "at": at,
        "shown": shown,
        "sheet": answer_sheet(shown, values or {}),
        "error": error,
    }
    status = error.status if error else 200
    return render(request, "annotation/qualification_item.html", context, status=status)


def _explained(request: HttpRequest, answer_id: int) -> HttpResponse:
    """What was answered to a training item beside what the lead holds to be right, and why."""
    given = selectors.answer_of(user=person(request), answer_id=answer_id)
    comparison, order = given.item.comparison, given.display_order
    shown = selectors.item_presentation(given.item, order)
    own: Groups = tuple(tuple(group) for group in given.groups)
    context = {
        "project": shown.project,
        "attempt": given.attempt,
        "shown": shown,
        "sheet": None,
        "given": given,
        "own_words": _words(as_shown(own, order)),
        "right_words": _words(as_shown(selectors.gold_groups(comparison), order)),
        "explanation": render_markdown(comparison.gold_reason),
        "at": selectors.progress(given.attempt),
    }
    return render(request, "annotation/qualification_item.html", context)


def _words(groups: Groups) -> str:
    """In the letters of the page: "B better", "A > C = D"."""
    if sum(map(len, groups)) != 2:
        return order_in_words(groups)
    return _("Tie") if len(groups) == 1 else preference_in_words("AB"[groups[0][0]])
