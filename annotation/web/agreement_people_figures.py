"""What the page on agreement shows of people: each two of them, and each with the others."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from django.utils.translation import gettext as _

from annotation.core.figures import Table
from annotation.core.paired_figures import Tie, together_first


def ties(kept: Mapping[str, Any]) -> list[Tie]:
    return [Tie(*row) for row in kept.get("pairs", [])]


def ties_table(key: str, found: Sequence[Tie], names: Sequence[str]) -> Table:
    columns = (_("person"), _("other person"), _("items"), _("same answer"), "kappa", "low", "high")
    rows = tuple(
        (names[t.first], names[t.second], t.n, t.agreement, t.kappa, t.low, t.high) for t in found
    )
    return Table(key, _("Each two people"), columns, rows)


def person_rows(
    ids: Sequence[int], names: Sequence[str], found: Sequence[Tie]
) -> list[dict[str, Any]]:
    """Each person with the mean of their kappas, and who of the others is furthest from them."""
    rows = []
    for at in together_first(len(ids), found):
        own = [t for t in found if at in (t.first, t.second)]
        told = [t for t in own if t.kappa is not None]
        least = min(told, key=lambda t: t.kappa or 0.0, default=None)
        rows.append(
            {
                "id": ids[at],
                "name": names[at],
                "n_items": sum(t.n for t in own),
                "n_people": len(told),
                "mean": fmean(t.kappa or 0.0 for t in told) if told else None,
                "least": names[least.second if least.first == at else least.first] if least else "",
                "least_kappa": least.kappa if least else None,
            }
        )
    return rows


def persons_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = (_("person"), _("mean kappa"), _("others with a kappa"), _("shared items"),
               _("furthest from"), _("kappa with them"))  # fmt: skip
    return Table(
        "agreement-persons",
        _("Each person with the others"),
        columns,
        tuple(
            (r["name"], r["mean"], r["n_people"], r["n_items"], r["least"], r["least_kappa"])
            for r in rows
        ),
    )
