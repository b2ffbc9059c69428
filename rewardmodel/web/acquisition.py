"""What was considered for the next batch, what was chosen, and by what."""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.figures import HistogramBin, Table, histogram, interval_table
from annotation.models import Project, Run
from annotation.selectors.batch_work import BatchProgress, batch_progress
from annotation.selectors.overview import latest_runs
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Considered
from rewardmodel.web import rounds
from rewardmodel.web.doors import asked, led, looked_at, page, person, signed_in

PAGE_SIZE = 20
CHOSEN_SHOWN = 200


@signed_in
@require_safe
def acquisition(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest round, or the one asked for, and the list of all."""
    project = looked_at(request, slug)
    shown = _round(project, request.GET.get("round", ""))
    paged = Paginator(selectors.rounds(project), PAGE_SIZE).get_page(request.GET.get("page"))
    savings = rounds.savings_told(project)
    context = _shown(project, shown) if shown is not None else {}
    tables = cast("list[Table]", context.pop("all_tables", []))
    return page(
        request,
        "rewardmodel/acquisition.html",
        project,
        tables=[*tables, *(savings.tables if savings else ())],
        shown=shown,
        rounds=paged,
        sentence=_sentence(shown),
        savings=savings,
        offers_random=rounds.offers_random(project, savings),
        function_words=rounds.function_words(project.acquisition_function),
        has_checkpoint=selectors.checkpoint_in_use(project) is not None,
        budget_left=selectors.budget_left(project),
        n_pairs=selectors.uncompared_count(project) if shown is None else None,
        run=latest_runs(project).get(Run.Kind.ACQUISITION),
        **context,
    )


def _shown(project: Project, shown: AcquisitionRound) -> dict[str, object]:
    """All that one round's record says."""
    progress = {each.batch.pk: each for each in batch_progress(project)}
    most = rounds.most_useful(shown)
    bins, credited = _utilities(shown, most), rounds.credits_told(shown)
    chosen = list(
        selectors.considered(shown)
        .exclude(arm=Considered.Arm.PASSED)
        .select_related("prompt", "first__policy", "second__policy")[:CHOSEN_SHOWN]
    )
    return {
        "all_tables": [
            _utility_table(bins),
            _considered_table(shown),
            _chosen_table(chosen),
            interval_table(
                "credits", _("What labels were worth"), credited, "thousandths of a nat"
            ),
        ],
        "bins": bins,
        "credited": credited,
        "chosen": [(each, each.utility / most, rounds.why_chosen(each)) for each in chosen],
        "arms": _arms(shown, progress),
        "places": rounds.places_of(project, shown, most),
        "round_words": rounds.function_words(shown.function),
        "reason": rounds.reason_told(shown),
        "has_utilities": not rounds.is_drawn(shown),
        "weights": rounds.weights_told(shown),
        "cost": rounds.cost_told(project, shown),
    }


@signed_in
@require_POST
def at_random(request: HttpRequest, slug: str) -> HttpResponse:
    """Draws the next batches at random: what is offered where choosing did not help."""
    project = led(request, slug)
    services.acquisition_at_random(actor=person(request), project=project)
    messages.success(request, _("The next batches are drawn at random."))
    return redirect("rewardmodel:acquisition", slug)


@signed_in
@require_POST
def acquire(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks for the next batch now."""
    project = led(request, slug)
    run = services.acquisition_request(actor=person(request), project=project)
    return asked(request, run, _("The next batch is being chosen."), "rewardmodel:acquisition")


def _round(project: Project, written: str) -> AcquisitionRound | None:
    if not written:
        return selectors.rounds(project).first()
    number = int(written) if written.isdecimal() and len(written) < 19 else 0
    return selectors.round_in(project, number)


def _utilities(shown: AcquisitionRound, most: float) -> list[HistogramBin]:
    rows = list(selectors.considered(shown).values_list("utility", "arm"))
    return histogram(
        [utility / most for utility, _arm in rows],
        marked=[arm == Considered.Arm.ACQUIRED for _utility, arm in rows],
    )


def _arms(
    shown: AcquisitionRound, progress: dict[int, BatchProgress]
) -> list[tuple[str, BatchProgress]]:
    batches = (
        (_("chosen"), shown.batch_id), (_("at random"), shown.control_batch_id),
        (_("to test the model"), shown.evaluation_batch_id),
    )  # fmt: skip
    return [(words, progress[key]) for words, key in batches if key in progress]


def _sentence(shown: AcquisitionRound | None) -> str:
    if shown is None:
        return _("The loop has not chosen a batch yet.")
    tested = shown.evaluation_batch
    words = (
        _(
            "The newest round weighed %(considered)s pairs and opened %(size)s, %(control)s of "
            "them at random."
        )
        if tested is None
        else _(
            "The newest round weighed %(considered)s pairs and opened %(size)s, %(control)s of "
            "them at random and %(tested)s on held-out prompts."
        )
    )
    return words % {
        "tested": f"{tested.comparisons.count() if tested else 0:,}",
        "considered": f"{shown.n_considered - shown.n_left_out:,}",
        "size": f"{shown.size:,}",
        "control": f"{shown.considered.filter(arm=Considered.Arm.CONTROL).count():,}",
    }


def _utility_table(bins: list[HistogramBin]) -> Table:
    return Table(
        "utilities",
        _("Utilities of the pairs considered"),
        ("from", "to", "pairs", "chosen by utility"),
        tuple((b.low, b.high, b.count, b.marked) for b in bins),
    )


def _considered_table(shown: AcquisitionRound) -> Table:
    """Every prompt of the round: its best pair's utility, and how many pairs of it were chosen."""
    rows = (
        selectors.considered(shown)
        .values("prompt_id")
        .annotate(
            most=Max("utility"), pairs=Count("pk"),
            chosen=Count("pk", filter=~Q(arm=Considered.Arm.PASSED)),
        )
        .order_by("-most", "prompt_id")
    )  # fmt: skip
    places = shown.detail.get("map") or {}
    return Table(
        "map",
        _("Prompts that were weighed"),
        ("prompt_id", "utility", "pairs", "chosen", "x", "y"),
        tuple(
            (
                row["prompt_id"], row["most"], row["pairs"], row["chosen"],
                *(places.get(str(row["prompt_id"])) or (None, None)),
            )
            for row in rows
        ),
    )  # fmt: skip


def _chosen_table(chosen: list[Considered]) -> Table:
    return Table(
        "chosen",
        _("Chosen pairs"),
        ("prompt_id", "prompt", "first", "second", "utility", "arm", "why"),
        tuple(
            (
                c.prompt_id, str(c.prompt), str(c.first.policy), str(c.second.policy),
                c.utility, c.arm, rounds.why_chosen(c),
            )
            for c in chosen
        ),
    )  # fmt: skip
