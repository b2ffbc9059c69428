"""What the shell of a page asks for: which projects one can go to, and where one is."""

from django import template
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotation.models import Project
from annotation.selectors import access, flags

register = template.Library()


@register.simple_tag(takes_context=True)
def projects_led(context: Context) -> list[Project]:
    user = context["user"]
    return list(access.projects_led(user)) if user.is_authenticated else []


@register.simple_tag(takes_context=True)
def projects_annotated(context: Context) -> list[Project]:
    user = context["user"]
    return list(access.projects_annotated(user)) if user.is_authenticated else []


@register.simple_tag
def unresolved_flags(project: Project) -> int:
    return flags.unresolved_flags(project)


@register.simple_tag(takes_context=True)
def way(context: Context, name: str, label: str, *args: object) -> SafeString | str:
    """A link of a navigation, marked on its own page; nothing where it leads nowhere."""
    try:
        href = reverse(name, args=args)
    except NoReverseMatch:
        return ""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is not None and match.view_name == name:
        return format_html('<a href="{}" aria-current="page">{}</a>', href, label)
    return format_html('<a href="{}">{}</a>', href, label)
