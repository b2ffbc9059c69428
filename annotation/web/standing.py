"""What the judge page says of the annotator's own work: how far it is, and when to rest."""

from django.utils import timezone

from annotation.models import Project
from annotation.selectors.sittings import break_due, sitting
from annotation.selectors.standing import progress
from annotation.web.auth import person
from annotation.web.requests import Request


def standing(request: Request, project: Project) -> dict[str, object]:
    """What templates/annotation/progress.html takes."""
    user, now = person(request), timezone.now()
    return {
        "progress": progress(user, project),
        "break_words": break_due(sitting(user, now), project, now),
    }
