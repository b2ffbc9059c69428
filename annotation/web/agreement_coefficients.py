"""What the page on agreement lists besides alpha and AC: every coefficient, by name and meaning."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.core.figures import Interval, Table, interval_table
from annotation.models import AgreementReport
from annotation.web.agreement_figures import EMPTY, Kept, figure, side

NAMES = {
    "percent": gettext_lazy("Same answer"),
    "alpha": gettext_lazy("Krippendorff's alpha"),
    "ac": gettext_lazy("Gwet's AC"),
    "fleiss": gettext_lazy("Fleiss' kappa"),
    "brennan_prediger": gettext_lazy("Brennan-Prediger's kappa"),
}
MEANINGS = {
    "percent": gettext_lazy(
        "The chance that two annotators of an item give the same answer. Chance is not taken off."
    ),
    "alpha": gettext_lazy(
        "One less the disagreement found over the disagreement that the same answers would show "
        "if they were dealt out at random."
    ),
    "ac": gettext_lazy(
        "Chance is what people would agree in on items at which they can only guess. Steady where "
        "one answer is far more common than the others."
    ),
    "fleiss": gettext_lazy(
        "Chance is what two answers drawn from everybody's answers would agree in."
    ),
    "brennan_prediger": gettext_lazy(
        "Chance is what two answers drawn evenly from all possible ones would agree in."
    ),
}
RANKINGS = {
    "tau": gettext_lazy("Kendall's tau-b"),
    "w": gettext_lazy("Kendall's W"),
    "overlap": gettext_lazy("Rank-biased overlap"),
    "pairs": gettext_lazy("Implied pairs alike"),
}
GRADED = gettext_lazy("%(name)s, by degree")


def coefficient_rows(report: AgreementReport) -> list[dict[str, Any]]:
    """Every coefficient with both of its intervals, in the order in which they are explained."""
    return [
        {
            "name": str(NAMES[name]) if over == "figures" else GRADED % {"name": NAMES[name]},
            "meaning": MEANINGS[name],
            "found": found,
            "both": figure(report, name, over="over_both") if over == "figures" else EMPTY,
            "prompts": figure(report, name, over="over_prompts") if over == "figures" else EMPTY,
        }
        for over in ("figures", "graded")
        for name in NAMES
        if (found := figure(report, name, over=over))["value"] is not None
    ]


def coefficients_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        "coefficient", "value", "low", "high", "low, annotators too", "high, annotators too",
        "low, prompts", "high, prompts", "items", "ratings", "annotators", "judged once",
        "missing", "note",
    )  # fmt: skip
    return Table(
        "agreement-coefficients",
        _("Every coefficient"),
        columns,
        tuple(
            (
                row["found"]["method"].split(";")[0], row["found"]["value"], row["found"]["low"],
                row["found"]["high"], row["both"]["low"], row["both"]["high"],
                row["prompts"]["low"], row["prompts"]["high"], row["found"]["n"],
                row["found"]["n_ratings"], row["found"]["n_annotators"], row["found"]["alone"],
                row["found"]["missing"], row["found"]["note"],
            )
            for row in rows
        ),
    )  # fmt: skip


def kinds(report: AgreementReport) -> dict[str, Any]:
    """Whole rankings, answers given twice, and LLM judges, each with its chart's table."""
    rankings = _rankings(report.detail.get("rankings"))
    repeats = report.detail.get("repeats")
    judges = report.detail.get("judges")
    judge_rows = _judges(judges)
    return {
        "rankings": rankings,
        "repeats": repeats,
        "judges": judges,
        "judge_rows": judge_rows,
        "charts": [
            interval_table("agreement-rankings", _("Whole rankings"), rankings),
            interval_table("agreement-repeats", _("With themselves"), _repeats(repeats)),
            interval_table("agreement-judges", _("People and LLM judges"), judge_rows),
        ],
    }


def _rankings(kept: Kept | None) -> list[Interval]:
    return [side(str(word), kept[name]) for name, word in RANKINGS.items()] if kept else []


def _repeats(kept: Kept | None) -> list[Interval]:
    if not kept:
        return []
    return [side(_("same answer again"), kept["percent"]), side("kappa", kept["kappa"])]


def _judges(kept: Kept | None) -> list[Interval]:
    if not kept:
        return []
    own = side(_("People among themselves"), kept["people"]["alpha"])
    return [own, *(side(each["model"], each, tone="second") for each in kept["models"])]
