"""Who prefers what in a real browser: it fits, is accessible, and its files come."""

import pytest
from playwright.sync_api import expect

from annotation.models import Project, User
from annotation.services.pluralism import pluralism_measure
from tests.browser.conftest import SitDown
from tests.browser.fitting import fits_and_is_accessible
from tests.camps import camps_project

PAGE = "/projects/kitchen/pluralism/"


@pytest.fixture
def measured(project: Project) -> Project:
    camps_project(project=project)
    pluralism_measure(project=project, criterion=project.criteria.get(key="overall"))
    return project


def test_the_page_fits_and_is_accessible(sit_down: SitDown, lena: User, measured: Project) -> None:
    page = sit_down(lena, PAGE)
    expect(page.get_by_role("heading", level=1)).to_contain_text("On 6 of 12 compared pairs")
    expect(page.get_by_role("img", name="Opinion map")).to_be_visible()
    fits_and_is_accessible(page)


def test_a_grouping_is_chosen_and_its_file_comes(
    sit_down: SitDown, lena: User, measured: Project
) -> None:
    page = sit_down(lena, PAGE)
    page.get_by_role("link", name="Camp", exact=True).click()
    expect(page.locator("#divided")).to_contain_text("groups that were made from these votes")
    with page.expect_download() as download:
        page.locator("#divided").get_by_role("link", name="CSV of all").click()
    assert download.value.suggested_filename == "kitchen-divided.csv"
    page.locator("#divided article").first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("judgments")
