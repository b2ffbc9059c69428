"""The page on agreement in a real browser: it fits, is accessible, and its files can be had."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from alignui.demo import sources
from annotation.models import Project, User
from annotation.services.agreement import agreement_measure
from annotation.services.imports import records_import
from tests.browser.conftest import NARROW, WIDE, SitDown

SETTLED = {"wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"}
VOTES = 1_500


@pytest.fixture
def studied(project: Project) -> Project:
    """The kitchen's own pairs, and the first votes of a real crowd."""
    rows = [row for row, _ in zip(sources.crowd_judgments(), range(VOTES), strict=False)]
    records_import(project=project, kind="judgments", rows=rows, allow_empty=True)
    for _ in range(2):
        agreement_measure(project=project, criterion=project.criteria.get(key="overall"))
    return project


def test_a_lead_finds_where_people_part(sit_down: SitDown, lena: User, studied: Project) -> None:
    page = sit_down(lena, "/projects/kitchen/agreement/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("alpha")
    page.get_by_label("Split by").get_by_role("link", name="Policy pair").click()
    expect(page.locator("#parts")).to_contain_text("The 30 largest are shown")
    with page.expect_download() as download:
        page.locator("#parts .figure-foot a").click()
    assert download.value.path().read_text().startswith("name,alpha,alpha low")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of everybody").click()
    assert "agreement-people" in download.value.suggested_filename
    page.locator("summary", has_text="Method").click()
    expect(page.locator(".coefficients")).to_contain_text("Gwet's AC")
    page.get_by_role("link", name="Count quarantined people too").click()
    expect(page.get_by_role("button", name="Measure with them")).to_be_visible()


def test_the_page_fits_and_is_accessible(sit_down: SitDown, lena: User, studied: Project) -> None:
    page = sit_down(lena, "/projects/kitchen/agreement/?by=pair")
    for size in (NARROW, WIDE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, size
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page).response["violations"]
    bad = {v["id"]: [n["target"] for n in v["nodes"]] for v in found if SETTLED & set(v["tags"])}
    assert bad == {}
