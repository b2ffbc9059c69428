"""Asking the machine half over REST: for completions, a training, the next batch."""

import pytest

from annotation.models import Run
from tests.factories import judge, make_policy
from tests.rest import error


@pytest.fixture
def writer(project):
    return make_policy(project, "tiny", provider="transformers", model="smollm2")


def test_generation_for_the_active_policies(api, lena, project, writer):
    response = api(lena).post("projects/kitchen/generate", {"samples": 2})
    assert response.status_code == 202
    run = Run.objects.get()
    assert response["Location"] == f"/api/v1/runs/{run.pk}"
    assert (run.kind, run.requested_by) == ("generation", lena)
    assert run.params == {"policy_ids": [writer.pk], "prompt_ids": None, "samples": 2}


def test_generation_for_some_prompts(api, lena, project, writer):
    prompt = project.prompts.first()
    body = {"policies": [writer.pk], "prompts": [prompt.pk]}
    assert api(lena).post("projects/kitchen/generate", body).status_code == 202
    assert Run.objects.get().params["prompt_ids"] == [prompt.pk]


def test_what_was_recorded_elsewhere_does_not_write_here(api, lena, project):
    body = {"policies": [project.policies.get(name="terse").pk]}
    response = api(lena).post("projects/kitchen/generate", body)
    assert response.status_code == 422
    assert error(response)["field"] == "policies"


@pytest.mark.parametrize("policies", ["all", ["tiny"], [10**30]])
def test_bad_policies(api, lena, project, policies):
    response = api(lena).post("projects/kitchen/generate", {"policies": policies})
    assert response.status_code == 422
    error(response)


def test_training_once_at_a_time(api, lena, ana, project):
    caller = api(lena)
    assert caller.post("projects/kitchen/train").status_code == 422
    judge(ana, project)
    response = caller.post("projects/kitchen/train")
    assert (response.status_code, response.json()["kind"]) == (202, "training")
    assert caller.post("projects/kitchen/train").status_code == 409


def test_acquisition_once_at_a_time(api, lena, project):
    caller = api(lena)
    assert caller.post("projects/kitchen/acquire").json()["kind"] == "acquisition"
    assert caller.post("projects/kitchen/acquire").status_code == 409


def test_lists_begin_empty(api, lena, project):
    for collection in ("checkpoints", "rounds"):
        assert api(lena).get(f"projects/kitchen/{collection}").json()["results"] == []


@pytest.mark.parametrize("who", ["ana", "otto"])
def test_nobody_else_asks(api, request, project, writer, who):
    caller = api(request.getfixturevalue(who))
    for action in ("generate", "train", "acquire"):
        assert caller.post(f"projects/kitchen/{action}").status_code == 404
    for collection in ("checkpoints", "rounds"):
        assert caller.get(f"projects/kitchen/{collection}").status_code == 404
    assert not Run.objects.exists()
