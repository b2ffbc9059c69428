"""Who can be relied upon: everybody's quality with its evidence, and whose answers are alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.core.errors import NotFound
from annotation.core.rankings import Groups
from annotation.models import Criterion, PeopleReport, PersonReport, Project, Run
from annotation.selectors.judgments import latest_judgment_id, live
from annotation.selectors.overview import latest_runs
from annotation.selectors.people_reports import (
    SORTS,
    PeopleWanted,
    latest_people_report,
    names_of,
    people_report_for_lead,
    person_reports,
    shared_answers,
    standings,
)
from annotation.web.auth import person, signed_in
from annotation.web.lead import chosen, csv_answer, led, page
from annotation.web.measuring import measure_asked
from annotation.web.quality_words import (
    alike_table,
    answer_words,
    lines,
    people_table,
    sentence,
    shared_table,
)

PAGE_SIZE = 50
MOST_GROUPS = 12
MOST_MEMBERS = 12
WITH = "with"


@dataclass(frozen=True, slots=True)
class Group:
    """People who are connected by answers too alike; `more` of them are not named."""

    number: int
    members: tuple[tuple[int, str], ...]
    more: int
    pairs: tuple[dict[str, Any], ...]
    n_pairs: int
    is_duplicate: bool


@signed_in
@require_safe
def people_quality(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    criteria = list(project.criteria.all())
    key = chosen(request.GET, "criterion", [c.key for c in criteria], Criterion.OVERALL)
    with_quarantined = request.GET.get("quarantined") == WITH
    report = latest_people_report(project, criterion=key, with_quarantined=with_quarantined)
    wanted = _wanted(request.GET)
    if report is not None and request.GET.get("csv") == "people":
        return csv_answer(project, people_table(report, person_reports(report, wanted)))
    return page(
        request,
        "lead/people_quality.html",
        project,
        tables=[alike_table(report)] if report is not None else [],
        report=report,
        sentence=sentence(report),
        asked=wanted,
        criteria=criteria,
        criterion=key,
        with_quarantined=with_quarantined,
        n_new=_judgments_since(project, report),
        run=latest_runs(project).get(Run.Kind.PEOPLE),
        query=_query(request.GET, "page"),
        sort_query=_query(request.GET, "page", "sort", "order"),
        filter_query=_query(request.GET, "page", "action"),
        **(_found(report, wanted, request.GET) if report is not None else {}),
    )


@signed_in
@require_POST
def measure(request: HttpRequest, slug: str) -> HttpResponse:
    return measure_asked(request, slug, Run.Kind.PEOPLE, "annotation:people-quality")


@signed_in
@require_safe
def alike(request: HttpRequest, people_report_id: int, number: int) -> HttpResponse:
    """The comparisons that a group of people too alike have shared, and what each of them said."""
    report = people_report_for_lead(user=person(request), report_id=people_report_id)
    groups = report.detail["alike"]["groups"]
    if number >= len(groups):
        raise NotFound(_("There is no such group in this report."))
    members = groups[number]
    names = names_of(members)
    shared = shared_answers(report, members)
    paged = Paginator(shared, PAGE_SIZE).get_page(request.GET.get("page"))
    return page(
        request,
        "lead/people_quality_alike.html",
        report.project,
        tables=[shared_table(shared, names)],
        report=report,
        members=[(who, names.get(who, "")) for who in members],
        pairs=_pairs(report, members, names),
        n_shared=len(shared),
        n_same=sum(each.is_same for each in shared),
        n_against=sum(each.is_against for each in shared),
        paged=paged,
        rows=[
            (
                each,
                _by_answer(each.answers, names),
                [(answer_words(groups), n) for groups, n in each.others],
            )
            for each in paged
        ],
    )


def _found(report: PeopleReport, wanted: PeopleWanted, query: QueryDict) -> dict[str, Any]:
    paged = Paginator(person_reports(report, wanted), PAGE_SIZE).get_page(query.get("page"))
    everybody = standings(report)
    alike_found = report.detail["alike"]
    return {
        "paged": paged,
        "lines": lines(report, list(paged)),
        "standings": everybody,
        "n_untold": report.n_annotators - len(everybody),
        "actions": [
            (key, PersonReport.Action(key).label, report.detail["actions"][key])
            for key in reversed(PersonReport.Action.values)
        ],
        "alike": alike_found,
        "groups": _groups(report),
        "more_groups": max(len(alike_found["groups"]) - MOST_GROUPS, 0),
        "board": report.detail["influence"],
        "mixture": report.detail["mixture"],
    }


def _groups(report: PeopleReport) -> list[Group]:
    """The largest groups, each with those of its pairs that are most alike."""
    found = sorted(enumerate(report.detail["alike"]["groups"]), key=lambda each: -len(each[1]))
    cut = found[:MOST_GROUPS]
    names = names_of([who for _number, members in cut for who in members])
    groups = []
    for number, members in cut:
        pairs = _pairs(report, members, names)
        groups.append(
            Group(
                number=number,
                members=tuple((who, names.get(who, "")) for who in members[:MOST_MEMBERS]),
                more=max(len(members) - MOST_MEMBERS, 0),
                pairs=tuple(pairs[:1]),
                n_pairs=len(pairs),
                is_duplicate=any(pair["is_duplicate"] for pair in pairs),
            )
        )
    return groups


def _pairs(report: PeopleReport, members: list[int], names: dict[int, str]) -> list[dict[str, Any]]:
    inside = set(members)
    return [
        pair | {"one_name": names.get(pair["one"], ""), "other_name": names.get(pair["other"], "")}
        for pair in report.detail["alike"]["pairs"]
        if pair["one"] in inside
    ]


def _by_answer(
    answers: Mapping[int, Groups], names: Mapping[int, str]
) -> list[tuple[str, list[str]]]:
    """Each answer of the group with those who gave it, the most frequent first."""

    def named(people: list[str]) -> list[str]:
        more = len(people) - MOST_MEMBERS
        if more <= 0:
            return people
        return [*people[:MOST_MEMBERS], _("%(n)s more") % {"n": f"{more:,}"}]

    found: dict[str, list[str]] = {}
    for who, groups in answers.items():
        found.setdefault(answer_words(groups), []).append(names.get(who, ""))
    ordered = sorted(found.items(), key=lambda each: -len(each[1]))
    return [(answer, named(people)) for answer, people in ordered]


def _wanted(query: QueryDict) -> PeopleWanted:
    return PeopleWanted(
        search=query.get("q", "").replace("\x00", "").strip()[:150],
        action=chosen(query, "action", PersonReport.Action.values, ""),
        sort=chosen(query, "sort", list(SORTS), "action"),
        is_reversed=query.get("order") == "reverse",
    )


def _query(query: QueryDict, *without: str) -> str:
    """The address's parameters but for some, ready for one more."""
    kept = [(key, value) for key, value in query.items() if key not in without and value]
    return f"{urlencode(kept)}&" if kept else ""


def _judgments_since(project: Project, report: PeopleReport | None) -> int:
    if report is None:
        return live(project).count()
    if latest_judgment_id(project) <= report.cutoff_judgment_id:
        return 0
    return live(project).filter(pk__gt=report.cutoff_judgment_id).count()
