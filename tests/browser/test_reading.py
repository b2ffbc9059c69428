"""Reading in a real browser: hostile text, panes in step, what differs, as written, the veil."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from annotation.core.rendering import render_markdown
from annotation.models import Pool, Project, User
from tests.annotation.core.hostile_text import CORPUS
from tests.annotation.core.test_hostile_text import BLOCKS, MATHML, PLAIN, WITH_ATTRIBUTES
from tests.browser.conftest import NARROW, WIDE, SitDown
from tests.factories import make_batch, make_completion, make_policy, make_project, make_prompt

TEXT = "## Part {0}\n\nTake **two** eggs & wait six minutes.\n\n- one\n- two\n\n"
SECTION = TEXT + "```py\nx = {0}\n```\n\n"
LONG = "".join(SECTION.format(k) for k in range(60))
LONGER = "".join(SECTION.replace("six", "nine").format(k) for k in range(150))
SHORT = "Take **three** eggs & wait six minutes."


def table(pool: Pool, *texts: str, **settings: object) -> Project:
    """A project with one comparison of these texts, in the order given."""
    question = str(settings.pop("question", "How long do I boil an egg?"))
    language = settings.pop("language", "")
    project = make_project("Eggs", pool=pool, **settings)
    prompt = make_prompt(project, question, language=language)
    made = [
        make_completion(prompt, make_policy(project), text, html=render_markdown(text))
        for text in texts
    ]
    make_batch(project, made)
    return project


def slot_of(page: Page, words: str) -> int:
    article = page.locator(".response", has_text=words).first
    return int(str(article.get_attribute("data-slot")))


def top(pane: Locator) -> float:
    return float(pane.evaluate("pane => pane.scrollTop"))


def share(pane: Locator) -> float:
    return float(pane.evaluate("p => p.scrollTop / (p.scrollHeight - p.clientHeight)"))


def settle(page: Page) -> None:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_browser_builds_only_what_is_allowed(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, SHORT, "Six.")
    page = sit_down(ana, "/judge/eggs/")
    cases = {name: render_markdown(case.text) for name, case in CORPUS.items()}
    built = page.evaluate(
        """cases => Object.fromEntries(Object.entries(cases).map(([name, html]) => {
            const { body } = new DOMParser().parseFromString(html, "text/html");
            const all = [...body.querySelectorAll("*")];
            return [name, [...new Set(all.flatMap((element) => [
              element.localName,
              ...[...element.attributes].map(({ name: of }) => `${element.localName} ${of}`),
              ...(element.protocol ? [`to ${element.protocol}`] : []),
            ]))]];
        }))""",
        {name: html for name, html in cases.items() if len(html) < 500_000},
    )
    tags = PLAIN | BLOCKS | MATHML | WITH_ATTRIBUTES.keys()
    allowed = tags | {f"{tag} dir" for tag in tags} | {"to http:", "to https:", "to mailto:"}
    allowed |= {f"{tag} {name}" for tag, names in WITH_ATTRIBUTES.items() for name in names}
    for name, found in built.items():
        odd = [each for each in found if each not in allowed and each.split()[0] not in MATHML]
        assert odd == [], name


def test_hostile_responses_do_nothing(sit_down: SitDown, ana: User, pool: Pool) -> None:
    texts = [case.text for case in CORPUS.values() if 0 < len(case.text) < 3_000]
    hostile = [text.encode("utf-8", "replace").decode().replace("\0", "") for text in texts]
    table(pool, "\n\n".join(hostile[::2]), "\n\n".join(hostile[1::2]), question=hostile[40])
    page = sit_down(ana, "/judge/eggs/")
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda request: asked.append(request.url))
    bar = page.locator(".bar").bounding_box()
    for keys in ("d", "w", "w"):
        page.keyboard.press(keys)
        page.wait_for_timeout(300)
        assert page.locator(".bar").bounding_box() == bar
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for box in (each.bounding_box() for each in page.locator("[data-pane]").all()):
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= WIDE[0]
    host = page.url.split("/judge/")[0]
    assert [
        url for url in asked if not url.startswith((f"{host}/assignments/", f"{host}/static/"))
    ] == []
    assert page.locator("form").count() == page.locator("main form, .top form").count()
    expect(page.get_by_role("heading", level=1)).to_have_text("Which response is better?")
    expect(page.locator(".invisible", has_text="U+202E").first).to_be_attached()


def test_panes_scroll_in_step_and_alone(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, LONGER)
    page = sit_down(ana, "/judge/eggs/")
    one, other = page.locator("[data-pane]").all()
    one.evaluate("pane => pane.scrollTo(0, 1500)")
    settle(page)
    assert share(other) == pytest.approx(share(one), abs=0.002)
    assert top(other) != top(one)
    marker = page.locator(".response-head [data-position]").first
    shown = float(marker.evaluate("m => new DOMMatrix(getComputedStyle(m).transform).a"))
    assert shown == pytest.approx(share(one), abs=0.002)

    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Scroll in step")).to_have_attribute(
        "aria-pressed", "false"
    )
    before = top(other)
    one.evaluate("pane => pane.scrollTo(0, 300)")
    settle(page)
    assert top(other) == before
    page.keyboard.press("l")
    settle(page)
    assert share(other) == pytest.approx(share(one), abs=0.002)


def test_the_shorter_response_stays_in_view(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, SHORT)
    page = sit_down(ana, "/judge/eggs/")
    short = page.locator(".response", has_text="three")
    long = page.locator("[data-pane]").nth(1 - slot_of(page, "three"))
    box = long.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 200)
    for _ in range(12):
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(40)
    settle(page)
    assert top(long) > 1000
    expect(short.locator("strong")).to_be_in_viewport(ratio=1)
    bar = page.locator(".bar").bounding_box()
    box = long.bounding_box()
    assert box["y"] + box["height"] <= bar["y"] + 4, "the pane is in view as a whole"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_keys_scroll_the_panes(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, LONGER)
    page = sit_down(ana, "/judge/eggs/")
    pane = page.locator("[data-pane]").first
    page.keyboard.press("End")  # a pane that is not in view as a whole lets the page scroll
    for _ in range(20):
        page.keyboard.press("Space")
        page.wait_for_timeout(60)
    assert top(pane) > 2000
    page.keyboard.press("a")
    expect(pane).to_be_focused()
    before = top(pane)
    page.keyboard.press("PageUp")
    page.wait_for_timeout(200)
    assert top(pane) < before
    page.keyboard.press("Home")
    page.wait_for_timeout(200)
    assert top(pane) == 0


def test_stacked_responses_scroll_with_the_page(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, LONGER)
    page = sit_down(ana, "/judge/eggs/", size=NARROW)
    for pane in page.locator("[data-pane]").all():
        assert pane.evaluate("p => p.scrollHeight - p.clientHeight") <= 1
        assert pane.get_attribute("tabindex") is None
    expect(page.get_by_role("button", name="Scroll in step")).to_be_hidden()
    page.evaluate("window.scrollTo(0, 3000)")
    marker = page.locator(".switch [data-position]").first
    expect(marker).to_have_attribute("style", re.compile(r"scaleX\(0\.[1-9]"))


def test_what_differs_is_marked_on_a_key(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, "Take **two** eggs.", "Take **three** eggs.")
    page = sit_down(ana, "/judge/eggs/")
    button = page.get_by_role("button", name="Differences")
    page.keyboard.press("d")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".response del")).to_have_count(1)
    expect(page.locator(".response ins")).to_have_count(1)
    expect(page.locator("#announcement")).to_contain_text("of their words in common")
    said = page.locator(".response del").evaluate("e => getComputedStyle(e, '::before').content")
    assert said == '"only in A: "'
    page.route("**/differences/**", lambda route: route.abort())
    for pressed in ("false", "true"):  # what was fetched is kept
        page.keyboard.press("d")
        expect(button).to_have_attribute("aria-pressed", pressed)
    expect(page.locator(".response del")).to_be_visible()
    button.click()
    expect(page.locator(".response .rendered:visible")).to_have_text(
        [re.compile("eggs"), re.compile("eggs")]
    )
    expect(page.locator("del")).to_have_count(0)


def test_a_lost_connection_brings_the_rendering_back(
    sit_down: SitDown, ana: User, pool: Pool
) -> None:
    table(pool, "Two eggs.", "Three eggs.")
    page = sit_down(ana, "/judge/eggs/")
    page.route("**/written/", lambda route: route.abort())
    page.keyboard.press("w")
    expect(page.locator("#notice")).to_contain_text("could not be loaded")
    expect(page.get_by_role("button", name="As written")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".response .rendered:visible")).to_have_count(2)


def test_as_written_on_a_key(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, "Take **two** eggs.", "# Three", question="How *long*?")
    page = sit_down(ana, "/judge/eggs/")
    page.keyboard.press("w")
    expect(page.locator(".response .written", has_text="Take **two** eggs.")).to_be_visible()
    expect(page.locator(".response .written", has_text="# Three")).to_be_visible()
    expect(page.locator(".turn .written")).to_have_text("How *long*?\n")
    page.keyboard.press("d")
    expect(page.locator(".written")).to_have_count(0)
    page.keyboard.press("w")
    page.keyboard.press("w")
    expect(page.locator(".turn .rendered:visible")).to_have_text("How long?\n")


def test_of_more_than_two_the_neighbours_in_rank_are_compared(
    sit_down: SitDown, ana: User, pool: Pool
) -> None:
    texts = [f"Take **{word}** eggs." for word in ("two", "three", "four", "five")]
    table(pool, *texts, kind="ranking", candidates=4)
    page = sit_down(ana, "/judge/eggs/")
    for key in ("c", "1", "a", "2", "d", "3", "b", "4"):
        page.keyboard.press(key)
    page.keyboard.press("d")  # selects the response; with shift it is the key
    page.keyboard.press("Shift+D")
    expect(page.locator("#response-A del")).to_be_visible()
    expect(page.locator("#response-D ins")).to_be_visible()
    expect(page.locator(".response ins, .response del")).to_have_count(2)
    page.locator('[data-compares="a"]').select_option("1")
    expect(page.locator("#response-B del")).to_be_visible()
    expect(page.locator("#response-A del")).to_have_count(0)
    page.locator('[data-compares="b"]').select_option("1")
    expect(page.locator("#notice")).to_contain_text("Choose two different responses.")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_veil_covers_every_way_of_reading(
    sit_down: SitDown, ana: User, pool: Pool, size: tuple[int, int]
) -> None:
    table(pool, LONG, SHORT, content_warning="Raw eggs.")
    page = sit_down(ana, "/judge/eggs/", size=size)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("d")
    page.keyboard.press("w")
    page.wait_for_timeout(300)
    assert not [url for url in asked if "written" in url or "differences" in url]
    expect(page.locator("#announcement")).to_have_text("Show the conversation first: press V.")
    views = page.locator("[name=first_viewed_ms]")
    assert views.input_value() == "", "what is veiled has not been seen"
    page.keyboard.press("v")
    expect(page.locator("[data-veiled]")).to_have_css("filter", "none")
    expect(views).not_to_have_value("")
    page.keyboard.press("w")
    expect(page.locator(".written").first).to_be_visible()
    page.keyboard.press("v")
    expect(page.locator("[data-veiled]")).to_have_css("filter", "blur(12px)")
    expect(page.locator("[data-veiled]")).to_have_attribute("inert", "")


def test_when_each_response_came_into_view(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, LONGER)
    page = sit_down(ana, "/judge/eggs/", size=NARROW)
    views = page.locator("[name=first_viewed_ms]")
    expect(views).to_have_value(re.compile(r"^\d+,$"))
    page.locator(".switch a").nth(1).click()
    expect(views).to_have_value(re.compile(r"^\d+,\d+$"))
    first, second = (int(part) for part in views.input_value().split(","))
    assert 0 <= first <= second < 60_000


def test_directions_stay_in_their_own_blocks(sit_down: SitDown, ana: User, pool: Pool) -> None:
    arabic = "كيف أسلق بيضة؟\n\n- أولاً\n\n`boil()`\n\nin English"
    table(pool, arabic, "x \u202e\u2067 never closed", question="مرحبا", language="ar")
    page = sit_down(ana, "/judge/eggs/")
    blocks = page.locator(".response").nth(slot_of(page, "أولاً")).locator(".rendered > *")
    directions = blocks.evaluate_all("all => all.map(e => getComputedStyle(e).direction)")
    assert directions == ["rtl", "rtl", "ltr", "ltr"]
    assert page.evaluate("document.documentElement.dir || 'ltr'") == "ltr"
    expect(page.locator(".turn .rendered")).to_have_attribute("lang", "ar")
    end = page.locator(".turn .rendered p").evaluate("e => getComputedStyle(e).textAlign")
    assert end == "start"
    for key in ("d", "w"):
        page.keyboard.press(key)
        expect(page.locator(".is-other .invisible")).to_have_text(["U+202E U+2067"])


def test_nothing_moves_by_itself(sit_down: SitDown, ana: User, pool: Pool) -> None:
    table(pool, LONG, LONGER)
    page = sit_down(ana)
    page.add_init_script(
        """window.moved = []; new PerformanceObserver((list) => {
          for (const { hadRecentInput, sources } of list.getEntries()) {
            const moved = sources.map(({ node }) => node?.className ?? node?.nodeName);
            if (!hadRecentInput) window.moved.push(...moved);
          }
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto("/judge/eggs/")
    buttons = page.locator(".ways-of-reading .button")
    places = [each.bounding_box() for each in buttons.all()]
    for key in ("d", "w", "l"):
        page.keyboard.press(key)
        page.wait_for_timeout(700)
        assert [each.bounding_box() for each in buttons.all()] == places
    assert page.evaluate("window.moved") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(sit_down: SitDown, ana: User, pool: Pool, theme: str) -> None:
    code = "```python\ndef f(x):  # why\n    return 'y'\n```\n\n|a|\n|-|\n|b|\n\n\u202ex"
    table(pool, LONG + code, SHORT, kind="ranking", candidates=2)
    page = sit_down(ana, "/judge/eggs/", theme=theme)
    for key in ("d", "w"):
        page.keyboard.press(key)
        expect(page.locator(".is-other").first).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
