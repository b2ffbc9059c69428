"""Drafts, unskip and history by REST, and who may not."""

from collections.abc import Callable
from uuid import uuid4

from django.test import Client

from annotation.models import Assignment, Draft, Project, User
from annotation.services.assignments import assignment_skip
from tests.conftest import Api
from tests.factories import claim, judge

Apis = Callable[[User | None], Api]


def put(api: Api, path: str, body: object) -> object:
    return Client().put(
        f"/api/v1/{path}", body, content_type="application/json", headers=api.headers
    )


def test_a_draft_is_kept_and_a_stale_one_refused(api: Apis, ana: User, project: Project) -> None:
    held = claim(ana, project)
    path = f"assignments/{held.pk}/draft"
    assert api(ana).get(path).status_code == 204
    kept = put(api(ana), path, {"fields": {"choice": "0:2"}, "active_ms": 900})
    assert (kept.status_code, kept.json()["version"]) == (200, 1)
    assert api(ana).get(path).json()["fields"] == {"choice": "0:2"}
    again = put(api(ana), path, {"fields": {"choice": "1:2"}, "version": 1})
    assert again.json()["version"] == 2
    stale = put(api(ana), path, {"fields": {"choice": "tie"}, "version": 1})
    assert stale.status_code == 409
    assert Draft.objects.get().fields == {"choice": "1:2"}
    wrong = put(api(ana), path, {"fieldz": {}})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "fieldz")


def test_a_draft_is_nobody_elses(api: Apis, ana: User, ben: User, project: Project) -> None:
    path = f"assignments/{claim(ana, project).pk}/draft"
    assert api(ben).get(path).status_code == 404
    assert put(api(ben), path, {"fields": {}}).status_code == 404


def test_a_skip_is_taken_back(api: Apis, ana: User, project: Project) -> None:
    held = claim(ana, project)
    assignment_skip(annotator=ana, assignment=held, reason="other")
    answer = api(ana).post(f"assignments/{held.pk}/unskip")
    assert answer.json()["state"] == Assignment.State.LEASED


def test_history_is_ones_own_in_the_slots_shown(
    api: Apis, ana: User, ben: User, otto: User, project: Project
) -> None:
    judge(ben, project)
    judged = [judge(ana, project, groups=((1,), (0,))).pk for _ in range(2)]
    rows = api(ana).get("projects/kitchen/history").json()["results"]
    assert sorted(row["id"] for row in rows) == judged
    assert all(row["groups"] == [[1], [0]] for row in rows)
    assert api(otto).get("projects/kitchen/history").status_code == 404


def test_submitting_brings_what_comes_next(api: Apis, ana: User, project: Project) -> None:
    first = api(ana).post("projects/kitchen/assignments/next").json()
    seen = {first["assignment"]}
    shown = first
    for remaining in (3, 2, 1, 0):
        body = {
            "idempotency_token": shown["idempotency_token"], "groups": [[0], [1]], "next": True,
        }  # fmt: skip
        answer = api(ana).post(f"assignments/{shown['assignment']}/judgment", body)
        assert answer.status_code == 201
        again = api(ana).post(f"assignments/{shown['assignment']}/judgment", body).json()
        assert again["id"] == answer.json()["id"], "sent twice, judged once"
        shown = answer.json()["next"]
        assert (shown is None) == (remaining == 0)
        if shown:
            assert again["next"]["assignment"] == shown["assignment"]
            assert shown["assignment"] not in seen
            seen.add(shown["assignment"])
    other = {"idempotency_token": str(uuid4()), "groups": [[0], [1]], "next": True}
    assert api(None).post(f"assignments/{first['assignment']}/judgment", other).status_code == 401
