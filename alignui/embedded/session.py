"""Services for the length of one command, where `alignui start` is not running them already."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from alignui.embedded import paths, postgres
from alignui.embedded.machine import exclusive


@contextmanager
def database_up(*, alone: bool = False) -> Iterator[None]:
    """A database that answers: a named server, the running one, or ours until the block ends.

    With `alone` nobody else may be using `var/`; raises Conflict where somebody is.
    """
    var = paths.var_dir()
    is_up = not alone and postgres.running(var) is not None and postgres.is_ready(var)
    if is_up or os.environ.get("DATABASE_URL"):
        yield
    else:
        with exclusive(var):
            postgres.start_detached(var)
            try:
                yield
            finally:
                postgres.stop(var)
