"""Agreement as dated snapshots, one per criterion."""

from collections.abc import Mapping
from importlib.metadata import version

from django.db import transaction
from django.db.models import QuerySet

from annotation.core.agreement import Estimate, krippendorff_alpha, percent_agreement, ratings_from
from annotation.core.scheduling import derive_seed
from annotation.models import AgreementReport, Criterion, Judgment, Project, Run
from annotation.selectors import judgments as judgment_selectors
from annotation.services.runs import RunHandle


@transaction.atomic
def agreement_measure(
    *, project: Project, criterion: Criterion, run: Run | None = None
) -> AgreementReport:
    """Krippendorff's alpha of the live judgments on one criterion, with its bootstrap interval.

    The judgments' cutoff and the seed are recorded, so that the figure can be computed again.
    """
    cutoff = judgment_selectors.latest_judgment_id(project)
    live = judgment_selectors.live(
        project, include_simulated=project.learns_from_simulated, cutoff_id=cutoff
    )
    alpha, share = agreement_estimates(project=project, criterion=criterion, judgments=live)
    return AgreementReport.objects.create(
        project=project,
        criterion=criterion,
        run=run,
        cutoff_judgment_id=cutoff,
        includes_simulated=project.learns_from_simulated,
        estimate=alpha.value,
        low=alpha.low,
        high=alpha.high,
        n_comparisons=alpha.n_units,
        n_judgments=alpha.n_ratings,
        n_annotators=alpha.n_annotators,
        method=alpha.method,
        seed=alpha.seed,
        code_version=version("alignui"),
        note=alpha.note,
        detail={"percent_agreement": _plain(share), "resamples": alpha.resamples},
    )


def agreement_estimates(
    *, project: Project, criterion: Criterion, judgments: QuerySet[Judgment]
) -> tuple[Estimate, Estimate]:
    """Alpha and percent agreement of the judgments on one criterion, by the project's seed."""
    ratings = ratings_from(judgment_selectors.verdicts(judgments, criterion=criterion.key))
    seed = derive_seed(project.seed, "agreement", criterion.key)
    return krippendorff_alpha(ratings, seed=seed), percent_agreement(ratings, seed=seed)


def agreement_work(handle: RunHandle) -> Mapping[str, object]:
    criteria = list(handle.project.criteria.all())
    for done, criterion in enumerate(criteria):
        handle.progress(done, len(criteria), f"Measuring “{criterion.name}”")
        agreement_measure(project=handle.project, criterion=criterion, run=handle.run)
    handle.progress(len(criteria), len(criteria), "Measured.")
    return {"criteria": len(criteria)}


def _plain(estimate: Estimate) -> dict[str, object]:
    return {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n_units,
        "method": estimate.method,
        "note": estimate.note,
    }
