"""Real small programs under a real supervisor: what is printed, restarted, ended, left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from alignui.embedded.program import describe_exit

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parents[2]
SLEEP = "import time; time.sleep(60)"
# Ignores every polite signal and has a child that has left its session.
STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
sleep = [sys.executable, '-c', 'import time; time.sleep(60)']
child = subprocess.Popen(sleep, start_new_session=True)
print('child', child.pid)
time.sleep(60)
"""


class Supervised:
    """The supervisor's process and the lines it has printed."""

    def __init__(self, *stages: list[dict[str, object]]) -> None:
        script = str(Path(__file__).with_name("supervised.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, json.dumps(stages)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
        )
        self.lines: list[str] = []

    def read_until(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        patience = threading.Timer(20, self.process.kill)
        patience.start()
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if found := re.search(pattern, line):
                patience.cancel()
                return found
        raise AssertionError(f"{pattern!r} was not printed:\n" + "\n".join(self.lines))

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.process.wait(15)


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*stages: list[dict[str, object]]) -> Supervised:
        started.append(Supervised(*stages))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.wait()


def gone(pid: int, *, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_each_line_begins_with_its_programs_name(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(
        [
            {"name": "web", "code": f"print('hello'); {SLEEP}"},
            {"name": "worker", "code": f"import sys; sys.stderr.write('oops\\n'); {SLEEP}"},
        ]
    )
    while not {"web     | hello", "worker  | oops", "alignui | Ready"} <= set(supervised.lines):
        supervised.read_until("")
    assert supervised.end() == 0


def test_a_program_that_dies_is_restarted_and_waits_longer_each_time(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise([{"name": "flaky", "code": "raise SystemExit(3)"}])
    supervised.read_until(r"flaky ended with status 3; starting it again in 1 s\.")
    first_end = time.monotonic()
    supervised.read_until(r"flaky ended with status 3; starting it again in 2 s\.")
    second_end = time.monotonic()
    supervised.read_until(r"flaky ended with status 3; starting it again in 4 s\.")
    assert 0.9 < second_end - first_end < time.monotonic() - second_end


def test_a_killed_program_is_named_with_its_signal_and_replaced(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(
        [{"name": "job", "code": f"import os; print('pid', os.getpid()); {SLEEP}"}]
    )
    first = int(supervised.read_until(r"pid (\d+)")[1])
    os.kill(first, signal.SIGKILL)
    supervised.read_until(r"job was killed by SIGKILL; starting it again in 1 s\.")
    second = int(supervised.read_until(r"pid (\d+)")[1])
    assert second != first
    assert supervised.end() == 0
    assert gone(second)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind_even_by_programs_that_will_not_stop(
    supervise: Callable[..., Supervised], number: signal.Signals
) -> None:
    supervised = supervise([{"name": "mule", "code": STUBBORN, "stop_seconds": 0.5}])
    child = int(supervised.read_until(r"child (\d+)")[1])
    main = psutil.Process(child).ppid()
    assert supervised.end(number) == 0
    assert gone(main)
    assert gone(child)
    assert "alignui | mule did not stop in time and is killed." in supervised.lines


def test_a_second_signal_ends_everything_at_once(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise([{"name": "mule", "code": STUBBORN, "stop_seconds": 60}])
    child = int(supervised.read_until(r"child (\d+)")[1])
    supervised.process.send_signal(signal.SIGINT)
    supervised.read_until("Stopping")
    asked_at = time.monotonic()
    assert supervised.end(signal.SIGINT) == 0
    assert time.monotonic() - asked_at < 5
    assert gone(child)


def test_programs_stop_by_rank_and_then_in_the_reverse_order(
    supervise: Callable[..., Supervised],
) -> None:
    def speaking(name: str, rank: int = 0) -> dict[str, object]:
        code = (
            "import signal, sys, time\n"
            "def leave(*_):\n    time.sleep(0.2); print('bye'); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, leave)\n"
            "print('up')\ntime.sleep(60)"
        )
        return {"name": name, "code": code, "rank": rank}

    supervised = supervise([speaking("database")], [speaking("web", 1)], [speaking("worker")])
    for _ in range(3):
        supervised.read_until(r"\| up")
    assert supervised.end() == 0
    said = [line.split()[0] for line in supervised.lines if line.endswith("| bye")]
    assert said == ["web", "worker", "database"]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children only on Linux")
def test_programs_stop_when_the_supervisor_itself_is_killed(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(
        [{"name": "job", "code": f"import os; print('pid', os.getpid()); {SLEEP}"}]
    )
    pid = int(supervised.read_until(r"pid (\d+)")[1])
    supervised.end(signal.SIGKILL)
    assert gone(pid)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended by itself"),
        (2, "ended with status 2"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
    ],
)
def test_an_exit_is_told_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words
