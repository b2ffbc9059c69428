"""What the page on agreement draws: rows and tables from a snapshot's detail."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.core.figures import HistogramBin, Interval, Point, Table
from annotation.core.paired_figures import Pair
from annotation.models import AgreementReport, Candidate, Comparison, Project

Kept = Mapping[str, Any]

EMPTY: Kept = {"value": None, "low": None, "high": None, "n": 0, "note": ""}


def criterion_pair(report: AgreementReport) -> Pair:
    """A criterion's alpha and AC; an older snapshot has only the first."""
    alpha = Interval(
        _("alpha"), report.estimate, report.low, report.high, report.n_comparisons, report.note
    )
    ac = side(_("AC"), figure(report, "ac"), tone="second")
    return Pair(
        label=report.criterion.name,
        alpha=alpha,
        ac=ac,
        n=report.n_comparisons,
        words=report.detail.get("reading", report.note),
        is_too_few=bool(report.detail.get("too_few", False)),
    )


def figure(report: AgreementReport, name: str, *, over: str = "figures") -> Kept:
    """One of a snapshot's coefficients, or an empty one where it was not measured."""
    known: Kept = report.detail.get(over) or {}
    return known.get(name) or EMPTY


def side(label: str, kept: Kept, *, tone: str = "first") -> Interval:
    return Interval(
        label, kept["value"], kept["low"], kept["high"], kept["n"], kept["note"], tone=tone
    )


def slice_pairs(report: AgreementReport, by: str) -> list[Pair]:
    """The slices of one dimension, each linked to what it is a slice of."""
    return [
        Pair(
            label=row["label"],
            alpha=side(_("alpha"), row["alpha"]),
            ac=side(_("AC"), row["ac"], tone="second"),
            n=row["n_comparisons"],
            words=_few(row) if row["too_few"] else "",
            href=_slice_link(report.project, by, row["key"]),
            is_too_few=row["too_few"],
        )
        for row in _slices(report, by).get("rows", [])
    ]


def slices_left_out(report: AgreementReport, by: str) -> int:
    return int(_slices(report, by).get("more", 0))


def dimensions_told(report: AgreementReport) -> dict[str, int]:
    """How many slices each dimension of the snapshot has."""
    kept: Kept = report.detail.get("slices") or {}
    return {name: len(found["rows"]) for name, found in kept.items()}


def pairs_table(key: str, title: str, pairs: Sequence[Pair], ac_name: str) -> Table:
    """Each row once, alpha beside AC."""
    columns = ("name", "alpha", "alpha low", "alpha high", ac_name, f"{ac_name} low",
               f"{ac_name} high", "n", "reading")  # fmt: skip
    rows = tuple(
        (p.label, p.alpha.value, p.alpha.low, p.alpha.high, p.ac.value, p.ac.low, p.ac.high, p.n,
         p.words)
        for p in pairs
    )  # fmt: skip
    return Table(key, title, columns, rows)


def points(history: Sequence[AgreementReport]) -> list[Point]:
    """Dated snapshots, the oldest first."""
    return [
        Point(
            x=report.created_at.timestamp(),
            value=report.estimate or 0.0,
            low=report.low,
            high=report.high,
            n=report.n_comparisons,
            label=f"{report.created_at:%Y-%m-%d %H:%M}",
        )
        for report in reversed(history)
    ]


def trend_table(found: Sequence[Point]) -> Table:
    rows = tuple((p.label, p.value, p.low, p.high, p.n) for p in reversed(found))
    columns = (_("measured"), _("estimate"), _("low"), _("high"), "n")
    return Table("agreement-history", _("Alpha over time"), columns, rows)


def item_bins(report: AgreementReport) -> list[HistogramBin]:
    kept = report.detail.get("items") or {}
    return [HistogramBin(low, high, count) for low, high, count in kept.get("histogram", [])]


def items_table(bins: Sequence[HistogramBin]) -> Table:
    rows = tuple((b.low, b.high, b.count) for b in bins)
    return Table("agreement-items", _("Items by agreement"), (_("from"), _("to"), _("items")), rows)


def contested(report: AgreementReport) -> list[dict[str, Any]]:
    """The comparisons on which people part most, as they were at the snapshot."""
    kept = (report.detail.get("items") or {}).get("contested", [])
    ids = [comparison_id for comparison_id, _judges, _share in kept]
    comparisons = Comparison.objects.filter(pk__in=ids, project=report.project)
    found = comparisons.select_related("prompt").in_bulk()
    policies = _policies(ids)
    return [
        {
            "comparison": found[pk],
            "policies": " / ".join(policies.get(pk, [])),
            "judges": judges,
            "agreement": share,
        }
        for pk, judges, share in kept
        if pk in found
    ]


def _policies(comparisons: Sequence[int]) -> dict[int, list[str]]:
    """Whose responses each comparison shows, by position."""
    candidates = Candidate.objects.filter(comparison__in=comparisons)
    found: dict[int, list[str]] = {}
    for each in candidates.select_related("completion__policy").order_by("comparison", "position"):
        found.setdefault(each.comparison_id, []).append(str(each.completion.policy))
    return found


def contested_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "agreement-contested",
        _("Most contested comparisons"),
        (_("comparison"), _("prompt"), _("between"), _("judged by"), _("agreement")),
        tuple(
            (r["comparison"].pk, str(r["comparison"].prompt), r["policies"], r["judges"],
             r["agreement"])
            for r in rows
        ),
    )  # fmt: skip


def _few(row: Kept) -> str:
    """Why a part has no figure, or that it says little."""
    return row["alpha"]["note"] if row["alpha"]["value"] is None else _("too few to say")


def _slices(report: AgreementReport, by: str) -> Kept:
    kept: Kept = (report.detail.get("slices") or {}).get(by, {})
    return kept


def _slice_link(project: Project, by: str, key: str) -> str:
    """Batches have a page; prompts are found by their tags."""
    if by == "batch":
        return reverse("annotation:batch", args=[project.slug, key])
    if by == "tag":
        return f"{reverse('annotation:prompts', args=[project.slug])}?{urlencode({'q': key})}"
    return ""
