"""What becomes of a task when its worker or the broker dies: real workers, a real broker."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from celery import current_app
from kombu import Connection

from alignui.celery import SCHEDULE, app
from alignui.embedded import machine, paths, redis
from alignui.embedded.program import Program
from alignui.health import QUEUES

pytestmark = pytest.mark.services


def eventually(holds: Callable[[], bool], *, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


class Worker:
    """The `default` worker exactly as `alignui start` runs it, with the tests' task."""

    def __init__(self, var: Path) -> None:
        (program,) = machine.programs(machine.Machine(processes=["default"]), var)
        self.program: Program = program
        self.log = var / "worker.log"
        command = [
            "tests.alignui.work_app" if c == "alignui.celery" else c for c in program.command
        ]
        environment = dict(program.environment or {}) | {"ALIGNUI_VAR": str(var)}
        environment.pop("CELERY_BROKER_URL", None)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=program.folder, env=environment, stdout=output, stderr=output
            )
        assert eventually(self.is_up), self.log.read_text()

    def is_up(self) -> bool:
        return "ready." in self.log.read_text()

    def stop(self) -> None:
        for process in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
            process.kill()
        self.process.wait()


@pytest.fixture
def broker(var: Path) -> Path:
    redis.start_detached(var)
    return var


@pytest.fixture
def worker(broker: Path) -> Iterator[Worker]:
    started = Worker(broker)
    yield started
    if started.process.poll() is None:
        started.stop()


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    file = tmp_path / "diary"
    file.touch()
    return file


def send(var: Path, diary: Path, seconds: float) -> None:
    with Connection(paths.broker_url(var)) as connection:
        app.send_task("tests.work", [str(diary), seconds], connection=connection, queue="default")


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines()


def starts(diary: Path) -> list[int]:
    return [int(line.split()[1]) for line in lines(diary) if line.startswith("start")]


def test_a_task_whose_process_is_killed_is_done_by_another(
    worker: Worker, broker: Path, diary: Path
) -> None:
    send(broker, diary, 1.0)
    assert eventually(lambda: len(starts(diary)) == 1)
    os.kill(starts(diary)[0], signal.SIGKILL)
    assert eventually(lambda: "end" in lines(diary)), worker.log.read_text()
    assert len(set(starts(diary))) == 2


def test_stopping_ends_in_time_and_returns_the_task_to_the_queue(
    worker: Worker, broker: Path, diary: Path
) -> None:
    send(broker, diary, 60.0)
    assert eventually(lambda: len(starts(diary)) == 1)
    worker.process.send_signal(worker.program.stop_signal)
    worker.process.wait(worker.program.stop_seconds)
    assert "end" not in lines(diary)
    with Connection(paths.broker_url(broker)) as connection:
        assert connection.channel().queue_declare("default").message_count == 1


def test_a_worker_outlives_its_broker(worker: Worker, broker: Path, diary: Path) -> None:
    redis.stop(broker)
    time.sleep(0.5)
    redis.start_detached(broker)
    send(broker, diary, 0.0)
    assert eventually(lambda: "end" in lines(diary), seconds=20), worker.log.read_text()
    assert worker.process.poll() is None


def test_every_thread_of_the_web_process_sends_to_our_broker() -> None:
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(current_app.main))
    thread.start()
    thread.join()
    assert seen == ["alignui"]


def test_the_schedule_names_tasks_that_exist_on_queues_that_are_served() -> None:
    app.loader.import_default_modules()
    assert set(SCHEDULE) <= set(app.tasks)
    assert {queue.name for queue in app.conf.task_queues} == set(QUEUES)
    assert app.conf.task_default_queue in QUEUES
