"""The page of people's quality in a real browser, with and without JavaScript."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from annotation.models import Intervention, PeopleReport, Pool, User
from annotation.services.people_reports import people_measure
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.planted import planted_project

SETTLED = {"wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"}
PAGE = "/projects/planted/quality/"


@pytest.fixture
def report(pool: Pool) -> PeopleReport:
    project = planted_project(items=30, pool=pool)
    return people_measure(project=project, criterion=project.criteria.get(key="overall"))


def test_a_lead_goes_from_the_picture_to_the_evidence_to_the_form(
    sit_down: SitDown, lena: User, report: PeopleReport
) -> None:
    page = sit_down(lena, "/projects/planted/people/")
    sections = page.get_by_role("navigation", name="Sections of Planted")
    sections.get_by_role("link", name="Quality").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Of 13 annotators")
    expect(page.get_by_role("img", name="Reliability of every annotator")).to_be_visible()
    row = page.locator("table.quality tbody tr", has_text="flipped")
    row.locator("summary").click()
    expect(row.locator(".evidence")).to_contain_text("the wrong way round")
    with page.expect_download() as download:
        page.locator("figcaption").get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "planted-people.csv"
    row.get_by_role("link", name="Quarantine them").click()
    expect(page.get_by_label("What", exact=True)).to_have_value("quarantine")
    expect(page.get_by_label("Why, in words")).to_have_value(re.compile("the wrong way round"))
    assert not Intervention.objects.exists()


def test_the_table_sorts_and_filters_without_javascript(
    sit_down: SitDown, lena: User, report: PeopleReport
) -> None:
    page = sit_down(lena, PAGE, java_script_enabled=False)
    rows = page.locator("table.quality tbody tr")
    expect(rows).to_have_count(13)
    page.get_by_role("link", name="Reliability", exact=True).click()
    expect(rows.first).to_contain_text("flipped")
    page.get_by_label("Recommendation").get_by_role("link", name="keep").click()
    expect(rows.first).to_contain_text("honest")
    page.goto(PAGE)
    page.get_by_role("link", name="The comparisons that they shared").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 people gave one answer")


def test_the_pages_fit_and_are_accessible(
    sit_down: SitDown, lena: User, report: PeopleReport
) -> None:
    page = sit_down(lena, "/projects/")
    flipped = report.people.get(annotator__name="flipped").annotator_id
    paths = (PAGE, f"/people-reports/{report.pk}/alike/0/", f"/projects/planted/people/{flipped}/")
    for path in paths:
        for size in (WIDE, NARROW):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.goto(path)
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, path
        found = Axe().run(page).response["violations"]
        bad = {
            v["id"]: [n["target"] for n in v["nodes"]] for v in found if SETTLED & set(v["tags"])
        }
        assert bad == {}, path
