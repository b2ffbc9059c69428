"""`alignui start` itself: a folder and a port for one alone, and a whole start, stop and start."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from alignui.embedded import machine
from alignui.embedded.database import wait_for_database
from annotation.core.errors import Conflict, Unavailable

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


Process = subprocess.Popen[str]


@pytest.fixture
def start(var: Path) -> Iterator[Callable[..., Process]]:
    """Starts `alignui start` on `var`; ends it where a test has not."""
    started: list[Process] = []

    def run(*arguments: str, **environment: str) -> Process:
        others = {"DATABASE_URL", "CELERY_BROKER_URL"}
        kept = {key: value for key, value in os.environ.items() if key not in others}
        process = subprocess.Popen(
            [sys.executable, "-m", "alignui.cli", "start", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env=kept | {"ALIGNUI_VAR": str(var)} | environment,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def read_until(process: Process, *patterns: str) -> str:
    """Read lines until every pattern was seen, in any order; return the last that matched."""
    assert process.stdout is not None
    missing = set(patterns)
    seen = []
    patience = threading.Timer(90, process.kill)
    patience.start()
    for line in process.stdout:
        seen.append(line)
        found = {pattern for pattern in missing if re.search(pattern, line)}
        missing -= found
        if found and not missing:
            patience.cancel()
            return line
    raise AssertionError(f"{missing} was not printed:\n{''.join(seen)}")


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": "localhost"})
    return connection.getresponse().status


def serving_from(var: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "environ"])
        if str(var) in " ".join(process.info["cmdline"] or [])
        or (process.info["environ"] or {}).get("ALIGNUI_VAR") == str(var)
    ]


def test_it_starts_serves_stops_resumes_and_bears_a_kill(
    var: Path, start: Callable[..., Process]
) -> None:
    """All of it stops and leaves nothing; a start right after a kill finds everything free."""
    port = free_port()
    first = start("--port", str(port))
    read_until(first, rf"alignui  \| Ready: http://localhost:{port}")
    assert get(port, "/healthz") == 200
    assert get(port, "/readyz") == 200
    read_until(first, r"default +\|.* ready\.", r"gpu +\|.* ready\.")
    stop(first, var)

    killed = start("web", "--port", str(port))
    read_until(killed, rf"alignui  \| Ready: http://localhost:{port}")
    assert get(port, "/readyz") == 200
    killed.kill()
    killed.wait()
    process = start("web", "--port", str(port))
    read_until(process, "The last start was killed", "Ready")
    assert get(port, "/readyz") == 200
    stop(process, var)


def stop(process: Process, var: Path) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert serving_from(var) == []


def test_a_second_start_on_the_same_folder_is_one_clear_line(
    var: Path, start: Callable[..., Process]
) -> None:
    with machine.exclusive(var):
        process = start()
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output.splitlines() == [
        f"alignui: {var} is in use by another AlignUI (process {os.getpid()}). "
        "Stop that one, or choose another folder with ALIGNUI_VAR."
    ]


def test_the_folder_is_free_again_when_its_holder_is_killed(var: Path) -> None:
    hold = (
        "import sys, time, pathlib\nfrom alignui.embedded.machine import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(var)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    read_until(process, "held")
    with pytest.raises(Conflict), machine.exclusive(var):
        pass
    process.kill()
    process.wait()
    with machine.exclusive(var) as was_killed:
        assert was_killed
        assert (var / "alignui.lock").read_text() == f"{os.getpid()}\n"
    with machine.exclusive(var) as was_killed:
        assert not was_killed


def test_a_port_in_use_is_one_clear_line_and_nothing_else_starts(
    var: Path, start: Callable[..., Process]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start("--port", str(port))
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output.splitlines() == [
        f"alignui: Port {port} on 127.0.0.1 is in use by another program. "
        f"Stop it, or choose another: alignui start --port {port + 1}"
    ]
    assert not (var / "postgres").exists()


def test_a_database_that_is_down_is_waited_for_and_then_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alignui.embedded.database._connection_problem", lambda: "refused")
    said: list[str] = []
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        time.sleep(0.05)

    with pytest.raises(Unavailable, match=r"does not answer: refused Start it, or correct"):
        wait_for_database(say=said.append, wait=wait, patience=0.2)
    assert len(said) == len(waited) >= 2
    assert all("does not answer (refused); trying again in" in line for line in said)


def test_a_database_server_that_is_down_does_not_start_the_web(
    var: Path, start: Callable[..., Process]
) -> None:
    url = "postgresql://a:secret@127.0.0.1:1/alignui"
    process = start("--port", str(free_port()), DATABASE_URL=url)
    line = read_until(process, "trying again")
    assert "The database alignui at 127.0.0.1:1 does not answer" in line
    assert "secret" not in line
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert serving_from(var) == []


def test_without_torch_the_gpu_worker_is_left_out(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "has_torch", lambda: False)
    names = [program.name for program in machine.programs(machine.Machine(), var)]
    assert names == ["web", "default", "beat"]


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://localhost:8000"), ("10.1.2.3", "http://10.1.2.3:8000")],
)
def test_the_address_that_is_printed_can_be_opened(host: str, address: str) -> None:
    assert machine.Machine(host=host).address == address
