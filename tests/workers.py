"""Real Celery workers on the test database, for tests of what only happens across processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from annotation.models import Run

PATIENCE_SECONDS = 120.0


def database_url() -> str:
    """The address of the database that the tests are using now."""
    fields = connection.settings_dict
    host = quote(str(fields["HOST"]), safe="")
    credentials = quote(str(fields["USER"]), safe="")
    if fields["PASSWORD"]:
        credentials += ":" + quote(str(fields["PASSWORD"]), safe="")
    port = f"&port={fields['PORT']}" if fields["PORT"] else ""
    return f"postgresql://{credentials}@/{fields['NAME']}?host={host}{port}"


class Worker:
    """One worker process with its children, in a process group of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def kill(self) -> None:
        """SIGKILL for the worker and its children at once: nothing gets to say goodbye."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


@contextmanager
def worker(*queues: str, beat: bool = False) -> Iterator[Worker]:
    """A worker for the queues; with `beat` it asks the schedule's questions too."""
    command = [
        sys.executable, "-m", "celery", "-A", "alignui.celery", "--quiet", "worker",
        "-Q", ",".join(queues), "-c", "1", "-n", f"test-{os.urandom(4).hex()}@%h",
        "--without-gossip", "--without-mingle", "--loglevel", "WARNING",
    ]  # fmt: skip
    if beat:
        command += ["-B", "-s", str(settings.VAR_DIR / f"beat-{os.urandom(4).hex()}")]
    environment = os.environ | {"DATABASE_URL": database_url(), "OMP_NUM_THREADS": "2"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        running = Worker(process)
        try:
            yield running
        finally:
            running.kill()


def wait_until(
    condition: Callable[[], object], *, what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Waits for something another process does; fails in words when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.1)


def wait_for(run: Run, *, seconds: float = PATIENCE_SECONDS) -> Run:
    """Waits until the run has ended, however."""

    def has_ended() -> bool:
        run.refresh_from_db()
        return not run.is_live

    wait_until(has_ended, what=f"{run} is still {run.state}: {run.message}", seconds=seconds)
    return run
