"""What leads and reviewers do about batches and disputes, by program."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from annotation.models import Assignment, Comparison, Dispute, Judgment, Membership, Project, User
from tests.conftest import Api
from tests.factories import claim, judge, make_dispute, make_user

pytestmark = pytest.mark.django_db
Connect = Callable[[User | None], Api]


def patch(api: Api, path: str, body: object) -> object:
    return api.client.patch(
        f"/api/v1/{path}", body, content_type="application/json", headers=api.headers
    )


def test_a_batch_is_read_changed_and_extended(
    api: Connect, lena: User, ana: User, project: Project
) -> None:
    judge(ana, project)
    judge(ana, project)
    batch, desk = project.batches.get(), api(lena)
    found = desk.get(f"batches/{batch.pk}").json()
    assert (found["judged"], found["judgments_wanted"], found["waiting"]) == (2, 8, 4)
    assert found["finish"]["n"] == 1
    assert found["finish"]["soonest"] <= found["finish"]["at"]
    answer = patch(desk, f"batches/{batch.pk}", {"name": "Second", "state": "paused"}).json()
    assert (answer["name"], answer["state"]) == ("Second", "paused")
    assert patch(desk, f"batches/{batch.pk}", {"state": "paused"}).status_code == 409
    assert desk.post(f"batches/{batch.pk}/extend", {"by": 2}).json() == {"comparisons": 4}
    assert desk.get(f"batches/{batch.pk}").json()["judgments_wanted"] == 16


def test_a_comparison_is_given_taken_back_and_retired(
    api: Connect, lena: User, ana: User, ben: User, project: Project
) -> None:
    comparison, desk = project.comparisons.first(), api(lena)
    path = f"comparisons/{comparison.pk}"
    given = desk.post(f"{path}/give", {"username": "ben", "hours": 2})
    assert given.status_code == 201
    again = desk.post(f"{path}/give", {"username": "ben"})
    assert again.status_code == 409
    assert "have it already" in again.json()["error"]["message"]
    assert desk.post(f"{path}/give", {"username": "otto"}).status_code == 404
    lease = given.json()["id"]
    assert desk.post(f"assignments/{lease}/return").json()["state"] == "released"
    assert patch(desk, path, {"state": "retired"}).json()["state"] == "retired"
    assert desk.get(path).json()["taken"] == 0
    assert desk.post(f"{path}/give", {"username": "ben"}).status_code == 409


def test_a_dispute_is_taken_and_decided(
    api: Connect, lena: User, ana: User, ben: User, project: Project
) -> None:
    dispute = make_dispute(project, ana, ben)
    desk = api(lena)
    (line,) = desk.get("projects/kitchen/disputes").json()["results"]
    assert line["id"] == dispute.pk
    view = desk.post(f"disputes/{dispute.pk}").json()
    assert {v["rationale"] for v in view["verdicts"]} == {"It is short.", "It is long."}
    body = {"idempotency_token": str(uuid4()), "groups": [[1], [0]], "reason": "More to it."}
    first = desk.post(f"disputes/{dispute.pk}/decision", body)
    assert first.status_code == 201
    assert desk.post(f"disputes/{dispute.pk}/decision", body).json() == first.json()
    body |= {"idempotency_token": str(uuid4()), "reason": ""}
    assert desk.post(f"disputes/{dispute.pk}/decision", body).status_code == 422
    kinds = [
        row["kind"]
        for row in desk.get("projects/kitchen/judgments", include_adjudications=True).json()[
            "results"
        ]
    ]
    assert sorted(kinds) == ["adjudication", "judgment", "judgment"]
    assert len(desk.get("projects/kitchen/judgments").json()["results"]) == 2
    opened = desk.post(f"comparisons/{dispute.comparison_id}/dispute", {"note": "Again."})
    assert opened.status_code == 201
    dismissed = desk.post(f"disputes/{opened.json()['id']}/dismiss", {"note": "Settled."})
    assert dismissed.json()["state"] == "dismissed"
    assert Judgment.objects.filter(is_adjudication=True).count() == 1


def test_others_find_nothing(
    api: Connect, ana: User, ben: User, otto: User, project: Project
) -> None:
    lease = claim(ana, project)
    Project.objects.update(overlap=1)
    dispute = Dispute.objects.create(
        project=project, comparison=Comparison.objects.last(), reason="lead"
    )
    batch = project.batches.get()
    viewer = make_user()
    Membership.objects.create(pool=project.pools.get(), user=viewer, role="viewer")
    for desk in (api(ana), api(otto), api(viewer)):
        assert desk.get(f"batches/{batch.pk}").status_code == 404
        assert desk.get(f"batches/{batch.pk}/stuck").status_code == 404
        assert desk.get("projects/kitchen/disputes").status_code == 404
        for path in (
            f"batches/{batch.pk}/extend", f"comparisons/{lease.comparison_id}/give",
            f"comparisons/{lease.comparison_id}/dispute", f"assignments/{lease.pk}/return",
            f"disputes/{dispute.pk}", f"disputes/{dispute.pk}/decision",
            f"disputes/{dispute.pk}/dismiss",
        ):  # fmt: skip
            assert desk.post(path).status_code == 404, path
        assert patch(desk, f"batches/{batch.pk}", {"state": "closed"}).status_code == 404
        assert patch(desk, f"comparisons/{lease.comparison_id}", {}).status_code == 404
    assert Assignment.objects.get().state == "leased"


def test_what_is_stuck_is_told(api: Connect, lena: User, project: Project) -> None:
    Membership.objects.update(is_qualified=False)
    found = api(lena).get(f"batches/{project.batches.get().pk}/stuck").json()
    assert found["lanes"][0]["waiting"] == 4
    assert "No pool" in found["lanes"][0]["reason"]
