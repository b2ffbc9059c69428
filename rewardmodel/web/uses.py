"""What a reward model is for: scores of texts that are not stored, and a package to take along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.core.figures import Interval
from annotation.models import Project, Run
from rewardmodel import selectors
from rewardmodel.models import Checkpoint
from rewardmodel.services import uses
from rewardmodel.tasks import enqueue
from rewardmodel.web.doors import asked, led, person, signed_in

MOST_CHARACTERS = 60
LICENSES = ("other", "apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")


@dataclass(frozen=True, slots=True)
class ScoredTold:
    """A scoring run: its texts with their overall rewards once they are there."""

    run: Run
    rows: tuple[Interval, ...]
    notes: tuple[str, ...]


@signed_in
@require_POST
def score(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the rewards of up to two responses to one prompt."""
    project = led(request, slug)
    texts = [text for text in request.POST.getlist("completion") if text.strip()]
    items = [{"prompt": request.POST.get("prompt", ""), "completion": text} for text in texts]
    try:
        run = uses.scoring_request(actor=person(request), project=project, items=items)
    except AlignUIError as error:
        messages.error(request, str(error))
        return redirect("rewardmodel:training", slug)
    transaction.on_commit(lambda: enqueue(run))
    page = reverse("rewardmodel:training", args=[slug])
    return redirect(f"{page}?scored={run.pk}#uses")


@signed_in
@require_POST
def pack(request: HttpRequest, checkpoint_id: int) -> HttpResponse:
    """Asks for a checkpoint as a folder that transformers loads."""
    checkpoint = selectors.checkpoint_for_lead(user=person(request), checkpoint_id=checkpoint_id)
    try:
        run = uses.packaging_request(
            actor=person(request), project=checkpoint.project, checkpoint=checkpoint,
            license_name=request.POST.get("license") or "other",
        )  # fmt: skip
    except AlignUIError as error:
        messages.error(request, str(error))
        return redirect("rewardmodel:training", checkpoint.project.slug)
    return asked(request, run, _("The model is being packaged."), "rewardmodel:training")


@signed_in
@require_safe
def package(request: HttpRequest, checkpoint_id: int) -> HttpResponseBase:
    """The package of a checkpoint that was written last."""
    checkpoint = selectors.checkpoint_for_lead(user=person(request), checkpoint_id=checkpoint_id)
    found = selectors.packages(checkpoint).filter(state=Run.State.SUCCEEDED).first()
    if found is None:
        messages.error(request, _("There is no package of it yet. Ask for one first."))
        return redirect("rewardmodel:training", checkpoint.project.slug)
    path = uses.package_archive(found)
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def scored_told(project: Project, written: str) -> ScoredTold | None:
    """The scoring run that a link names, with its rewards on one axis."""
    number = int(written) if written.isdecimal() and len(written) < 19 else 0
    run = project.runs.filter(pk=number, kind=Run.Kind.SCORING).first()
    if run is None:
        return None
    asked_for = run.params.get("items") or []
    found = (run.result or {}).get("items") or []
    rows = tuple(
        _row(item, asked_for[at]["completion"])
        for at, item in enumerate(found)
        if at < len(asked_for)
    )
    return ScoredTold(run, rows, tuple(_notes(found)))


def packaged(checkpoint: Checkpoint) -> Run | None:
    """The newest packaging of the checkpoint."""
    return selectors.packages(checkpoint).first()


def _row(item: Mapping[str, Any], text: str) -> Interval:
    reward = item["criteria"]["overall"]
    words = " ".join(text.split())
    short = words if len(words) <= MOST_CHARACTERS else f"{words[: MOST_CHARACTERS - 1]}…"
    mean, reach = reward["mean"], 2 * reward["sd"]
    note = _("unlike what it learned from: a guess") if reward["out_of_distribution"] else ""
    return Interval(short or _("(empty)"), mean, mean - reach, mean + reach, note=note)


def _notes(found: list[Mapping[str, Any]]) -> list[str]:
    if any(item["is_truncated"] for item in found):
        return [_("Only the beginning of a long text was read.")]
    return []
