"""The pages in German and, from right to left, in Arabic: chosen in the profile, kept, complete."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from annotation.models import Project, User
from tests.browser.conftest import NARROW, SitDown
from tests.browser.fitting import LOOK_NAMES, LOOKS
from tests.browser.test_annotate import announced, latest, press, submit_and_wait
from tests.factories import PASSWORD

# What leads, models and people wrote, and the letters on keys, are in no language of the pages.
WRITTEN_BY_OTHERS = (
    "script, template, noscript, bdi, kbd, .rendered, .criterion-guideline, .wordmark, .switcher, "
    ".user-name, .menu-end > summary, [data-menu] h2, [dir=auto], [lang]"
)
WORDS_ON_THE_PAGE = f"""() => {{
  const page = document.body.cloneNode(true);
  for (const foreign of page.querySelectorAll("{WRITTEN_BY_OTHERS}")) foreign.remove();
  const labels = [...page.querySelectorAll("[aria-label], [placeholder], [title]")].flatMap(
    (element) => ["aria-label", "placeholder", "title"].map((name) => element.getAttribute(name)),
  );
  const texts = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) labels.push(texts.currentNode.textContent);
  return labels.filter(Boolean).join("\\n");
}}"""
NAMES = {"AlignUI", "Kitchen", "Menus", "Cooks", "Honest", "Ana", "ana", "JavaScript", "REST"}


def choose_language(page: Page, name: str) -> None:
    page.goto("/profile/")
    page.locator("#language").select_option(label=name)
    page.locator("form:has(#language) button").click()
    page.wait_for_load_state()


def foreign_words(page: Page) -> set[str]:
    """Words in Latin letters on a page that should have none of its own."""
    return set(re.findall(r"[A-Za-z]{2,}", page.evaluate(WORDS_ON_THE_PAGE))) - NAMES


def middle(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_arabic_is_chosen_and_a_pair_judged_from_right_to_left(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana)
    choose_language(page, "العربية")
    page.goto("/judge/kitchen/")
    html = page.locator("html")
    expect(html).to_have_attribute("lang", "ar")
    expect(html).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("heading", level=1)).to_have_text("أي الإجابات أفضل؟")

    a, b = page.locator("#response-A"), page.locator("#response-B")
    assert middle(a) > middle(b), "reading begins on the right"
    steps = page.locator(".scale-steps label")
    assert middle(steps.first) > middle(steps.last)
    press(page, "ArrowRight")
    announced(page, "A أفضل قليلًا")
    press(page, "ArrowRight ArrowRight ArrowRight")
    announced(page, "A أفضل بكثير")
    press(page, "ArrowLeft")
    announced(page, "A أفضل")
    submit_and_wait(page)

    expect(page.locator("#notice")).to_contain_text("حُفظ.")
    judgment = latest()
    order = judgment.assignment.display_order
    assert (judgment.groups, judgment.strength) == ([[order[0]], [order[1]]], 2)
    page.goto("/history/")
    expect(page.locator("tbody")).to_contain_text("A أفضل")


def test_arrows_rank_and_rate_towards_what_is_seen(
    sit_down: SitDown, ana: User, project: Project, ranking_project: Project
) -> None:
    page = sit_down(ana, "/judge/menus/", locale="ar")
    lanes = page.locator("[data-rank]")
    assert middle(lanes.first) > middle(lanes.last)
    press(page, "a 2 a ArrowRight")
    expect(lanes.first).to_contain_text("A")
    press(page, "ArrowLeft ArrowLeft")
    expect(lanes.nth(2)).to_contain_text("A")

    page.goto("/judge/kitchen/")
    page.locator("[data-criterion] input").first.focus()
    press(page, "ArrowLeft")
    expect(page.locator("[data-criterion] input").nth(1)).to_be_checked()


def test_text_and_code_keep_their_own_direction(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana, "/judge/kitchen/", locale="ar")
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("#response-A .rendered").evaluate(direction) == "ltr"
    assert page.locator("kbd").first.evaluate(direction) == "ltr"
    assert page.locator(".turn .rendered").first.evaluate(direction) == "ltr"


SAID = {
    "ar": ("لا شيء للتراجع عنه.", "الترتيب: B، ثم A وC متعادلة، ثم D.", "حُفظ."),
    "de": ("Es gibt nichts zurückzunehmen.", "Reihenfolge: B, dann A und C gleichauf, dann D.",
           "Gespeichert."),
}  # fmt: skip


@pytest.mark.parametrize("locale", SAID)
def test_what_scripts_say_is_translated(
    sit_down: SitDown, ana: User, ranking_project: Project, locale: str
) -> None:
    nothing, order, saved = SAID[locale]
    page = sit_down(ana, "/judge/menus/", locale=locale)
    press(page, "u")
    expect(page.locator("#notice")).to_contain_text(nothing)
    press(page, "2 1 2 4")
    announced(page, order)
    submit_and_wait(page)
    expect(page.locator("#notice")).to_contain_text(saved)


@pytest.mark.parametrize("path", ["/", "/judge/kitchen/", "/judge/menus/", "/guidelines/kitchen/",
                                  "/history/", "/profile/"])  # fmt: skip
def test_no_english_is_left_on_an_arabic_page(
    sit_down: SitDown, ana: User, project: Project, ranking_project: Project, path: str
) -> None:
    Project.objects.update(spans="optional", rewrite="optional", confidence="optional")
    page = sit_down(ana, path, locale="ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert foreign_words(page) == set()


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_NAMES)
@pytest.mark.parametrize("locale", ["ar", "de"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    sit_down: SitDown,
    ana: User,
    project: Project,
    ranking_project: Project,
    size: tuple[int, int],
    theme: str,
    locale: str,
) -> None:
    page = sit_down(ana, "/", size=size, theme=theme, locale=locale)
    sticks_out = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for path in ("/judge/kitchen/", "/judge/menus/", "/history/", "/profile/"):
        page.goto(path)
        assert page.evaluate(sticks_out) <= 0, path
        assert Axe().run(page).response["violations"] == []


def test_the_language_follows_to_another_device_at_sign_in(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana)
    choose_language(page, "Deutsch")
    expect(page.get_by_role("heading", name="Sprache")).to_be_visible()

    phone = sit_down(size=NARROW)
    expect(phone.locator("html")).to_have_attribute("lang", "en")
    phone.get_by_label("User name").fill("ana")
    phone.get_by_label("Password").fill(PASSWORD)
    phone.keyboard.press("Enter")
    expect(phone.locator("html")).to_have_attribute("lang", "de")
    expect(phone.get_by_role("heading", level=1)).to_have_text("4 Vergleiche sind für Sie offen.")
