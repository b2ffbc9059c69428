"""What the shell of a page asks for: which projects one can go to, and where one is."""

from django import template
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotation.models import Project
from annotation.selectors import access, disputes, flags

register = template.Library()


@register.simple_tag(takes_context=True)
def projects_led(context: Context) -> list[Project]:
    user = context["user"]
    return list(access.projects_led(user)) if user.is_authenticated else []


@register.simple_tag(takes_context=True)
def projects_annotated(context: Context) -> list[Project]:
    user = context["user"]
    return list(access.projects_annotated(user)) if user.is_authenticated else []


@register.simple_tag(takes_context=True)
def projects_to_review(context: Context) -> list[Project]:
    """Where the user decides disputes and is no lead: leads find them among the sections."""
    user = context["user"]
    if not user.is_authenticated or user.is_superuser:
        return []
    reviewed = access.projects_reviewed(user).filter(is_archived=False)
    return list(reviewed.exclude(pk__in=access.projects_led(user).values("pk")))


@register.simple_tag
def waiting_disputes(project: Project) -> int:
    return disputes.disputes_waiting(project)


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
