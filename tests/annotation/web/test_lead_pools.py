"""Pools' pages and statements: forms that come back as they were filled in, files for payroll."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from annotation.models import Participation, Pool, Project, User, WorkDay
from tests.factories import judge, make_pool

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Cooks", "languages": "de, en", "daily_quota": "20", "total_quota": "100",
    "works_from": "09:00", "works_until": "17:30", "works_on": ["1", "5"],
    "time_zone": "Europe/Berlin", "pay_per_judgment": "0,15", "pay_currency": "EUR",
    "platform": "prolific", "completion_code": "C1",
}  # fmt: skip


@pytest.fixture
def client(lena: User, project: Project) -> Client:
    client = Client()
    client.force_login(lena)
    return client


@pytest.fixture
def path(pool: Pool) -> str:
    return f"/projects/kitchen/pools/{pool.pk}/"


def test_what_is_saved_stands_in_the_form_and_in_the_list(client: Client, path: str) -> None:
    assert client.post(path, FORM).url == path
    pool = Pool.objects.get(name="Cooks")
    assert (pool.pay_per_judgment, pool.works_on) == (Decimal("0.15"), [1, 5])
    page = client.get(path).content.decode()
    for value in ('value="09:00"', 'value="17:30"', 'value="0.15"', 'value="de, en"'):
        assert value in page
    listed = client.get("/projects/kitchen/pools/").content.decode()
    assert all(words in listed for words in ("09:00–17:30", "0.15 EUR", "Prolific"))


@pytest.mark.parametrize(
    ("field", "written"),
    [("daily_quota", "many"), ("works_from", "9 o'clock"), ("pay_per_judgment", "cheap"),
     ("time_zone", "Berlin"), ("languages", "German"), ("return_url", "example"), ("name", "")],
)  # fmt: skip
def test_a_refused_form_names_the_field_and_keeps_what_was_written(
    client: Client, path: str, field: str, written: str
) -> None:
    page = client.post(path, FORM | {field: written})
    assert page.status_code == 422
    words = page.content.decode()
    assert f'id="error_{field}"' in words
    assert 'value="09:00"' in words or field == "works_from"
    assert Pool.objects.get(pk=int(path.split("/")[-2])).daily_quota is None


def test_the_entry_link_is_shown_once_replaced_and_closed(client: Client, path: str) -> None:
    assert client.post(f"{path}entry/").status_code == 409
    client.post(path, FORM)
    shown = client.post(f"{path}entry/").content.decode()
    assert "/join/" in shown
    assert "PROLIFIC_PID={{%PROLIFIC_PID%}}" in shown
    assert "/join/" not in client.get(path).content.decode()
    client.post(f"{path}entry/", {"close": ""})
    assert Pool.objects.get(name="Cooks").entry_digest is None


def test_pools_are_made_and_let_serve(client: Client, lena: User, project: Project) -> None:
    idle = make_pool("Idle", owner=[lena])
    client.post("/projects/kitchen/pools/new/", {"pool": idle.pk})
    client.post("/projects/kitchen/pools/new/", {"name": "Fresh"})
    assert set(project.pools.values_list("name", flat=True)) == {"Cooks", "Idle", "Fresh"}
    taken = client.post("/projects/kitchen/pools/new/", {"name": "Fresh"})
    assert (taken.status_code, b'id="error_name"' in taken.content) == (409, True)


def test_pools_of_others_are_out_of_reach(client: Client, otto: User) -> None:
    foreign = Pool.objects.get(name="Engineers")
    assert client.get(f"/projects/kitchen/pools/{foreign.pk}/").status_code == 404
    assert client.post("/projects/kitchen/pools/new/", {"pool": foreign.pk}).status_code == 404
    stranger = Client()
    stranger.force_login(otto)
    assert stranger.get("/projects/kitchen/people/statement/").status_code == 404


@pytest.fixture
def worked(project: Project, pool: Pool, ana: User, ben: User) -> None:
    for user, currency, external in ((ana, "EUR", "A1"), (ben, "USD", "")):
        pool.memberships.filter(user=user).update(external_id=external)
        part = Participation.objects.create(annotator=user, project=project)
        for day, judged in ((1, 10), (2, 30), (40, 500)):
            WorkDay.objects.create(
                participation=part, day=date(2026, 3, 1) + timedelta(days=day - 1), judged=judged,
                active_ms=judged * 45_000, earned=judged * Decimal("0.15"), currency=currency,
            )  # fmt: skip


MARCH = "since=2026-03-01&until=2026-03-31"


def test_a_statement_adds_up_by_person_and_currency(client: Client, worked: None) -> None:
    page = client.get(f"/projects/kitchen/people/statement/?{MARCH}").content.decode()
    assert "2 people worked from 1 Mar 2026 to 31 Mar 2026." in page
    assert "earned in EUR" in page
    assert "earned in USD" in page
    rows = client.get(f"/projects/kitchen/people/statement/?{MARCH}&format=csv")
    assert rows.content.decode().splitlines()[1:] == [
        "Ana,ana,A1,kitchen,2,40,0.5,0.1500,12.00,6.0000,EUR",
        "Ben,ben,,kitchen,2,40,0.5,0.1500,12.00,6.0000,USD",
    ]
    data = json.loads(
        client.get(f"/projects/kitchen/people/statement/?{MARCH}&format=json").content
    )
    assert [total["earned"] for total in data["totals"]] == ["6.0000", "6.0000"]


@pytest.mark.parametrize(
    ("query", "words"),
    [("since=March", "is no day"), ("since=2026-03-02&until=2026-03-01", "ends before it begins")],
)
def test_a_period_that_cannot_be_is_named(client: Client, query: str, words: str) -> None:
    page = client.get(f"/projects/kitchen/people/statement/?{query}").content.decode()
    assert words in page
    assert 'aria-invalid="true"' in page


def test_annotators_see_their_own_earnings_alone(worked: None, ana: User) -> None:
    browser = Client()
    browser.force_login(ana)
    assert "/profile/earnings/" in browser.get("/profile/").content.decode()
    page = browser.get(f"/profile/earnings/?{MARCH}").content.decode()
    assert "6.00" in page
    assert "USD" not in page


def test_what_comes_in_earns_the_rate_of_its_moment(
    client: Client, project: Project, pool: Pool, ana: User
) -> None:
    Pool.objects.filter(pk=pool.pk).update(
        pay_per_judgment="0.1000", pay_per_hour=12, pay_currency="EUR"
    )
    judge(ana, project, active_ms=30_000)
    Pool.objects.filter(pk=pool.pk).update(pay_per_judgment="0.5000", pay_per_hour=None)
    judge(ana, project, active_ms=30_000)
    row = client.get("/projects/kitchen/people/statement/?format=csv").content.decode()
    assert row.splitlines()[1].endswith(",0.7000,EUR")
