"""Alerts in a real browser: a rule is set, raises one, and somebody takes note."""

import pytest
from playwright.sync_api import expect

from annotation.models import AgreementReport, Project, User
from tests.browser.conftest import SitDown
from tests.browser.fitting import fits_and_is_accessible

PAGE = "/projects/kitchen/alerts/"


@pytest.fixture
def low(project: Project) -> AgreementReport:
    return AgreementReport.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), estimate=0.2, low=0.1,
        high=0.3, n_comparisons=90, n_judgments=180, n_annotators=9, method="m", seed=1,
        code_version="1",
    )  # fmt: skip


def test_a_rule_is_set_and_its_alert_noted(
    sit_down: SitDown, lena: User, low: AgreementReport
) -> None:
    page = sit_down(lena, PAGE)
    page.get_by_label("Threshold").fill("0.4")
    page.get_by_label("Tell by webhook").fill("http://localhost/hook")
    page.get_by_role("button", name="Set it").click()
    expect(page.locator("#error_webhook_url")).to_contain_text("public addresses only")
    page.get_by_label("Tell by webhook").fill("https://example.org/hook")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("1 alert is open.")
    page.goto("/projects/kitchen/")
    strip = page.get_by_role("complementary", name="Open alerts")
    expect(strip).to_contain_text("Agreement on “Overall” is surely below 0.40")
    strip.get_by_role("link", name="All alerts").click()
    page.get_by_role("button", name="Take note").click()
    expect(page.locator("#open")).to_contain_text("Lena took note of it")
    fits_and_is_accessible(page)
