"""Qualifications as leads make them: settings, items, attempts, and who passes by hand."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, Invalid
from annotation.core.figures import Table
from annotation.models import Project, Qualification, QualificationItem, User
from annotation.selectors import qualifications as selectors
from annotation.selectors.access import may_judge
from annotation.services.qualifications import (
    qualification_again,
    qualification_change,
    qualification_create,
    qualification_item_change,
    qualification_items_add,
    qualification_open_set,
    qualification_pass_by_hand,
)
from annotation.web.auth import person, signed_in
from annotation.web.known_answers import offers, read_known, read_upload
from annotation.web.lead import done, led, page
from annotation.web.lead_forms import Field, read, shown, unplaced

PAGE_SIZE = 50
FIELDS = (
    Field("name", gettext_lazy("Name"), required=True),
    Field("introduction", gettext_lazy("Introduction (Markdown)"), rows=6),
    Field("pass_mark", gettext_lazy("Pass mark, % right"), "share", min=1, max=100, required=True),
    Field("test_size", gettext_lazy("Questions in the test"), "whole", min=1, max=500,
          required=True),
    Field("attempts_allowed", gettext_lazy("Attempts"), "whole", min=1, max=100, required=True),
    Field("hours_between", gettext_lazy("Hours between attempts"), "whole", min=0, max=2160,
          required=True),
)  # fmt: skip
USUAL = {
    "name": "Qualification", "introduction": "", "pass_mark": 0.8, "test_size": 10,
    "attempts_allowed": 3, "hours_between": 0,
}  # fmt: skip


@signed_in
@require_safe
def qualifications(request: HttpRequest, slug: str) -> HttpResponse:
    return _list(request, led(request, slug))


@signed_in
@require_POST
def qualification_new(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    try:
        made = qualification_create(
            actor=person(request), project=project, settings=read(FIELDS, request.POST)
        )
    except AlignUIError as error:
        return _list(request, project, error=error)
    words = _("Made. Add what is to be shown, then open it.")
    return done(request, words, "annotation:qualification", made.pk)


@signed_in
@require_safe
def qualification(request: HttpRequest, qualification_id: int) -> HttpResponse:
    return _one(request, _found(request, qualification_id))


@signed_in
@require_POST
def qualification_settings(request: HttpRequest, qualification_id: int) -> HttpResponse:
    found = _found(request, qualification_id)
    try:
        qualification_change(
            actor=person(request), qualification=found, settings=read(FIELDS, request.POST)
        )
    except AlignUIError as error:
        return _one(request, found, error=error, values=dict(request.POST.items()))
    return done(request, _("Saved."), "annotation:qualification", found.pk)


@signed_in
@require_POST
def qualification_open(request: HttpRequest, qualification_id: int) -> HttpResponse:
    found = _found(request, qualification_id)
    is_open = request.POST.get("open") == "yes"
    try:
        qualification_open_set(
            actor=person(request), qualification=found, is_open=is_open,
            lets_in="lets_in" in request.POST,
        )  # fmt: skip
    except AlignUIError as error:
        return _one(request, found, error=error)
    words = _("Open: who has not passed it gets no work.") if is_open else _("Closed.")
    return done(request, words, "annotation:qualification", found.pk)


@signed_in
@require_POST
def qualification_items(request: HttpRequest, qualification_id: int) -> HttpResponse:
    """One comparison from the form, or all rows of a file."""
    found = _found(request, qualification_id)
    try:
        known = read_upload(request, found.project) if request.FILES else [read_known(request.POST)]
        made = qualification_items_add(
            actor=person(request), qualification=found, known=known,
            phase=request.POST.get("phase", ""),
        )  # fmt: skip
    except AlignUIError as error:
        return _one(request, found, error=error)
    words = ngettext("%(n)s item was added.", "%(n)s items were added.", len(made))
    return done(request, words % {"n": len(made)}, "annotation:qualification", found.pk)


@signed_in
@require_POST
def qualification_item(request: HttpRequest, item_id: int) -> HttpResponse:
    item = selectors.item_for_lead(user=person(request), item_id=item_id)
    try:
        qualification_item_change(
            actor=person(request), item=item, phase=request.POST.get("phase"),
            is_active=_yes_or_no(request.POST.get("is_active")),
            explanation=request.POST.get("explanation"),
        )  # fmt: skip
    except AlignUIError as error:
        return _one(request, item.qualification, error=error)
    return done(request, _("Saved."), "annotation:qualification", item.qualification_id)


@signed_in
@require_POST
def qualification_person(request: HttpRequest, qualification_id: int) -> HttpResponse:
    """Lets somebody pass, or asks them again, with a reason."""
    found = _found(request, qualification_id)
    decide = qualification_again if "again" in request.POST else qualification_pass_by_hand
    try:
        annotator = _member(found.project, request.POST.get("username", "").strip())
        decide(
            actor=person(request), project=found.project, annotator=annotator,
            reason=request.POST.get("reason", ""),
        )  # fmt: skip
    except AlignUIError as error:
        return _one(request, found, error=error)
    return done(request, _("Done; it stands in the activity."), "annotation:qualification",
                found.pk)  # fmt: skip


def _found(request: HttpRequest, qualification_id: int) -> Qualification:
    return selectors.qualification_for_lead(user=person(request), qualification_id=qualification_id)


def _member(project: Project, username: str) -> User:
    """Somebody who may judge in the project. Raises Invalid."""
    user = may_judge(project).filter(username__iexact=username).first()
    if user is None:
        raise Invalid(_("Nobody in this project's pools is called “%(name)s”.")
                      % {"name": username[:60]}, field="username")  # fmt: skip
    return user


def _yes_or_no(value: str | None) -> bool | None:
    return None if value is None else value == "yes"


def _list(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    found = selectors.qualifications(project)
    values = dict(request.POST.items()) if error else USUAL
    return page(
        request,
        "lead/qualifications.html",
        project,
        status=error.status if error else 200,
        found=found,
        open_one=next((each for each in found if each.is_open), None),
        fields=shown(FIELDS, values, error),
        error=unplaced(error, FIELDS),
        is_making=error is not None,
    )


def _one(
    request: HttpRequest,
    found: Qualification,
    *,
    error: AlignUIError | None = None,
    values: dict[str, object] | None = None,
) -> HttpResponse:
    found.refresh_from_db()
    figures = selectors.item_figures(found)
    in_use = [each for each in figures if each.item.is_active]
    attempts = Paginator(selectors.attempts(found), PAGE_SIZE).get_page(request.GET.get("page"))
    stored = {field.name: getattr(found, field.name) for field in FIELDS}
    return page(
        request,
        "lead/qualification.html",
        found.project,
        status=error.status if error else 200,
        tables=[_item_table(figures)],
        qualification=found,
        figures=figures,
        n_training=sum(each.item.phase == "training" for each in in_use),
        n_test=sum(each.item.phase == "test" for each in in_use),
        n_broken=sum(each.looks_broken for each in in_use),
        attempts=[(each, selectors.share_right(each)) for each in attempts],
        paged=attempts,
        passed=selectors.passed_share(found),
        needed=selectors.needed(found, found.test_size),
        phases=QualificationItem.Phase.choices,
        fields=shown(FIELDS, values or stored, error),
        error=error,
        takes_phase=True,
        **offers(request, found.project),
    )


def _item_table(figures: list[selectors.ItemFigures]) -> Table:
    columns = ("item", "phase", "prompt", "order", "right", "low", "high", "n", "median_seconds",
               "in_use", "explanation")  # fmt: skip
    rows = tuple(
        (
            each.item.pk, each.item.phase, str(each.item.comparison.prompt), each.order,
            each.right.value, each.right.low, each.right.high, each.right.n,
            each.median_seconds, str(each.item.is_active), each.item.comparison.gold_reason,
        )
        for each in figures
    )  # fmt: skip
    return Table("items", _("Items"), columns, rows)
