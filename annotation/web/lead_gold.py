"""Gold: what is in use and how it is answered, and making more of it."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.core.figures import Table
from annotation.models import Comparison, Project
from annotation.selectors.gold import GoldItem, gold_for_lead, gold_items
from annotation.selectors.integrity import gold_share
from annotation.services.gold import gold_change, gold_create, gold_retire
from annotation.web.auth import person, signed_in
from annotation.web.known_answers import offers, read_known, read_upload
from annotation.web.lead import done, led, page

PAGE_SIZE = 30
OPEN = Comparison.State.OPEN


@signed_in
@require_safe
def gold(request: HttpRequest, slug: str) -> HttpResponse:
    return _gold(request, led(request, slug))


@signed_in
@require_POST
def gold_new(request: HttpRequest, slug: str) -> HttpResponse:
    """One comparison from the form, or all rows of a file."""
    project = led(request, slug)
    try:
        known = read_upload(request, project) if request.FILES else [read_known(request.POST)]
        made = gold_create(actor=person(request), project=project, known=known)
    except AlignUIError as error:
        return _gold(request, project, error=error)
    words = ngettext("%(n)s comparison is gold now.", "%(n)s comparisons are gold now.", len(made))
    return done(request, words % {"n": len(made)}, "annotation:gold", slug)


@signed_in
@require_POST
def gold_edit(request: HttpRequest, gold_id: int) -> HttpResponse:
    """Another explanation, or out of use."""
    user = person(request)
    comparison = gold_for_lead(user=user, comparison_id=gold_id)
    project = comparison.project
    try:
        if "retire" in request.POST:
            gold_retire(actor=user, comparison=comparison, reason=request.POST.get("reason", ""))
            words = _("Retired: nobody gets it any more, and it counts in no score.")
        else:
            gold_change(
                actor=user, comparison=comparison, explanation=request.POST.get("explanation", "")
            )
            words = _("Saved.")
    except AlignUIError as error:
        return _gold(request, project, error=error)
    return done(request, words, "annotation:gold", project.slug)


def _gold(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    items = gold_items(project)
    in_use = [item for item in items if item.comparison.state == OPEN]
    return page(
        request,
        "lead/gold.html",
        project,
        status=error.status if error else 200,
        tables=[_table(items)],
        paged=Paginator(items, PAGE_SIZE).get_page(request.GET.get("page")),
        n_in_use=len(in_use),
        n_broken=sum(item.looks_broken for item in in_use),
        right=gold_share(project, with_quarantined=False),
        error=error,
        **offers(request, project),
    )


def _table(items: list[GoldItem]) -> Table:
    columns = ("comparison", "prompt", "order", "right", "low", "high", "n", "state", "explanation")
    rows = tuple(
        (
            item.comparison.pk, str(item.comparison.prompt), item.order, item.right.value,
            item.right.low, item.right.high, item.right.n, item.comparison.state,
            item.comparison.gold_reason,
        )
        for item in items
    )  # fmt: skip
    return Table("gold", _("Gold"), columns, rows)
