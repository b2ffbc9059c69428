"""What a page is told after a submit: the way back, and how far its annotator is."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from annotation.selectors.sittings import break_due
from annotation.selectors.standing import progress_after
from annotation.services.judgments import Submitted
from annotation.web.requests import Request
from annotation.web.undoing import Undo


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
    return render_to_string("annotation/judge.html#notice", {"undo": undo}, request)
