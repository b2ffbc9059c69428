"""Failed sign-ins, counted by user name and by address, so that passwords cannot be tried out.

The counts live in the cache that all web processes share. Where it does not answer, people can
still sign in: an outage of Redis must not lock everybody out.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from logging import getLogger

from django.core.cache import caches
from redis import RedisError

WINDOW = timedelta(minutes=15)
MOST_PER_NAME = 10
MOST_PER_ADDRESS = 30

log = getLogger(__name__)


def sign_in_failed(*, username: str, address: str, now: datetime) -> None:
    """Counts one failure. The 15 minutes begin with the first."""
    with _outage_said():
        cache = caches["shared"]
        for key, _most in _counts(username, address):
            seconds = int(WINDOW.total_seconds())
            cache.add(f"{key}/until", (now + WINDOW).timestamp(), seconds)
            if not cache.add(f"{key}/failures", 1, seconds):
                _count_one(f"{key}/failures")


def sign_in_blocked_until(*, username: str, address: str, now: datetime) -> datetime | None:
    """When the next attempt is allowed, where there were too many; None where one is allowed now.

    It does not depend on whether the user exists.
    """
    ends: list[float] = []
    with _outage_said():
        for key, most in _counts(username, address):
            if caches["shared"].get(f"{key}/failures", 0) >= most:
                ends.append(caches["shared"].get(f"{key}/until", 0.0))
    until = max(ends, default=0.0)
    return datetime.fromtimestamp(until, tz=now.tzinfo) if until > now.timestamp() else None


def sign_in_succeeded(*, username: str) -> None:
    """Forgets the failures under this name; those of the address stay."""
    with _outage_said():
        key = _key("name", username.casefold())
        caches["shared"].delete_many([f"{key}/failures", f"{key}/until"])


def _counts(username: str, address: str) -> list[tuple[str, int]]:
    counts = [(_key("name", username.casefold()), MOST_PER_NAME)]
    if address:
        counts.append((_key("address", address), MOST_PER_ADDRESS))
    return counts


def _key(kind: str, value: str) -> str:
    return f"sign-in/{kind}/{hashlib.sha256(value.encode()).hexdigest()}"


def _count_one(key: str) -> None:
    try:
        caches["shared"].incr(key)
    except ValueError:
        log.debug("The count %s ended while it was raised.", key)


@contextmanager
def _outage_said() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        log.warning("Failed sign-ins are not counted: the shared cache does not answer: %s", error)
