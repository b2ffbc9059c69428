"""Runs as people see them: how far, how fast, until when, and what they can do about it."""

from datetime import timedelta

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Run
from annotation.templatetags.figures import duration

register = template.Library()

TONES = {
    Run.State.QUEUED: "plain",
    Run.State.RUNNING: "accent",
    Run.State.SUCCEEDED: "good",
    Run.State.FAILED: "bad",
    Run.State.CANCELLED: "warn",
}


@register.inclusion_tag("lead/run_strip.html", takes_context=True)
def run_strip(context: template.Context, run: Run | None) -> dict[str, object]:
    """The newest run of a page: progress while it lives, else how it ended; always as high."""
    return {"run": run, "is_lead": context.get("is_lead"), "request": context.get("request")}


@register.filter
def tone(run: Run) -> str:
    return TONES[Run.State(run.state)]


@register.filter
def rate(run: Run) -> str:
    """Things done in a second or a minute since the run started; empty until that can be told."""
    per_second = _per_second(run)
    if not per_second:
        return ""
    if per_second >= 1:
        return _("%(n).1f a second") % {"n": per_second}
    return _("%(n).1f a minute") % {"n": 60 * per_second}


@register.filter
def finish(run: Run) -> str:
    """When the run will be done at this rate."""
    per_second = _per_second(run)
    if not per_second or run.done >= run.total:
        return ""
    left = timedelta(seconds=(run.total - run.done) / per_second)
    at = timezone.localtime(timezone.now() + left)
    return _("done at %(at)s, in %(left)s") % {"at": f"{at:%H:%M}", "left": duration(left)}


@register.filter
def outcome(run: Run) -> str:
    """What came of a run, in numbers where its result has any; else its last message."""
    result = run.result or {}
    if run.kind == Run.Kind.IMPORT and "rows" in result:
        return _("%(rows)s rows, %(known)s of them known already") % {
            "rows": f"{result['rows']:,}",
            "known": f"{result['known']:,}",
        }
    if run.kind == Run.Kind.GENERATION and "written" in result:
        return _("%(written)s written, %(failed)s could not be") % {
            "written": f"{result['written']:,}",
            "failed": f"{result['failed']:,}",
        }
    if run.kind == Run.Kind.EXPORT and "rows" in result:
        return _("%(rows)s pairs released") % {"rows": f"{result['rows']:,}"}
    return run.message


@register.filter
def took(run: Run) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    return duration(run.finished_at - run.started_at)


def _per_second(run: Run) -> float:
    if run.state != Run.State.RUNNING or run.started_at is None or not run.done or not run.total:
        return 0.0
    seconds = (timezone.now() - run.started_at).total_seconds()
    return run.done / seconds if seconds > 1 else 0.0
