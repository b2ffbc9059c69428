"""The embedded PostgreSQL and Redis: first start, second start, and what a crash leaves."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from kombu import Connection

from alignui.embedded import account, paths, postgres, redis
from annotation.core.errors import Unavailable

pytestmark = pytest.mark.services

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs as somebody else")


def connect(var: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(paths.database_url(var), autocommit=True)


def test_what_was_stored_is_there_after_a_second_start(var: Path) -> None:
    postgres.start_detached(var)
    with connect(var) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'ÄRGER, 世界' AS word")
    assert postgres.stop(var)
    assert postgres.running(var) is None
    assert not postgres.stop(var)

    postgres.start_detached(var)
    with connect(var) as connection:
        stored = connection.execute("SELECT word, lower(word) FROM kept").fetchone()
    assert stored == ("ÄRGER, 世界", "ärger, 世界")


def test_a_crash_loses_nothing_and_the_stale_pid_file_is_no_obstacle(var: Path) -> None:
    postgres.start_detached(var)
    with connect(var) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server = postgres.running(var)
    assert server is not None
    server.kill()
    server.wait(5)
    pid_file = paths.postgres_data(var) / "postmaster.pid"
    assert pid_file.exists()
    # The worst case: the number now belongs to a program that is alive.
    pid_file.write_text(pid_file.read_text().replace(str(server.pid), str(os.getpid()), 1))

    postgres.start_detached(var)
    with connect(var) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_server_left_behind_is_replaced(var: Path) -> None:
    postgres.start_detached(var)
    left_behind = postgres.running(var)
    assert left_behind is not None
    postgres.start_detached(var)
    assert not psutil.pid_exists(left_behind.pid)
    assert postgres.is_ready(var)


def test_it_listens_on_a_private_socket_alone(var: Path) -> None:
    postgres.start_detached(var)
    redis.start_detached(var)
    server = postgres.running(var)
    assert server is not None
    listening = [c for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == []
    for folder in (paths.postgres_socket_dir(var), paths.redis_socket(var).parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@needs_root
def test_root_runs_it_as_somebody_else(var: Path) -> None:
    postgres.start_detached(var)
    server = postgres.running(var)
    assert server is not None
    assert server.uids().real != 0
    assert paths.postgres_data(var).stat().st_uid == server.uids().real


@needs_root
def test_root_may_keep_it_in_a_folder_closed_to_others(var: Path) -> None:
    closed = var / "closed"
    closed.mkdir(mode=0o700)
    inner = closed / "var"
    try:
        postgres.start_detached(inner)
        assert postgres.is_ready(inner)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        postgres.stop(inner)


@needs_root
def test_where_nobody_can_pass_the_message_says_what_to_do(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var.chmod(0o700)
    monkeypatch.setattr("shutil.which", lambda _: None)
    account._reaching.cache_clear()
    with pytest.raises(Unavailable, match="Start AlignUI as an ordinary user, set ALIGNUI_VAR"):
        postgres.prepare(var)
    account._reaching.cache_clear()


def test_a_database_of_another_version_is_refused_with_the_way_out(var: Path) -> None:
    postgres.start_detached(var)
    postgres.stop(var)
    version = paths.postgres_data(var) / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(Unavailable, match=r"written by PostgreSQL 9; 18 is installed.*backup"):
        postgres.start_detached(var)


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (postgres, redis):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match=r"Install alignui\[embedded\], or set DATABASE_URL"):
        postgres.binary("postgres")
    with pytest.raises(Unavailable, match=r"Install alignui\[embedded\], or set CELERY_BROKER_URL"):
        redis.binary()


def test_queued_work_survives_a_restart_of_the_broker(var: Path) -> None:
    redis.start_detached(var)
    with Connection(paths.broker_url(var)) as broker, broker.SimpleQueue("default") as queue:
        queue.put("work")
    time.sleep(1.1)  # the broker writes to disk once a second
    server = psutil.Process(redis.client(var).info("server")["process_id"])
    server.kill()
    server.wait(5)

    redis.start_detached(var)
    with Connection(paths.broker_url(var)) as broker, broker.SimpleQueue("default") as queue:
        assert queue.get(timeout=2).payload == "work"


def test_work_that_a_killed_worker_held_is_queued_again(var: Path) -> None:
    redis.start_detached(var)
    with Connection(paths.broker_url(var)) as broker, broker.SimpleQueue("gpu") as queue:
        queue.put("held")
    take_and_die = (
        "import os, sys\nfrom kombu import Connection\n"
        "queue = Connection(sys.argv[1]).SimpleQueue('gpu')\n"
        "print(queue.get(timeout=5).payload, flush=True)\nos.kill(os.getpid(), 9)"
    )
    taken = subprocess.run(
        [sys.executable, "-c", take_and_die, paths.broker_url(var)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert taken.stdout == "held\n"
    with Connection(paths.broker_url(var)) as broker:
        assert broker.channel().queue_declare("gpu").message_count == 0
        redis.requeue_lost_tasks(var)
        assert broker.channel().queue_declare("gpu").message_count == 1
