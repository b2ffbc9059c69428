"""People, pools and the crowd's door in a real browser, with and without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from annotation.models import Membership, Pool, Project, User
from annotation.models.people import token_digest
from annotation.services.quality import quality_measure
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.factories import forget_sign_ins, judge, make_user

SETTLED = {"wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"}
PEOPLE = "/projects/kitchen/people/"


@pytest.fixture
def crowded(project: Project, pool: Pool, ana: User, ben: User) -> Project:
    for user in (ana, ben):
        judge(user, project, active_ms=9000)
    for at in range(55):
        pool.memberships.create(user=make_user(f"reader-{at:02}"))
    quality_measure(project=project, everybody=True)
    return project


def test_people_are_found_sorted_ticked_and_paused(
    sit_down: SitDown, lena: User, crowded: Project
) -> None:
    page = sit_down(lena, PEOPLE)
    rows = page.locator("table.people tbody tr")
    expect(rows.first).to_contain_text("Ana")
    page.get_by_role("link", name="Person").click()
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(8)
    page.get_by_placeholder("Name or external id").fill("reader-1")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(10)
    page.get_by_label("Tick everybody on this page").check()
    expect(page.locator("[data-count]")).to_have_text("10 ticked:")
    page.get_by_label("Reader-13").uncheck()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("9 memberships are changed.")
    expect(rows).to_have_count(10)
    assert Membership.objects.filter(state="paused").count() == 9


def test_without_javascript_somebody_is_removed(
    sit_down: SitDown, lena: User, crowded: Project
) -> None:
    page = sit_down(lena, f"{PEOPLE}?q=ben", java_script_enabled=False)
    expect(page.get_by_label("Tick everybody on this page")).to_be_hidden()
    page.get_by_label("Ben", exact=True).check()
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("table.people tbody tr")).to_contain_text("removed")


def test_a_pool_gets_terms_and_names_what_is_wrong(
    sit_down: SitDown, lena: User, pool: Pool, project: Project
) -> None:
    page = sit_down(lena, f"/projects/kitchen/pools/{pool.pk}/")
    page.get_by_label("Comparisons in all").fill("40")
    page.get_by_label("For a judgment").fill("0.15")
    page.get_by_label("Wed").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#error_pay_currency")).to_contain_text("currency of three letters")
    expect(page.get_by_label("Comparisons in all")).to_have_value("40")
    page.get_by_label("Currency").fill("eur")
    page.get_by_label("Where people come from").select_option("prolific")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("The pool is saved.")
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("code.secret")).to_contain_text("PROLIFIC_PID={{%PROLIFIC_PID%}}")
    kept = Pool.objects.get(pk=pool.pk)
    assert (kept.works_on, str(kept.pay_per_judgment), kept.pay_currency) == ([3], "0.1500", "EUR")


def test_somebody_from_a_platform_comes_in_works_and_finds_the_way_back(
    sit_down: SitDown, pool: Pool, project: Project
) -> None:
    forget_sign_ins()
    Pool.objects.filter(pk=pool.pk).update(
        platform="prolific", total_quota=1, completion_code="C1A2", entry_digest=token_digest("tok")
    )
    page = sit_down(None, "/join/tok/?PROLIFIC_PID=5f3a&STUDY_ID=s1", size=NARROW)
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(lambda url: "/join/" not in url)
    user = Membership.objects.get(external_id="5f3a").user
    User.objects.filter(pk=user.pk).update(toured_at=timezone.now())
    page.goto("/judge/kitchen/")
    page.get_by_role("radio", name="A much better").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".completion code")).to_have_text("C1A2")
    back = page.get_by_role("link", name="Go back and finish")
    expect(back).to_have_attribute("href", "https://app.prolific.com/submissions/complete?cc=C1A2")


def test_the_pages_fit_and_are_accessible(
    sit_down: SitDown, lena: User, ana: User, crowded: Project, pool: Pool
) -> None:
    page = sit_down(lena, "/projects/")
    for path in (
        f"{PEOPLE}?sort=agreement", f"{PEOPLE}{ana.pk}/", f"{PEOPLE}statement/",
        "/projects/kitchen/pools/", f"/projects/kitchen/pools/{pool.pk}/", "/profile/earnings/",
    ):  # fmt: skip
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
