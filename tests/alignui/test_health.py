"""What machines ask: alive, ready, and how much of everything there is."""

from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client
from kombu import Connection

from alignui import health
from alignui.celery import app
from alignui.embedded import paths, redis


def test_alive_asks_nothing_of_the_database(client: Client) -> None:
    # No database mark: a query would fail this test.
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_when_the_database_is_migrated(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "database": "ok", "broker": "ok"}


@pytest.mark.django_db
def test_not_ready_without_the_database_and_no_address_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[str]:
        raise OperationalError("connection to 10.0.0.7 refused")

    monkeypatch.setattr(health, "pending_migrations", away)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "database": "does not answer", "broker": "ok"}


@pytest.mark.django_db
def test_not_ready_before_the_migrations(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "pending_migrations", lambda: ["annotation.0099_later"])
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] == "1 migrations are not applied"


@pytest.mark.django_db
def test_people_are_served_while_the_broker_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.conf, "broker_read_url", "redis://127.0.0.1:1/0")
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "database": "ok", "broker": "does not answer"}


@pytest.mark.services
@pytest.mark.django_db
def test_metrics_read_the_state(client: Client, monkeypatch: pytest.MonkeyPatch, var: Path) -> None:
    redis.start_detached(var)
    monkeypatch.setattr(app.conf, "broker_read_url", paths.broker_url(var))
    with Connection(paths.broker_url(var)) as broker, broker.SimpleQueue("gpu") as queue:
        queue.put("work")
        queue.put("more work")
    text = client.get("/metrics").content.decode()
    assert 'alignui_queue_length{queue="gpu"} 2.0' in text
    assert 'alignui_queue_length{queue="default"} 0.0' in text
    assert 'alignui_runs{state="running"} 0.0' in text
    assert 'alignui_judgments{state="live"} 0.0' in text


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("open sesame", {}, 403),
        ("open sesame", {"Authorization": "Bearer open"}, 403),
        ("open sesame", {"Authorization": "Bearer open sesame"}, 200),
    ],
)
@pytest.mark.django_db
def test_metrics_are_for_this_machine_or_who_holds_the_token(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    headers: dict[str, str],
    status: int,
) -> None:
    monkeypatch.setenv("ALIGNUI_METRICS_TOKEN", token)
    assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.django_db
def test_metrics_are_not_for_other_machines(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 403
