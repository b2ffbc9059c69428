"""One long-running program: how it is started, known to serve, and ended with all its children."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from alignui.embedded.account import Credentials
from alignui.embedded.output import LogStream

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0
# A program that has served this long is healthy again: its next end is met as a first one.
_HEALTHY_SECONDS = 60.0
_DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: tuple[str, ...]
    # Programs of the highest rank stop first; within a rank those that were started last.
    rank: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    # Lines that say nothing to the one who reads the log.
    routine: re.Pattern[str] | None = None
    environment: Mapping[str, str] | None = None
    folder: Path = Path("/")
    credentials: Credentials = field(default_factory=Credentials)
    # Run before each start: clears away what a killed predecessor has left.
    before_start: Callable[[], object] = lambda: None
    is_ready: Callable[[], bool] = lambda: True


@cache
def _setpriv() -> str | None:
    return shutil.which("setpriv") if sys.platform == "linux" else None


def ending_with_us(command: Sequence[str], stop_signal: signal.Signals) -> list[str]:
    """The command, told by the kernel to stop should this process be killed outright."""
    if (setpriv := _setpriv()) is None:
        return list(command)
    return [setpriv, f"--pdeathsig={stop_signal.name.removeprefix('SIG')}", "--", *command]


class Child:
    """A program while it is supervised: started, ended, and started again with back-off."""

    def __init__(self, program: Program, log: LogStream) -> None:
        self.program = program
        self.failures = 0
        self.has_served = False
        self.restart_at: float | None = None
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self.restart_at = None
        self.program.before_start()
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            ending_with_us(self.program.command, self.program.stop_signal),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.program.folder,
            env=self.program.environment,
            # Its own session: Ctrl-C reaches us alone, and its children can be ended with it.
            start_new_session=True,
            **self.program.credentials,
        )
        assert self._process.stdout is not None
        self._reader = self._log.follow(
            self.program.name, self._process.stdout, self.program.routine
        )

    def check_ready(self) -> bool:
        if self.is_running and not self.has_served:
            self.has_served = self.program.is_ready()
        return self.is_running and self.has_served

    def plan_restart(self) -> tuple[str, float]:
        """Note that the program has ended: how it did, and the seconds until it starts again."""
        assert self._process is not None
        how = describe_exit(self._process.returncode)
        self.end_group()
        if time.monotonic() - self._started_at > _HEALTHY_SECONDS:
            self.failures = 0
        delay = min(_FIRST_DELAY * 2**self.failures, _LONGEST_DELAY)
        self.failures += 1
        self.restart_at = time.monotonic() + delay
        return how, delay

    def ask_to_stop(self) -> None:
        self.restart_at = None
        if self.is_running and self._process is not None:
            self._process.send_signal(self.program.stop_signal)

    def end_group(self) -> None:
        """Kill what is left of the program's session; quiet where nothing is."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        else:
            self._process.wait()
        self._reader.join(_DRAIN_SECONDS)


def describe_exit(status: int) -> str:
    """How a program ended, in words."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return "ended by itself" if status == 0 else f"ended with status {status}"
