"""What a page is told after a submit: the way back, and how far its annotator is."""

from functools import lru_cache

from django.contrib.messages import get_messages
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from annotation.selectors.sittings import break_due
from annotation.selectors.standing import progress_after
from annotation.services.judgments import Submitted
from annotation.web.requests import Request
from annotation.web.undoing import Undo

JUDGMENT_MARK, CSRF_MARK, TOKEN_MARK = 990_000_000_000_000_019, "zqcsrfqz", "zqtokenqz"


def progress_html(submitted: Submitted) -> SafeString:
    """The fragment `progress`, from what the submit knows: without another look at the database."""
    seat, day = submitted.desk.seat, submitted.day
    assert day is not None
    context = {
        "progress": progress_after(
            submitted.project,
            batch_id=submitted.desk.batch_id,
            today=day.judged,
            daily_quota=seat.daily_quota,
            earned_today=day.earned if seat.is_paid else None,
            currency=seat.currency,
        ),
        "break_words": break_due(submitted.sitting, submitted.project, seat.now),
    }
    return render_to_string("annotation/progress.html", context)


def notice_html(request: Request, undo: Undo) -> str:
    """The fragment `notice`: rendered once in each language where it only offers to undo."""
    if len(get_messages(request)):
        return render_to_string("annotation/judge.html#notice", {"undo": undo}, request)
    before, between, after, end = _notice(get_language() or "")
    return f"{before}{undo.judgment}{between}{get_token(request)}{after}{undo.token}{end}"


@lru_cache(maxsize=32)
def _notice(_language: str) -> tuple[str, str, str, str]:
    """The notice of a judgment, cut where its id, the page's token and the undo's token stand."""
    undo = Undo(project=0, judgment=JUDGMENT_MARK, token=TOKEN_MARK)
    context = {"undo": undo, "csrf_token": CSRF_MARK}
    html = render_to_string("annotation/judge.html#notice", context)
    before, rest = html.split(str(JUDGMENT_MARK))
    between, rest = rest.split(CSRF_MARK)
    after, end = rest.split(TOKEN_MARK)
    return before, between, after, end
