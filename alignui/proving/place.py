"""A throw-away installation for a trial: PostgreSQL and Redis that nobody else uses."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import psutil

from alignui.embedded import database, paths, postgres, redis
from annotation.core.errors import Unavailable


@contextmanager
def installation() -> Iterator[Path]:
    """To be entered before Django is set up. It loses nothing when it crashes, as a real one."""
    var = Path(tempfile.mkdtemp(prefix="alignui-proof-"))
    var.chmod(0o711)
    os.environ["ALIGNUI_VAR"] = str(var)
    for server in ("DATABASE_URL", "CELERY_BROKER_URL"):
        os.environ.pop(server, None)
    paths.make_folders(var)
    try:
        postgres.start_detached(var, tied=True)
        redis.start_detached(var, tied=True)
        database.set_up_django()
        import_module("alignui.celery")
        database.migrate(say=lambda text: None)
        yield var
    finally:
        redis.stop(var)
        postgres.stop(var)
        shutil.rmtree(var, ignore_errors=True)


def crash_database(var: Path) -> None:
    """SIGKILL for one of PostgreSQL's own processes: it ends all others, and recovers."""
    server = postgres.running(var)
    if server is None:
        raise Unavailable("PostgreSQL is gone, so it cannot be made to crash.")
    backends = [child for child in server.children() if "alignui" in " ".join(child.cmdline())]
    for backend in backends[:1]:
        with suppress(psutil.NoSuchProcess):
            backend.send_signal(signal.SIGKILL)
