"""One comparison for its lead: who met it, what waits, and what can be done about it."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid, NotFound
from annotation.models import Comparison, Dispute, User
from annotation.selectors.access import comparison_for_lead, leased_for_lead, project_for_lead
from annotation.selectors.batch_pages import WHO_WROTE
from annotation.selectors.batch_work import judges_of, people_to_ask
from annotation.services.batches import batch_extend
from annotation.services.comparisons import (
    comparison_give,
    comparison_state_set,
    lease_take_back,
)
from annotation.services.disputes import dispute_open
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, page


@signed_in
@require_safe
def comparison(request: HttpRequest, slug: str, comparison_id: int) -> HttpResponse:
    project_for_lead(user=person(request), slug=slug)
    return _comparison(request, _found(request, comparison_id, slug))


@signed_in
@require_POST
def state(request: HttpRequest, comparison_id: int) -> HttpResponse:
    found = _found(request, comparison_id)
    changed = comparison_state_set(
        actor=person(request), comparison=found, state=request.POST.get("state", "")
    )
    is_retired = changed.state == Comparison.State.RETIRED
    return _done(request, found, _("It is retired.") if is_retired else _("It is open again."))


@signed_in
@require_POST
def more(request: HttpRequest, comparison_id: int) -> HttpResponse:
    """One more judgment."""
    found = _found(request, comparison_id)
    batch_extend(actor=person(request), batch=found.batch, by=1, comparison_ids=[found.pk])
    return _done(request, found, _("One more judgment is asked for."))


@signed_in
@require_POST
def give(request: HttpRequest, comparison_id: int) -> HttpResponse:
    """Leases it to the chosen person, instead of who has it where that was asked for."""
    found = _found(request, comparison_id)
    actor = person(request)
    try:
        chosen = _person(found, request.POST.get("person", ""))
        instead_of = request.POST.get("instead_of", "")
        comparison_give(
            actor=actor,
            comparison=found,
            person=chosen,
            hours=_hours(request.POST.get("hours", "")),
            instead_of=leased_for_lead(user=actor, assignment_id=int(instead_of))
            if instead_of.isdecimal()
            else None,
        )
    except AlignUIError as error:
        return _comparison(request, found, error=error)
    words = _("It waits for %(who)s, who sees it first when they come.") % {"who": chosen}
    return _done(request, found, words)


@signed_in
@require_POST
def dispute(request: HttpRequest, comparison_id: int) -> HttpResponse:
    found = _found(request, comparison_id)
    is_flagged = found.flags.filter(resolved_at=None).exists()
    dispute_open(
        actor=person(request),
        comparison=found,
        reason=Dispute.Reason.FLAG if is_flagged else Dispute.Reason.LEAD,
        note=request.POST.get("note", ""),
    )
    return _done(request, found, _("It waits for a reviewer's decision."))


@signed_in
@require_POST
def lease_return(request: HttpRequest, assignment_id: int) -> HttpResponse:
    user = person(request)
    lease = leased_for_lead(user=user, assignment_id=assignment_id)
    lease_take_back(actor=user, assignment=lease)
    words = _("The lease is ended: others can take the comparison.")
    return _done(request, lease.comparison, words)


def _found(request: HttpRequest, comparison_id: int, slug: str | None = None) -> Comparison:
    found = comparison_for_lead(user=person(request), comparison_id=comparison_id)
    if slug is not None and found.project.slug != slug:
        raise NotFound(_("There is no such comparison in this project."))
    return found


def _comparison(
    request: HttpRequest, found: Comparison, *, error: AlignUIError | None = None
) -> HttpResponse:
    candidates = Comparison.objects.prefetch_related(WHO_WROTE).get(pk=found.pk).candidates.all()
    met = judges_of(found)
    return page(
        request,
        "lead/comparison.html",
        found.project,
        status=error.status if error else 200,
        error=error,
        comparison=found,
        candidates=candidates,
        met=met,
        held=[each for each in met if each.state == "leased"],
        dispute=found.disputes.order_by("-pk").first(),
        people=people_to_ask(found.project),
        has_room=found.taken < found.overlap,
    )


def _person(found: Comparison, written: str) -> User:
    for each in people_to_ask(found.project):
        if str(each.pk) == written:
            return each
    raise Invalid(_("Choose one of the project's people."), field="person")


def _hours(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) < 6 else 24


def _done(request: HttpRequest, found: Comparison, words: str) -> HttpResponse:
    return done(request, words, "annotation:comparison", found.project.slug, found.pk)
