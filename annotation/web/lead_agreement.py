"""Agreement: how sure, where least, who parts from whom, and the judgments behind it."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.figures import Table
from annotation.core.paired_figures import Tie
from annotation.models import AgreementReport, ComparisonKind, Criterion, Project, Run
from annotation.selectors import reports
from annotation.selectors.access import projects_led
from annotation.selectors.agreement import names_of
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.overview import latest_runs
from annotation.services.agreement_people import PEOPLE_AT_MOST, people_at
from annotation.services.agreement_sums import agreement_now, agreement_sums_update
from annotation.web import agreement_coefficients as coefficients
from annotation.web import agreement_figures as figures
from annotation.web import agreement_people_figures as people_figures
from annotation.web import agreement_words as words
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, csv_answer, looked_at, page
from annotation.web.measuring import measure_asked

HISTORY = 60
READ_AT_MOST = 2_000
ALL_PEOPLE = "agreement-people"


@signed_in
@require_safe
def agreement(request: HttpRequest, slug: str) -> HttpResponse:
    """The figures of all criteria, and of one of them everything that was measured."""
    project = looked_at(request, slug)
    with_quarantined = request.GET.get("quarantined") == "with"
    newest = reports.latest_agreements(project, with_quarantined=with_quarantined)
    overall = next((r for r in newest if r.criterion.key == Criterion.OVERALL), None)
    keys = [report.criterion.key for report in newest]
    key = chosen(request.GET, "criterion", keys, Criterion.OVERALL)
    report = next((each for each in newest if each.criterion.key == key), overall)
    is_lead = projects_led(person(request)).filter(pk=project.pk).exists()
    if report is not None and request.GET.get("csv") == ALL_PEOPLE:
        return csv_answer(project, _everybody(report, is_lead=is_lead))
    pairs = [figures.criterion_pair(each) for each in newest]
    by_criterion = figures.pairs_table("agreement", _("Agreement by criterion"), pairs, "AC")
    found = _one(request, report, is_lead=is_lead) if report is not None else {}
    return page(
        request,
        "lead/agreement.html",
        project,
        tables=[by_criterion, *found.pop("charts", [])],
        overall=overall,
        newest=newest,
        report=report,
        pairs=pairs,
        parted=[each for each in newest if each.detail.get("parting")],
        with_quarantined=with_quarantined,
        sentence=words.agreement_sentence(overall, newest),
        now=_now(project, overall) if not with_quarantined else "",
        n_new=_judgments_since(project, overall),
        run=latest_runs(project).get(Run.Kind.AGREEMENT),
        **found,
    )


@signed_in
@require_POST
def agreement_measure(request: HttpRequest, slug: str) -> HttpResponse:
    return measure_asked(request, slug, Run.Kind.AGREEMENT, "annotation:agreement")


def _one(request: HttpRequest, report: AgreementReport, *, is_lead: bool) -> dict[str, Any]:
    """All that the page shows of one criterion's snapshot, with its charts' tables."""
    told = figures.dimensions_told(report)
    by = chosen(request.GET, "by", list(words.DIMENSIONS), _most_telling(told))
    snapshots = reports.agreement_history(
        report.project, with_quarantined=report.includes_quarantined
    ).filter(criterion=report.criterion, estimate__isnull=False)
    history = figures.points(list(snapshots[:HISTORY]))
    slices = figures.slice_pairs(report, by)
    ac_name = words.ac_name_at(report.detail.get("level", "nominal"))
    every = coefficients.coefficient_rows(report)
    bins, contested = figures.item_bins(report), figures.contested(report)
    title = _("Agreement by %(what)s") % {"what": str(words.DIMENSIONS[by]).lower()}
    charts = [
        figures.trend_table(history),
        figures.pairs_table(f"agreement-by-{by}", title, slices, ac_name),
        coefficients.coefficients_table(every),
        figures.items_table(bins),
        figures.contested_table(contested),
    ]
    people, kinds = _people(report, is_lead=is_lead), coefficients.kinds(report)
    return {
        "charts": [*charts, *people.pop("charts"), *kinds.pop("charts")],
        "ac_name": ac_name,
        "by": by,
        "ways": [(key, word, told.get(key, 0)) for key, word in words.DIMENSIONS.items()],
        "slices": slices,
        "parts_sentence": words.parts_sentence(report, slices),
        "slices_key": f"agreement-by-{by}",
        "more": figures.slices_left_out(report, by),
        "history": history,
        "bins": bins,
        "contested": contested,
        "coefficients": every,
        **people,
        **kinds,
    }


def _people(report: AgreementReport, *, is_lead: bool) -> dict[str, Any]:
    """The heat map, and of each person what it says in a row."""
    kept = report.detail.get("people") or {}
    ids = kept.get("ids", [])
    names = names_of(ids, by_name=is_lead)
    ties = people_figures.ties(kept)
    rows = people_figures.person_rows(ids, names, ties)
    if is_lead:
        for row in rows:
            row["href"] = reverse("annotation:person", args=[report.project.slug, row["id"]])
    return {
        "people": names,
        "people_of": kept.get("of", 0),
        "people_note": kept.get("note", ""),
        "ties": ties,
        "person_rows": rows,
        "people_at_most": PEOPLE_AT_MOST,
        "charts": [
            people_figures.ties_table("agreement-heat", ties, names),
            people_figures.persons_table(rows),
        ],
    }


def _everybody(report: AgreementReport, *, is_lead: bool) -> Table:
    """The whole matrix, counted when somebody asks for it."""
    kept = people_at(report)
    names = names_of(kept["ids"], by_name=is_lead)
    found: Sequence[Tie] = people_figures.ties(kept)
    return people_figures.ties_table(ALL_PEOPLE, found, names)


def _most_telling(told: dict[str, int]) -> str:
    """The first dimension that has something to compare."""
    return next((key for key in words.DIMENSIONS if told.get(key, 0) > 1), "batch")


def _now(project: Project, overall: AgreementReport | None) -> str:
    if not latest_judgment_id(project):
        return ""
    agreement_sums_update(project=project, at_most=READ_AT_MOST)
    criterion = project.criteria.filter(key=Criterion.OVERALL).first()
    found = agreement_now(project)
    return words.now_sentence(
        found.get(criterion.pk) if criterion else None,
        overall,
        is_pairwise=project.kind == ComparisonKind.PAIRWISE,
    )


def _judgments_since(project: Project, report: AgreementReport | None) -> int:
    """How many judgments and amendments the newest figures have not seen."""
    if report is None:
        return live(project).count()
    if latest_judgment_id(project) <= report.cutoff_judgment_id:
        return 0
    return live(project).filter(pk__gt=report.cutoff_judgment_id).count()
