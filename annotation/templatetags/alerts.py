"""What rules have raised, above the pages whose figures they look at."""

from django import template

from annotation.models import Project
from annotation.selectors.alerts import open_alerts

register = template.Library()

SHOWN_ON = {
    "rewardmodel:overview",
    "annotation:agreement",
    "annotation:audits",
    "annotation:people-quality",
    "annotation:pluralism",
}
MOST = 3


@register.inclusion_tag("lead/alert_strip.html", takes_context=True)
def alert_strip(context: template.Context, project: Project) -> dict[str, object]:
    """The newest open alerts, on these pages only."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None or match.view_name not in SHOWN_ON:
        return {}
    found = open_alerts(project)
    shown = list(found[: MOST + 1])
    more = found.count() - MOST if len(shown) > MOST else 0
    return {"alerts": shown[:MOST], "more": more, "project": project}


@register.simple_tag
def open_alerts_count(project: Project) -> int:
    return open_alerts(project).count()
