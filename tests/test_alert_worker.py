"""From a run to a webhook, through a real worker and a real broker."""

import json

import pytest

from annotation.core.webhooks import signature
from annotation.models import Alert, AlertMessage, PluralismReport, Run, User
from annotation.services.alerts import alert_rule_create
from annotation.services.runs import run_create
from annotation.tasks import enqueue
from tests.camps import camps_project
from tests.factories import make_user
from tests.hooks import hook
from tests.workers import wait_for, wait_until, worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def test_a_measured_division_reaches_whoever_the_rule_names(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_PRIVATE = True
    monkeypatch.setenv("ALIGNUI_WEBHOOKS_PRIVATE", "1")
    lead: User = make_user("lead")
    project = camps_project()
    with hook() as server, worker("default"):
        rule = alert_rule_create(
            actor=lead, project=project, signal="division", threshold=0.1, webhook_url=server.url
        )
        run = run_create(actor=lead, project=project, kind=Run.Kind.PLURALISM)
        enqueue(run)
        assert wait_for(run).state == Run.State.SUCCEEDED, run.error
        wait_until(lambda: server.came, what="no webhook has come", seconds=60)
        wait_until(
            lambda: AlertMessage.objects.filter(state="sent").exists(),
            what="the message is not recorded as sent", seconds=20,
        )  # fmt: skip
    ((headers, body),) = server.came
    stamp = int(headers["X-AlignUI-Timestamp"])
    assert headers["X-AlignUI-Signature"] == signature(rule.secret, timestamp=stamp, body=body)
    said = json.loads(body)
    assert said["event"] == "alert.opened"
    assert said["alert"]["value"] == PluralismReport.objects.get(run=run).estimate
    assert Alert.objects.get().closed_at is None
