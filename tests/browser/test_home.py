"""Home, history and profile in a real browser, in both themes."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotation.core.intervals import Proportion
from annotation.models import Comparison, Pool, Project, SelfDescription, User
from annotation.selectors import history as history_selector
from annotation.services.flags import flag_raise
from annotation.services.self_descriptions import self_description_save
from tests.browser.conftest import NARROW, SitDown
from tests.factories import PASSWORD, forget_sign_ins, judge

SIZES = [(1440, 900), (820, 1100), NARROW]


@pytest.fixture
def busy(ana: User, project: Project, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> User:
    """Ana has judged, flagged, been paid, and has been told what others say."""
    Pool.objects.filter(pk=pool.pk).update(
        daily_quota=2, pay_per_judgment="0.1500", pay_currency="EUR"
    )
    project.shows_gold = True
    project.description = "Which answers would a careful cook trust?"
    project.save()
    judge(ana, project, rationale="B says how long and how to tell.")
    flagged = judge(ana, project, groups=((0, 1),))
    flag_raise(annotator=ana, assignment=flagged.assignment, kind="unclear")
    first = Comparison.objects.filter(project=project).order_by("pk").first()
    Comparison.objects.filter(pk=first.pk).update(
        gold_groups=[[1], [0]], gold_reason="The short one leaves out the size of the egg."
    )
    monkeypatch.setattr(history_selector, "FEEDBACK_AFTER", timedelta(0))
    monkeypatch.setattr(
        "annotation.selectors.standing.own_agreement",
        lambda annotator, project: Proportion(0.742, 0.66, 0.81, 120),
    )
    return ana


def has_no_sideways_scroll(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_history_is_searched_by_keyboard_and_kept_in_the_address(
    sit_down: SitDown, busy: User
) -> None:
    page = sit_down(busy, "/history/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have judged 2 comparisons.")
    page.get_by_label("Words").fill("how to tell")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 of your judgments fits.")
    assert "q=how+to+tell" in page.url
    page.reload()
    expect(page.get_by_label("Words")).to_have_value("how to tell")
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Answer").select_option("flagged by me")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".history tbody tr")).to_have_count(1)
    expect(page.locator(".history tbody tr")).to_contain_text("You told the lead:")


def test_a_draft_is_gone_on_with_from_home(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    with page.expect_response("**/draft/"):
        page.keyboard.press("2")
    page.goto("/")
    begun = page.get_by_role("region", name="Continue where you left")
    expect(begun).to_contain_text("not submitted yet")
    begun.get_by_role("link").click()
    expect(page.locator('[name="choice"][value="0:2"]')).to_be_checked()


def test_a_self_description_is_saved_and_withdrawn(sit_down: SitDown, ana: User) -> None:
    page = sit_down(ana, "/profile/", size=NARROW)
    page.get_by_label("Age", exact=True).select_option("35 to 44")
    page.get_by_label("First languages").fill("Kurdish, Turkish")
    page.get_by_role("button", name="Save what I said").click()
    expect(page.locator("#notice")).to_contain_text("What you said is saved.")
    expect(page.get_by_label("First languages")).to_have_value("Kurdish, Turkish")
    assert SelfDescription.objects.get(user=ana).age_band == "35-44"
    page.get_by_role("button", name="Withdraw and delete").click()
    expect(page.locator("#notice")).to_contain_text("is deleted")
    expect(page.get_by_label("First languages")).to_have_value("")
    assert not SelfDescription.objects.exists()


def test_the_language_turns_the_page(sit_down: SitDown, ana: User) -> None:
    page = sit_down(ana, "/profile/")
    page.locator("#language").select_option("ar")
    page.locator("#language").locator("xpath=ancestor::form").locator("button").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert has_no_sideways_scroll(page)


def test_too_many_attempts_are_said_in_words(sit_down: SitDown, ana: User) -> None:
    forget_sign_ins()
    page = sit_down(path="/sign-in/")
    for _ in range(10):
        page.get_by_label("User name").fill("ana")
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Try again in 15 minutes, at ")
    forget_sign_ins()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/history/?q=e", "/profile/"])
def test_axe_finds_nothing_and_every_width_fits(
    sit_down: SitDown, busy: User, path: str, theme: str
) -> None:
    self_description_save(user=busy, region="Anatolia")
    page = sit_down(busy, path, theme=theme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert has_no_sideways_scroll(page), f"{path} at {width}"
