"""What lost a deadlock to somebody else's act is done once more, by itself."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected

P = ParamSpec("P")
T = TypeVar("T")


def tried_once_more(act: Callable[P, T]) -> Callable[P, T]:
    """For an act that is a transaction of its own; within another one the error goes on.

    PostgreSQL ends one of two transactions that wait for each other, and all of it is undone.
    """

    @wraps(act)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return act(*args, **kwargs)
        except OperationalError as error:
            if connection.in_atomic_block or not isinstance(error.__cause__, DeadlockDetected):
                raise
        return act(*args, **kwargs)

    return attempt
