"""What was judged, for those who lead: by pseudonym, simulated ones only when asked for."""

import pytest

from annotation.models import Completion, Membership, Project
from tests.factories import judge, make_user
from tests.rest import error


@pytest.fixture
def machine(pool):
    user = make_user("robot", kind="simulated")
    Membership.objects.create(pool=pool, user=user)
    return user


def test_a_judgment_with_all_that_it_says(api, lena, ana, project):
    stored = judge(ana, project, groups=((0, 1),), both_bad=True, rationale="Neither.")
    (shown,) = api(lena).get("projects/kitchen/judgments").json()["results"]
    assert shown["annotator"] == ana.pseudonym
    assert (shown["groups"], shown["both_bad"], shown["rationale"]) == ([[0, 1]], True, "Neither.")
    assert shown["shown"] == stored.assignment.display_order
    candidates = stored.comparison.candidates.order_by("position")
    assert shown["completions"] == [candidate.completion_id for candidate in candidates]


def test_names_stay_out(api, lena, ana, project):
    judge(ana, project)
    text = api(lena).get("projects/kitchen/judgments").content.decode()
    assert "ana" not in text.replace("annotator", "")


def test_simulated_judgments_come_when_asked_for(api, lena, ana, machine, project):
    judge(ana, project)
    judge(machine, project)
    caller = api(lena)
    plain = caller.get("projects/kitchen/judgments").json()["results"]
    asked = caller.get("projects/kitchen/judgments", include_simulated="true").json()["results"]
    assert [j["is_simulated"] for j in plain] == [False]
    assert [j["is_simulated"] for j in asked] == [True, False]


@pytest.mark.parametrize("who", ["ana", "otto"])
def test_nobody_else_sees_them(api, request, project, who):
    response = api(request.getfixturevalue(who)).get("projects/kitchen/judgments")
    assert response.status_code == 404
    error(response)


def test_a_page_asks_few_questions(api, lena, ana, ben, project, django_assert_max_num_queries):
    for _ in range(4):
        judge(ana, project, criteria={})
        judge(ben, project)
    caller = api(lena)
    with django_assert_max_num_queries(8):
        assert len(caller.get("projects/kitchen/judgments").json()["results"]) == 8


def test_marks_and_rewrites_come_in_and_are_shown(api, lena, ana, project):
    Project.objects.update(spans="required", rewrite="optional")
    shown = api(ana).post(f"projects/{project.slug}/assignments/next").json()
    assert (shown["spans"], shown["rewrite"]) == ("required", "optional")
    answer = {
        "idempotency_token": shown["idempotency_token"],
        "groups": [[1], [0]],
        "first_viewed_ms": [40, None],
        "spans": [
            {"slot": 1, "shown_start": 0, "shown_end": 6, "quote": "answer", "label": "false"}
        ],
        "rewrite": {"slot": 1, "text": "Nine minutes."},
    }
    path = f"assignments/{shown['assignment']}/judgment"
    wrong = {**answer, "rewrite": {"slot": 0, "text": "Nine minutes."}}
    assert api(ana).post(path, wrong).status_code == 422
    assert api(ana).post(path, {**answer, "spans": []}).status_code == 422
    assert api(ana).post(path, answer).status_code == 201

    (row,) = api(lena).get(f"projects/{project.slug}/judgments").json()["results"]
    second = row["completions"][row["shown"][1]]
    assert row["rewrite"] == {"completion": second, "text": "Nine minutes."}
    (span,) = row["spans"]
    assert (span["completion"], span["label"], span["quote"]) == (second, "false", "answer")
    text = Completion.objects.get(pk=second).text
    assert text[span["start"] : span["end"]] == "answer"
    assert sorted(row["first_viewed_ms"], key=str) == [40, None]
    assert row["sitting_ms"] == 0
