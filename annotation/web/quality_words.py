"""What is said of a report on people's quality: its sentence, its lines, the draft of a reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from annotation.core.figures import Table
from annotation.core.rankings import Groups
from annotation.models import Participation, PeopleReport, PersonReport, Project, QualityRule
from annotation.selectors.people_reports import SharedAnswer, names_of, person_report
from annotation.web.people_words import STATE_WORDS

LETTERS = "ABCDEFGHI"
Action = PersonReport.Action
# What a lead may do about each recommendation, in the words of the form that does it.
DEEDS: Mapping[str, tuple[str, Promise]] = {
    Action.WATCH: (QualityRule.Action.WARN, gettext_lazy("Warn them")),
    Action.REQUALIFY: (QualityRule.Action.RETRAIN, gettext_lazy("Have them qualify again")),
    Action.QUARANTINE: (QualityRule.Action.QUARANTINE, gettext_lazy("Quarantine them")),
}
# How many people each heaviest piece of evidence is about.
ACCUSATIONS = {
    "coin": ngettext_lazy(
        "%(n)s answers regardless of what is shown",
        "%(n)s answer regardless of what is shown",
        "n",
    ),
    "flipped": ngettext_lazy(
        "%(n)s answers the wrong way round", "%(n)s answer the wrong way round", "n"
    ),
    "duplicate": ngettext_lazy(
        "%(n)s shares nearly all answers with another account",
        "%(n)s share nearly all answers with another account",
        "n",
    ),
}
SHARES = ("agreement", "gold", "repeats", "ties", "first", "too_fast")
COLUMNS = (
    "username", "name", "recommendation", "summary", "evidence", "judged", "reliability",
    "reliability_low", "reliability_high", "reliability_n", "honest", "coin", "flipped", "told_by",
    "weight", *(f"{share}{end}" for share in SHARES for end in ("", "_low", "_high", "_n")),
    "median_seconds", "pace", "longest_run", "alike_with", "ranks_moved", "top_moved",
    "largest_change", "changed_policy", "report", "measured",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence, and who else it is about."""

    evidence: Mapping[str, Any]
    other_id: int | None
    other: str


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person's row: `state` is what was decided about them already, empty where nothing was."""

    row: PersonReport
    evidence: tuple[Piece, ...]
    state: str
    deed: Promise | None
    influence: str


def sentence(report: PeopleReport | None) -> str:
    """The answer to the page's question: who can be relied upon?"""
    if report is None:
        return _("Who can be relied upon? Nobody has been looked at yet.")
    n, detail = report.n_annotators, report.detail
    if not n:
        return _("Who can be relied upon? Nobody has judged yet.")
    if not detail["n_told"] and not sum(detail["kinds"].values()):
        return _("Who can be relied upon? It cannot be told yet. %(why)s") % {"why": report.note}
    accused = list(_accusations(detail["kinds"]))
    watched = detail["actions"]["watch"]
    words = ngettext("%(n)s is worth watching", "%(n)s are worth watching", watched)
    watch = words % {"n": f"{watched:,}"}
    if not accused:
        alone = ngettext("Nothing speaks clearly against the only annotator",
                         "Nothing speaks clearly against any of %(n)s annotators", n)  # fmt: skip
        alone %= {"n": f"{n:,}"}
        return f"{alone}; {watch}." if watched else f"{alone}."
    said = _(" and ").join(filter(None, [", ".join(accused[:-1]), accused[-1]]))
    whole = _("Of %(n)s annotators %(what)s") % {"n": f"{n:,}", "what": said}
    return f"{whole}; {watch}." if watched else f"{whole}."


def lines(report: PeopleReport, rows: Sequence[PersonReport]) -> list[PersonLine]:
    """The rows of a page with everything that they name; two queries, however many they are."""
    others = {piece["other"] for row in rows for piece in row.evidence if piece["other"]}
    names = names_of(list(others))
    states = dict(
        Participation.objects.filter(
            project=report.project_id, annotator__in=[row.annotator_id for row in rows]
        )
        .exclude(state=Participation.State.ACTIVE)
        .values_list("annotator", "state")
    )
    board = report.detail["influence"]
    policies = {each["id"]: each["name"] for each in board["policies"]}
    return [
        PersonLine(
            row=row,
            evidence=tuple(
                Piece(each, each["other"], names.get(each["other"], "")) for each in row.evidence
            ),
            state=str(STATE_WORDS[states[row.annotator_id]]) if row.annotator_id in states else "",
            deed=DEEDS[row.action][1] if row.action in DEEDS else None,
            influence="–" if board["why_not"] else influence_words(row.influence, policies),
        )
        for row in rows
    ]  # fmt: skip


def influence_words(influence: Mapping[str, Any], policies: Mapping[int, str]) -> str:
    """What would change on the leaderboard without somebody."""
    if not influence:
        return _("none of their votes is on it")
    if influence["disconnects"]:
        return _("cannot be told: without them the leaderboard falls apart")
    moved = influence["ranks_moved"]
    change = f"{influence['change']:+.2f}".replace("-", "\N{MINUS SIGN}")
    most = _("%(policy)s %(change)s") % {
        "policy": policies.get(influence["policy"], "–"),
        "change": change,
    }
    if influence["is_top_moved"]:
        return _("%(most)s, another policy leads") % {"most": most}
    if moved:
        words = ngettext("%(most)s, %(n)s rank moves", "%(most)s, %(n)s ranks move", moved)
        return words % {"n": moved, "most": most}
    return _("%(most)s, no rank moves") % {"most": most}


def draft(project: Project, user_id: int) -> dict[str, str]:
    """What the newest report recommends about somebody, as the form that does it is filled in."""
    found = person_report(project, user_id)
    if found is None or found.action not in DEEDS:
        return {}
    statements = [
        f"– {piece['statement']}" for piece in found.evidence if piece["points_to"] != Action.KEEP
    ]
    return {
        "action": str(DEEDS[found.action][0]),
        "reason": "\n".join([_("This was seen in your judgments:"), *statements])[:2000],
    }


def answer_words(groups: Groups) -> str:
    """A > B = C, in the letters of canonical positions."""
    return " > ".join(" = ".join(LETTERS[position] for position in group) for group in groups)


def people_table(report: PeopleReport, rows: Iterable[PersonReport]) -> Table:
    policies = {each["id"]: each["name"] for each in report.detail["influence"]["policies"]}
    measured = report.created_at.isoformat()
    return Table(
        "people",
        _("Quality of people"),
        COLUMNS,
        tuple((*_cells(row, policies), report.pk, measured) for row in rows),
    )


def alike_table(report: PeopleReport) -> Table:
    """Every pair of people whose answers are too alike."""
    pairs = report.detail["alike"]["pairs"]
    names = names_of([pair[end] for pair in pairs for end in ("one", "other")])
    columns = ("one", "other", "shared", "same", "expected", "excess", "p_value", "duplicate")
    return Table(
        "alike",
        _("Answers too alike"),
        columns,
        tuple(
            (
                names.get(pair["one"], ""), names.get(pair["other"], ""), pair["n"], pair["same"],
                pair["expected"], pair["excess"], pair["p_value"], pair["is_duplicate"],
            )
            for pair in pairs
        ),
    )  # fmt: skip


def shared_table(shared: Sequence[SharedAnswer], names: Mapping[int, str]) -> Table:
    return Table(
        "shared",
        _("Shared comparisons"),
        ("comparison", "prompt", "annotator", "answer", "all_the_same", "against_most", "others"),
        tuple(
            (
                each.comparison_id, each.prompt, names.get(who, ""), answer_words(groups),
                each.is_same, each.is_against,
                "; ".join(f"{answer_words(other)} x {n}" for other, n in each.others),
            )
            for each in shared
            for who, groups in each.answers.items()
        ),
    )  # fmt: skip


def _cells(row: PersonReport, policies: Mapping[int, str]) -> tuple[Any, ...]:
    figures, moved = row.figures, row.influence
    shares = (figures[share].get(end) for share in SHARES for end in ("value", "low", "high", "n"))
    return (
        row.annotator.username, row.annotator.name, row.action, row.summary,
        " ".join(piece["statement"] for piece in row.evidence), row.n, row.reliability,
        row.reliability_low, row.reliability_high, row.reliability_n, row.honest, row.coin,
        row.flipped, figures["told_by"], row.weight, *shares, figures["seconds"],
        figures["pace"]["value"], figures["longest_run"],
        " ".join(str(each) for each in figures["group"] if each != row.annotator_id),
        moved.get("ranks_moved"), moved.get("is_top_moved"), moved.get("change"),
        policies.get(moved["policy"], "") if "policy" in moved else None,
    )  # fmt: skip


def _accusations(kinds: Mapping[str, int]) -> Iterable[str]:
    """How many people something is recommended for, by the heaviest piece of evidence."""
    rest = dict(kinds)
    for kind, phrase in ACCUSATIONS.items():
        if n := rest.pop(kind, 0):
            yield str(phrase % {"n": n})
    if n := sum(rest.values()):
        words = ngettext("%(n)s should qualify again for another reason",
                         "%(n)s should qualify again for other reasons", n)  # fmt: skip
        yield words % {"n": f"{n:,}"}
