"""Quality, gold, rules and interventions for programs."""

from collections.abc import Callable

import pytest

from annotation.models import Comparison, Project, QualityRule, User
from annotation.services.quality import quality_measure
from tests.factories import judge_for

pytestmark = pytest.mark.django_db

ROW = {"prompt": "Boil or fry?", "completions": ["Boil.", "Burn."], "order": "A > B",
       "explanation": "Burnt."}  # fmt: skip


def test_people_with_their_signals(api: Callable, project: Project, lena: User, ana: User) -> None:
    judge_for(ana, project, 0, active_ms=3_000)
    quality_measure(project=project)
    found = api(lena).get("projects/kitchen/quality").json()["results"]
    assert found[0]["annotator"] == ana.pseudonym
    assert found[0]["signals"]["seconds"]["value"] == 3
    assert api(ana).get("projects/kitchen/quality").status_code == 404


def test_gold_is_added_and_retired(api: Callable, project: Project, lena: User) -> None:
    refused = api(lena).post("projects/kitchen/gold", {"rows": [ROW, {"prompt": "x"}]})
    assert refused.status_code == 422
    assert "row 2" in refused.json()["error"]["message"]
    made = api(lena).post("projects/kitchen/gold", {"rows": [ROW]})
    assert made.status_code == 201
    key = made.json()[0]["id"]
    assert api(lena).get("projects/kitchen/gold").json()["results"][0]["groups"] == [[0], [1]]
    assert api(lena).post(f"gold/{key}/retire", {"reason": "Unclear."}).status_code == 200
    assert Comparison.objects.get(pk=key).state == "retired"


def test_a_quarantine_by_program_and_back(
    api: Callable, project: Project, lena: User, ana: User, otto: User
) -> None:
    judge_for(ana, project, 0)
    lead = api(lena)
    made = lead.post(
        "projects/kitchen/interventions",
        {"annotator": ana.pseudonym, "action": "quarantine", "reason": "At random."},
    )
    assert made.status_code == 201
    key = made.json()["id"]
    assert lead.get("projects/kitchen/judgments").json()["results"] == []
    assert len(lead.get("projects/kitchen/judgments?with_quarantined=true").json()["results"]) == 1
    figures = {row["name"]: row for row in lead.get("projects/kitchen/figures").json()}
    assert figures["Judgments"]["without"]["n"] == 0
    assert figures["Judgments"]["with_them"]["n"] == 1
    assert lead.post(f"interventions/{key}/replay").json() == {"comparisons": 1}
    assert api(otto).post(f"interventions/{key}/lift", {"reason": "x"}).status_code == 404
    assert lead.post(f"interventions/{key}/lift", {"reason": "Sorry."}).status_code == 200
    listed = lead.get("projects/kitchen/interventions").json()["results"]
    assert listed[0]["lift_reason"] == "Sorry."


def test_rules_by_program(api: Callable, project: Project, lena: User) -> None:
    rule = {"signal": "gold", "threshold": 0.7, "least_cases": 20, "action": "retrain"}
    made = api(lena).post("projects/kitchen/rules", rule)
    assert made.status_code == 201
    assert api(lena).post("projects/kitchen/rules", rule | {"threshold": 7}).status_code == 422
    api(lena).post(f"rules/{made.json()['id']}", {"is_active": False})
    assert not QualityRule.objects.get().is_active
    assert api(lena).get("projects/kitchen/rules").json()["results"][0]["is_active"] is False
