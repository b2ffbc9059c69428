"""Agreement as dated snapshots, one per criterion, with every figure of it in `detail`.

`estimate` is Krippendorff's alpha: on the nominal level of which response is better, or on the
interval level of marks from 1 to 5. `agreement_detail` lists what else is measured of the same
judgments.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version

from django.db import transaction
from django.db.models import QuerySet

from annotation.core.agreement import Agreement, Estimate, agreement_figures
from annotation.core.scheduling import derive_seed
from annotation.models import AgreementReport, Criterion, Judgment, Project, Run
from annotation.selectors.agreement import (
    Cutoff,
    Facts,
    cutoff_now,
    facts,
    has_people,
    of_people,
    rated,
)
from annotation.services.agreement_detail import (
    Measured,
    categories_of,
    level_of,
    measured_detail,
)
from annotation.services.agreement_sums import agreement_sums_keep
from annotation.services.runs import RunHandle

KEPT_WHOLE = 20
BULKY = frozenset({"slices", "people", "items"})


def agreement_measure(
    *,
    project: Project,
    criterion: Criterion,
    run: Run | None = None,
    with_quarantined: bool = False,
) -> AgreementReport:
    """A snapshot of one criterion; of a run that was taken up again, the one it had made.

    The judgments' cutoff and the seed are recorded, so that the figures can be computed again.
    `with_quarantined` counts those whom quarantines leave out; such snapshots are kept apart.
    """
    cutoff = cutoff_now(project, with_quarantined=with_quarantined)
    return _measured(cutoff=cutoff, known=facts(cutoff), criterion=criterion, run=run)


def agreement_estimates(
    *, project: Project, criterion: Criterion, judgments: QuerySet[Judgment]
) -> tuple[Estimate, Estimate]:
    """Alpha and percent agreement of the judgments on one criterion, by the project's seed."""
    figures = agreement_of(project=project, criterion=criterion, judgments=judgments)
    return figures.alpha, figures.percent


def agreement_of(
    *, project: Project, criterion: Criterion, judgments: QuerySet[Judgment]
) -> Agreement:
    """Every coefficient of the people's judgments on one criterion, by the project's seed."""
    people = of_people(judgments) if has_people(project) else judgments
    ratings = rated(people, criterion).ratings
    return agreement_figures(
        ratings,
        seed=derive_seed(project.seed, "agreement", criterion.key),
        level=level_of(criterion),
        categories=categories_of(project, criterion, ratings),
    )


def agreement_work(handle: RunHandle) -> Mapping[str, object]:
    """All criteria by the same judgments; a run that resumes goes on with those it began with."""
    criteria = list(handle.project.criteria.all())
    handle.progress(0, len(criteria), "Reading the judgments")
    cutoff = _cutoff(handle)
    known = facts(cutoff)
    for done, criterion in enumerate(criteria):
        handle.progress(done, len(criteria), f"Measuring “{criterion.name}”")
        _measured(cutoff=cutoff, known=known, criterion=criterion, run=handle.run)
    handle.progress(len(criteria), len(criteria), "Measured.")
    return {"criteria": len(criteria), "with_quarantined": cutoff.with_quarantined}


def _cutoff(handle: RunHandle) -> Cutoff:
    now = cutoff_now(
        handle.project, with_quarantined=bool(handle.params.get("with_quarantined", False))
    )
    before = AgreementReport.objects.filter(run=handle.run).first()
    if before is None:
        return now
    return replace(now, judgment_id=before.cutoff_judgment_id, as_of=before.created_at)


@transaction.atomic
def _measured(
    *, cutoff: Cutoff, known: Facts, criterion: Criterion, run: Run | None
) -> AgreementReport:
    if run is not None:
        before = AgreementReport.objects.filter(run=run, criterion=criterion).first()
        if before is not None:
            return before
    project = cutoff.project
    seed = derive_seed(project.seed, "agreement", criterion.key)
    found = measured_detail(cutoff=cutoff, known=known, criterion=criterion, seed=seed)
    if not cutoff.with_quarantined:
        agreement_sums_keep(cutoff=cutoff, criterion=criterion, found=found.rated)
    report = _report_create(cutoff=cutoff, criterion=criterion, run=run, found=found)
    _thin(report)
    return report


def _thin(newest: AgreementReport) -> None:
    """Older snapshots keep their figures; parts, people and items can be computed again."""
    history = AgreementReport.objects.filter(
        criterion=newest.criterion, includes_quarantined=newest.includes_quarantined
    )
    last = history.values_list("pk", flat=True)[KEPT_WHOLE : KEPT_WHOLE + 1]
    for older in history.filter(pk__in=list(last), detail__has_key="slices"):
        older.detail = {key: v for key, v in older.detail.items() if key not in BULKY}
        older.save(update_fields=["detail"])


def _report_create(
    *, cutoff: Cutoff, criterion: Criterion, run: Run | None, found: Measured
) -> AgreementReport:
    alpha, shared = found.figures.alpha, found.rated.shared()
    return AgreementReport.objects.create(
        project=cutoff.project,
        criterion=criterion,
        run=run,
        cutoff_judgment_id=cutoff.judgment_id,
        includes_simulated=cutoff.project.learns_from_simulated,
        includes_quarantined=cutoff.with_quarantined,
        estimate=alpha.value,
        low=alpha.low,
        high=alpha.high,
        n_comparisons=shared.n_comparisons,
        n_judgments=shared.n_judgments,
        n_annotators=alpha.n_annotators,
        method=alpha.method,
        seed=alpha.seed,
        code_version=version("alignui"),
        note=alpha.note,
        detail=found.detail,
    )
