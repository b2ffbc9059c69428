"""The database backend: what Django looks for in the package that `ENGINE` names."""

from time import monotonic

from django.db.backends.postgresql import base

TRIED_SECONDS = 1.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection is tried before a request unless it was tried within the last second.

    One that dies in that second fails the request that meets it, as it would have in the middle of
    it, and is dropped then; whoever submits sends again, and the same token makes one judgment.
    """

    health_check_enabled: bool
    health_check_done: bool
    _tried_at = float("-inf")

    def close_if_health_check_failed(self) -> None:
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        if monotonic() - self._tried_at < TRIED_SECONDS:
            self.health_check_done = True  # of this request: never in the middle of a transaction
            return
        super().close_if_health_check_failed()
        self._tried_at = monotonic()
