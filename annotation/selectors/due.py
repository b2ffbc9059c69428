"""What the schedule asks: is it due?"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from annotation.models import Criterion, Project, Run
from annotation.selectors.integrity import projects_with_news
from annotation.selectors.judgments import latest_judgment_id
from annotation.selectors.people_reports import latest_people_report
from annotation.selectors.pluralism import pluralism_history
from annotation.selectors.reports import latest_agreement

AUDIT_EVERY = timedelta(minutes=10)
QUALITY_EVERY = timedelta(minutes=2)
PEOPLE_EVERY = timedelta(hours=1)
PLURALISM_EVERY = timedelta(minutes=30)
SILENT_AFTER = timedelta(seconds=20)
RESEND_AFTER = timedelta(minutes=2)


def projects_due_for_audit(now: datetime) -> list[Project]:
    """Projects with judgments that their latest agreement report has not seen."""
    return [p for p in Project.objects.filter(is_archived=False) if _is_due(p, now)]


def projects_due_for_quality(now: datetime) -> list[Project]:
    """Projects where somebody's work has changed since people were measured."""
    return list(projects_with_news(now, every=QUALITY_EVERY))


def projects_due_for_people(now: datetime) -> list[Project]:
    """Projects with judgments that their latest report on people, an hour old, has not seen."""
    return [p for p in Project.objects.filter(is_archived=False) if _is_people_due(p, now)]


def projects_due_for_pluralism(now: datetime) -> list[Project]:
    """Projects with judgments that their latest report on who prefers what has not seen."""
    return [p for p in Project.objects.filter(is_archived=False) if _is_pluralism_due(p, now)]


def runs_possibly_lost(now: datetime) -> QuerySet[Run]:
    """Live runs whose worker has been silent, or whose message was sent long ago.

    A run that waits behind others is sent again now and then; the second message finds the run
    taken or ended, and leaves.
    """
    runs = Run.objects.annotate(touched_at=Coalesce("heartbeat_at", "created_at"))
    return runs.filter(
        Q(state=Run.State.QUEUED, touched_at__lt=now - RESEND_AFTER)
        | Q(state=Run.State.RUNNING, touched_at__lt=now - SILENT_AFTER)
    )


def _is_due(project: Project, now: datetime) -> bool:
    newest = latest_judgment_id(project)
    if not newest:
        return False
    report = latest_agreement(project)
    if report is None:
        return True
    return newest > report.cutoff_judgment_id and now - report.created_at > AUDIT_EVERY


def _is_people_due(project: Project, now: datetime) -> bool:
    newest = latest_judgment_id(project)
    if not newest:
        return False
    report = latest_people_report(project)
    if report is None:
        return True
    return newest > report.cutoff_judgment_id and now - report.created_at > PEOPLE_EVERY


def _is_pluralism_due(project: Project, now: datetime) -> bool:
    newest = latest_judgment_id(project)
    if not newest:
        return False
    report = pluralism_history(project, Criterion.OVERALL).defer("detail").first()
    if report is None:
        return True
    return newest > report.cutoff_judgment_id and now - report.created_at > PLURALISM_EVERY
