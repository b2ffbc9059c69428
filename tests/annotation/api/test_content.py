"""Prompts, completions, policies and batches, in and out."""

import pytest

from annotation.models import Batch, Completion, Prompt
from tests.factories import make_completion, make_policy, make_prompt
from tests.rest import error

COLLECTIONS = ["prompts", "completions", "policies", "batches"]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_leads_look(api, lena, project, collection):
    response = api(lena).get(f"projects/kitchen/{collection}")
    assert response.status_code == 200
    assert response.json()["results"]


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("who", ["ana", "otto"])
def test_annotators_and_outsiders_do_not(api, request, project, who, collection):
    caller = api(request.getfixturevalue(who))
    for response in (
        caller.get(f"projects/kitchen/{collection}"),
        caller.post(f"projects/kitchen/{collection}", {"rows": [{"prompt": "Mine?"}]}),
    ):
        assert response.status_code == 404
        assert error(response)["type"] == "NotFound"


def test_prompts_come_in_and_known_ones_are_left_out(api, lena, project):
    rows = [
        {"prompt": "How do I clean a pan?", "tags": ["cleaning"], "id": "p1"},
        {"messages": [{"role": "user", "content": "How long do I boil an egg?"}]},
    ]
    response = api(lena).post("projects/kitchen/prompts", {"rows": rows * 2})
    assert response.status_code == 201
    answer = response.json()
    assert (answer["rows"], answer["prompts"], answer["known"]) == (4, 1, 3)
    new = Prompt.objects.get(project=project, external_id="p1")
    assert new.messages == [{"role": "user", "content": "How do I clean a pan?"}]


def test_one_bad_row_refuses_them_all(api, lena, project):
    rows = [{"prompt": "Good"}, {"prompt": ""}, {"messages": "no"}]
    before = Prompt.objects.count()
    response = api(lena).post("projects/kitchen/prompts", {"rows": rows})
    assert response.status_code == 422
    problems = error(response)["problems"]
    assert [problem["row"] for problem in problems] == [2, 3]
    assert Prompt.objects.count() == before


@pytest.mark.parametrize("rows", [[], ["text"], "text", None, [1]])
def test_rows_are_objects(api, lena, project, rows):
    response = api(lena).post("projects/kitchen/prompts", {"rows": rows})
    assert response.status_code == 422
    assert error(response)["field"].startswith("rows")


def test_completions_come_in_rendered_and_safe(api, lena, project):
    row = {
        "prompt": "How long do I boil an egg?",
        "policy": "elsewhere",
        "completion": "**Seven** minutes <script>alert(1)</script>",
    }
    response = api(lena).post("projects/kitchen/completions", {"rows": [row]})
    assert response.json()["completions"] == 1
    stored = Completion.objects.get(policy__name="elsewhere")
    assert stored.text == row["completion"]
    assert "<strong>Seven</strong>" in stored.html
    assert "<script" not in stored.html
    shown = api(lena).get("projects/kitchen/completions").json()["results"][0]
    assert (shown["policy"], shown["text"]) == ("elsewhere", row["completion"])


def test_a_policy_with_other_settings_is_another_version(api, lena, project):
    caller = api(lena)
    body = {"name": "tiny", "model": "smollm2", "decoding": {"temperature": 0.7}}
    versions = [
        caller.post("projects/kitchen/policies", given).json()["version"]
        for given in (body, body, {**body, "decoding": {"temperature": 1.0}})
    ]
    assert versions == [1, 1, 2]


def test_a_policy_needs_a_model(api, lena, project):
    response = api(lena).post("projects/kitchen/policies", {"name": "empty"})
    assert response.status_code == 422
    assert error(response)["field"] == "model"


def test_a_batch_opens_what_was_not_shown_together(api, lena, project):
    third = make_policy(project, "third")
    for prompt in project.prompts.all():
        make_completion(prompt, third)
    body = {"name": "Second", "size": 3, "overlap": 1, "seed": 5}
    response = api(lena).post("projects/kitchen/batches", body)
    assert response.status_code == 201
    answer = response.json()
    assert (answer["comparisons"], answer["judgments_wanted"], answer["judged"]) == (3, 3, 0)
    batch = Batch.objects.get(pk=answer["id"])
    assert (batch.seed, batch.opened_by, batch.reason) == (5, lena, "manual")
    for comparison in batch.comparisons.all():
        shown = {c.completion.policy.name for c in comparison.candidates.all()}
        assert "third" in shown


def test_an_empty_batch_is_not_opened(api, lena, project):
    make_prompt(project, "Nobody has answered this")
    response = api(lena).post("projects/kitchen/batches", {"name": "None", "size": 5})
    assert response.status_code == 422
    assert "nothing left to compare" in error(response)["message"]
