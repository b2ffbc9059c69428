import pytest

from annotation.models import Run
from tests.factories import judge, make_run
from tests.rest import error


def test_runs_by_kind_newest_first(api, lena, otto, project):
    old, new = make_run(project), make_run(project)
    make_run(project, Run.Kind.TRAINING, state=Run.State.RUNNING)
    answer = api(lena).get("runs", kind="export").json()["results"]
    assert [run["id"] for run in answer] == [new.pk, old.pk]
    assert len(api(lena).get("runs").json()["results"]) == 3
    assert api(otto).get("runs").json()["results"] == []
    assert error(api(lena).get("runs", kind="guess"))["field"] == "kind"


def test_one_run(api, lena, project):
    run = make_run(project, state=Run.State.FAILED, error="The disk is full.")
    answer = api(lena).get(f"runs/{run.pk}").json()
    assert (answer["state"], answer["error"]) == ("failed", "The disk is full.")


def test_a_waiting_run_is_cancelled_and_tried_again(api, lena, project):
    run = make_run(project, params={"is_majority": True})
    caller = api(lena)
    assert caller.post(f"runs/{run.pk}/cancel").json()["state"] == "cancelled"
    assert caller.post(f"runs/{run.pk}/cancel").status_code == 409
    response = caller.post(f"runs/{run.pk}/retry")
    assert response.status_code == 202
    again = Run.objects.get(pk=response.json()["id"])
    assert response["Location"] == f"/api/v1/runs/{again.pk}"
    assert (again.retry_of, again.params, again.requested_by) == (run, {"is_majority": True}, lena)
    assert caller.post(f"runs/{again.pk}/retry").status_code == 409


@pytest.mark.parametrize("who", ["ana", "otto"])
@pytest.mark.parametrize("action", ["", "/cancel", "/retry"])
def test_others_know_of_no_run(api, request, project, who, action):
    run = make_run(project)
    caller = api(request.getfixturevalue(who))
    address = f"runs/{run.pk}{action}"
    response = caller.post(address) if action else caller.get(address)
    assert response.status_code == 404
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED


def test_measuring_asks_for_agreement_and_audit_once(api, lena, ana, project):
    judge(ana, project)
    caller = api(lena)
    response = caller.post("projects/kitchen/measure")
    assert response.status_code == 202
    assert [run["kind"] for run in response.json()["runs"]] == ["agreement", "audit"]
    assert caller.post("projects/kitchen/measure").status_code == 409


def test_an_export_keeps_its_options(api, lena, project):
    caller = api(lena)
    options = {"is_majority": True, "weights": "consensus", "with_quarantined": True}
    response = caller.post("projects/kitchen/export", options)
    assert response.status_code == 202
    run = Run.objects.get()
    assert (run.kind, run.requested_by) == ("export", lena)
    assert run.params == options | {"include_simulated": False, "follows_adjudication": True}
    assert caller.post("projects/kitchen/export", {"weights": "x"}).status_code == 422
    assert error(caller.post("projects/kitchen/export", {"format": "csv"}))["field"] == "format"


@pytest.mark.parametrize("who", ["ana", "otto"])
@pytest.mark.parametrize("action", ["measure", "export"])
def test_only_leads_ask(api, request, project, who, action):
    response = api(request.getfixturevalue(who)).post(f"projects/kitchen/{action}")
    assert response.status_code == 404
    assert not Run.objects.exists()
