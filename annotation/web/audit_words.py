"""What audits say, in words and rows: the sentence on top, the picture, the tables beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst, slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.core.figures import Cell, Interval, Point, Table
from annotation.models import BiasAudit, Project
from annotation.templatetags.effects import EffectRow

MOST_NAMED = 3
GROUPS, DRIFT = "groups:", "drift:"
Status = BiasAudit.Status
ORDER = (Status.FOUND, Status.HINT, Status.NONE_FOUND, Status.UNCLEAR, Status.UNTOLD)
SHORT_COLUMNS = (
    "bias", "status", "shift", "shift_low", "shift_high", "share", "share_low", "share_high",
    "p_adjusted", "detectable_shift", "n", "n_annotators",
)  # fmt: skip
EFFECT_COLUMNS = (
    "bias", "kind", "status", "favours", "opposes", "per", "shift", "shift_low", "shift_high",
    "odds_ratio", "odds_low", "odds_high", "share", "share_low", "share_high", "p", "p_adjusted",
    "detectable_shift", "n", "n_annotators", "n_unknown", "verdict", "note",
)  # fmt: skip


def badge(status: str) -> tuple[str, str]:
    """Word and tone: a hint is not a finding, and none found is not unclear."""
    return {
        Status.FOUND: (_("found"), "bad"),
        Status.HINT: (_("a hint only"), "warn"),
        Status.NONE_FOUND: (_("none found"), "good"),
        Status.UNCLEAR: (_("unclear"), "plain"),
    }.get(Status(status), (_("cannot be told"), "plain"))


def sides(audit: BiasAudit) -> str:
    """What votes favour, by the sign of the effect."""
    told = audit.estimate if audit.estimate is not None else _raw_shift(audit)
    return str(audit.detail.get("opposes" if told < 0 else "favours") or audit.bias)


def audits_sentence(effects: Sequence[BiasAudit], beside: Sequence[BiasAudit]) -> str:
    """What was found, the biggest first; `beside` are comparisons of groups and drifts."""
    if not effects:
        return _("What besides quality moves the votes? Nobody has looked yet.")
    told = [audit for audit in effects if audit.status != Status.UNTOLD]
    if not told:
        return _("What besides quality moves the votes? There is too little to tell yet.")
    found = [audit for audit in effects if audit.status == Status.FOUND]
    favoured = _("Besides quality, votes favour %(what)s.")
    parts = [favoured % {"what": found_words(found)} if found else nothing_words(told)]
    groups = [a for a in beside if a.bias.startswith(GROUPS) and a.status == Status.FOUND]
    if groups:
        names = _listed([attribute_words(a) for a in groups])
        parts.append(_("Groups by %(names)s answer differently.") % {"names": names})
    if any(a.bias.startswith(DRIFT) and a.status == Status.FOUND for a in beside):
        parts.append(_("People change as the project goes on."))
    return " ".join(parts)


def attribute_words(audit: BiasAudit) -> str:
    return str(audit.detail.get("attribute", "")).replace("_", " ")


def effect_rows(
    project: Project, effects: Sequence[BiasAudit], *, with_links: bool
) -> list[EffectRow]:
    """Those with an estimate, found ones first and each kind of verdict by its size."""
    told = [audit for audit in effects if audit.estimate is not None]
    return [effect_row(project, audit, with_links=with_links) for audit in in_order(told)]


def in_order(audits: Sequence[BiasAudit]) -> list[BiasAudit]:
    return sorted(audits, key=lambda a: (ORDER.index(Status(a.status)), -abs(a.estimate or 1.0)))


def effects_tables(effects: Sequence[BiasAudit]) -> tuple[Table, Table]:
    """What stands below the picture, and every figure there is for the file."""
    rows = tuple(effect_cells(audit) for audit in in_order(effects))
    wanted = [EFFECT_COLUMNS.index(name) for name in SHORT_COLUMNS]
    short = tuple(tuple(row[at] for at in wanted) for row in rows if row[6] is not None)
    return (
        Table("audits-shown", _("Bias audits"), SHORT_COLUMNS, short),
        Table("audits", _("Bias audits, every figure"), EFFECT_COLUMNS, rows),
    )


def plainly(audit: BiasAudit) -> str:
    """What counting says by itself, where the model is not as sure of it."""
    share = audit.detail.get("share") or {}
    value, low, high = share.get("value"), share.get("low"), share.get("high")
    if audit.status == Status.FOUND or value is None or low is None or high is None:
        return ""
    if low <= 0.5 <= high:
        return ""
    if value < 0.5:
        value, low, high = 1 - value, 1 - high, 1 - low
        side = audit.detail.get("opposes")
    else:
        side = audit.detail.get("favours")
    return _(
        "Counted plainly, %(side)s wins %(share)s of the votes that differ [%(low)s, %(high)s]; "
        "beside which policies wrote the responses, and what else sets them apart, it is not sure "
        "that this is the reason."
    ) % {
        "side": side,
        "share": f"{100 * value:.1f}%",
        "low": f"{100 * low:.1f}%",
        "high": f"{100 * high:.1f}%",
    }


def name_of(audit: BiasAudit) -> str:
    """What was audited, for who reads why it could not be."""
    return capfirst(audit.bias.replace("_", " "))


def history_point(audit: BiasAudit) -> Point:
    return Point(
        x=audit.created_at.timestamp(),
        value=audit.estimate or 0.0,
        low=audit.low,
        high=audit.high,
        n=audit.n_judgments,
        label=f"{audit.created_at:%Y-%m-%d %H:%M}",
    )


def trend_key(bias: str) -> str:
    return f"trend-{slugify(bias.replace('×', 'by').replace('=', '-'))}"


def trend_table(bias: str, words: str, points: Sequence[Point]) -> Table:
    rows = tuple((p.label, p.value, p.low, p.high, p.n) for p in reversed(points))
    columns = (_("audited"), _("shift"), _("low"), _("high"), "n")
    return Table(trend_key(bias), words, columns, rows)


def agreement_rows(audit: BiasAudit) -> list[Interval]:
    """Within a group and across to the others, in turn."""
    rows = []
    for group in audit.detail.get("groups", []):
        for key, words, tone in (
            ("within", _("%(name)s, among themselves"), "first"),
            ("across", _("%(name)s, with the others"), "second"),
        ):
            figure = group.get(key) or {}
            rows.append(
                Interval(
                    label=words % {"name": group["name"]},
                    value=figure.get("value"),
                    low=figure.get("low"),
                    high=figure.get("high"),
                    n=group["n_annotators"],
                    note="" if figure else _("No two of them judged the same."),
                    tone=tone,
                )
            )
    return rows


def groups_table(audits: Sequence[BiasAudit]) -> Table:
    columns = (
        "attribute", "group", "annotators", "answers", "offset", "offset_low", "offset_high",
        "offset_p_adjusted", "within", "within_low", "within_high", "across", "across_low",
        "across_high", "gap", "gap_low", "gap_high", "gap_p_adjusted",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for audit in audits:
        for group in audit.detail.get("groups", []):
            figures = {key: _three(group.get(key)) for key in ("offset", "within", "across", "gap")}
            rows.append((
                attribute_words(audit), group["name"], group["n_annotators"], group["n"],
                *figures["offset"], group["offset_p_adjusted"], *figures["within"],
                *figures["across"], *figures["gap"], group["gap_p_adjusted"],
            ))  # fmt: skip
    return Table("groups", _("Groups of annotators"), columns, tuple(rows))


def drift_points(audit: BiasAudit) -> list[Point]:
    """The path of the sum, its band around 0: chance keeps the path within it."""
    return [
        Point(
            x=point["time"],
            value=point["sum"],
            low=-point["band"],
            high=point["band"],
            label=_when(point["time"]),
        )
        for point in audit.detail.get("path", [])
    ]


def drift_table(audit: BiasAudit, words: str) -> Table:
    rows = tuple((p.label, p.value, p.low, p.high) for p in drift_points(audit))
    key = audit.bias.replace(":", "-")
    return Table(key, words, (_("until"), _("sum"), _("low"), _("high")), rows)


def found_words(found: Sequence[BiasAudit]) -> str:
    """What votes favour, the biggest first, each with its size."""
    named = in_order(found)[:MOST_NAMED]
    parts = [f"{sides(audit)} {_size(audit)}".strip() for audit in named]
    more = len(found) - len(named)
    if more:
        parts.append(ngettext("%(n)s more", "%(n)s more", more) % {"n": more})
    return _listed(parts)


def nothing_words(told: Sequence[BiasAudit]) -> str:
    n_hints = sum(audit.status == Status.HINT for audit in told)
    n_unclear = sum(audit.status == Status.UNCLEAR for audit in told)
    words = ngettext(
        "No bias was found in %(n)s audit", "No bias was found in %(n)s audits", len(told)
    ) % {"n": len(told)}
    rest = []
    if n_hints:
        rest.append(ngettext("%(n)s hint", "%(n)s hints", n_hints) % {"n": n_hints})
    if n_unclear:
        rest.append(_("%(n)s too unsure to tell") % {"n": n_unclear})
    return f"{words}: {_listed(rest)}." if rest else f"{words}."


def _size(audit: BiasAudit) -> str:
    """(8.9 points [7.1, 10.7]), the effect turned so that it counts upwards."""
    if audit.estimate is None or audit.low is None or audit.high is None:
        return _("(without exception)")
    sign = -1 if audit.estimate < 0 else 1
    low, high = sorted((sign * audit.low, sign * audit.high))
    figures = f"{100 * abs(audit.estimate):.1f} points [{100 * low:.1f},\N{NO-BREAK SPACE}"
    return f"({figures}{100 * high:.1f}])".replace("-", "\N{MINUS SIGN}")


def effect_row(project: Project, audit: BiasAudit, *, with_links: bool) -> EffectRow:
    word, tone = badge(audit.status)
    href = reverse("annotation:audit-votes", args=[project.slug, audit.pk])
    return EffectRow(
        label=capfirst(str(audit.detail.get("favours") or audit.bias)),
        status=audit.status,
        word=word,
        tone=tone,
        estimate=audit.estimate or 0.0,
        low=audit.low or 0.0,
        high=audit.high or 0.0,
        least=audit.detail.get("detectable_shift"),
        n=audit.n_judgments,
        href=href if with_links and audit.detail.get("votes") else "",
    )


def effect_cells(audit: BiasAudit) -> tuple[Cell, ...]:
    detail = audit.detail
    share = detail.get("share") or {}
    return (
        audit.bias, audit.kind, audit.status, detail.get("favours"), detail.get("opposes"),
        detail.get("per"), audit.estimate, audit.low, audit.high, detail.get("odds_ratio"),
        detail.get("odds_low"), detail.get("odds_high"), share.get("value"), share.get("low"),
        share.get("high"), audit.p_value, detail.get("p_adjusted"), detail.get("detectable_shift"),
        audit.n_judgments, audit.n_annotators, detail.get("n_unknown"), detail.get("verdict"),
        audit.note,
    )  # fmt: skip


def _three(figure: dict[str, float] | None) -> tuple[Cell, Cell, Cell]:
    found = figure or {}
    return found.get("value"), found.get("low"), found.get("high")


def _raw_shift(audit: BiasAudit) -> float:
    share = (audit.detail.get("share") or {}).get("value")
    return 0.0 if share is None else float(share) - 0.5


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return _("%(most)s and %(last)s") % {"most": ", ".join(parts[:-1]), "last": parts[-1]}


def _when(seconds: float) -> str:
    return f"{timezone.localtime(datetime.fromtimestamp(seconds, tz=UTC)):%Y-%m-%d %H:%M}"
