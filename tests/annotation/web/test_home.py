"""What is open, how one stands, and what was begun."""

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from annotation.core.intervals import Proportion
from annotation.models import Pool, Project, User
from annotation.services.drafts import draft_save
from tests.factories import claim, judge


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    cache.clear()
    client.force_login(ana)
    return client


def home(browser: Client) -> str:
    return " ".join(browser.get("/").content.decode().split())


def test_it_says_what_is_open_and_why(browser: Client, project: Project, pool: Pool) -> None:
    page = home(browser)
    assert "4 comparisons are open for you." in page
    assert "Open for you as a member of Cooks." in page
    assert "earned" not in page
    assert "Continue where you left" not in page


def test_quota_and_pay_where_there_are_any(
    browser: Client, ana: User, project: Project, pool: Pool
) -> None:
    Pool.objects.filter(pk=pool.pk).update(
        daily_quota=2, total_quota=100, pay_per_judgment="0.1250", pay_currency="EUR"
    )
    judge(ana, project)
    page = home(browser)
    assert "1<small> / 2</small>" in page
    assert "1<small> / 100</small>" in page
    assert "Earned today: 0.13 EUR." in page
    assert "quota is done" not in page
    judge(ana, project)
    assert "Today's quota is done" in home(browser).replace("&#x27;", "'")


def test_what_was_begun_can_be_gone_on_with(
    browser: Client, ana: User, ben: User, project: Project
) -> None:
    judged = judge(ana, project)
    leased = claim(ana, project)
    given = {"fields": {"rationale": "Half"}, "active_ms": 1, "version": 0}
    draft_save(annotator=ana, assignment=leased, **given)
    draft_save(annotator=ana, assignment=judged.assignment, amends=judged.pk, **given)
    page = home(browser)
    assert "Continue where you left" in page
    assert f'href="/judgments/{judged.pk}/amend/"' in page
    assert "a change that you began" in page
    browser.force_login(ben)
    assert "Continue where you left" not in home(browser)


def test_agreement_is_told_with_its_interval(
    browser: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Others who judged" not in home(browser)
    monkeypatch.setattr(
        "annotation.selectors.standing.own_agreement",
        lambda annotator, project: Proportion(0.742, 0.66, 0.81, 120),
    )
    page = home(browser)
    assert "in 74% of cases (95% interval 66% to 81%; 120 shared comparisons" in page
    assert "To disagree with others is no fault" in page


def test_the_page_costs_little(
    browser: Client, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(20):
        home(browser)


def test_the_tour_is_over_for_good(browser: Client, ana: User, project: Project) -> None:
    ana.toured_at = None
    ana.save()
    assert "data-first" in browser.get("/judge/kitchen/").content.decode()
    assert browser.post("/toured/").status_code == 204
    ana.refresh_from_db()
    at = ana.toured_at
    assert "data-first" not in browser.get("/judge/kitchen/").content.decode()
    browser.post("/toured/")
    ana.refresh_from_db()
    assert ana.toured_at == at
    assert browser.get("/toured/").status_code == 405
    assert Client().post("/toured/").status_code == 302
