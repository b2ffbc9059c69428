"""Statements that every judgment runs, prepared on the connection: they are planned once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

Row = dict[str, Any]

_NAMES: dict[str, tuple[str, ...]] = {}
"""The columns of each statement: a few texts that the code holds, and none that a user writes."""


def prepared_row(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Row | None:
    """The first row of a statement by the names of its columns; None where there is none.

    Errors come as Django's. Parameters are bound by the server, so their types must be plain from
    the statement (`%(name)s::int` where nothing else says it). Columns of type jsonb come as text.
    """
    with _executed(statement, parameters) as cursor:
        row = cursor.fetchone()
        if row is None:
            return None
        if statement not in _NAMES:
            _NAMES[statement] = tuple(column.name for column in cursor.description or ())
        return dict(zip(_NAMES[statement], row, strict=True))


def prepared_rows(
    statement: str, parameters: Mapping[str, Any] | Sequence[Any]
) -> list[tuple[Any, ...]]:
    """All rows of a statement, with the types and errors of `prepared_row`."""
    with _executed(statement, parameters) as cursor:
        return cursor.fetchall()


@contextmanager
def _executed(
    statement: str, parameters: Mapping[str, Any] | Sequence[Any]
) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement.encode(), parameters, prepare=True)
        yield cursor
