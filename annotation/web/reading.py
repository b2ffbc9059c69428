"""Other ways of reading a comparison: as it was written, and by what differs.

Asked for when somebody wants them, as JSON that the page shows in place. Blind like the page
itself: responses are known by their slots only.
"""

from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.core.differences import Differences, differences
from annotation.core.errors import AlignUIError, Invalid
from annotation.core.rendering import render_written
from annotation.selectors.access import assignment_for_annotator
from annotation.selectors.work import LETTERS, presentation
from annotation.web.auth import person, signed_in
from annotation.web.requests import Request


@signed_in
@require_safe
@never_cache
def written(request: Request, assignment_id: int) -> HttpResponse:
    """Every turn and response as it was written, in the order in which they are shown."""
    shown = presentation(
        assignment_for_annotator(user=person(request), assignment_id=assignment_id)
    )
    return JsonResponse(
        {
            "turns": [render_written(turn.text) for turn in shown.turns],
            "responses": [render_written(candidate.text) for candidate in shown.candidates],
        }
    )


@signed_in
@require_safe
@never_cache
def compared(request: Request, assignment_id: int) -> HttpResponse:
    """The responses in slots `a` and `b`, each with the words marked that the other has not."""
    shown = presentation(
        assignment_for_annotator(user=person(request), assignment_id=assignment_id)
    )
    try:
        a, b = (_slot(request.GET.get(name, ""), len(shown.candidates)) for name in "ab")
        if a == b:
            raise Invalid(_("Choose two different responses."), field="b")
        found = differences(shown.candidates[a].html, shown.candidates[b].html)
    except AlignUIError as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    return JsonResponse({"a": found.a, "b": found.b, "summary": _summary(found, a, b)})


def _slot(written: str, size: int) -> int:
    if not (written.isdecimal() and len(written) == 1 and int(written) < size):
        raise Invalid(_("There is no such response here."), field="slot")
    return int(written)


def _summary(found: Differences, a: int, b: int) -> str:
    letters = {"a": LETTERS[a], "b": LETTERS[b]}
    if not found.places:
        return _("%(a)s and %(b)s say the same, word for word.") % letters
    if not found.share:
        return _("%(a)s and %(b)s have no word in common.") % letters
    return _("%(a)s and %(b)s have %(percent)d %% of their words in common.") % {
        **letters,
        "percent": max(round(100 * found.share), 1),
    }
