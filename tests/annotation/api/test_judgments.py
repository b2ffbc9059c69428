"""What was judged, for those who lead: by pseudonym, simulated ones only when asked for."""

import pytest

from annotation.models import Membership
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
