"""The audits in a real browser: read wide and narrow, light and dark, and followed to the votes."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from annotation.models import Project, User
from annotation.services.audits import bias_audit
from tests.browser.conftest import SitDown
from tests.browser.fitting import LOOK_NAMES, LOOKS, SETTLED
from tests.crowds import leaning_crowd, leaning_judge

PAGE = "/projects/kitchen/audits/"


@pytest.fixture
def audited(project: Project) -> Project:
    leaning_crowd(project, describe=True)
    leaning_judge(project)
    for _ in range(2):
        bias_audit(project=project)
    return project


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_NAMES)
def test_the_audits_fit_and_can_be_read(
    sit_down: SitDown, lena: User, audited: Project, size: tuple[int, int], theme: str
) -> None:
    page = sit_down(lena, PAGE, size=size, theme=theme)
    expect(page.locator("h1")).to_contain_text("the response shown first")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    for fold in page.locator("details").all():
        fold.evaluate("fold => fold.open = true")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    violations = Axe().run(page).response["violations"]
    assert [v["id"] for v in violations if SETTLED & set(v["tags"])] == []


def test_from_an_effect_to_its_votes_and_their_file(
    sit_down: SitDown, lena: User, audited: Project
) -> None:
    page = sit_down(lena, PAGE)
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV of every figure", exact=True).click()
    assert file.value.suggested_filename == "kitchen-audits.csv"
    judged = page.locator("#judges")
    expect(judged).to_contain_text("terse-large prefers the response shown first")
    with page.expect_download() as file:
        judged.get_by_role("link", name="CSV of every figure of the judges").click()
    assert file.value.suggested_filename == "kitchen-audits-judges.csv"
    page.get_by_role("link", name="votes behind “The response shown first”").first.click()
    expect(page.locator("h1")).to_contain_text("votes in which the responses differ")
    expect(page.locator("tbody tr").first).to_contain_text("worker")
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV").click()
    assert file.value.suggested_filename == "kitchen-votes.csv"
