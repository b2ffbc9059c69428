"""Rules, alerts and reports on who prefers what, for programs."""

import pytest

from annotation.models import AgreementReport, AlertRule
from annotation.services.alerts import alerts_check
from annotation.services.pluralism import pluralism_measure
from tests.camps import camps_project
from tests.rest import error

RULE = {"signal": "agreement", "threshold": 0.4, "webhook_url": "https://example.org/hook"}


@pytest.fixture
def low(project):
    return AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=0.2, low=0.1,
        high=0.3, n_comparisons=90, n_judgments=180, n_annotators=9, method="m", seed=1,
        code_version="1",
    )  # fmt: skip


def test_a_rule_lives_and_dies(api, lena, low):
    caller = api(lena)
    made = caller.post("projects/kitchen/alert-rules", RULE)
    assert made.status_code == 201
    assert made.json()["secret"] == AlertRule.objects.get().secret
    (listed,) = caller.get("projects/kitchen/alert-rules").json()["results"]
    assert listed == made.json()
    (alert,) = caller.get("projects/kitchen/alerts").json()["results"]
    assert (alert["subject"], alert["value"], alert["closed_at"]) == ("overall", 0.2, None)
    assert alert["messages"][0]["state"] == "waiting"
    seen = caller.post(f"alerts/{alert['id']}/seen").json()
    assert seen["seen_by"] == "lena"
    assert caller.post(f"alerts/{alert['id']}/seen").status_code == 409
    off = caller.post(f"alert-rules/{listed['id']}", {"is_active": False}).json()
    assert off["is_active"] is False
    assert caller.get("projects/kitchen/alerts").json()["results"][0]["closed_at"]
    gone = caller.client.delete(f"/api/v1/alert-rules/{listed['id']}", headers=caller.headers)
    assert gone.status_code == 204
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"signal": "mood"}, "signal"), ({"threshold": 2}, "threshold"), ({"mood": 1}, "mood"),
        ({"webhook_url": "http://169.254.169.254/"}, "webhook_url"), ({"subject": "x"}, "subject"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_named(api, lena, project, wrong, field):
    answer = api(lena).post("projects/kitchen/alert-rules", RULE | wrong)
    assert answer.status_code == 422 or answer.status_code == 400
    assert error(answer)["field"] == field


def test_reports_with_interval_and_measuring(api, lena, project):
    camps_project(project=project)
    report = pluralism_measure(project=project, criterion=project.criteria.get(key="overall"))
    caller = api(lena)
    (found,) = caller.get("projects/kitchen/pluralism").json()["results"]
    assert found["estimate"] == report.estimate
    assert found["low"] < found["estimate"] < found["high"]
    assert found["n_compared"] == 12
    assert caller.get("projects/kitchen/pluralism", quarantined="with").json()["results"] == []
    asked = caller.post("projects/kitchen/pluralism/measure", {"with_quarantined": True})
    assert asked.status_code == 202
    assert asked.json()["params"] == {"with_quarantined": True}
    assert caller.post("projects/kitchen/pluralism/measure").status_code == 409


def test_others_learn_nothing(api, otto, ana, lena, project, low):
    api(lena).post("projects/kitchen/alert-rules", RULE)
    alerts_check(project=project)
    rule = AlertRule.objects.get()
    for user in (otto, ana):
        caller = api(user)
        for path in ("alert-rules", "alerts", "pluralism"):
            assert caller.get(f"projects/kitchen/{path}").status_code == 404
        assert caller.post(f"alert-rules/{rule.pk}", {"is_active": False}).status_code == 404
        assert caller.post("projects/kitchen/pluralism/measure").status_code == 404
