"""How often a connection is tried before it is used."""

import pytest
from django.db import connection, connections, transaction

from alignui.database import base


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_tried_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = connections["default"]
    wrapper.ensure_connection()
    moments = iter([100.0, 100.0, 100.9, 101.1, 101.1, 101.2])
    tried = []
    monkeypatch.setattr(base, "monotonic", lambda: next(moments))
    monkeypatch.setattr(wrapper, "is_usable", lambda: tried.append(1) or True)
    monkeypatch.setattr(wrapper, "health_check_enabled", True)
    monkeypatch.setattr(wrapper, "_tried_at", float("-inf"))
    seen = []
    for _ in range(4):
        wrapper.health_check_done = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT 2")
        seen.append(len(tried))
    assert seen == [1, 1, 2, 2]


@pytest.mark.django_db(transaction=True)
def test_it_is_not_tried_within_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = connections["default"]
    wrapper.ensure_connection()
    moments = iter([100.0, 200.0])
    monkeypatch.setattr(base, "monotonic", lambda: next(moments))
    monkeypatch.setattr(wrapper, "health_check_enabled", True)
    monkeypatch.setattr(wrapper, "_tried_at", 99.5)
    wrapper.health_check_done = False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert next(moments) == 200.0


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_is_dropped_by_the_request_that_met_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()
    with pytest.raises(Exception, match=r"terminat|closed"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close_if_unusable_or_obsolete()
    assert connection.connection is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
