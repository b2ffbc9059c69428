"""An annotator's program: take, answer, repeat, skip, undo; and nobody else's work."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from annotation.models import Assignment, Batch, Judgment
from tests.factories import claim, judge
from tests.rest import error


def answer(groups=((0,), (1,)), **more):
    return {"idempotency_token": str(uuid4()), "groups": groups, **more}


def test_the_next_comparison_is_blind(api, ana, project):
    shown = api(ana).post("projects/kitchen/assignments/next").json()
    assert [c["letter"] for c in shown["candidates"]] == ["A", "B"]
    assert shown["turns"][-1]["role"] == "user"
    assert shown["strengths"] == [1, 2, 3]
    assert [criterion["key"] for criterion in shown["criteria"]] == ["honest"]
    assert shown["idempotency_token"]
    text = str(shown)
    assert "terse" not in text
    assert "wordy" not in text
    assert set(shown["candidates"][0]) == {"slot", "letter", "text", "html"}


def test_what_is_held_comes_again(api, ana, project):
    caller = api(ana)
    first = caller.post("projects/kitchen/assignments/next").json()
    again = caller.post("projects/kitchen/assignments/next").json()
    by_address = caller.get(f"assignments/{first['assignment']}").json()
    assert first["assignment"] == again["assignment"] == by_address["assignment"]
    assert first["idempotency_token"] != again["idempotency_token"]


def test_when_nothing_is_open_there_is_no_content(api, ana, project):
    Batch.objects.update(state=Batch.State.PAUSED)
    assert api(ana).post("projects/kitchen/assignments/next").status_code == 204


@pytest.mark.parametrize("who", ["otto", "lena"])
def test_only_members_who_judge_take_work(api, request, project, who):
    response = api(request.getfixturevalue(who)).post("projects/kitchen/assignments/next")
    assert response.status_code == (200 if who == "lena" else 404)


def test_slots_become_positions_of_what_was_shown(api, ana, project):
    caller = api(ana)
    for _ in range(4):
        shown = caller.post("projects/kitchen/assignments/next").json()
        body = answer(groups=[[1], [0]], strength=2, rationale="Clear.", active_ms=1500)
        response = caller.post(f"assignments/{shown['assignment']}/judgment", body)
        assert response.status_code == 201
        stored = Judgment.objects.get(pk=response.json()["id"])
        order = stored.assignment.display_order
        assert stored.groups == [[order[1]], [order[0]]]
        chosen = stored.comparison.candidates.get(position=stored.groups[0][0])
        assert chosen.completion.text == shown["candidates"][1]["text"]
        assert (stored.strength, stored.rationale, stored.source) == (2, "Clear.", "api")
    first = [
        a.comparison.candidates.get(position=a.display_order[0]).completion.policy.name
        for a in Assignment.objects.all()
    ]
    assert sorted(first) == ["terse", "terse", "wordy", "wordy"]


def test_a_ranking_with_ties(api, ana, ranking_project):
    caller = api(ana)
    shown = caller.post("projects/menus/assignments/next").json()
    body = answer(groups=[[2], [0, 3], [1]])
    response = caller.post(f"assignments/{shown['assignment']}/judgment", body)
    stored = Judgment.objects.get(pk=response.json()["id"])
    order = stored.assignment.display_order
    assert stored.groups == [[order[2]], sorted([order[0], order[3]]), [order[1]]]


def test_criteria_are_kept_beside(api, ana, project):
    assignment = claim(ana, project)
    body = answer(criteria={"honest": {"groups": [[0, 1]]}})
    api(ana).post(f"assignments/{assignment.pk}/judgment", body)
    kept = Judgment.objects.get().answers.get()
    assert (kept.criterion.key, kept.groups) == ("honest", [[0, 1]])


def test_sending_it_twice_is_one_judgment(api, ana, project):
    assignment = claim(ana, project)
    body = answer()
    caller = api(ana)
    ids = {
        caller.post(f"assignments/{assignment.pk}/judgment", body).json()["id"] for _ in range(3)
    }
    assert len(ids) == Judgment.objects.count() == 1


def test_a_token_belongs_to_one_comparison(api, ana, project):
    caller = api(ana)
    body = answer()
    caller.post(f"assignments/{claim(ana, project).pk}/judgment", body)
    response = caller.post(f"assignments/{claim(ana, project).pk}/judgment", body)
    assert response.status_code == 409
    assert Judgment.objects.count() == 1


def test_a_second_answer_is_an_amendment(api, ana, project):
    assignment = claim(ana, project)
    caller = api(ana)
    caller.post(f"assignments/{assignment.pk}/judgment", answer())
    response = caller.post(f"assignments/{assignment.pk}/judgment", answer(groups=[[1], [0]]))
    assert response.json()["revision"] == 1
    assert Judgment.objects.count() == 2
    assert Judgment.objects.live().count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"groups": [[0], [0]]}, "groups"),
        ({"groups": [[0]]}, "groups"),
        ({"groups": [[0], [2]]}, "groups"),
        ({"groups": [[0], []]}, "groups.1"),
        ({"groups": []}, "groups"),
        ({"groups": "A"}, "groups"),
        ({"groups": [["A"], [1]]}, "groups.0.0"),
        ({"groups": [[0], [9]]}, "groups.1"),
        ({"groups": [[0], [-1]]}, "groups.1"),
        ({"groups": [[0, 1]], "strength": 2}, "strength"),
        ({"groups": [[0], [1]], "strength": 4}, "strength"),
        ({"groups": [[0], [1]], "both_bad": True}, "both_bad"),
        ({"groups": [[0], [1]], "confidence": 3}, "confidence"),
        ({"groups": [[0], [1]], "active_ms": -1}, "active_ms"),
        ({"groups": [[0], [1]], "active_ms": 2**40}, "active_ms"),
        ({"groups": [[0], [1]], "rationale": "a\0b"}, "rationale"),
        ({"groups": [[0], [1]], "criteria": {"kind": {"groups": [[0], [1]]}}}, "kind"),
        ({"groups": [[0], [1]], "criteria": {"honest": {}}}, "honest"),
        ({"groups": [[0], [1]], "criteria": {"honest": {"grups": []}}}, "criteria.honest.grups"),
        ({"groups": [[0], [1]], "winner": "A"}, "winner"),
        ({"groups": [[0], [1]], "idempotency_token": "again"}, "idempotency_token"),
        ({}, "groups"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_by_field(api, ana, project, body, field):
    assignment = claim(ana, project)
    whole = {"idempotency_token": str(uuid4()), **body}
    response = api(ana).post(f"assignments/{assignment.pk}/judgment", whole)
    assert response.status_code == 422
    problem = error(response)
    assert problem["field"].startswith(field)
    assert problem["message"]
    assert not Judgment.objects.exists()


ACTIONS = [
    ("judgment", {"idempotency_token": str(uuid4()), "groups": [[0], [1]]}),
    ("skip", {"reason": "other"}),
    ("renew", {}),
    ("release", {}),
]


@pytest.mark.parametrize(("action", "body"), ACTIONS)
@pytest.mark.parametrize("who", ["ben", "otto", "lena"])
def test_anothers_assignment_does_not_exist(api, request, ana, project, who, action, body):
    assignment = claim(ana, project)
    caller = api(request.getfixturevalue(who))
    response = caller.post(f"assignments/{assignment.pk}/{action}", body)
    assert response.status_code == 404
    assert caller.get(f"assignments/{assignment.pk}").status_code == 404
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.LEASED


def test_skipping_needs_a_known_reason(api, ana, project):
    assignment = claim(ana, project)
    caller = api(ana)
    response = caller.post(f"assignments/{assignment.pk}/skip", {"reason": "bored"})
    assert error(response)["field"] == "reason"
    response = caller.post(f"assignments/{assignment.pk}/skip", {"reason": "language"})
    assert response.json()["state"] == "skipped"
    assert claim(ana, project).comparison_id != assignment.comparison_id


def test_a_lease_is_renewed_and_returned(api, ana, project):
    assignment = claim(ana, project)
    soon = timezone.now() + timedelta(seconds=5)
    Assignment.objects.update(expires_at=soon)
    caller = api(ana)
    assert caller.post(f"assignments/{assignment.pk}/renew").json()["state"] == "leased"
    assignment.refresh_from_db()
    assert assignment.expires_at > soon
    assert caller.post(f"assignments/{assignment.pk}/release").json()["state"] == "released"
    response = caller.post(f"assignments/{assignment.pk}/renew")
    assert response.status_code == 409
    assert error(response)["type"] == "Conflict"


def test_a_judgment_is_taken_back(api, ana, project):
    judgment = judge(ana, project)
    caller = api(ana)
    body = {"idempotency_token": str(uuid4())}
    for _ in range(2):
        response = caller.post(f"judgments/{judgment.pk}/withdraw", body)
        assert response.json() | {"expires_at": ""} == {
            "id": judgment.assignment_id, "state": "leased", "expires_at": "",
        }  # fmt: skip
    assert not Judgment.objects.live().exists()
    assert Judgment.objects.filter(pk=judgment.pk).exists()


@pytest.mark.parametrize("who", ["ben", "otto", "lena"])
def test_anothers_judgment_is_not_taken_back(api, request, ana, project, who):
    judgment = judge(ana, project)
    body = {"idempotency_token": str(uuid4())}
    response = api(request.getfixturevalue(who)).post(f"judgments/{judgment.pk}/withdraw", body)
    assert response.status_code == 404
    assert Judgment.objects.live().count() == 1
