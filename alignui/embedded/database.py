"""The database before anything serves: waited for, and brought to this version's schema."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import cache

import django
from django.core.management import call_command
from django.db import DatabaseError, connection

from annotation.core.errors import Unavailable

_PATIENCE_SECONDS = 60.0
_LONGEST_PAUSE = 8.0
# "ALIGNUI" on a telephone's keys: machines that start together migrate one after the other.
_MIGRATION_LOCK = 2_544_684


@cache
def set_up_django() -> None:
    django.setup()


def wait_for_database(
    *,
    say: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
    patience: float = _PATIENCE_SECONDS,
) -> None:
    """Return when the database answers; raise Unavailable when `patience` seconds went by."""
    set_up_django()
    deadline = time.monotonic() + patience
    pause = 0.5
    while (problem := _connection_problem()) is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable(
                f"The database {_where()} does not answer: {problem}",
                hint="Start it, or correct DATABASE_URL. Nothing was changed.",
            )
        say(
            f"The database {_where()} does not answer ({problem}); "
            f"trying again in {pause:.1f} s, for {left:.0f} s more."
        )
        wait(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def migrate(*, say: Callable[[str], None]) -> None:
    """Apply what is missing of the schema, one machine at a time."""
    from alignui.health import pending_migrations

    set_up_django()
    with closing(connection):
        if not pending_migrations():
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        say(f"Applying {len(pending_migrations())} migrations.")
        call_command("migrate", interactive=False, verbosity=0)


def _connection_problem() -> str | None:
    try:
        with closing(connection):
            connection.ensure_connection()
    except DatabaseError as error:
        return " ".join(str(error).split())
    return None


def _where() -> str:
    settings = connection.settings_dict
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"{settings['NAME']} at {settings['HOST'] or 'the default socket'}{port}"
