"""What runs on one machine: which programs, in which order, and what happens between them."""

import errno
import fcntl
import http.client
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from alignui.embedded import database, paths, postgres, redis
from alignui.embedded.output import LogStream
from alignui.embedded.program import Program
from alignui.embedded.supervisor import OURSELVES, StopRequested, Supervisor
from annotation.core.errors import Conflict

PROCESSES = ("web", "default", "gpu", "beat")
SERVICE_SECONDS = 60.0
WEB_SECONDS = 60.0
_WORKER_STOP_SECONDS = 12.0
_LEFTOVER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What `alignui start` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8000
    processes: Sequence[str] = PROCESSES

    @property
    def address(self) -> str:
        shown = {"0.0.0.0": "localhost", "127.0.0.1": "localhost", "::": "localhost"}
        return f"http://{shown.get(self.host, self.host)}:{self.port}"


def run(machine: Machine, after_ready: Callable[[Supervisor], None] | None = None) -> None:
    """Start everything, call `after_ready` when people can be served, and stay until a signal.

    Raises an AlignUIError that says what to do where something cannot start.
    """
    var = paths.var_dir()
    names = [OURSELVES, "postgres", "redis", *PROCESSES]
    with (
        exclusive(var) as was_killed,
        Supervisor(LogStream(sys.stdout, names)) as supervisor,
    ):
        try:
            if was_killed:
                supervisor.say("The last start was killed. What it left is cleared away.")
                _wait_for_port(machine, supervisor)
            _bring_up(machine, var, supervisor)
            supervisor.watch(None if after_ready is None else lambda: after_ready(supervisor))
        except StopRequested:
            return


def _bring_up(machine: Machine, var: Path, supervisor: Supervisor) -> None:
    paths.make_folders(var)
    if "web" in machine.processes:
        require_free_port(machine.host, machine.port)
    supervisor.start(services(var))
    # Loaded while the services start: it takes about as long.
    database.set_up_django()
    supervisor.wait_until_ready(seconds=SERVICE_SECONDS)
    database.wait_for_database(say=supervisor.say, wait=supervisor.wait)
    if "web" in machine.processes:
        database.migrate(say=supervisor.say)
    if not os.environ.get("CELERY_BROKER_URL"):
        redis.requeue_lost_tasks(var)
    chosen = programs(machine, var)
    web = [program for program in chosen if program.name == "web"]
    supervisor.start(web)
    supervisor.wait_until_ready(seconds=WEB_SECONDS)
    if web:
        supervisor.say(f"Ready: {machine.address}")
    supervisor.start([program for program in chosen if program.name != "web"])
    if "gpu" in machine.processes and not has_torch():
        supervisor.say(
            "torch is not installed, so this machine neither generates nor trains. "
            "Install alignui[worker], or start a gpu worker on another machine."
        )


def _wait_for_port(machine: Machine, supervisor: Supervisor) -> None:
    """Give programs that end because their supervisor was killed the time to let go."""
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while answers(machine.host, machine.port) and time.monotonic() < deadline:
        supervisor.wait(0.2)


def services(var: Path) -> list[Program]:
    """PostgreSQL and Redis, each unless a server was named in the environment."""
    found = []
    if not os.environ.get("DATABASE_URL"):
        owner = postgres.prepare(var)
        found.append(
            Program(
                name="postgres",
                command=tuple(postgres.command(var, owner)),
                routine=postgres.ROUTINE,
                stop_signal=signal.SIGINT,
                stop_seconds=20.0,
                environment=postgres.environment(),
                credentials=owner.credentials,
                before_start=lambda: postgres.prepare(var),
                is_ready=lambda: postgres.is_ready(var),
            )
        )
    if not os.environ.get("CELERY_BROKER_URL"):
        found.append(
            Program(
                name="redis",
                rank=1,
                command=tuple(redis.command(var)),
                routine=redis.ROUTINE,
                before_start=lambda: redis.prepare(var),
                is_ready=lambda: redis.is_ready(var),
            )
        )
    return found


def programs(machine: Machine, var: Path) -> list[Program]:
    """The processes of ours that were asked for and can run here."""
    known = {
        "web": _web(machine),
        "default": _worker("default", concurrency=2),
        "gpu": _worker("gpu", concurrency=1),
        "beat": _beat(var),
    }
    wanted = [name for name in PROCESSES if name in machine.processes]
    return [known[name] for name in wanted if name != "gpu" or has_torch()]


def has_torch() -> bool:
    return find_spec("torch") is not None


def _web(machine: Machine) -> Program:
    host = f"[{machine.host}]" if ":" in machine.host else machine.host
    command = ("gunicorn", "--config", "python:alignui.web_server", "alignui.wsgi:application")
    return Program(
        name="web",
        rank=3,
        command=(sys.executable, "-m", *command),
        environment=_environment() | {"ALIGNUI_BIND": f"{host}:{machine.port}"},
        folder=_project(),
        is_ready=lambda: answers(machine.host, machine.port),
    )


def _worker(queue: str, *, concurrency: int) -> Program:
    """A Celery worker on one queue, in child processes that stay: a model is loaded once in each.

    SIGQUIT is Celery's soft shutdown: a task gets a few seconds to end, then it is queued again.
    """
    options = ("--pool", "prefork", "--concurrency", str(concurrency), "--loglevel", "INFO")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return Program(
        name=queue,
        rank=2,
        command=(*_celery("worker"), "-Q", queue, "-n", f"{queue}@%h", *options, *quiet),
        stop_signal=signal.SIGQUIT,
        stop_seconds=_WORKER_STOP_SECONDS,
        routine=re.compile(r"Hitting Ctrl\+C again|Connected to redis"),
        environment=_environment(),
        folder=_project(),
    )


def _beat(var: Path) -> Program:
    return Program(
        name="beat",
        rank=2,
        command=(*_celery("beat"), "-s", str(var / "beat" / "schedule"), "--pidfile", ""),
        environment=_environment(),
        folder=_project(),
    )


def _celery(action: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "alignui.celery", "--quiet", action)


def _environment() -> dict[str, str]:
    """Ours, with threads of torch that sleep while they wait, and one thread for numpy's algebra.

    By default they spin, and two workers on the same cores keep each other from working: measured
    on two busy cores, a model then writes ten times more slowly, and a fit takes 30 times longer.
    """
    ours = {"ALIGNUI_VAR": str(paths.var_dir()), "PYTHONUNBUFFERED": "1"}
    threads = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
    return threads | dict(os.environ) | ours


def _project() -> Path:
    return Path(__file__).resolve().parent.parent.parent


def answers(host: str, port: int) -> bool:
    """Whether some page is served there; which one does not matter."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    connection = http.client.HTTPConnection(name, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reasons = {
                errno.EADDRINUSE: "is in use by another program",
                errno.EACCES: "may only be opened by root",
            }
            reason = reasons.get(error.errno or 0, f"cannot be opened: {error.strerror}")
            raise Conflict(
                f"Port {port} on {host} {reason}.",
                hint=f"Stop it, or choose another: alignui start --port {port + 1}",
            ) from error


@contextmanager
def exclusive(var: Path) -> Iterator[bool]:
    """Hold `var/` for this process alone; the kernel lets go when it ends, however it ends.

    Yields whether the last holder was killed: it could not empty the file as one that ends does.
    """
    paths.make_private_dir(var)
    try:
        descriptor = os.open(paths.lock_file(var), os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise Conflict(
            f"{var} belongs to another account.",
            hint="Start AlignUI as that account, or choose a folder with ALIGNUI_VAR.",
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"{var} is in use by another AlignUI (process {file.read().strip() or 'unknown'}).",
                hint="Stop that one, or choose another folder with ALIGNUI_VAR.",
            ) from error
        was_killed = bool(file.read())
        _write(file, f"{os.getpid()}\n")
        try:
            yield was_killed
        finally:
            _write(file, "")


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
