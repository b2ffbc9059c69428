"""Guidance beside the work: the tour, the keys, the pinned guideline, progress and breaks."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from annotation.models import Judgment, Pool, Project, User
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.factories import judge

GUIDE = "# What counts\n\n- True before polite\n\n## Examples\n\n> B answers the question.\n"


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


@pytest.fixture
def novice(ana: User) -> User:
    ana.toured_at = None
    ana.save()
    return ana


def test_the_tour_by_keyboard_once(sit_down: SitDown, novice: User, project: Project) -> None:
    page = sit_down(novice, "/judge/kitchen/")
    tour = page.get_by_role("dialog", name="A short tour")
    expect(tour).to_contain_text("1 of 6")
    expect(tour.get_by_role("heading", name="Read both")).to_be_visible()
    press(page, "b")
    expect(tour).to_contain_text("That is it.")
    press(page, "Enter 2")
    expect(tour).to_contain_text("That is it.")
    expect(page.locator('[name="choice"][value="0:2"]')).to_be_checked()
    expect(page.locator(".scale-steps.is-pointed-at")).to_be_visible()
    press(page, "Enter g")
    expect(page.locator("#guideline")).to_be_visible()
    press(page, "g Enter s")
    expect(page.get_by_role("button", name="Another reason")).to_be_visible()
    press(page, "Escape")
    expect(tour.locator("[data-step]:visible")).to_be_focused()
    press(page, "Enter Enter ?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape")
    assert not Judgment.objects.exists(), "Enter goes on with the tour and submits nothing"
    with page.expect_response("**/toured/"):
        press(page, "Enter")
    expect(tour).to_be_hidden()
    expect(page.locator("[data-heading]")).to_be_focused()
    novice.refresh_from_db()
    assert novice.toured_at is not None
    page.reload()
    expect(page.locator("[data-heading]")).to_be_visible()
    expect(tour).to_be_hidden()


def test_the_tour_can_be_left_and_begun_again(
    sit_down: SitDown, novice: User, ranking_project: Project
) -> None:
    page = sit_down(novice, "/judge/menus/", size=NARROW)
    tour = page.get_by_role("dialog", name="A short tour")
    expect(tour.get_by_role("heading", name="Read all")).to_be_visible()
    with page.expect_response("**/toured/"):
        press(page, "Escape")
    expect(tour).to_be_hidden()
    press(page, "?")
    page.get_by_role("button", name="Show the tour again").click()
    expect(tour).to_contain_text("1 of 6")
    page.get_by_role("button", name="Next").click()
    press(page, "a 1")
    expect(tour).to_contain_text("That is it.")
    expect(page.locator("[data-ranks='0'] input").first).to_be_checked()
    page.get_by_role("button", name="Leave the tour").click()
    expect(tour).to_be_hidden()


def test_a_pinned_guideline_stays_beside_the_text(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    project.guideline = GUIDE
    project.save()
    page = sit_down(ana, "/judge/kitchen/")
    panel = page.locator("#guideline")
    expect(panel).to_be_hidden()
    press(page, "g")
    expect(panel.get_by_role("heading", name="Guideline")).to_be_focused()
    page.get_by_role("button", name="Keep open").click()
    first = page.locator("#comparison").get_attribute("data-assignment")
    press(page, "3 Escape Enter")
    expect(page.locator(f'#comparison[data-assignment="{first}"]')).to_have_count(0)
    expect(panel).to_be_visible()
    page.reload()
    expect(panel).to_be_visible()
    right = page.locator(".responses").bounding_box()
    assert right is not None
    assert right["x"] + right["width"] <= panel.bounding_box()["x"], "it covers no text"
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    expect(panel).to_be_hidden()
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    press(page, "g")
    expect(panel).to_be_hidden()
    page.reload()
    expect(panel).to_be_hidden()


def test_a_break_is_offered_gently(sit_down: SitDown, ana: User, project: Project) -> None:
    project.break_after_minutes = 2
    project.save()
    judge(ana, project, active_ms=180_000)
    page = sit_down(ana, "/judge/kitchen/")
    reminder = page.get_by_role("group", name="A break")
    expect(reminder).to_contain_text("You have been at this for 3 minutes.")
    expect(page.locator("#announcement")).to_contain_text("A short break")
    bar = page.locator(".bar").bounding_box()
    page.get_by_role("button", name="Dismiss").click()
    expect(reminder).to_be_hidden()
    assert page.locator(".bar").bounding_box() == bar
    press(page, "3 Enter")
    expect(page.locator(".bar-line")).to_contain_text("2 today")
    expect(reminder).to_be_hidden()

    page.evaluate("localStorage.clear()")
    press(page, "r x")
    page.evaluate(
        "{ const old = document.getElementById('progress'); old.replaceWith(old.cloneNode(true)) }"
    )
    expect(page.get_by_label("Why?")).to_have_value("x")
    expect(reminder).to_be_hidden()
    press(page, "Escape")
    expect(reminder).to_be_visible()
    page.get_by_role("button", name="Not for an hour").click()
    assert page.evaluate(f"Number(localStorage.getItem('alignui.break.{ana.pk}'))") > 0
    expect(reminder).to_have_count(0)


def test_progress_says_quota_and_pay(
    sit_down: SitDown, ana: User, project: Project, pool: Pool
) -> None:
    Pool.objects.filter(pk=pool.pk).update(
        daily_quota=5, pay_per_judgment="0.1500", pay_currency="EUR"
    )
    page = sit_down(ana, "/judge/kitchen/")
    line = page.locator(".bar-line")
    expect(line).to_contain_text("0 of 5 today")
    press(page, "3 Enter")
    expect(line).to_contain_text("1 of 5 today")
    expect(line).to_contain_text("batch 1 of 8")
    expect(line).to_contain_text("0.15 EUR")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(sit_down: SitDown, novice: User, project: Project, theme: str) -> None:
    project.guideline = GUIDE
    project.break_after_minutes = 1
    project.save()
    judge(novice, project, active_ms=180_000)
    page = sit_down(novice, "/judge/kitchen/", theme=theme)
    expect(page.get_by_role("group", name="A break")).to_be_visible()
    for keys in ("Enter", "g", "g Escape ?"):
        press(page, keys)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
