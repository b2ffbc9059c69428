"""Audits as snapshots: real crowds through the services, and what must never be told."""

import json
import os
from math import isfinite
from pathlib import Path

import pytest

from annotation.models import Assignment, BiasAudit, Judgment, Participation, Project, Run, User
from annotation.selectors.reports import audit_history, latest_audits
from annotation.services.audit_rows import UNAUDITED
from annotation.services.audits import audit_work, bias_audit
from annotation.services.imports import records_import
from annotation.services.interventions import intervention_open
from annotation.services.runs import RunHandle
from tests.crowds import leaning_crowd
from tests.factories import judge, make_project, make_run

pytestmark = pytest.mark.django_db

PANEL = Path(os.environ.get("ALIGNUI_DATASETS", ""), "pandalm", "testset-v1.json")


def by_bias(audits: list[BiasAudit]) -> dict[str, BiasAudit]:
    return {audit.bias: audit for audit in audits}


@pytest.mark.skipif(not PANEL.exists(), reason="PandaLM's labels are not in $ALIGNUI_DATASETS.")
def test_the_panel_prefers_the_longer() -> None:
    project = make_project("Panel")
    winner = {0: "tie", 1: "a", 2: "b"}
    rows = [
        {
            "prompt": f"{row['instruction']}\n{row['input']}",
            "annotator": f"annotator {k}",
            "winner": winner[int(row[f"annotator{k}"])],
            "completions": [
                {"policy": name, "text": row[f"response{at}"]}
                for at, name in enumerate(row["cmp_key"].split("_"), start=1)
            ],
            "id": str(row["idx"]),
        }
        for row in json.loads(PANEL.read_text(encoding="utf-8"))
        if isinstance(row["response1"], str) and isinstance(row["response2"], str)
        and row["response1"] != row["response2"]
        for k in (1, 2, 3)
    ]  # fmt: skip
    records_import(project=project, kind="judgments", rows=rows, allow_empty=True)
    found = by_bias(bias_audit(project=project))
    share = found["length"].detail["share"]
    assert share["value"] == pytest.approx(0.67, abs=0.01)
    assert 0.5 < share["low"] < share["value"] < share["high"] < 0.8
    # The file does not tell what stood first.
    assert found["position"].status == "untold"
    assert found["position"].n_judgments == 0


def test_every_effect_stands_in_its_row_with_all_its_figures() -> None:
    project = leaning_crowd(make_project())
    audits = bias_audit(project=project)
    found = by_bias(audits)
    side = found["position"]
    assert side.status == "found"
    assert 0 < side.low < side.estimate < side.high
    assert side.detail["odds_low"] < side.detail["odds_ratio"] < side.detail["odds_high"]
    assert {"p_adjusted", "detectable_shift", "favours", "per", "n_unknown"} <= side.detail.keys()
    assert set(side.detail["votes"]) <= set(Judgment.objects.values_list("pk", flat=True))
    assert found["drift:position"].kind == "drift"
    assert found["drift:position"].low <= found["drift:position"].estimate
    assert len(found["drift:position"].detail["path"]) > 1
    for kind in ("sycophancy", "anchoring", "own_family", "criteria_order"):
        assert found[kind].detail["verdict"] == UNAUDITED[kind]
    assert len({audit.created_at for audit in BiasAudit.objects.all()}) == 1
    assert [audit.pk for audit in latest_audits(project)] == [audit.pk for audit in audits]


def test_suggestions_stances_and_judges_are_audited_where_they_are_known() -> None:
    project = leaning_crowd(make_project())
    for at, prompt in enumerate(project.prompts.order_by("pk")):
        stances = {"terse": "for", "wordy": "against"}
        stance = ("for", "against")[at % 2]
        prompt.metadata = {"user_stance": stance, "response_stances": stances}
        prompt.save()
    for at, comparison in enumerate(project.comparisons.order_by("pk")):
        comparison.suggestion = [[at % 3 % 2], [1 - at % 3 % 2]]
        comparison.save()
    for at, assignment in enumerate(Assignment.objects.order_by("pk")):
        Assignment.objects.filter(pk=assignment.pk).update(suggestion_shown=at % 5 < 2)
    judges = User.objects.filter(kind="imported").order_by("pk")[:8]
    User.objects.filter(pk__in=judges.values("pk")).update(judge_model="terse-large")
    found = by_bias(bias_audit(project=project))
    for kind in ("anchoring", "sycophancy", "judge:terse-large:own_family"):
        audit = found[kind]
        assert audit.estimate is not None, audit.detail["verdict"]
        assert audit.low < audit.estimate < audit.high
        assert audit.status in {"unclear", "hint", "none_found", "found"}
    assert found["judge:terse-large:own_family"].n_annotators == 8
    assert found["position"].n_annotators == 16
    assert found["sycophancy"].n_judgments == 256


def test_groups_are_compared_and_name_no_votes() -> None:
    found = by_bias(bias_audit(project=leaning_crowd(make_project(), describe=True)))
    row = found["groups:gender"]
    assert row.kind == "group"
    assert {group["name"] for group in row.detail["groups"]} == {"man", "woman"}
    assert all(group["n_annotators"] == 12 for group in row.detail["groups"])
    assert row.low <= row.estimate <= row.high
    of_groups = [audit for bias, audit in found.items() if "gender=" in bias]
    assert of_groups
    assert all(audit.detail["votes"] == [] for audit in of_groups)


def test_a_run_audits_once(project: Project, ana: User) -> None:
    judge(ana, project)
    run = make_run(project, Run.Kind.AUDIT)
    first = audit_work(RunHandle(run))
    judge(ana, project)
    assert audit_work(RunHandle(run)) == first
    assert BiasAudit.objects.filter(run=run).count() == len(first["audits"])


def test_quarantined_people_count_only_where_asked(
    project: Project, lena: User, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        judge(person, project, groups=((0,), (1,)))
    part = Participation.objects.get(annotator=ben, project=project)
    intervention_open(participation=part, action="quarantine", reason="Random.", actor=lena)
    without = by_bias(bias_audit(project=project))["position"]
    run = make_run(project, Run.Kind.AUDIT, params={"with_quarantined": True})
    audit_work(RunHandle(run))
    with_them = by_bias(latest_audits(project, with_quarantined=True))["position"]
    assert (without.n_judgments, with_them.n_judgments) == (1, 2)
    assert {audit.includes_quarantined for audit in audit_history(project)} == {False}


@pytest.mark.parametrize("judged", [0, 1])
def test_nothing_and_one_annotator_are_a_sentence(project: Project, ana: User, judged: int) -> None:
    for _ in range(4 * judged):
        judge(ana, project)
    audits = bias_audit(project=project)
    assert {audit.status for audit in audits} == {"untold"}
    assert all(audit.estimate is None and audit.detail["verdict"] for audit in audits)


def test_no_figure_is_not_a_number(project: Project, ana: User, ben: User) -> None:
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project, groups=((0,), (1,)), active_ms=0)
    for audit in bias_audit(project=project):
        json.dumps(audit.detail, allow_nan=False)
        assert all(x is None or isfinite(x) for x in (audit.estimate, audit.low, audit.high))
