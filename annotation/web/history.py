"""One's own judgments: searched by the address, shown in words, changed where that is allowed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from annotation.core.rankings import Groups, as_shown
from annotation.models import Flag, Judgment
from annotation.models.judgment import Strength
from annotation.selectors.history import Wanted, gold_shown, history, projects_judged
from annotation.selectors.work import LETTERS
from annotation.web.auth import person, signed_in
from annotation.web.requests import Request

PAGE_SIZE = 50
MOST_CHARACTERS = 200
ANSWERS = (
    ("", gettext_lazy("any answer")),
    ("preferred", gettext_lazy("one was better")),
    ("tie", gettext_lazy("tie")),
    ("both_bad", gettext_lazy("all bad")),
    ("reasoned", gettext_lazy("with a reason")),
    ("marked", gettext_lazy("with marks")),
    ("rewritten", gettext_lazy("rewritten")),
    ("flagged", gettext_lazy("flagged by me")),
    ("changed", gettext_lazy("changed later")),
    ("gold", gettext_lazy("with the lead's answer")),
)
STRENGTHS = {
    Strength.SLIGHTLY: gettext_lazy("%(letter)s slightly better"),
    Strength.CLEARLY: gettext_lazy("%(letter)s better"),
    Strength.MUCH: gettext_lazy("%(letter)s much better"),
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the lead answered to a gold item, in the letters that the annotator saw."""

    answer: str
    reason: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    judgment: Judgment
    answer: str
    feedback: Feedback | None
    flags: tuple[Flag, ...]
    n_marks: int
    is_rewritten: bool
    may_amend: bool


@signed_in
@require_safe
def page(request: Request) -> HttpResponse:
    user = person(request)
    wanted = _wanted(request.GET)
    judgments = Paginator(history(user, wanted), PAGE_SIZE).get_page(request.GET.get("page"))
    others = request.GET.copy()
    others.pop("page", None)
    context = {
        "page": judgments,
        "rows": history_rows(judgments.object_list),
        "wanted": wanted,
        "is_searched": wanted != Wanted(),
        "projects": projects_judged(user),
        "answers": ANSWERS,
        "query": f"{others.urlencode()}&" if others else "",
    }
    return render(request, "annotation/history.html", context)


def history_rows(judgments: Iterable[Judgment]) -> list[HistoryRow]:
    return [_row(judgment) for judgment in judgments]


def answer_in_words(groups: Groups, judgment: Judgment) -> str:
    """In the letters that the annotator saw: "B much better", "A > C = D > B"."""
    shown = as_shown(groups, judgment.assignment.display_order or range(sum(map(len, groups))))
    is_pair = sum(map(len, shown)) == 2
    if len(shown) == 1 and is_pair:
        return _("Tie")
    if is_pair:
        words = STRENGTHS[Strength(judgment.strength or Strength.CLEARLY)]
        return str(words) % {"letter": LETTERS[shown[0][0]]}
    return " > ".join(" = ".join(LETTERS[slot] for slot in group) for group in shown)


def _row(judgment: Judgment) -> HistoryRow:
    groups: Groups = tuple(map(tuple, judgment.groups))
    feedback = _feedback(judgment, groups)
    return HistoryRow(
        judgment=judgment,
        answer=_all_bad(groups) if judgment.both_bad else answer_in_words(groups, judgment),
        feedback=feedback,
        flags=tuple(judgment.comparison.flags.all()),
        n_marks=len(judgment.spans.all()),
        is_rewritten=hasattr(judgment, "rewrite"),
        may_amend=judgment.comparison.project.allow_amend and feedback is None,
    )


def _all_bad(groups: Groups) -> str:
    return _("Both bad") if sum(map(len, groups)) == 2 else _("All bad")


def _feedback(judgment: Judgment, groups: Groups) -> Feedback | None:
    gold = gold_shown(judgment, timezone.now())
    if gold is None:
        return None
    shown = as_shown(gold, judgment.assignment.display_order or range(sum(map(len, gold))))
    letters = " > ".join(" = ".join(LETTERS[slot] for slot in group) for group in shown)
    return Feedback(
        answer=_("Tie") if len(gold) == 1 else letters,
        reason=judgment.comparison.gold_reason,
        is_same=gold == groups,
    )


def _wanted(query: QueryDict) -> Wanted:
    return Wanted(
        words=query.get("q", "").replace("\0", "").strip()[:MOST_CHARACTERS],
        project=query.get("project", "").replace("\0", ""),
        since=_day(query.get("since", "")),
        until=_day(query.get("until", "")),
        answer=query.get("answer", "").replace("\0", ""),
    )


def _day(text: str) -> date | None:
    """A date that a person may have typed into the address; what is none asks for nothing."""
    try:
        return parse_date(text)
    except ValueError:
        return None
