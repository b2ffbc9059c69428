"""What one answered, in words: the rows of the history page."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.core.rankings import Groups, as_shown
from annotation.models import Judgment
from annotation.selectors.judgments import judgment_history
from annotation.selectors.work import LETTERS
from annotation.web.auth import person, signed_in
from annotation.web.requests import Request
from annotation.web.sheet import preference_in_words

PAGE_SIZE = 50


@signed_in
@require_safe
def history(request: Request) -> HttpResponse:
    """One's own judgments; `q` looks in the prompts and in what one wrote."""
    user = person(request)
    wanted = request.GET.get("q", "").strip()
    judgments = judgment_history(user)
    if wanted:
        judgments = judgments.filter(comparison__prompt__messages__icontains=wanted) | (
            judgments.filter(rationale__icontains=wanted)
        )
    page = Paginator(judgments, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": history_rows(page.object_list), "wanted": wanted}
    return render(request, "annotation/history.html", context)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    judgment: Judgment
    answer: str


def history_rows(judgments: Iterable[Judgment]) -> list[HistoryRow]:
    return [HistoryRow(judgment, answer_in_words(judgment)) for judgment in judgments]


def answer_in_words(judgment: Judgment) -> str:
    """In the letters that the annotator saw: "B much better", "A > C = D > B", "Both bad"."""
    groups: Groups = tuple(tuple(group) for group in judgment.groups)
    shown = as_shown(groups, judgment.assignment.display_order)
    is_pair = sum(map(len, shown)) == 2
    if judgment.both_bad:
        return _("Both bad") if is_pair else _("All bad")
    if len(shown) == 1 and is_pair:
        return _("Tie")
    if is_pair:
        letter = LETTERS[shown[0][0]]
        return preference_in_words(letter, judgment.strength)
    return " > ".join(" = ".join(LETTERS[slot] for slot in group) for group in shown)
