"""The reviewers' pages: what waits for a decision, and one dispute at a time."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Conflict
from annotation.core.rankings import Groups
from annotation.models import Dispute, Project
from annotation.selectors.access import dispute_for_reviewer, project_for_reviewer, projects_led
from annotation.selectors.disputes import (
    DisputeView,
    Filters,
    ShownAnswer,
    Verdict,
    criteria_disputed,
    dispute_next,
    dispute_view,
    disputes_decided,
    disputes_for,
    disputes_waiting,
)
from annotation.selectors.work import LETTERS
from annotation.services.disputes import (
    Decision,
    dispute_decide,
    dispute_dismiss,
    dispute_leave,
    dispute_take,
)
from annotation.web.auth import person, signed_in
from annotation.web.forms import Values, read_answer, token_of, values_of
from annotation.web.sheet import answer_sheet, preference_in_words

PAGE_SIZE = 50
SHARES = (("0.34", gettext_lazy("at most a third")), ("0.5", gettext_lazy("at most half")),
          ("0.67", gettext_lazy("at most two thirds")))  # fmt: skip
AGES = (
    ("1", gettext_lazy("a day")),
    ("3", gettext_lazy("three days")),
    ("7", gettext_lazy("a week")),
)


@signed_in
@require_safe
@never_cache
def queue(request: HttpRequest, slug: str) -> HttpResponse:
    user = person(request)
    project = project_for_reviewer(user=user, slug=slug)
    filters = _filters(project, request.GET)
    found = disputes_for(user, project, filters)
    paged = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    waiting = disputes_waiting(project)
    context = {
        "project": project,
        "is_lead": projects_led(user).filter(pk=project.pk).exists(),
        "paged": paged,
        "n_found": paged.paginator.count,
        "n_waiting": waiting,
        "n_barred": waiting - disputes_for(user, project, Filters()).count(),
        "decided": disputes_decided(project)[:10],
        "criteria": criteria_disputed(project),
        "shares": SHARES,
        "ages": AGES,
        "chosen": _chosen(project, request.GET),
        "query": _query(project, request.GET),
    }
    return render(request, "review/queue.html", context)


@signed_in
@require_safe
@never_cache
def following(request: HttpRequest, slug: str) -> HttpResponse:
    """The next dispute of those asked for; where none is left, the queue."""
    user = person(request)
    project = project_for_reviewer(user=user, slug=slug)
    found = dispute_next(user, project, _filters(project, request.GET))
    query = _query(project, request.GET)
    if found is None:
        messages.success(request, _("Nothing more waits for you here."))
        return redirect(f"{reverse('annotation:review', args=[slug])}?{query}")
    return redirect(f"{reverse('annotation:dispute', args=[found.pk])}?{query}")


@signed_in
@require_safe
@never_cache
def dispute(request: HttpRequest, dispute_id: int) -> HttpResponse:
    """One dispute to read and decide; nobody else is given it meanwhile."""
    found = dispute_for_reviewer(user=person(request), dispute_id=dispute_id)
    return _dispute(request, found)


@signed_in
@require_POST
def decide(request: HttpRequest, dispute_id: int) -> HttpResponse:
    user = person(request)
    found = dispute_for_reviewer(user=user, dispute_id=dispute_id)
    try:
        given = read_answer(request.POST, _view(request, found).shown)
        dispute_decide(
            reviewer=user,
            dispute=found,
            token=token_of(request.POST),
            decision=Decision(
                groups=given.groups,
                reason=given.rationale,
                strength=given.strength,
                both_bad=given.both_bad,
                active_ms=given.active_ms,
            ),
        )
    except Conflict as error:
        return _onwards(request, found.project, error)
    except AlignUIError as error:
        return _dispute(request, found, values=request.POST, error=error)
    return _onwards(request, found.project)


@signed_in
@require_POST
def later(request: HttpRequest, dispute_id: int) -> HttpResponse:
    user = person(request)
    found = dispute_for_reviewer(user=user, dispute_id=dispute_id)
    dispute_leave(reviewer=user, dispute=found)
    filters = _filters(found.project, request.GET)
    if dispute_next(user, found.project, filters, with_put_off=False) is None:
        messages.success(request, _("You have put off all that is left here."))
        return _onwards(request, found.project, to="annotation:review")
    return _onwards(request, found.project)


@signed_in
@require_POST
def dismiss(request: HttpRequest, dispute_id: int) -> HttpResponse:
    user = person(request)
    found = dispute_for_reviewer(user=user, dispute_id=dispute_id)
    try:
        dispute_dismiss(reviewer=user, dispute=found, note=request.POST.get("note", ""))
    except Conflict as error:
        return _onwards(request, found.project, error)
    except AlignUIError as error:
        return _dispute(request, found, error=error)
    messages.success(request, _("No decision is needed: the judgments stand as they are."))
    return _onwards(request, found.project)


def words_of(verdict: Verdict | ShownAnswer, both_bad: bool = False) -> str:
    """In the letters of this page: "B much better", "A > C = D > B"."""
    return _answer_words(verdict.groups, verdict.strength, both_bad)


def _answer_words(groups: Groups, strength: int | None, both_bad: bool) -> str:
    is_pair = sum(map(len, groups)) == 2
    if both_bad:
        return _("Both bad") if is_pair else _("All bad")
    if is_pair and len(groups) == 1:
        return _("Tie")
    if is_pair:
        return preference_in_words(LETTERS[groups[0][0]], strength)
    return " > ".join(" = ".join(LETTERS[slot] for slot in group) for group in groups)


def _view(request: HttpRequest, found: Dispute) -> DisputeView:
    """What is displayed; for who decided it themselves, the decision with it."""
    user = person(request)
    if found.state != Dispute.State.OPEN and found.decision is not None:
        if found.decision.annotator_id != user.pk:
            raise Conflict(_("This dispute is closed already."), hint=_("Take the next one."))
        return dispute_view(found, found.decision.assignment)
    return dispute_view(found, dispute_take(reviewer=user, dispute=found))


def _dispute(
    request: HttpRequest,
    found: Dispute,
    *,
    values: Values | None = None,
    error: AlignUIError | None = None,
) -> HttpResponse:
    try:
        view = _view(request, found)
    except Conflict as refused:
        return _onwards(request, found.project, refused, to="annotation:review")
    own = view.decided is not None
    filled = values or (values_of(view.decided, view.shown) if own else {})
    user, project = person(request), found.project
    context = {
        "project": project,
        "view": view,
        "shown": view.shown,
        "sheet": answer_sheet(view.shown, filled),
        "reason": filled.get("rationale", ""),
        "verdicts": [_column(verdict) for verdict in view.verdicts],
        "is_amendment": own,
        "token": filled.get("token") or uuid4(),
        "error": error,
        "n_left": disputes_for(user, project, _filters(project, request.GET)).count(),
        "query": _query(project, request.GET),
    }
    return render(request, "review/dispute.html", context, status=error.status if error else 200)


def _column(verdict: Verdict) -> dict[str, object]:
    return {
        "verdict": verdict,
        "words": words_of(verdict, verdict.both_bad),
        "answers": [(answer, words_of(answer)) for answer in verdict.answers],
    }


def _onwards(
    request: HttpRequest,
    project: Project,
    error: AlignUIError | None = None,
    to: str = "annotation:review-next",
) -> HttpResponse:
    if error is not None:
        messages.warning(request, str(error))
    query = _query(project, request.GET)
    return redirect(f"{reverse(to, args=[project.slug])}?{query}")


def _filters(project: Project, query: QueryDict) -> Filters:
    chosen = _chosen(project, query)
    return Filters(
        criterion=chosen["criterion"],
        at_most=float(chosen["at_most"]) + 0.005 if chosen["at_most"] else None,
        older_than=timedelta(days=int(chosen["days"])) if chosen["days"] else None,
    )


def _chosen(project: Project, query: QueryDict) -> dict[str, str]:
    """The filters that are on; what is not offered asks for nothing."""
    offered = {
        "criterion": {criterion.key for criterion in criteria_disputed(project)},
        "at_most": {key for key, _words in SHARES},
        "days": {key for key, _words in AGES},
    }
    given = {name: query.get(name, "") for name in offered}
    return {name: value if value in offered[name] else "" for name, value in given.items()}


def _query(project: Project, query: QueryDict) -> str:
    return urlencode({name: value for name, value in _chosen(project, query).items() if value})
