"""A throw-away installation with a real PostgreSQL, and the demo's projects in it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import httpx

from alignui.embedded import database, paths, postgres, redis

if TYPE_CHECKING:
    from alignui.demo.people import Cast

PATIENCE_SECONDS = 180.0
_SERVERS = ("DATABASE_URL", "CELERY_BROKER_URL")


@contextmanager
def installation() -> Iterator[Path]:
    """PostgreSQL and Redis for this process; to be entered before Django is set up."""
    with folder() as var:
        os.environ["ALIGNUI_VAR"] = str(var)
        for server in _SERVERS:
            os.environ.pop(server, None)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignui.settings")
        paths.make_folders(var)
        postgres.start_detached(var)
        redis.start_detached(var)
        try:
            database.set_up_django()
            import_module("alignui.celery")
            database.migrate(say=lambda text: None)
            yield var
        finally:
            redis.stop(var)
            postgres.stop(var)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone when the block ends, also when somebody ends this process."""
    signal.signal(signal.SIGTERM, _leave)
    var = Path(tempfile.mkdtemp(prefix="alignui-bench-"))
    var.chmod(0o711)
    try:
        yield var
    finally:
        shutil.rmtree(var, ignore_errors=True)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def demo_cast() -> "Cast":
    from alignui.demo.people import cast_load

    return cast_load()


@dataclass(frozen=True, slots=True)
class Served:
    """A demo that answers: its address, and the time from its start to the first page."""

    address: str
    first_page_seconds: float


@dataclass(frozen=True, slots=True)
class Started:
    """An installation that serves people: its process, and the file with what its programs say."""

    var: Path
    port: int
    process: int
    log: Path


@contextmanager
def served_demo(var: Path) -> Iterator[Served]:
    """`alignui demo` as a person starts it, without a language model, until the block ends."""
    port = _free_port()
    command = [sys.executable, "-m", "alignui.cli", "demo", "--no-generate", "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if k not in _SERVERS}
    environment["ALIGNUI_VAR"] = str(var)
    address = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait(lambda: _answers(f"{address}/sign-in/"), "the sign-in page")
            yield Served(address, time.perf_counter() - started)
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def started(var: Path) -> Iterator[Started]:
    """`alignui start web` as a person starts it, empty, until the block ends.

    PostgreSQL is made with auto_explain at hand, which does nothing until somebody asks for plans.
    """
    port = _free_port()
    paths.make_folders(var)
    postgres.prepare(var)
    with (paths.postgres_data(var) / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("session_preload_libraries = 'auto_explain'\n")
    command = [sys.executable, "-m", "alignui.cli", "start", "web", "--port", str(port)]
    environment = {k: v for k, v in os.environ.items() if k not in _SERVERS}
    log = var / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=environment | {"ALIGNUI_VAR": str(var)}, stdout=output, stderr=output
        ) as process,
    ):
        try:
            wait(lambda: _answers(f"http://127.0.0.1:{port}/sign-in/"), "the sign-in page")
            yield Started(var, port, process.pid, log)
        finally:
            process.terminate()
            process.wait(timeout=60)


def password(var: Path, name: str) -> str:
    """Of one of the demo's people, as soon as there is one."""
    logins = var / "demo_logins.json"
    wait(logins.exists, "the demo's people")
    return str(json.loads(logins.read_text(encoding="ascii"))[name])


def sign_in(client: httpx.Client, var: Path, name: str) -> None:
    """As a browser does; waits until the demo has made its people."""

    def attempt() -> bool:
        client.get("/sign-in/")
        form = {
            "username": name, "password": password(var, name),
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }  # fmt: skip
        answer = client.post("/sign-in/", data=form, headers={"Referer": str(client.base_url)})
        return answer.status_code == httpx.codes.FOUND

    wait(attempt, f"{name} to be let in")


def wait_for_page(client: httpx.Client, path: str) -> None:
    wait(lambda: client.get(path).status_code == httpx.codes.OK, path)


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {PATIENCE_SECONDS:.0f} s in vain for {what}.")
        time.sleep(0.05)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
