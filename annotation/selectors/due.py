"""What the schedule asks: is it due?"""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from annotation.models import Project, Run
from annotation.selectors.judgments import latest_judgment_id
from annotation.selectors.reports import latest_agreement

AUDIT_EVERY = timedelta(minutes=10)
RESEND_AFTER = timedelta(seconds=20)


def projects_due_for_audit(now: datetime) -> list[Project]:
    """Projects with judgments that their latest agreement report has not seen."""
    return [p for p in Project.objects.filter(is_archived=False) if _is_due(p, now)]


def runs_possibly_lost(now: datetime) -> QuerySet[Run]:
    """Live runs that nobody has touched for a while: their message or their worker may be gone."""
    before = now - RESEND_AFTER
    return Run.objects.filter(state=Run.State.QUEUED, created_at__lt=before) | Run.objects.filter(
        state=Run.State.RUNNING, heartbeat_at__lt=before
    )


def _is_due(project: Project, now: datetime) -> bool:
    newest = latest_judgment_id(project)
    if not newest:
        return False
    report = latest_agreement(project)
    if report is None:
        return True
    return newest > report.cutoff_judgment_id and now - report.created_at > AUDIT_EVERY
