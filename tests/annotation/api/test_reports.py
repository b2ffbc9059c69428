"""Snapshots never travel without interval, sample size and method; exports come as files."""

import io
import json
import zipfile

import pytest
from django.utils import timezone

from annotation.models import BiasAudit, Run
from annotation.services.agreement import agreement_measure
from annotation.services.audits import bias_audit
from annotation.services.exports import export_create
from tests.factories import judge, make_user
from tests.rest import error


@pytest.fixture
def judged(ana, ben, project):
    for groups in (((0,), (1,)), ((1,), (0,)), ((0, 1),), ((0,), (1,))):
        judge(ana, project, groups=groups)
        judge(ben, project, groups=groups)
    return project


def test_agreement_with_interval_n_and_method(api, lena, judged):
    report = agreement_measure(project=judged, criterion=judged.criteria.get(key="overall"))
    (answer,) = api(lena).get("projects/kitchen/agreement").json()["results"]
    assert answer["criterion"] == "overall"
    assert answer["estimate"] == pytest.approx(report.estimate)
    assert answer["low"] <= answer["estimate"] <= answer["high"]
    assert (answer["n_judgments"], answer["n_comparisons"], answer["n_annotators"]) == (8, 4, 2)
    assert answer["method"]


def test_agreement_has_every_figure_in_its_detail(api, lena, judged):
    for key in ("overall", "honest"):
        agreement_measure(project=judged, criterion=judged.criteria.get(key=key))
    caller = api(lena)
    answer = caller.get("projects/kitchen/agreement", criterion="overall").json()["results"]
    (detail,) = [each["detail"] for each in answer]
    assert {"figures", "over_both", "slices", "items", "people", "repeats"} <= detail.keys()
    assert detail["figures"]["ac"]["value"] is not None
    assert not caller.get("projects/kitchen/agreement", quarantined="with").json()["results"]
    assert caller.get("projects/kitchen/agreement", quarantined="no").status_code == 422


def test_agreement_as_of_now_and_on_demand(api, lena, ben, judged):
    caller = api(lena)
    overall, honest = caller.get("projects/kitchen/agreement/now").json()
    report = agreement_measure(project=judged, criterion=judged.criteria.get(key="overall"))
    assert overall["figures"]["alpha"]["value"] == pytest.approx(report.estimate)
    assert overall["figures"]["alpha"]["n"] == 4
    assert honest["figures"]["alpha"]["note"] == "Nothing has been judged yet."
    asked = caller.post("projects/kitchen/agreement", {"with_quarantined": True})
    assert (asked.status_code, asked.json()["params"]) == (202, {"with_quarantined": True})
    assert caller.post("projects/kitchen/agreement").status_code == 409
    assert api(ben).post("projects/kitchen/agreement").status_code == 404
    assert api(ben).get("projects/kitchen/agreement/now").status_code == 404


def test_audits_with_interval_n_and_method(api, lena, judged):
    bias_audit(project=judged)
    answer = api(lena).get("projects/kitchen/audits").json()["results"]
    by_bias = {audit["bias"]: audit for audit in answer}
    assert {"position", "length", "drift:position", "anchoring"} <= by_bias.keys()
    position = by_bias["position"]
    assert (position["kind"], position["n_judgments"], position["n_annotators"]) == (
        "position", 6, 2,
    )  # fmt: skip
    assert position["method"]
    assert position["includes_quarantined"] is False
    one = api(lena).get(f"projects/kitchen/audits/{position['id']}").json()
    assert one["detail"]["verdict"]
    assert one == position


def test_audits_with_quarantined_people_are_kept_apart(api, lena, judged):
    bias_audit(project=judged, with_quarantined=True)
    caller = api(lena)
    assert caller.get("projects/kitchen/audits").json()["results"] == []
    answer = caller.get("projects/kitchen/audits", quarantined="with").json()["results"]
    assert {audit["includes_quarantined"] for audit in answer} == {True}
    assert caller.get("projects/kitchen/audits", quarantined="maybe").status_code == 422
    alone = caller.post("projects/kitchen/audits", {"with_quarantined": True})
    assert (alone.status_code, alone.json()["params"]) == (202, {"with_quarantined": True})
    assert caller.post("projects/kitchen/audits").status_code == 409
    Run.objects.update(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    asked = caller.post("projects/kitchen/measure", {"with_quarantined": True}).json()["runs"]
    assert {run["kind"]: run["params"] for run in asked} == {
        "agreement": {"with_quarantined": True}, "audit": {"with_quarantined": True},
    }  # fmt: skip


def test_audits_of_groups_are_for_leads(api, lena, otto, judged, pool):
    audits = bias_audit(project=judged)
    BiasAudit.objects.filter(pk=audits[0].pk).update(kind="group")
    viewer = make_user("vera")
    pool.memberships.create(user=viewer, role="viewer")
    path = f"projects/kitchen/audits/{audits[0].pk}"
    assert api(lena).get(path).status_code == 200
    assert api(viewer).get(path).status_code == 404
    assert api(otto).get(path).status_code == 404


@pytest.fixture
def export(judged, lena, settings, tmp_path):
    settings.EXPORTS_DIR = tmp_path / "exports"
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "secret").write_text("not yours")
    return export_create(project=judged, actor=lena)


def test_an_export_and_its_files(api, lena, export):
    caller = api(lena)
    (answer,) = caller.get("projects/kitchen/exports").json()["results"]
    assert {"README.md", "train.jsonl", "SHA256SUMS"} <= set(answer["files"])
    response = caller.get(f"exports/{export.pk}/files/train.jsonl")
    rows = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert {"prompt", "chosen", "rejected"} <= rows[0].keys()
    assert "attachment" in response["Content-Disposition"]


def test_an_export_as_one_file(api, lena, export):
    response = api(lena).get(f"exports/{export.pk}/archive")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))
    assert archive.testzip() is None
    assert any(name.endswith("README.md") for name in archive.namelist())


def test_an_export_whose_files_are_elsewhere(api, lena, export, settings, tmp_path):
    settings.EXPORTS_DIR = tmp_path
    caller = api(lena)
    assert caller.get("projects/kitchen/exports").json()["results"][0]["files"] == []
    response = caller.get(f"exports/{export.pk}/archive")
    assert response.status_code == 503
    assert error(response)["hint"]


@pytest.mark.parametrize("name", ["..%2Fsecret", "../secret", "..", "nothing.jsonl"])
def test_a_path_leads_nowhere_else(api, lena, export, name):
    response = api(lena).get(f"exports/{export.pk}/files/{name}")
    assert response.status_code == 404
    error(response)


@pytest.mark.parametrize("collection", ["agreement", "audits", "exports"])
@pytest.mark.parametrize("who", ["ana", "otto"])
def test_nobody_else_sees_them(api, request, export, who, collection):
    caller = api(request.getfixturevalue(who))
    assert caller.get(f"projects/kitchen/{collection}").status_code == 404
    assert caller.get(f"exports/{export.pk}/files/train.jsonl").status_code == 404
    assert caller.get(f"exports/{export.pk}/archive").status_code == 404
