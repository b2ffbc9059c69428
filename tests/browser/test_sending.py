"""What happens between pressing Enter and the server's word, when all goes well and when not."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from annotation.models import Assignment, Draft, Judgment, Project, User
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.browser.test_annotate import (
    comparison_of,
    latest,
    press,
    submit_and_wait,
    wait_until_sent,
)
from tests.factories import PASSWORD, judge


def open_with_next(sit_down: SitDown, person: User, project: Project) -> Page:
    """The judge page when the comparison that follows has been fetched."""
    page = sit_down(person)
    with page.expect_response("**/ahead/"):
        page.goto(f"/judge/{project.slug}/")
    page.wait_for_timeout(100)
    return page


def wait_for_draft(page: Page) -> None:
    with page.expect_response("**/draft/") as saved:
        pass
    assert saved.value.ok


def test_the_next_comparison_comes_before_the_server_has_answered(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = open_with_next(sit_down, ana, project)
    first, following = Assignment.objects.order_by("pk")
    assert following.shown_at is None
    held: list[Route] = []
    page.route("**/submit/", lambda route: held.append(route))  # noqa: PLW0108
    press(page, "6 Enter")
    expect(page.locator("#comparison")).to_have_attribute("data-assignment", str(following.pk))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert not Judgment.objects.exists()
    held[0].continue_()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    expect(page.locator(".bar-line")).to_contain_text("1 today")
    assert latest().assignment == first
    following.refresh_from_db()
    assert following.shown_at is not None


def test_work_goes_on_without_a_connection_and_arrives_in_order(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = open_with_next(sit_down, ana, project)
    first = comparison_of(page)
    page.context.set_offline(True)
    press(page, "6 Enter")
    expect(page.locator("#notice")).to_contain_text("1 answer is kept on this device")
    press(page, "2 Enter")
    expect(page.locator("#notice")).to_contain_text("There is no connection.")
    assert not Judgment.objects.exists()
    page.context.set_offline(False)
    wait_until_sent(page)
    assert [j.strength for j in Judgment.objects.order_by("pk")] == [2, 2]
    assert str(Judgment.objects.order_by("pk")[0].assignment_id) == first


def test_a_reload_without_an_answer_sends_it_then(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = open_with_next(sit_down, ana, project)
    page.route("**/submit/", lambda route: route.abort())
    press(page, "7 Enter")
    expect(page.locator("#notice")).to_contain_text("kept on this device")
    page.unroute("**/submit/")
    page.reload()
    wait_until_sent(page)
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert latest().strength == 3
    assert comparison_of(page) != str(latest().assignment_id)
    expect(page.locator("[data-scale] input:checked")).to_have_count(0)


def test_a_connection_cut_after_the_server_heard_makes_one_judgment(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = open_with_next(sit_down, ana, project)

    heard = []

    def cut(route: Route) -> None:
        heard.append(route.fetch().status)
        if len(heard) == 1:
            route.abort()
        else:
            route.continue_()

    page.route("**/submit/", cut)
    press(page, "6 Enter")
    expect(page.locator("#notice")).to_contain_text("kept on this device")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert len(heard) == 2
    assert Judgment.objects.count() == 1


def test_a_refused_answer_comes_back_with_the_reason(
    sit_down: SitDown, ana: User, ben: User, project: Project
) -> None:
    Project.objects.update(overlap=1)
    project.comparisons.update(overlap=1)
    page = open_with_next(sit_down, ana, project)
    first = comparison_of(page)
    Assignment.objects.filter(pk=first).update(state="expired", closed_at=timezone.now())
    judge(ben, project)
    press(page, "6 r")
    page.keyboard.type("Long thought about")
    press(page, "Control+Enter")
    expect(page.locator("#notice")).to_contain_text("Others have judged this comparison")
    expect(page.locator("#comparison")).to_have_attribute("data-assignment", first)
    expect(page.get_by_label("Why?")).to_have_value("Long thought about")
    expect(page.locator("[data-scale] [value='1:2']")).to_be_checked()


def test_what_was_ahead_and_went_to_others_is_replaced(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = open_with_next(sit_down, ana, project)
    ahead = Assignment.objects.get(shown_at=None)
    Assignment.objects.filter(pk=ahead.pk).update(state="expired", closed_at=timezone.now())
    press(page, "6 Enter")
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert comparison_of(page) != str(ahead.pk)


def test_the_tab_opened_last_goes_on(sit_down: SitDown, ana: User, project: Project) -> None:
    one = open_with_next(sit_down, ana, project)
    press(one, "6 r")
    one.keyboard.type("Begun in the first tab")
    two = one.context.new_page()
    two.goto("/judge/kitchen/")
    expect(one.get_by_role("dialog")).to_contain_text("You went on in another tab.")
    expect(two.get_by_label("Why?")).to_have_value("Begun in the first tab")
    submit_and_wait(two)
    one.get_by_role("button", name="Continue here").click()
    expect(one.get_by_role("dialog")).to_have_count(0)
    expect(two.get_by_role("dialog")).to_be_visible()
    assert comparison_of(one) != str(latest().assignment_id)


def test_a_draft_goes_from_one_device_to_another(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    laptop = sit_down(ana, "/judge/kitchen/")
    press(laptop, "5 r")
    laptop.keyboard.type("On the train")
    wait_for_draft(laptop)
    laptop.context.close()  # as if the browser were killed

    phone = sit_down(path="/sign-in/?next=/judge/kitchen/", size=(390, 844))
    phone.get_by_label("User name").fill("ana")
    phone.get_by_label("Password").fill(PASSWORD)
    press(phone, "Enter")
    expect(phone.get_by_label("Why?")).to_have_value("On the train")
    expect(phone.get_by_role("radio", name="B slightly better")).to_be_checked()
    phone.get_by_role("button", name="Submit").click()
    expect(phone.locator("#notice")).to_contain_text("Saved.")
    assert latest().rationale == "On the train"
    assert not Draft.objects.exists()


def test_a_newer_draft_from_elsewhere_is_not_overwritten(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "5")
    wait_for_draft(page)
    Draft.objects.update(version=9, fields={"choice": "1:3"})
    press(page, "4")
    expect(page.locator("#notice")).to_contain_text("elsewhere")
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_role("radio", name="B much better")).to_be_checked()


def test_who_is_signed_out_loses_nothing(sit_down: SitDown, ana: User, project: Project) -> None:
    page = open_with_next(sit_down, ana, project)
    cookies = page.context.cookies()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    press(page, "6 Enter")
    expect(page.locator("#notice")).to_contain_text("You are signed out. 1 answer is kept")
    page.context.add_cookies(cookies)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/judge/kitchen/")
    wait_until_sent(page)
    assert latest().strength == 2


@pytest.mark.parametrize("seconds", [240])
def test_the_end_of_a_lease_is_said_before_it_comes(
    sit_down: SitDown, ana: User, project: Project, seconds: int
) -> None:
    Project.objects.update(lease_seconds=seconds)
    page = sit_down(ana)
    page.clock.install(time=timezone.now())
    page.goto("/judge/kitchen/")
    assignment = comparison_of(page)
    page.clock.run_for(timedelta(seconds=150).total_seconds() * 1000)
    expect(page.locator("[data-state]")).to_contain_text("Still there?")
    Assignment.objects.filter(pk=assignment).update(state="expired", closed_at=timezone.now())
    page.clock.run_for(120_000)
    expect(page.locator("#notice")).to_contain_text("went back to the others")


def test_an_answer_given_on_another_device_is_not_replaced(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    laptop = sit_down(ana, "/judge/kitchen/")
    phone = sit_down(ana, "/judge/kitchen/", size=(390, 844))
    assert comparison_of(laptop) == comparison_of(phone)
    press(laptop, "6")
    submit_and_wait(laptop)
    press(phone, "1")
    phone.get_by_role("button", name="Submit").click()
    expect(phone.locator("#notice")).to_contain_text("You have answered this one already")
    assert latest().strength == 2
    phone.get_by_role("link", name="Load the page again").click()
    expect(phone.locator("#notice")).not_to_contain_text("already")
    assert comparison_of(phone) == comparison_of(laptop)


WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    window.shifts.push(...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? "?"));
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1440", "390"])
def test_nothing_moves_by_itself(
    sit_down: SitDown, ana: User, project: Project, size: tuple[int, int]
) -> None:
    page = sit_down(ana, size=size)
    page.add_init_script(WATCH_SHIFTS)
    page.goto("/judge/kitchen/")
    page.wait_for_timeout(400)
    press(page, "6")
    submit_and_wait(page)
    expect(page.locator("#notice")).to_contain_text("Saved.")
    page.wait_for_timeout(400)
    press(page, "2")
    submit_and_wait(page)
    submit_and_wait(page, "u")
    page.wait_for_timeout(400)
    assert page.evaluate("window.shifts") == []
