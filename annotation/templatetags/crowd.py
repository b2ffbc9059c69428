"""What people of a crowd platform are shown once their quota is done."""

from django import template
from django.template import Context

from annotation.selectors.crowd import completion_of
from annotation.services.crowd import crowd_completions_note

register = template.Library()


@register.inclusion_tag("annotation/crowd_done.html", takes_context=True)
def crowd_done(context: Context) -> dict[str, object]:
    """The completion code and the way back; that it was shown is kept, the first time."""
    user = context["user"]
    done = crowd_completions_note(user=user) if user.is_authenticated else []
    completions = [found for each in done if (found := completion_of(each)) is not None]
    return {"completions": completions}
