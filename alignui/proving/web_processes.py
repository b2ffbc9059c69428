"""The real web servers of a trial, each with a clock of its own, and how they are killed."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil

from alignui.embedded.program import ending_with_us
from alignui.proving.plan import CLOCK_SKEWS
from alignui.proving.skewed import SECONDS_VARIABLE
from annotation.core.errors import Unavailable

APPLICATION_NAME = "alignui-proof-web"
_START_SECONDS = 60.0
# What a process says when its connection or the whole database was killed under it.
_OURS = re.compile(
    r"terminating connection|server closed the connection|connection (is|was) (closed|lost|bad)|"
    r"the connection is (closed|lost)|connection already closed|consuming input failed|"
    r"connection to server|connection failed|database system is|SSL connection has been closed|"
    r"could not (send|receive) data"
)
# A record's last exception is the one that was let through; those before it were handled.
_RECORD = re.compile(r"^(?:ERROR|CRITICAL|Exception in) .*$", re.MULTILINE)
_RAISED = re.compile(r"^([a-z_]+(?:\.\w+)+): (.*)$", re.MULTILINE)


@dataclass
class WebServer:
    """gunicorn with two workers, on a port of its own."""

    name: str
    skew_seconds: float
    port: int
    database_url: str
    log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        command = [
            sys.executable, "-m", "gunicorn", "--config", "python:alignui.proving.skewed",
            "alignui.wsgi:application",
        ]  # fmt: skip
        environment = os.environ | {
            "DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "alignui.settings",
            "ALIGNUI_BIND": f"127.0.0.1:{self.port}",
            "ALIGNUI_WEB_WORKERS": "2",
            "ALIGNUI_WEB_THREADS": "4",
            "ALIGNUI_LOG_LEVEL": "ERROR",
            SECONDS_VARIABLE: str(self.skew_seconds),
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                ending_with_us(command, signal.SIGKILL),
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            if time.monotonic() > deadline or self._process is None or self._process.poll():
                raise Unavailable(
                    f"The web server {self.name} does not answer.", hint=f"{self.log} says why."
                )
            time.sleep(0.05)

    def kill_worker(self, chance: Random) -> bool:
        """SIGKILL for one worker in the middle of whatever it does; gunicorn starts another."""
        if self._process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            workers = psutil.Process(self._process.pid).children()
            if workers:
                chance.choice(workers).kill()
                return True
        return False

    def kill(self) -> None:
        """SIGKILL for the server and its workers at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def keep_running(self) -> None:
        """Starts it again where it has ended, as a supervisor does.

        Only for the thread that started it: the server is told to end with that thread.
        """
        if self._process is None or self._process.poll() is not None:
            self.start()

    def unexplained(self) -> Counter[str]:
        """What its processes let through that no kill of the trial explains."""
        if not self.log.exists():
            return Counter()
        records = _RECORD.split(self.log.read_text(errors="replace"))
        last = [raised[-1] for record in records if (raised := _RAISED.findall(record))]
        return Counter(
            f"{name.rsplit('.', 1)[-1]}: {said[:160]}"
            for name, said in last
            if not _OURS.search(said)
        )


@contextmanager
def web_servers(database_url: str, folder: Path) -> Iterator[Sequence[WebServer]]:
    """One server for each clock, until the block ends."""
    joined = "&" if "?" in database_url else "?"
    url = f"{database_url}{joined}application_name={APPLICATION_NAME}"
    servers = [
        WebServer(name, skew, _free_port(), url, folder / f"web-{number}.log")
        for number, (name, skew) in enumerate(CLOCK_SKEWS.items())
    ]
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.kill)
            server.start()
        for server in servers:
            server.wait()
        yield servers


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
