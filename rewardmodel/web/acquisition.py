"""What was considered for the next batch, what was chosen, and by what."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import NotFound
from annotation.core.figures import HistogramBin, Table, histogram
from annotation.models import Project, Run
from annotation.selectors.batch_work import BatchProgress, batch_progress
from annotation.selectors.overview import latest_runs
from rewardmodel import selectors, services
from rewardmodel.models import AcquisitionRound, Considered
from rewardmodel.web.doors import asked, led, looked_at, page, person, signed_in

PAGE_SIZE = 20
CHOSEN_SHOWN = 200


@signed_in
@require_safe
def acquisition(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest round, or the one asked for, and the list of all."""
    project = looked_at(request, slug)
    shown = _round(project, request.GET.get("round", ""))
    rounds = Paginator(selectors.rounds(project), PAGE_SIZE).get_page(request.GET.get("page"))
    progress = {each.batch.pk: each for each in batch_progress(project)}
    context: dict[str, object] = {}
    tables: list[Table] = []
    if shown is not None:
        bins = _utilities(shown)
        chosen = list(
            selectors.considered(shown)
            .exclude(arm=Considered.Arm.PASSED)
            .select_related("prompt", "first__policy", "second__policy")[:CHOSEN_SHOWN]
        )
        tables = [_utility_table(bins), _chosen_table(chosen)]
        context = {"bins": bins, "chosen": chosen, "arms": _arms(shown, progress)}
    return page(
        request,
        "rewardmodel/acquisition.html",
        project,
        tables=tables,
        shown=shown,
        rounds=rounds,
        sentence=_sentence(shown),
        has_checkpoint=selectors.checkpoint_in_use(project) is not None,
        n_pairs=len(selectors.uncompared_pairs(project)) if shown is None else None,
        run=latest_runs(project).get(Run.Kind.ACQUISITION),
        **context,
    )


@signed_in
@require_POST
def acquire(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    run = services.acquisition_request(actor=person(request), project=project)
    return asked(request, run, _("The next batch is being chosen."), "rewardmodel:acquisition")


def _round(project: Project, written: str) -> AcquisitionRound | None:
    rounds = selectors.rounds(project)
    if not written:
        return rounds.first()
    found = rounds.filter(pk=int(written)).first() if written.isdecimal() else None
    if found is None:
        raise NotFound(_("There is no such round in this project."))
    return found


def _utilities(shown: AcquisitionRound) -> list[HistogramBin]:
    rows = list(selectors.considered(shown).values_list("utility", "arm"))
    return histogram(
        [utility for utility, _arm in rows],
        marked=[arm == Considered.Arm.ACQUIRED for _utility, arm in rows],
    )


def _arms(
    shown: AcquisitionRound, progress: dict[int, BatchProgress]
) -> list[tuple[str, BatchProgress]]:
    batches = ((_("by utility"), shown.batch_id), (_("at random"), shown.control_batch_id))
    return [(words, progress[key]) for words, key in batches if key in progress]


def _sentence(shown: AcquisitionRound | None) -> str:
    if shown is None:
        return _("The loop has not chosen a batch yet.")
    return _(
        "The newest round weighed %(considered)s pairs and opened %(size)s, %(control)s of them "
        "at random."
    ) % {
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


def _chosen_table(chosen: list[Considered]) -> Table:
    return Table(
        "chosen",
        _("Chosen pairs"),
        ("prompt_id", "prompt", "first", "second", "utility", "arm"),
        tuple(
            (
                c.prompt_id, str(c.prompt), str(c.first.policy), str(c.second.policy),
                c.utility, c.arm,
            )
            for c in chosen
        ),
    )  # fmt: skip
