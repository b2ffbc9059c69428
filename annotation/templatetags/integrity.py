"""What a person is told about their own work, wherever they are, and what keeps them from it."""

from django import template
from django.template import Context

from annotation.core.known_answers import LETTERS
from annotation.models import Project, User
from annotation.selectors import interventions, qualifications

register = template.Library()


@register.filter
def letter(position: int) -> str:
    """The letter of a position in its comparison's own order: A for the first."""
    return LETTERS[position]


@register.inclusion_tag("annotation/work_notices.html", takes_context=True)
def work_notices(context: Context, project: Project, place: str = "home") -> dict[str, object]:
    """What was done about the user's work in a project, with why; and that they must qualify."""
    user: User = context["user"]
    return {
        "project": project,
        "place": place,
        "notices": interventions.notices(user, project),
        "must_qualify": place != "qualify" and qualifications.must_qualify(user, project),
        "csrf_token": context.get("csrf_token"),
    }
