"""Doors from the broker to the services: runs by kind, and the schedule's questions."""

import logging
from collections.abc import Callable, Mapping

from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotation.models import Project, Run
from annotation.selectors import alerts as alert_selectors
from annotation.selectors import due
from annotation.services import (
    agreement,
    agreement_sums,
    alert_messages,
    alerts,
    assignments,
    audits,
    drafts,
    exports,
    imports,
    invitations,
    lanes,
    people_reports,
    pluralism,
    quality,
    runs,
)

logger = logging.getLogger(__name__)

Work = Callable[[runs.RunHandle], Mapping[str, object]]


def enqueue(run: Run) -> None:
    """Sends a run to its workers; to be called on commit.

    A broker that is away is no loss: the run waits in the database, and the sweep sends it again.
    """
    try:
        current_app.send_task(f"run.{run.kind}", [run.pk], queue=run.queue, retry=False)
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
    _measure(run_id, agreement.agreement_work)


@shared_task(name="run.audit")
def run_audit(run_id: int) -> None:
    _measure(run_id, audits.audit_work)


@shared_task(name="run.people")
def run_people(run_id: int) -> None:
    _measure(run_id, people_reports.people_work)


@shared_task(name="run.pluralism")
def run_pluralism(run_id: int) -> None:
    _measure(run_id, pluralism.pluralism_work)


def _measure(run_id: int, work: Work) -> None:
    """Executes a run that measures, and holds the alert rules against what it found."""
    runs.run_execute(run_id=run_id, work=work)
    alerts.alerts_check(project=Run.objects.select_related("project").get(pk=run_id).project)
    send_alert_messages()


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


@shared_task(name="annotation.agreement_due")
def agreement_due() -> None:
    """Keeps the figures of agreement that are shown as of now up with the newest judgments."""
    agreement_sums.agreement_sums_catch_up()


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


@shared_task(name="annotation.pluralism_due")
def pluralism_due() -> None:
    """Asks who prefers what wherever judgments have come in since a report half an hour ago."""
    for project in due.projects_due_for_pluralism(timezone.now()):
        run = runs.run_create_unless_live(actor=None, project=project, kind=Run.Kind.PLURALISM)
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


@shared_task(name="annotation.alerts_due")
def alerts_due() -> None:
    """Looks at every project with rules, in case a worker died before it did, and sends on."""
    for project in alert_selectors.projects_with_rules():
        alerts.alerts_check(project=project)
    send_alert_messages()


@shared_task(name="annotation.alert_message_send", soft_time_limit=60)
def alert_message_send(message_id: int) -> None:
    alert_messages.alert_message_send(message_id=message_id)


def send_alert_messages() -> None:
    """Has workers send what is due; a broker that is away leaves it to the schedule."""
    for message_id in alert_selectors.messages_due(timezone.now()):
        try:
            current_app.send_task("annotation.alert_message_send", [message_id], retry=False)
        except (OperationalError, OSError):
            logger.warning("The broker is away; alerts wait and will be sent.")
            return
