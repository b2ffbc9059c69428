"""Alerts on their way, to a real server: signed, tried again, given up, and never led astray."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from annotation.core.errors import Unavailable
from annotation.core.webhooks import MOST_TRIES, signature, webhook_address
from annotation.models import AgreementReport, Alert, AlertMessage, AlertRule, Project
from annotation.selectors.alerts import messages_due
from annotation.services.alert_messages import alert_message_send
from annotation.services.webhooks import webhook_post
from annotation.tasks import alerts_due
from tests.hooks import Hook, hook

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: object) -> Iterator[Hook]:
    settings.WEBHOOKS_PRIVATE = True
    with hook() as state:
        yield state


@pytest.fixture
def alert(project: Project) -> Alert:
    rule = AlertRule.objects.create(
        project=project, signal="agreement", threshold=0.4, secret="known"
    )
    return Alert.objects.create(
        rule=rule, subject="overall", statement="Agreement is low.", value=0.2, low=0.1, high=0.3,
        n=90,
    )  # fmt: skip


def message(alert: Alert, address: str, channel: str = "webhook") -> AlertMessage:
    return AlertMessage.objects.create(alert=alert, channel=channel, address=address)


def test_a_webhook_is_signed_and_says_everything(alert: Alert, server: Hook) -> None:
    sent = message(alert, server.url)
    assert alert_message_send(message_id=sent.pk)
    ((headers, body),) = server.came
    stamp = int(headers["X-AlignUI-Timestamp"])
    assert headers["X-AlignUI-Signature"] == signature("known", timestamp=stamp, body=body)
    assert headers["Host"] == server.url.split("/")[2]
    said = json.loads(body)
    assert (said["event"], said["project"]) == ("alert.opened", "kitchen")
    assert said["alert"]["statement"] == "Agreement is low."
    assert (said["alert"]["low"], said["alert"]["n"]) == (0.1, 90)
    assert said["link"].endswith("/projects/kitchen/alerts/")
    sent.refresh_from_db()
    assert (sent.state, sent.attempts) == ("sent", 1)
    assert sent.sent_at is not None
    assert not alert_message_send(message_id=sent.pk)
    assert len(server.came) == 1


def test_a_server_in_trouble_is_tried_again_and_given_up(alert: Alert, server: Hook) -> None:
    server.status = 503
    sent = message(alert, server.url)
    now = timezone.now()
    for tries in range(1, MOST_TRIES + 1):
        assert not alert_message_send(message_id=sent.pk, now=now)
        sent.refresh_from_db()
        assert sent.attempts == tries
        assert not alert_message_send(message_id=sent.pk, now=now + timedelta(seconds=30))
        now = sent.next_try_at
    assert (sent.state, len(server.came)) == ("failed", MOST_TRIES)
    assert "503" in sent.error
    assert messages_due(now + timedelta(days=1)) == []


def test_redirects_are_not_followed(alert: Alert, server: Hook) -> None:
    server.status, server.location = 302, server.url
    sent = message(alert, server.url)
    assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert len(server.came) == 1
    assert "302" in sent.error


def test_what_is_not_public_is_given_up_without_a_connection(alert, server, settings) -> None:
    settings.WEBHOOKS_PRIVATE = False
    sent = message(alert, server.url)
    assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert (sent.state, server.came) == ("failed", [])
    assert "public addresses only" in sent.error


def test_a_name_that_leads_home_is_found_out(alert, server, settings, monkeypatch) -> None:
    """The name is resolved once: what was checked is what is connected to."""
    settings.WEBHOOKS_PRIVATE = False
    asked = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    sent = message(alert, server.url.replace("127.0.0.1", "inside.example.org"))
    assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert (sent.state, server.came, asked) == ("failed", [], ["inside.example.org"])


def test_nobody_listens(alert: Alert, server: Hook) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        sent = message(alert, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert (sent.state, sent.attempts) == ("waiting", 1)
    assert "No answer" in sent.error


def test_a_mail_says_what_is_the_matter_and_when_it_is_over(alert: Alert, settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    sent = message(alert, "lena@example.org", "mail")
    assert alert_message_send(message_id=sent.pk)
    alert.closed_at = timezone.now()
    alert.save()
    AlertMessage.objects.update(state="waiting", attempts=0, next_try_at=timezone.now())
    assert alert_message_send(message_id=sent.pk)
    opened, closed = mail.outbox
    assert opened.subject == "Alert: Kitchen: Agreement is low."
    assert opened.to == ["lena@example.org"]
    assert "It holds since" in opened.body
    assert "/projects/kitchen/alerts/" in opened.body
    assert closed.subject.startswith("Over: ")


def test_a_mail_server_in_trouble_is_tried_again(alert, settings, monkeypatch) -> None:
    settings.EMAIL_IS_SET_UP = True

    def refuse(*_: object) -> int:
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    sent = message(alert, "lena@example.org", "mail")
    assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert (sent.state, sent.error) == ("waiting", "ConnectionRefusedError: no")


def test_news_that_come_while_a_message_is_under_way_go_out_too(alert, server, monkeypatch) -> None:
    sent = message(alert, server.url)

    def closes_meanwhile(*args: object) -> int:
        AlertMessage.objects.update(state="waiting", attempts=0, next_try_at=timezone.now())
        return 200

    monkeypatch.setattr("annotation.services.alert_messages.webhook_post", closes_meanwhile)
    alert_message_send(message_id=sent.pk)
    assert messages_due(timezone.now()) == [sent.pk]


def test_a_worker_that_died_at_the_last_try_leaves_no_message_waiting_for_ever(alert) -> None:
    sent = message(alert, "https://example.org/")
    AlertMessage.objects.update(attempts=MOST_TRIES)
    assert not alert_message_send(message_id=sent.pk)
    sent.refresh_from_db()
    assert sent.state == "failed"


def test_the_schedule_looks_where_a_worker_died_before_it_did(project: Project) -> None:
    AlertRule.objects.create(project=project, signal="agreement", threshold=0.4)
    AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=0.2, low=0.1,
        high=0.3, n_comparisons=90, n_judgments=180, n_annotators=9, method="m", seed=1,
        code_version="1",
    )  # fmt: skip
    alerts_due()
    alerts_due()
    assert Alert.objects.get().closed_at is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="There is no openssl here.")
def test_a_connection_goes_to_a_number_and_must_prove_the_name(
    settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_PRIVATE = True
    both = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", both, "-out", tmp_path / "certificate.pem", "-subj", "/CN=hooks.test",
         "-addext", "subjectAltName=DNS:hooks.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(both.read_text() + (tmp_path / "certificate.pem").read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))

    def resolve(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with hook(both) as server:
        named = webhook_address(server.url.replace("127.0.0.1", "hooks.test"))
        assert webhook_post(named, b"{}", {}) == 200
        other = webhook_address(server.url.replace("127.0.0.1", "other.test"))
        with pytest.raises(Unavailable, match="certificate"):
            webhook_post(other, b"{}", {})
    ((headers, _body),) = server.came
    assert headers["Host"].startswith("hooks.test:")
