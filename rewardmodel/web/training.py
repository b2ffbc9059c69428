"""The reward model's page: how good it is, whether it means what it says, and what it prefers."""

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
from annotation.selectors.overview import latest_runs
from rewardmodel import selectors, services
from rewardmodel.models import Checkpoint, Score
from rewardmodel.web.doors import asked, led, looked_at, page, person, signed_in
from rewardmodel.web.quality import Quality, quality_of

EXTREMES = 5
PAGE_SIZE = 20
MOST_SAMPLES = 100


@signed_in
@require_safe
def training(request: HttpRequest, slug: str) -> HttpResponse:
    project = looked_at(request, slug)
    checkpoint = selectors.checkpoint_in_use(project)
    quality = quality_of(checkpoint) if checkpoint else None
    best, worst = _extremes(checkpoint) if checkpoint else ([], [])
    trainings = Paginator(selectors.training_runs(project), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    return page(
        request,
        "rewardmodel/training.html",
        project,
        tables=_tables(quality, best + worst) if quality else (),
        checkpoint=checkpoint,
        quality=quality,
        best=best,
        worst=worst,
        score_low=min((row.low for row in best + worst if row.low is not None), default=0.0),
        score_high=max((row.high for row in best + worst if row.high is not None), default=0.0),
        trainings=[(each, _tested_words(each)) for each in trainings],
        paged=trainings,
        sentence=_sentence(quality),
        n_new=selectors.judgments_since_training(project),
        run=latest_runs(project).get(Run.Kind.TRAINING),
    )


@signed_in
@require_POST
def train(request: HttpRequest, slug: str) -> HttpResponse:
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


def _sentence(quality: Quality | None) -> str:
    if quality is None:
        return _("There is no reward model yet.")
    figure, longer = quality.tested.accuracy, quality.tested.longer_wins
    if figure.value is None:
        return _("The reward model is in use, but nothing has tested it yet.")
    where = (
        _("on prompts held out from it")
        if quality.is_held_out
        else _("on prompts that it did not learn from")
    )
    facts = {
        "model": f"{100 * figure.value:.1f}%",
        "interval": figure.words,
        "where": where,
        "longer": f"{100 * (longer.value or 0):.1f}%",
        "longer_interval": longer.words,
    }
    return (
        _(
            "The reward model finds the preferred response %(model)s of the time %(interval)s "
            "%(where)s; “the longer one wins” does %(longer)s %(longer_interval)s."
        )
        % facts
    )


def _tables(quality: Quality, extremes: list[Interval]) -> list[Table]:
    curve = [p for series in quality.curve for p in series.points]
    return [
        interval_table("accuracy", _("Accuracy"), quality.rows, "accuracy"),
        Table(
            "learning-curve",
            _("Accuracy by training votes"),
            ("training votes", "accuracy", "low", "high", "test votes"),
            tuple((p.x, p.value, p.low, p.high, p.n) for p in curve),
        ),
        Table(
            "calibration",
            _("Calibration"),
            ("predicted", "observed", "low", "high", "n"),
            tuple((b.predicted, b.observed, b.low, b.high, b.n) for b in quality.tested.bins),
        ),
        interval_table("scores", _("Best and worst scored responses"), extremes, "score"),
    ]


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
