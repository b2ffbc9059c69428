"""The one door by which programs ask for a measure: of agreement, biases, people or groups."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import Strict, accepted, person, read
from annotation.core.errors import Conflict
from annotation.models import Run
from annotation.selectors import access
from annotation.services.runs import run_create_unless_live


class MeasureIn(Strict):
    with_quarantined = serializers.BooleanField(
        default=False, help_text="Count those too whom quarantines leave out; kept apart."
    )


def measure_asked(request: Request, slug: str, kind: Run.Kind) -> Response:
    """Asks for a measure of a project that the person leads.

    Raises Conflict while the same is being measured already.
    """
    project = access.project_for_lead(user=person(request), slug=slug)
    run = run_create_unless_live(
        actor=person(request), project=project, kind=kind, params=read(MeasureIn, request)
    )
    if run is None:
        raise Conflict("That is being measured already.", hint="See the runs.")
    return accepted(run)
