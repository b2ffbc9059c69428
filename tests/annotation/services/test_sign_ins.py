"""Failed sign-ins: counted by name and by address, forgotten after a quarter of an hour."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.utils import timezone

from annotation.services import sign_ins
from annotation.services.sign_ins import (
    MOST_PER_ADDRESS,
    MOST_PER_NAME,
    WINDOW,
    sign_in_blocked_until,
    sign_in_failed,
    sign_in_succeeded,
)
from tests.factories import forget_sign_ins

NOW = timezone.now()


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    forget_sign_ins()
    yield
    forget_sign_ins()


def fail(times: int, username: str = "ana", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        sign_in_failed(username=username, address=address, now=NOW)


def blocked(username: str = "ana", address: str = "192.0.2.1") -> bool:
    return sign_in_blocked_until(username=username, address=address, now=NOW) is not None


def test_ten_failures_of_a_name_block_it_from_everywhere() -> None:
    fail(MOST_PER_NAME - 1)
    assert not blocked()
    fail(1, username="ANA", address="198.51.100.7")
    assert blocked(address="203.0.113.9")
    until = sign_in_blocked_until(username="ana", address="", now=NOW)
    assert until == NOW + WINDOW
    assert not blocked("ben")


def test_thirty_failures_from_an_address_block_it_for_every_name() -> None:
    for number in range(MOST_PER_ADDRESS):
        assert not blocked("ben")
        fail(1, username=f"guess-{number}")
    assert blocked("ben")
    assert not blocked("ben", address="198.51.100.7")
    assert not blocked("ben", address="")


def test_it_ends_by_itself_and_at_a_sign_in() -> None:
    fail(MOST_PER_NAME)
    later = NOW + WINDOW + timedelta(seconds=1)
    assert sign_in_blocked_until(username="ana", address="", now=later) is None
    assert blocked()
    sign_in_succeeded(username="Ana")
    assert not blocked()


def test_the_counts_expire_in_the_cache() -> None:
    fail(1)
    shared = caches["shared"]
    client = shared._cache.get_client()
    own = client.keys(f"{shared.key_prefix}:*:sign-in/*")
    seconds = [client.ttl(key) for key in own]
    assert len(seconds) == 4
    assert all(0 < left <= WINDOW.total_seconds() for left in seconds)


def test_without_the_shared_cache_people_still_sign_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sign_ins, "caches", {"shared": RedisCache("unix:///gone", {})})
    fail(MOST_PER_NAME)
    assert not blocked()
    sign_in_succeeded(username="ana")
    assert "are not counted" in caplog.text
