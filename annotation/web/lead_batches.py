"""Batches: how far each is, when the last judgment comes, and opening another."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, NotFound
from annotation.core.figures import Table
from annotation.models import Batch, Project
from annotation.models.project import draw_seed
from annotation.selectors.access import batch_for_lead
from annotation.selectors.batch_pages import SHOWS, comparisons_page
from annotation.selectors.batch_work import (
    BatchProgress,
    batch_progress,
    finish_of_all,
    finishes,
    leases_out,
    one_batch_progress,
    people_at_work,
)
from annotation.selectors.stuck import stuck
from annotation.services.batches import (
    batch_extend,
    batch_open,
    batch_rename,
    batch_state_set,
    selections_sample,
)
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, done, led, looked_at, page
from annotation.web.lead_forms import Field, read, shown, unplaced

BATCH = (
    Field("name", gettext_lazy("Name"), required=True),
    Field("size", gettext_lazy("Comparisons"), "whole", min=1, max=100_000),
    Field("overlap", gettext_lazy("Judgments for each"), "whole", min=1, max=500),
    Field("per_prompt", gettext_lazy("At most for each prompt"), "whole", min=1, max=1000),
)


@signed_in
@require_safe
def batches(request: HttpRequest, slug: str) -> HttpResponse:
    return _batches(request, looked_at(request, slug))


@signed_in
@require_POST
def batch_new(request: HttpRequest, slug: str) -> HttpResponse:
    """Draws comparisons that nobody has been shown, balanced over policies, and opens them."""
    project = led(request, slug)
    try:
        opened = _batch_open(request, project)
    except AlignUIError as error:
        return _batches(request, project, error=error)
    count = opened.comparisons.count()
    words = ngettext("%(n)s comparison is open.", "%(n)s comparisons are open.", count)
    return done(request, words % {"n": count}, "annotation:batches", slug)


@signed_in
@require_safe
def batch(request: HttpRequest, slug: str, batch_id: int) -> HttpResponse:
    """One batch: how far, when done, what is stuck, what is out, and its comparisons."""
    project = looked_at(request, slug)
    found = project.batches.filter(pk=batch_id).first()
    if found is None:
        raise NotFound(_("There is no such batch in this project."))
    progress = one_batch_progress(found)
    live: dict[str, Any] = {
        "batch": found,
        "progress": progress,
        "finish": finishes(project, [progress]).get(found.pk),
        "n_at_work": people_at_work(found),
    }
    if getattr(request, "htmx", False):
        return page(request, "lead/batch.html#batch", project, **live)
    which = chosen(request.GET, "show", list(SHOWS), "all")
    rows, following = comparisons_page(found, which, _number(request.GET.get("after", "")))
    return page(
        request,
        "lead/batch.html",
        project,
        stuck=stuck(found),
        leases=leases_out(found),
        rows=rows,
        following=following,
        which=which,
        shows=SHOWS,
        **live,
    )


@signed_in
@require_POST
def batch_state(request: HttpRequest, batch_id: int) -> HttpResponse:
    found = batch_for_lead(user=person(request), batch_id=batch_id)
    changed = batch_state_set(
        actor=person(request), batch=found, state=request.POST.get("state", "")
    )
    words = _("“%(batch)s” is %(state)s.") % {
        "batch": changed.name,
        "state": changed.get_state_display().lower(),
    }
    if request.POST.get("from") == "batch":
        return done(request, words, "annotation:batch", found.project.slug, found.pk)
    return done(request, words, "annotation:batches", found.project.slug)


@signed_in
@require_POST
def batch_name(request: HttpRequest, batch_id: int) -> HttpResponse:
    found = batch_for_lead(user=person(request), batch_id=batch_id)
    batch_rename(actor=person(request), batch=found, name=request.POST.get("name", ""))
    return done(request, _("The batch has its new name."), "annotation:batch",
                found.project.slug, found.pk)  # fmt: skip


@signed_in
@require_POST
def batch_more(request: HttpRequest, batch_id: int) -> HttpResponse:
    """More judgments of every open comparison of the batch."""
    found = batch_for_lead(user=person(request), batch_id=batch_id)
    by = _number(request.POST.get("by", "")) or 0
    count = batch_extend(actor=person(request), batch=found, by=by)
    words = ngettext(
        "%(n)s comparison can be judged again.", "%(n)s comparisons can be judged again.", count
    )
    return done(
        request, words % {"n": f"{count:,}"}, "annotation:batch", found.project.slug, found.pk
    )


def _batches(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    progress = batch_progress(project)
    is_live = getattr(request, "htmx", False)
    values: dict[str, object] = (
        dict(request.POST.items())
        if error
        else {
            "name": _("Batch %(n)s") % {"n": len(progress) + 1}, "size": 50,
            "overlap": project.overlap, "per_prompt": 1,
        }
    )  # fmt: skip
    due = finishes(project, progress)
    counted = [each for each in progress if each.is_counted]
    states = {
        state: sum(each.left for each in counted if each.batch.state == state)
        for state in (Batch.State.OPEN, Batch.State.PAUSED)
    }
    return page(
        request,
        "lead/batches.html#batches" if is_live else "lead/batches.html",
        project,
        tables=[_batch_table(progress)],
        status=error.status if error else 200,
        lines=[(each, due.get(each.batch.pk)) for each in progress],
        wanted=states[Batch.State.OPEN],
        n_paused=states[Batch.State.PAUSED],
        finish=finish_of_all(project, progress),
        fields=shown(BATCH, values, error),
        error=unplaced(error, BATCH),
    )


def _batch_table(progress: list[BatchProgress]) -> Table:
    columns = ("batch", "why", "state", "comparisons", "judged", "wanted", "leased", "opened")
    rows = tuple(
        (
            p.batch.name, p.batch.get_reason_display(), p.batch.get_state_display(),
            p.n_comparisons, p.judged, p.wanted, p.leased, p.batch.created_at.isoformat(),
        )
        for p in progress
    )  # fmt: skip
    return Table("batches", _("Batches"), columns, rows)


def _batch_open(request: HttpRequest, project: Project) -> Batch:
    values = read(BATCH, request.POST)
    seed = draw_seed()
    selections = selections_sample(
        project=project, per_prompt=int(str(values["per_prompt"])), seed=seed
    )
    return batch_open(
        actor=person(request),
        project=project,
        name=str(values["name"])[:160],
        reason=Batch.Reason.MANUAL,
        selections=selections[: int(str(values["size"]))],
        overlap=int(str(values["overlap"])),
        seed=seed,
    )


def _number(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) < 16 else None
