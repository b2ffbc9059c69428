"""Long jobs: asked for by people or the schedule, executed by workers, exactly one at a time.

The worker that executes a run holds a PostgreSQL advisory lock on it for as long as its process
lives. A message delivered twice finds the lock taken and leaves; a worker that was killed leaves
the lock free, and the next delivery takes the run up where its work left off.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat, Right
from django.utils import timezone

from annotation.core.errors import AlignUIError, Conflict, NotFound
from annotation.models import Project, Run, User
from annotation.services.audit_log import audit_entry_create

logger = logging.getLogger(__name__)

LOCK_SPACE = 0x52554E  # "RUN": keeps these advisory locks apart from anybody else's
MAX_ATTEMPTS = 5
LOG_CHARACTERS = 20_000


class RunCancelled(Exception):
    """A person asked for the run to stop, and it did at a safe place."""


class RunHandle:
    """What the work of a run sees of it: its parameters, and ways to report and to stop."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.project = run.project
        self.params: Mapping[str, object] = run.params

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Reports progress and leaves, by `RunCancelled`, when somebody asked for it."""
        Run.objects.filter(pk=self.run.pk).update(
            done=done, total=total, message=message[:300], heartbeat_at=timezone.now()
        )
        self.check_cancelled()

    def check_cancelled(self) -> None:
        asked = Run.objects.filter(pk=self.run.pk).values_list("is_cancel_requested", flat=True)
        if asked.get():
            raise RunCancelled

    def log(self, text: str) -> None:
        line = f"{timezone.now():%H:%M:%S} {text}\n"
        Run.objects.filter(pk=self.run.pk).update(
            log=Right(Concat(F("log"), Value(line)), LOG_CHARACTERS)
        )


@transaction.atomic
def run_create(
    *,
    actor: User | None,
    project: Project,
    kind: str,
    params: Mapping[str, object] | None = None,
    retry_of: Run | None = None,
) -> Run:
    """Asks for a run. The edge that called enqueues it once the transaction has committed."""
    run = Run.objects.create(
        project=project, kind=kind, params=params or {}, requested_by=actor, retry_of=retry_of
    )
    if actor is not None:
        audit_entry_create(
            actor=actor, project=project, action=f"run.{kind}", subject=str(run), detail=run.params
        )
    return run


@transaction.atomic
def run_create_unless_live(
    *, actor: User | None, project: Project, kind: str, params: Mapping[str, object] | None = None
) -> Run | None:
    """A run of this kind for the project, or None where one is already waiting or running.

    Locks the project row, so that two schedules that ask at once get one run.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if Run.objects.filter(project=project, kind=kind, state__in=Run.LIVE_STATES).exists():
        return None
    return run_create(actor=actor, project=project, kind=kind, params=params)


@transaction.atomic
def run_cancel(*, actor: User, run: Run) -> Run:
    """Stops a waiting run at once; asks a running one to stop at its next safe place."""
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if not locked.is_live:
        raise Conflict(f"The run has already ended: {locked.get_state_display().lower()}.")
    locked.is_cancel_requested = True
    if locked.state == Run.State.QUEUED:
        locked.state, locked.finished_at = Run.State.CANCELLED, timezone.now()
    locked.save(update_fields=["is_cancel_requested", "state", "finished_at"])
    audit_entry_create(
        actor=actor, project=locked.project, action="run.cancel", subject=str(locked)
    )
    return locked


@transaction.atomic
def run_retry(*, actor: User, run: Run) -> Run:
    """A new run with the same parameters; what the first one had finished is not done again."""
    if run.state not in (Run.State.FAILED, Run.State.CANCELLED):
        raise Conflict("Only a run that failed or was cancelled can be tried again.")
    return run_create(
        actor=actor, project=run.project, kind=run.kind, params=run.params, retry_of=run
    )


def run_execute(*, run_id: int, work: Callable[[RunHandle], Mapping[str, object]]) -> None:
    """Runs `work` under the run's lock and records how it ended. Never raises for the work."""
    with _lock(run_id) as is_ours:
        run = _start(run_id) if is_ours else None
        if run is None:
            return
        try:
            result = work(RunHandle(run))
        except RunCancelled:
            _finish(run_id, Run.State.CANCELLED, message="Cancelled.")
        except AlignUIError as error:
            _finish(run_id, Run.State.FAILED, error=str(error))
        except Exception as error:
            logger.exception("Run %s failed", run_id)
            _finish(
                run_id,
                Run.State.FAILED,
                error=f"{type(error).__name__}: {error}",
                log="".join(traceback.format_exception(error))[-4000:],
            )
        else:
            _finish(run_id, Run.State.SUCCEEDED, result=result)


def run_sent_again(*, run: Run) -> None:
    """Notes that the schedule has sent the run again, so that it waits before the next time."""
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now())


def run_is_executing(run_id: int) -> bool:
    """Whether some live process holds the run's lock."""
    with _lock(run_id) as is_free:
        return not is_free


@contextmanager
def _lock(run_id: int) -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, run_id])
        (is_ours,) = cursor.fetchone() or (False,)
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, run_id])


@transaction.atomic
def _start(run_id: int) -> Run | None:
    run = Run.objects.select_for_update(of=("self",)).select_related("project").filter(
        pk=run_id
    ).first()  # fmt: skip
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    if not run.is_live:
        return None
    if run.attempt >= MAX_ATTEMPTS:
        run.state, run.finished_at = Run.State.FAILED, timezone.now()
        run.error = (
            f"Its worker died {run.attempt} times, most likely for lack of memory. "
            "Give the worker more memory or make the run smaller, then retry."
        )
        run.started_at = run.started_at or run.finished_at
        run.save()
        return None
    run.state, run.attempt = Run.State.RUNNING, run.attempt + 1
    run.started_at = run.started_at or timezone.now()
    run.heartbeat_at = timezone.now()
    if run.attempt > 1:
        run.log += f"{timezone.now():%H:%M:%S} Resumed after its worker had died.\n"
    run.save()
    return run


def _finish(
    run_id: int,
    state: str,
    *,
    result: Mapping[str, object] | None = None,
    error: str = "",
    message: str | None = None,
    log: str = "",
) -> None:
    fields: dict[str, object] = {"state": state, "finished_at": timezone.now(), "error": error}
    if result is not None:
        fields["result"] = result
    if message is not None:
        fields["message"] = message
    if log:
        fields["log"] = Right(Concat(F("log"), Value(log)), LOG_CHARACTERS)
    Run.objects.filter(pk=run_id, state=Run.State.RUNNING).update(**fields)
