"""The Celery application: what holds for every task, whatever it does.

A task is acknowledged when it is done, so work whose worker dies is delivered again; tasks must
bear that (runs hold a lock in the database and take up where they left off).
"""

import logging
import os
import warnings
from collections.abc import Mapping

from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignui.settings")

HOUR = 60 * 60

# How often each question is asked, in seconds. A question that nobody has taken before the next
# one is asked expires, so that workers that were away do not come back to a pile of them.
SCHEDULE = {
    "annotation.sweep": 30.0,
    "annotation.agreement_due": 60.0,
    "annotation.audit_due": 60.0,
    "annotation.quality_due": 60.0,
    "annotation.pluralism_due": 60.0,
    "annotation.alerts_due": 60.0,
    "rewardmodel.train_due": 2.0,
    "rewardmodel.acquire_due": 5.0,
}

# Celery fears pickled messages where a worker is root, as in many containers; ours are JSON.
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

# It announces, at every loss of the broker, the default of the setting that is chosen below.
warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)

app = Celery("alignui")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue="default",
    task_queues=(Queue("default"), Queue("gpu")),
    # A task waits in Redis, where everybody may take it, and not in one worker's hands.
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    # At shutdown a task gets this long to end by itself; then it returns to the queue.
    worker_soft_shutdown_timeout=5.0,
    worker_enable_soft_shutdown_on_idle=False,
    # A broker that goes away: keep running tasks, try again for ever, say so in the log.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # Longer than any task that is not a run; a run that is delivered twice leaves at once.
        "visibility_timeout": 6 * HOUR,
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
    },
    # The web process must answer a person even when the broker is away.
    task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2},
    timezone="UTC",
    # The schedule only asks; selectors answer whether anything is due. A question nobody could
    # answer in time is dropped, so that an outage does not end in a queue of old questions.
    beat_schedule={
        name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
        for name, seconds in (
            ("annotation.sweep", 15.0),
            ("annotation.agreement_due", 30.0),
            ("annotation.audit_due", 30.0),
            ("annotation.quality_due", 60.0),
            ("annotation.people_due", 60.0),
            ("annotation.pluralism_due", 60.0),
            ("annotation.alerts_due", 60.0),
            ("rewardmodel.train_due", 2.0),
            ("rewardmodel.acquire_due", 5.0),
        )
    },
)
app.autodiscover_tasks()


class WithoutSchedule(logging.Filter):
    """Keeps the schedule's questions, several a minute, out of the log unless they fail.

    Those that came too late to be asked are named first of a tuple.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        given = record.args
        name = given.get("name") if isinstance(given, Mapping) else next(iter(given or ()), None)
        return record.levelno > logging.INFO or str(name) not in SCHEDULE


for logger in ("celery.worker.strategy", "celery.app.trace", "celery.worker.request"):
    logging.getLogger(logger).addFilter(WithoutSchedule())
