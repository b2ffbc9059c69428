"""Pools, members, invitations and statements by REST, each only for who leads them."""

import json
from datetime import date
from decimal import Decimal

import pytest
from django.core import mail

from annotation.models import Assignment, Invitation, Membership, Participation, WorkDay
from annotation.services.invitations import invitation_accept, invitation_send
from tests.factories import PASSWORD, claim
from tests.rest import error

pytestmark = pytest.mark.django_db


def patch(caller, path, body):
    return caller.client.patch(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json",
        headers=caller.headers,
    )  # fmt: skip


def test_a_pool_is_read_and_changed_in_part(api, lena, pool, project):
    lead = api(lena)
    (listed,) = lead.get("projects/kitchen/pools").json()["results"]
    assert (listed["name"], listed["has_entry_link"]) == ("Cooks", False)
    change = {"daily_quota": 5, "pay_per_hour": "12.5", "pay_currency": "EUR", "works_on": [1]}
    changed = patch(lead, f"pools/{pool.pk}", change).json()
    assert (changed["pay_per_hour"], changed["works_on"]) == ("12.5000", [1])
    again = patch(lead, f"pools/{pool.pk}", {"daily_quota": None}).json()
    assert (again["daily_quota"], again["pay_per_hour"]) == (None, "12.5000")
    for wrong in ({"daily_quota": 0}, {"time_zone": "Mars"}, {"works_on": [8]}, {"pay": 1}):
        refused = patch(lead, f"pools/{pool.pk}", wrong)
        assert (refused.status_code, error(refused)["field"]) == (422, next(iter(wrong)))


def test_a_member_is_changed_and_what_they_hold_returns(api, lena, ana, pool, project):
    lead, held = api(lena), claim(ana, project)
    membership = Membership.objects.get(user=ana)
    names = [m["username"] for m in lead.get(f"pools/{pool.pk}/members").json()["results"]]
    assert set(names) == {"lena", "ana", "ben"}
    change = {"state": "paused", "languages": ["de"], "external_id": "A1"}
    changed = patch(lead, f"members/{membership.pk}", change).json()
    assert (changed["state"], changed["languages"], changed["external_id"]) == (
        "paused", ["de"], "A1"
    )  # fmt: skip
    held.refresh_from_db()
    assert held.state == Assignment.State.RELEASED
    changed = patch(lead, f"members/{membership.pk}", {"role": "reviewer"}).json()
    assert (changed["role"], changed["state"]) == ("reviewer", "paused")
    both = {"role": "annotator", "languages": ["not a language"]}
    assert patch(lead, f"members/{membership.pk}", both).status_code == 422
    membership.refresh_from_db()
    assert membership.role == "reviewer"


def test_invitations_are_made_sent_and_revoked(api, lena, pool, settings):
    settings.EMAIL_IS_SET_UP = True
    lead, path = api(lena), f"pools/{pool.pk}/invitations"
    made = lead.post(path, {"role": "reviewer"})
    assert made.status_code == 201
    assert made.json()["link"].startswith("http://testserver/invitation/")
    several = lead.post(path, {"emails": ["nora@example.org", "Nils <nils@example.org>"]}).json()
    assert [i["email"] for i in several["invitations"]] == ["nora@example.org", "nils@example.org"]
    assert several["link"] is None
    for one in several["invitations"]:
        invitation_send(invitation_id=one["id"], site="http://testserver")
    token = mail.outbox[0].body.split("/invitation/")[1].split("/")[0]
    invitation_accept(token=token, username="nora", name="", password=PASSWORD)
    listed = lead.get(path).json()["results"]
    assert [i["accepted_by"] for i in listed] == [None, "nora", None]
    first = listed[0]["id"]
    assert lead.post(f"invitations/{first}/resend").status_code == 200
    assert lead.post(f"invitations/{first}/revoke").json()["revoked_at"] is not None
    assert lead.post(f"invitations/{first}/resend").status_code == 409
    wrong = lead.post(path, {"emails": ["a@example.org", "b@"]})
    assert error(wrong)["field"] == "emails"
    assert "Line 2" in error(wrong)["message"]


def test_roles_in_a_project(api, lena, otto, project):
    lead = api(lena)
    given = lead.post("projects/kitchen/roles", {"username": "OTTO", "role": "viewer"}).json()
    assert (given["username"], given["role"]) == ("otto", "viewer")
    assert [r["username"] for r in lead.get("projects/kitchen/roles").json()["results"]] == ["otto"]
    assert api(otto).get("projects/kitchen").json()["roles"] == ["viewer"]
    unknown = lead.post("projects/kitchen/roles", {"username": "nobody", "role": "viewer"})
    assert error(unknown)["field"] == "username"


def test_statements_for_leads_and_for_oneself(api, lena, ana, ben, project):
    for user in (ana, ben):
        part = Participation.objects.create(annotator=user, project=project)
        WorkDay.objects.create(
            participation=part, day=date(2026, 3, 5), judged=4, active_ms=3_600_000,
            earned=Decimal("2.5000"), currency="EUR",
        )  # fmt: skip
    march = {"since": "2026-03-01", "until": "2026-03-31"}
    body = api(lena).get("projects/kitchen/statement", **march).json()
    assert [line["username"] for line in body["lines"]] == ["ana", "ben"]
    assert body["totals"][0]["earned"] == "5.0000"
    own = api(ana).get("me/statement", **march).json()
    assert [(line["username"], line["per_hour"]) for line in own["lines"]] == [("ana", "2.50")]
    wrong = api(ana).get("me/statement", since="March")
    assert error(wrong)["field"] == "since"


def test_who_does_not_lead_finds_nothing(api, lena, ana, otto, pool, project):
    membership = Membership.objects.get(user=ana)
    made = api(lena).post(f"pools/{pool.pk}/invitations", {}).json()["invitations"][0]["id"]
    for user in (ana, otto):
        caller = api(user)
        for path in (
            "projects/kitchen/pools", "projects/kitchen/roles", "projects/kitchen/statement",
            f"pools/{pool.pk}", f"pools/{pool.pk}/members", f"pools/{pool.pk}/invitations",
            f"members/{membership.pk}",
        ):  # fmt: skip
            assert caller.get(path).status_code == 404, path
        assert patch(caller, f"pools/{pool.pk}", {"name": "x"}).status_code == 404
        assert patch(caller, f"members/{membership.pk}", {"role": "owner"}).status_code == 404
        assert caller.post(f"pools/{pool.pk}/invitations", {}).status_code == 404
        for act in ("revoke", "resend"):
            assert caller.post(f"invitations/{made}/{act}").status_code == 404
        form = {"username": user.username, "role": "owner"}
        assert caller.post("projects/kitchen/roles", form).status_code == 404
    assert Invitation.objects.get(pk=made).revoked_at is None
