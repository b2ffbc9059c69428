"""Keeps the programs of one machine running, and ends every one of them when it is told to.

Programs start in the order given. They stop by their rank, and within it in the reverse order.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Self

import psutil

from alignui.embedded.output import LogStream
from alignui.embedded.program import Child, Program
from annotation.core.errors import AlignUIError, Unavailable

OURSELVES = "alignui"
_TICK_SECONDS = 0.05
_ENDS_BEFORE_GIVING_UP = 3
_PR_SET_CHILD_SUBREAPER = 36


class StopRequested(Exception):
    """Ctrl-C or SIGTERM: leave what is being done and end everything."""


class Supervisor:
    """Use it as a context: leaving it, however that happens, ends every program it started.

    Its methods belong to the main thread, except `say`.
    """

    def __init__(self, log: LogStream) -> None:
        self._log = log
        self._stages: list[list[Child]] = []
        self._signals = 0
        self._hook_error: BaseException | None = None

    def __enter__(self) -> Self:
        _adopt_orphans()
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop_everything()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def say(self, text: str) -> None:
        self._log.line(OURSELVES, text)

    def start(self, programs: Sequence[Program]) -> None:
        """Start a stage of programs, side by side."""
        self.check_stop()
        stage = [Child(program, self._log) for program in programs]
        self._stages.append(stage)
        for child in stage:
            child.start()

    def wait_until_ready(self, *, seconds: float) -> None:
        """Return when every program serves; raise Unavailable when one will not."""
        deadline = time.monotonic() + seconds
        while not all(child.check_ready() for child in self._children()):
            self._tick()
            for child in self._children():
                name = child.program.name
                if not child.has_served and child.failures >= _ENDS_BEFORE_GIVING_UP:
                    raise Unavailable(f"{name} does not start.", hint="Its lines above say why.")
                if not child.has_served and time.monotonic() > deadline:
                    raise Unavailable(f"{name} did not answer within {seconds:.0f} s.")

    def watch(self, after_ready: Callable[[], None] | None = None) -> None:
        """Restart what ends, until a signal comes or `after_ready` fails.

        `after_ready` runs beside the watch in a thread of its own, which ends with the process.
        """
        if after_ready is not None:
            threading.Thread(target=self._run_hook, args=[after_ready], daemon=True).start()
        while self._hook_error is None:
            self._tick()
        raise self._hook_error

    def wait(self, seconds: float) -> None:
        """Sleep, yet keep everything running and leave at once when a signal comes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._tick()

    def check_stop(self) -> None:
        if self._signals:
            raise StopRequested

    def _run_hook(self, hook: Callable[[], None]) -> None:
        try:
            hook()
        except Exception as error:  # noqa: BLE001 - raised again in the main thread by `watch`
            self._hook_error = error

    def _tick(self) -> None:
        self.check_stop()
        for child in self._children():
            self._restart_if_ended(child)
        time.sleep(_TICK_SECONDS)

    def _restart_if_ended(self, child: Child) -> None:
        if child.is_running:
            return
        if child.restart_at is None:
            how, delay = child.plan_restart()
            _reap_orphans(self._pids())
            self.say(f"{child.program.name} {how}; starting it again in {delay:.0f} s.")
        elif time.monotonic() >= child.restart_at:
            self._start_again(child)

    def _start_again(self, child: Child) -> None:
        try:
            child.start()
        except (AlignUIError, OSError) as error:
            child.failures += 1
            child.restart_at = time.monotonic() + min(2.0**child.failures, 60.0)
            self.say(f"{child.program.name} cannot be started: {error}")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _stop_everything(self) -> None:
        # Before it is said: the second signal may come as soon as somebody has read the line.
        self._signals = 0
        if any(child.is_running for child in self._children()):
            self.say("Stopping. Once more ends everything at once.")
        for stage in self._stopping_order():
            self._stop_stage(stage)
        _kill_descendants()

    def _stopping_order(self) -> list[list[Child]]:
        """The programs, those that stop side by side together."""
        together: defaultdict[tuple[int, int], list[Child]] = defaultdict(list)
        for number, stage in enumerate(self._stages):
            for child in stage:
                together[child.program.rank, number].append(child)
        return [together[key] for key in sorted(together, reverse=True)]

    def _stop_stage(self, stage: Sequence[Child]) -> None:
        asked_at = time.monotonic()
        for child in stage:
            child.ask_to_stop()
        for child in stage:
            limit = asked_at + child.program.stop_seconds
            while child.is_running and time.monotonic() < limit and not self._signals:
                time.sleep(_TICK_SECONDS)
            if child.is_running:
                self.say(f"{child.program.name} did not stop in time and is killed.")
            child.end_group()

    def _children(self) -> list[Child]:
        return [child for stage in self._stages for child in stage]

    def _pids(self) -> set[int | None]:
        return {child.pid for child in self._children()}


def _adopt_orphans() -> None:
    """Make the kernel hand us grandchildren whose parent has died, so that we can end them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans(known: set[int | None]) -> None:
    for process in psutil.Process().children():
        if process.pid not in known and process.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(process.pid, os.WNOHANG)


def _kill_descendants() -> None:
    """The last resort: nothing that we or our programs started stays behind."""
    left = psutil.Process().children(recursive=True)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=5)
