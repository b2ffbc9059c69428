"""A reviewer in a real browser: decides by keys, and the page fits wherever it is read."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotation.models import Dispute, Judgment, Membership, Pool, Project, User
from annotation.services.disputes import dispute_open
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.factories import make_dispute, make_user


@pytest.fixture
def rita(pool: Pool) -> User:
    user = make_user("rita")
    Membership.objects.create(pool=pool, user=user, role=Membership.Role.REVIEWER)
    return user


@pytest.fixture
def disputes(project: Project, ana: User, ben: User, lena: User) -> list[Dispute]:
    first = make_dispute(project, ana, ben)
    other = project.comparisons.exclude(pk=first.comparison_id).first()
    return [first, dispute_open(actor=lena, comparison=other, note="Is this covered?")]


def listens(page: Page) -> None:
    """Waits until keys are heard: modules have run when a page that is shown has been loaded."""
    page.wait_for_load_state("load")


def test_two_disputes_are_decided_by_keys(
    sit_down: SitDown, rita: User, disputes: list[Dispute]
) -> None:
    page = sit_down(rita, "/projects/kitchen/review/")
    page.get_by_role("link", name="Review the next one").click()
    expect(page.locator(".verdict")).to_have_count(2)
    listens(page)
    page.keyboard.press("l")
    expect(page.get_by_text("Is this covered?")).to_be_visible()
    listens(page)
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    expect(page.locator("#rationale")).to_be_focused()
    page.keyboard.type("Nobody can tell.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Is this covered?")).to_be_hidden()
    expect(page.locator(".verdict")).to_have_count(2)
    listens(page)
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("r")
    page.keyboard.type("It answers the question.")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Every dispute is decided.")
    decided = {j.rationale: j for j in Judgment.objects.filter(is_adjudication=True)}
    assert len(decided["Nobody can tell."].groups) == 1
    assert decided["It answers the question."].strength == 2
    assert decided["It answers the question."].active_ms is not None


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_pages_fit_and_are_accessible(
    sit_down: SitDown, rita: User, disputes: list[Dispute], size: tuple[int, int]
) -> None:
    page = sit_down(rita, "/projects/kitchen/review/", size=size)
    for path in ("/projects/kitchen/review/", f"/disputes/{disputes[0].pk}/"):
        page.goto(path)
        excess = "document.documentElement.scrollWidth - window.innerWidth"
        assert page.evaluate(excess) <= 0, path
        if size == WIDE:
            found = Axe().run(page).response["violations"]
            assert [
                v["id"] for v in found if {"wcag2a", "wcag2aa", "wcag22aa"} & set(v["tags"])
            ] == []
