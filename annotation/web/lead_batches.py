"""Batches: how far each is, when the last judgment comes, and opening another."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError, NotFound
from annotation.core.figures import Table
from annotation.models import Batch, Project
from annotation.models.project import draw_seed
from annotation.selectors.access import batch_for_lead
from annotation.selectors.batch_work import BatchProgress, batch_progress
from annotation.selectors.overview import judgments_wanted, pace
from annotation.services.batches import batch_open, batch_state_set, selections_sample
from annotation.web.auth import person, signed_in
from annotation.web.lead import done, led, looked_at, page
from annotation.web.lead_forms import Field, read, shown, unplaced
from annotation.web.lead_work import WHO_WROTE

PAGE_SIZE = 50

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
    """The comparisons of one batch, with how far each is."""
    project = looked_at(request, slug)
    found = project.batches.filter(pk=batch_id).first()
    if found is None:
        raise NotFound(_("There is no such batch in this project."))
    comparisons = (
        found.comparisons.select_related("prompt")
        .prefetch_related(WHO_WROTE)
        .order_by("-utility", "pk")
    )
    progress = next(p for p in batch_progress(project) if p.batch == found)
    paged = Paginator(comparisons, PAGE_SIZE).get_page(request.GET.get("page"))
    return page(request, "lead/batch.html", project, batch=found, progress=progress, paged=paged)


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
    return done(request, words, "annotation:batches", found.project.slug)


def _batches(
    request: HttpRequest, project: Project, *, error: AlignUIError | None = None
) -> HttpResponse:
    progress = batch_progress(project)
    values: dict[str, object] = (
        dict(request.POST.items())
        if error
        else {
            "name": _("Batch %(n)s") % {"n": len(progress) + 1}, "size": 50,
            "overlap": project.overlap, "per_prompt": 1,
        }
    )  # fmt: skip
    return page(
        request,
        "lead/batches.html",
        project,
        tables=[_batch_table(progress)],
        status=error.status if error else 200,
        progress=progress,
        n_open=sum(p.batch.state == Batch.State.OPEN for p in progress),
        pace=pace(project, timezone.now()),
        n_paused=judgments_wanted(project, state=Batch.State.PAUSED),
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
