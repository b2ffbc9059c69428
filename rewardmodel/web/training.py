"""The reward model's page: how good it is, whether it means what it says, and what it prefers."""

from collections.abc import Sequence
from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import AlignUIError
from annotation.core.figures import Interval, Table, interval_table
from annotation.models import Policy, Project, Run
from annotation.selectors.access import projects_led
from annotation.selectors.overview import latest_runs
from rewardmodel import selectors, services
from rewardmodel.models import Checkpoint, Score
from rewardmodel.web import evaluation, uses
from rewardmodel.web.doors import asked, led, looked_at, page, person, signed_in
from rewardmodel.web.drift import drift_told
from rewardmodel.web.fit import fit_told, previous_told
from rewardmodel.web.pulls import pulls_told
from rewardmodel.web.quality import Quality, quality_of, sentence_of

EXTREMES = 5
PAGE_SIZE = 20
MOST_SAMPLES = 100


@signed_in
@require_safe
def training(request: HttpRequest, slug: str) -> HttpResponse:
    """The model in use, or with ?checkpoint= another one, and the trainings before it."""
    project = looked_at(request, slug)
    in_use = selectors.checkpoint_in_use(project)
    checkpoint = _chosen(project, request.GET.get("checkpoint", "")) or in_use
    trainings = Paginator(selectors.training_runs(project), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    is_lead = projects_led(person(request)).filter(pk=project.pk).exists()
    shown = _shown(project, checkpoint, request.GET.get("by", ""), is_lead) if checkpoint else {}
    quality = quality_of(checkpoint) if checkpoint else None
    return page(
        request,
        "rewardmodel/training.html",
        project,
        tables=cast("list[Table]", shown.pop("all_tables", [])),
        checkpoint=checkpoint,
        is_in_use=checkpoint == in_use,
        packaging=uses.packaged(checkpoint) if checkpoint else None,
        licenses=uses.LICENSES,
        scored=uses.scored_told(project, request.GET.get("scored", "")),
        quality=quality,
        trainings=[(each, _tested_words(each)) for each in trainings],
        paged=trainings,
        sentence=sentence_of(quality),
        n_new=selectors.judgments_since_training(project),
        run=latest_runs(project).get(Run.Kind.TRAINING),
        **shown,
    )


def _chosen(project: Project, written: str) -> Checkpoint | None:
    """The checkpoint that a link names; None where none is named."""
    if not written:
        return None
    number = int(written) if written.isdecimal() and len(written) < 19 else 0
    return selectors.checkpoint_in(project, number)


def _shown(project: Project, checkpoint: Checkpoint, by: str, is_lead: bool) -> dict[str, object]:
    """All parts of the page that stored metrics and scores fill; people's names for leads only."""
    metrics = checkpoint.metrics
    quality = quality_of(checkpoint)
    best, worst = _extremes(checkpoint)
    ceiling, look = evaluation.ceiling_told(metrics), evaluation.look_told(metrics)
    slices, ways = evaluation.slices_told(project, metrics, by)
    best_of, criteria = evaluation.best_of_told(metrics), evaluation.criteria_told(metrics)
    calibration = evaluation.calibration_told(metrics)
    moved = drift_told(project, metrics)
    pulls = pulls_told(project, metrics) if is_lead else None
    rows = quality.rows + list(ceiling.rows if ceiling else ())
    tables = [
        *_tables(quality, rows, best + worst),
        calibration.table if calibration else _bins_table(quality),
        *(part.table for part in (ceiling, look, slices, best_of, criteria, moved, pulls) if part),
    ]
    lows = [row.low for row in best + worst if row.low is not None]
    highs = [row.high for row in best + worst if row.high is not None]
    return {
        "all_tables": [table for table in tables if table is not None],
        "rows": rows, "ceiling": ceiling, "look": look, "slices": slices, "best_of": best_of,
        "calibrated": calibration, "criteria": criteria, "moved": moved, "pulls": pulls,
        "fit": fit_told(metrics),
        "previous": previous_told(metrics),
        "previous_id": (metrics.get("previous") or {}).get("checkpoint"),
        "consistency": evaluation.consistency_told(metrics),
        "ways": [(key, evaluation.dimension_words(key)) for key in ways], "by": by,
        "best": best, "worst": worst,
        "score_low": min(lows, default=0.0), "score_high": max(highs, default=0.0),
        "config": sorted(checkpoint.training_run.config.items()),
    }  # fmt: skip


@signed_in
@require_POST
def train(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for a training now."""
    project = led(request, slug)
    run = services.training_request(actor=person(request), project=project)
    return asked(request, run, _("The reward model is being trained."), "rewardmodel:training")


@signed_in
@require_POST
def promote(request: HttpRequest, checkpoint_id: int) -> HttpResponse:
    """Puts a checkpoint in use by a person's choice, also an older one again."""
    checkpoint = selectors.checkpoint_for_lead(user=person(request), checkpoint_id=checkpoint_id)
    services.checkpoint_promote(actor=person(request), checkpoint=checkpoint)
    messages.success(request, _("%(checkpoint)s is in use.") % {"checkpoint": checkpoint})
    return redirect("rewardmodel:training", checkpoint.project.slug)


@signed_in
@require_POST
def generate(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the responses that are missing; what cannot be done is said on the page."""
    project = led(request, slug)
    try:
        run = services.generation_request(
            actor=person(request),
            project=project,
            policies=_policies(project, request.POST.getlist("policies")),
            samples=_samples(request.POST.get("samples", ""), project),
        )
    except AlignUIError as error:
        messages.error(request, str(error))
        return redirect("annotation:policies", slug)
    return asked(request, run, _("Responses are being written."), "annotation:policies")


def _policies(project: Project, written: list[str]) -> list[Policy]:
    keys = [int(key) for key in written if key.isdecimal() and len(key) < 19]
    return list(Policy.objects.filter(project=project, pk__in=keys))


def _samples(written: str, project: Project) -> int:
    if written.isdecimal() and len(written) <= 4:
        return min(max(int(written), 1), MOST_SAMPLES)
    return project.samples_per_prompt


def _tables(
    quality: Quality, rows: Sequence[Interval], extremes: Sequence[Interval]
) -> list[Table]:
    curve = [p for series in quality.curve for p in series.points]
    return [
        interval_table("accuracy", _("Accuracy"), rows, "accuracy"),
        Table(
            "learning-curve",
            _("Accuracy by training votes"),
            ("training votes", "accuracy", "low", "high", "test votes"),
            tuple((p.x, p.value, p.low, p.high, p.n) for p in curve),
        ),
        interval_table("scores", _("Best and worst scored responses"), extremes, "score"),
    ]


def _bins_table(quality: Quality) -> Table:
    """Of a training that knew no temperature yet."""
    return Table(
        "calibration",
        _("Calibration"),
        ("predicted", "observed", "low", "high", "n"),
        tuple((b.predicted, b.observed, b.low, b.high, b.n) for b in quality.tested.bins),
    )


def _extremes(checkpoint: Checkpoint) -> tuple[list[Interval], list[Interval]]:
    """The responses with the highest and the lowest score, each with two standard deviations."""
    scores = selectors.scores(checkpoint)
    best = [_scored(s) for s in scores.order_by("-mean", "pk")[:EXTREMES]]
    worst = [_scored(s) for s in scores.order_by("mean", "pk")[:EXTREMES]]
    return best, list(reversed(worst))


def _scored(score: Score) -> Interval:
    completion = score.completion
    words = Truncator(" ".join(completion.text.split())).chars(70) or _("(empty)")
    return Interval(
        label=f"{completion.policy}: {words}",
        value=score.mean,
        low=score.mean - 2 * score.sd,
        high=score.mean + 2 * score.sd,
        href=reverse(
            "annotation:prompt", args=[completion.prompt.project.slug, completion.prompt_id]
        ),
    )


def _tested_words(training: object) -> Quality | None:
    checkpoint = getattr(training, "checkpoint", None)
    return quality_of(checkpoint) if checkpoint is not None else None
