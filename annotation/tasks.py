"""Doors from the broker to the services: runs by kind, and the schedule's questions."""

import logging

from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotation.models import Project, Run
from annotation.selectors import due
from annotation.services import (
    agreement,
    assignments,
    audits,
    drafts,
    exports,
    imports,
    invitations,
    lanes,
    people_reports,
    quality,
    runs,
)

logger = logging.getLogger(__name__)


def enqueue(run: Run) -> None:
    """Sends a run to its workers; to be called on commit.

    A broker that is away is no loss: the run waits in the database, and the sweep sends it again.
    """
    queue = "gpu" if run.kind == Run.Kind.GENERATION else "default"
    try:
        current_app.send_task(f"run.{run.kind}", [run.pk], queue=queue, retry=False)
    except (OperationalError, OSError):
        logger.warning("The broker is away; run %s waits and will be sent again.", run.pk)


def enqueue_invitation(invitation_id: int, site: str) -> None:
    """Has an invitation sent; to be called on commit. Where the broker is away it stays unsent, as
    the lead's page says, and can be sent again."""
    try:
        current_app.send_task("annotation.invitation_send", [invitation_id, site], retry=False)
    except (OperationalError, OSError):
        logger.warning("The broker is away; invitation %s is not sent.", invitation_id)


@shared_task(name="annotation.invitation_send")
def invitation_send(invitation_id: int, site: str) -> None:
    invitations.invitation_send(invitation_id=invitation_id, site=site)


@shared_task(name="run.import")
def run_import(run_id: int) -> None:
    runs.run_execute(run_id=run_id, work=imports.import_work)


@shared_task(name="run.agreement")
def run_agreement(run_id: int) -> None:
    runs.run_execute(run_id=run_id, work=agreement.agreement_work)


@shared_task(name="run.audit")
def run_audit(run_id: int) -> None:
    runs.run_execute(run_id=run_id, work=audits.audit_work)


@shared_task(name="run.people")
def run_people(run_id: int) -> None:
    runs.run_execute(run_id=run_id, work=people_reports.people_work)


@shared_task(name="run.export")
def run_export(run_id: int) -> None:
    runs.run_execute(run_id=run_id, work=exports.export_work)


@shared_task(name="annotation.sweep")
def sweep() -> None:
    """Returns lapsed leases and sends runs again whose message or worker was lost."""
    now = timezone.now()
    assignments.assignments_expire()
    lanes.lanes_refresh()
    drafts.drafts_forget()
    for run in due.runs_possibly_lost(now):
        if not runs.run_is_executing(run.pk):
            runs.run_sent_again(run=run)
            enqueue(run)


@shared_task(name="annotation.audit_due")
def audit_due() -> None:
    """Asks for agreement and audit wherever judgments have come in since the last ones."""
    for project in due.projects_due_for_audit(timezone.now()):
        for kind in (Run.Kind.AGREEMENT, Run.Kind.AUDIT):
            run = runs.run_create_unless_live(actor=None, project=project, kind=kind)
            if run is not None:
                enqueue(run)


@shared_task(name="annotation.people_due")
def people_due() -> None:
    """Asks for a report on people wherever judgments have come in since one an hour ago."""
    for project in due.projects_due_for_people(timezone.now()):
        run = runs.run_create_unless_live(actor=None, project=project, kind=Run.Kind.PEOPLE)
        if run is not None:
            enqueue(run)


@shared_task(name="annotation.quality_due")
def quality_due() -> None:
    """Measures people's work wherever they judged since it was measured, and applies the rules."""
    for project in due.projects_due_for_quality(timezone.now()):
        quality.quality_measure(project=project)


@shared_task(name="annotation.quality_measure")
def quality_of_everybody(project_id: int) -> None:
    quality.quality_measure(project=Project.objects.get(pk=project_id), everybody=True)


def send_quality(project: Project) -> None:
    """Has everybody measured by the workers; a broker that is away leaves it to the schedule."""
    try:
        current_app.send_task("annotation.quality_measure", [project.pk], retry=False)
    except (OperationalError, OSError):
        logger.warning("The broker is away; people are measured when they judge again.")
