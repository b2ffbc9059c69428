"""Who prefers what: where groups part, who votes alike, what all could live with."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from annotation.core.figures import Interval, Point, Table
from annotation.core.pair_votes import PairVotes
from annotation.models import Criterion, PluralismReport, Project, Run
from annotation.selectors.judgments import latest_judgment_id, live, quarantines
from annotation.selectors.overview import latest_runs
from annotation.selectors.pluralism import completions_by_id, latest_pluralism, pluralism_history
from annotation.services.pluralism import Measured, pluralism_again
from annotation.services.pluralism_detail import consensus_row, division_row
from annotation.web import pluralism_words as words
from annotation.web.auth import signed_in
from annotation.web.lead import chosen, led, page
from annotation.web.measuring import measure_asked

SHOWN, NEAREST = 8, 2
MOST_STANDINGS, MOST_GROUPS, MOST_SENTENCES, HISTORY = 20, 25, 5, 60
SIDES = ("first", "second")


@signed_in
@require_safe
def pluralism(request: HttpRequest, slug: str) -> HttpResponse:
    project = led(request, slug)
    criteria = list(project.criteria.all())
    keys = [criterion.key for criterion in criteria]
    criterion = chosen(request.GET, "criterion", keys, Criterion.OVERALL)
    with_quarantined = request.GET.get("quarantined") == "with"
    report = latest_pluralism(project, criterion, with_quarantined=with_quarantined)
    history = _history(project, criterion, with_quarantined)
    shown = _shown(report, project, request.GET.get("by", "")) if report else {}
    return page(
        request,
        "lead/pluralism.html",
        project,
        tables=[
            *(_tables(report, request.GET.get("csv", "")) if report else ()),
            words.history_table(history),
        ],
        history=history,
        report=report,
        sentence=words.sentence(report),
        criteria=criteria,
        criterion=criterion,
        with_quarantined=with_quarantined,
        has_quarantined=bool(quarantines(project)),
        query=_query(criterion, with_quarantined),
        n_new=_newer(project, report),
        run=latest_runs(project).get(Run.Kind.PLURALISM),
        **shown,
    )


@signed_in
@require_POST
def pluralism_measure(request: HttpRequest, slug: str) -> HttpResponse:
    return measure_asked(request, slug, Run.Kind.PLURALISM, "annotation:pluralism")


def _shown(report: PluralismReport, project: Project, by: str) -> dict[str, Any]:
    """What the page shows of the report: one grouping at a time, the map, the winners."""
    detail, groupings = report.detail, _groupings(report)
    grouping = next((g for g in groupings if words.key_of(g) == by), next(iter(groupings), None))
    return {
        "detail": detail,
        "ways": [(words.key_of(g), words.grouping_name(g), g) for g in groupings],
        "grouping": grouping,
        "by": words.key_of(grouping) if grouping else "",
        "by_name": words.grouping_name(grouping) if grouping else "",
        "camps": _camps(detail),
        **_pairs(grouping, project),
        **_winners(detail["choices"]),
    }


def _groupings(report: PluralismReport) -> list[dict[str, Any]]:
    """Those that part most first, the map's camps last."""
    found = sorted(report.detail["groupings"], key=lambda each: -each["n_found"])
    camps = report.detail["camps"]
    return [*found, {"attribute": "camp", "value": "", **camps}] if camps else found


def _pairs(grouping: dict[str, Any] | None, project: Project) -> dict[str, object]:
    """The surest divisions (of camps, the widest), and what all groups lean to."""
    if grouping is None:
        return {}
    is_camps = grouping["attribute"] == "camp"
    sure = [row for row in grouping["divisions"] if row["is_found"] or is_camps]
    divisions = sure[:SHOWN] or grouping["divisions"][:NEAREST]
    consensus = grouping["consensus"][:SHOWN]
    completions = completions_by_id(row[s] for row in divisions + consensus for s in SIDES)

    def named(row: dict[str, Any]) -> words.Pair | None:
        return words.pair_of(row, completions, project)

    return {
        "divided": [words.divided(row, pair) for row in divisions if (pair := named(row))],
        "agreed": [words.agreed(row, pair) for row in consensus if (pair := named(row))],
        "n_divided_more": grouping["n_compared"] - len(divisions),
        "n_agreed_more": max(grouping["n_agreed"] - SHOWN, 0),
    }


def _camps(detail: dict[str, Any]) -> list[tuple[str, int, float, float]]:
    """Each camp's letter, size and middle."""
    by_camp: dict[str, list[tuple[float, float]]] = {}
    for x, y, camp in detail["map"]["places"]:
        by_camp.setdefault(camp, []).append((x, y))
    return [
        (camp, len(at), sum(x for x, _ in at) / len(at), sum(y for _, y in at) / len(at))
        for camp, at in sorted(by_camp.items())
    ]


def _winners(choices: list[dict[str, Any]]) -> dict[str, object]:
    everybody = choices[0] if choices else None
    told = [each for each in choices if each["standings"]]
    conflicts = words.conflicts(choices)
    return {
        "n_choices_more": max(len(told) - MOST_GROUPS, 0),
        "choices": [
            (
                words.choice_name(each), each,
                (words.winners(each, "borda"), words.winning_share(each, "borda")),
                (words.winners(each, "copeland"), words.winning_share(each, "copeland")),
            )
            for each in told[:MOST_GROUPS]
        ],
        "conflicts": conflicts[:MOST_SENTENCES],
        "n_conflicts_more": max(len(conflicts) - MOST_SENTENCES, 0),
        "everybody": everybody,
        "standings": [
            Interval(each["name"], each["borda"], each["low"], each["high"], round(each["n"]))
            for each in (everybody["standings"][:MOST_STANDINGS] if everybody else ())
        ],
    }  # fmt: skip


def _tables(report: PluralismReport, wanted: str) -> Sequence[Table]:
    """The small ones always; those of pairs only where asked for, and then whole."""
    found = [
        words.places_table(report.detail["map"]["places"]),
        words.standings_table(report.detail["choices"]),
    ]
    if wanted in {"divided", "agreed"}:
        rows = list(_kept_rows(report, wanted) or _all_rows(pluralism_again(report), wanted))
        completions = completions_by_id(row[s] for _, row in rows for s in SIDES)
        named = (
            (grouping, row, pair)
            for grouping, row in rows
            if (pair := words.pair_of(row, completions, report.project))
        )
        make = words.divisions_table if wanted == "divided" else words.agreed_table
        found.append(make(named))
    return found


def _kept_rows(report: PluralismReport, wanted: str) -> list[tuple[str, dict[str, Any]]]:
    """The rows that the report holds; none where it holds only the head of a longer list."""
    parts = _groupings(report)
    key, count = ("divisions", "n_compared") if wanted == "divided" else ("consensus", "n_agreed")
    if any(len(part[key]) < part[count] for part in parts):
        return []
    return [(words.grouping_name(part), row) for part in parts for row in part[key]]


def _all_rows(measured: Measured, wanted: str) -> Iterator[tuple[str, dict[str, Any]]]:
    results = [
        (words.grouping_name({"attribute": g.attribute, "value": g.value}), found)
        for g, found in measured.groupings
    ]
    if measured.camps is not None:
        results.append((words.grouping_name({"attribute": "camp", "value": ""}), measured.camps))
    votes: PairVotes = measured.votes
    for name, found in results:
        if wanted == "divided":
            yield from ((name, division_row(votes, each)) for each in found.divisions)
        else:
            yield from ((name, consensus_row(votes, e)) for e in found.consensus if e.side)


def _history(project: Project, criterion: str, with_quarantined: bool) -> list[Point]:
    found = pluralism_history(project, criterion, with_quarantined=with_quarantined)
    told = found.filter(estimate__isnull=False).defer("detail")[:HISTORY]
    return words.history_points(reversed(told))


def _newer(project: Project, report: PluralismReport | None) -> int:
    """How many judgments and amendments the report has not seen."""
    if report is None:
        return live(project).count()
    if latest_judgment_id(project) <= report.cutoff_judgment_id:
        return 0
    return live(project).filter(pk__gt=report.cutoff_judgment_id).count()


def _query(criterion: str, with_quarantined: bool) -> str:
    """What a link on the page takes along of what was asked for."""
    kept = f"criterion={criterion}&" if criterion != Criterion.OVERALL else ""
    return f"{kept}quarantined=with&" if with_quarantined else kept
