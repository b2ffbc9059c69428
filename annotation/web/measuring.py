"""The one door by which leads ask for a measure: of agreement, biases, people or groups."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.core.errors import Conflict
from annotation.models import Run
from annotation.services.runs import run_create_unless_live
from annotation.web.auth import person
from annotation.web.lead import done, led, send

WITH = "with"


def measure_asked(request: HttpRequest, slug: str, kind: Run.Kind, page: str) -> HttpResponse:
    """Asks for a measure of a project that the person leads, and goes back to its page.

    Raises Conflict while the same is being measured already.
    """
    project = led(request, slug)
    is_with = request.POST.get("quarantined") == WITH
    run = run_create_unless_live(
        actor=person(request), project=project, kind=kind, params={"with_quarantined": is_with}
    )
    if run is None:
        raise Conflict(_("That is being measured already."), hint=_("See Runs."))
    send(run)
    back = reverse(page, args=[project.slug])
    return done(request, _("Measuring."), f"{back}?quarantined={WITH}" if is_with else back)
