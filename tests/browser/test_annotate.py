"""The annotator's work in a real browser: by keys, mouse and touch, and without JavaScript."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.models import Assignment, Judgment, Project, User
from tests.browser.conftest import NARROW, PATIENCE_MS, SitDown
from tests.browser.fitting import LOOK_NAMES, LOOKS
from tests.factories import PASSWORD, judge, make_criterion


def press(page: Page, keys: str) -> None:
    """Presses keys as written: press(page, "6 Enter")."""
    for key in keys.split():
        page.keyboard.press(key)


def comparison_of(page: Page) -> str:
    return str(page.locator("#comparison").get_attribute("data-assignment"))


def submit_and_wait(page: Page, keys: str = "Enter") -> None:
    """Submits and waits until the next comparison (or its absence) has taken the place."""
    before = comparison_of(page)
    press(page, keys)
    expect(page.locator(f'#comparison[data-assignment="{before}"]')).to_have_count(0)
    wait_until_sent(page)


def wait_until_sent(page: Page) -> None:
    """Until the server has said that it has every answer. (Waiting in the page needs eval.)"""
    is_waiting = "Object.keys(localStorage).some((key) => key.startsWith('alignui.outbox.'))"
    for _ in range(PATIENCE_MS // 50):
        if not page.evaluate(is_waiting):
            return
        page.wait_for_timeout(50)
    raise AssertionError("An answer still waits in the browser.")


def latest() -> Judgment:
    return Judgment.objects.live().latest("pk")


def announced(page: Page, words: str) -> None:
    expect(page.locator("#announcement")).to_have_text(words)


def test_sign_in_and_judge_a_pair_by_keyboard(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(path="/")
    page.get_by_label("User name").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("4 comparisons are open for you.")
    page.get_by_role("link", name="Judge Kitchen").focus()
    press(page, "Enter")
    page.wait_for_url("**/judge/kitchen/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Which response is better?")
    bar = page.locator(".bar").bounding_box()

    press(page, "6")
    announced(page, "B better")
    submit_and_wait(page)

    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    expect(page.locator(".bar-line")).to_contain_text("1 today")
    assert page.locator(".bar").bounding_box() == bar, "the controls never move"
    judgment = latest()
    order = judgment.assignment.display_order
    assert judgment.groups == [[order[1]], [order[0]]]
    assert judgment.strength == 2
    assert 0 < judgment.active_ms < 60_000


def test_tie_criteria_rationale_and_arrows(sit_down: SitDown, ana: User, project: Project) -> None:
    make_criterion(project, "fluent", scale="rating")
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "t c 1 c 4 2 r")
    page.keyboard.type("Both say the same, s and t included.")
    submit_and_wait(page, "Control+Enter")

    judgment = latest()
    order = judgment.assignment.display_order
    assert judgment.groups == [[0, 1]]
    assert judgment.rationale == "Both say the same, s and t included."
    answers = {answer.criterion.key: answer for answer in judgment.answers.all()}
    assert answers["honest"].groups == [[order[0]], [order[1]]]
    assert [answers["fluent"].ratings[at] for at in order] == [4, 2]

    press(page, "ArrowLeft")
    announced(page, "A slightly better")
    press(page, "ArrowLeft ArrowLeft ArrowLeft")
    announced(page, "A much better")
    press(page, "x")
    submit_and_wait(page)
    assert latest().both_bad


def test_undo_of_a_submit_and_of_a_skip(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    first = comparison_of(page)
    press(page, "7")
    submit_and_wait(page)
    submit_and_wait(page, "u")
    assert comparison_of(page) == first
    expect(page.get_by_role("radio", name="B much better")).to_be_checked()
    assert not Judgment.objects.live().exists()

    press(page, "s")
    expect(page.get_by_role("button", name="I do not read this language")).to_be_visible()
    submit_and_wait(page, "2")
    expect(page.locator("#notice")).to_contain_text("Skipped.")
    assert Assignment.objects.get(pk=first).skip_reason == "language"
    submit_and_wait(page, "u")
    assert comparison_of(page) == first
    press(page, "u")
    expect(page.locator("#notice")).to_contain_text("nothing to undo")


def test_pressing_twice_makes_one_judgment(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    page.evaluate("window.isStillHere = true")
    first = comparison_of(page)
    press(page, "1")
    page.get_by_role("button", name="Submit").dblclick()
    expect(page.locator(f'#comparison[data-assignment="{first}"]')).to_have_count(0)
    press(page, "2 Enter Enter Enter")
    expect(page.locator(".bar-line")).to_contain_text("2 today")
    press(page, "Enter")
    page.wait_for_load_state("networkidle")
    assert Judgment.objects.count() == 2
    expect(page.locator("#notice")).to_contain_text("Undo")
    assert page.evaluate("window.isStillHere"), "every submit went through htmx"


def test_a_draft_survives_a_reload(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "5 c 2 r")
    page.keyboard.type("Not finished")
    page.reload()
    expect(page.get_by_role("radio", name="B slightly better")).to_be_checked()
    expect(
        page.get_by_role("group", name="Honest").get_by_role("radio", name="Tie")
    ).to_be_checked()
    expect(page.get_by_label("Why?")).to_have_value("Not finished")
    submit_and_wait(page)
    expect(page.get_by_label("Why?")).to_have_value("")
    page.reload()
    expect(page.locator("[data-scale] input:checked")).to_have_count(0)


def test_a_lost_connection_keeps_the_answer_and_sends_it_later(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "3")
    page.context.set_offline(True)
    press(page, "Enter")
    expect(page.locator("#notice")).to_contain_text("There is no connection.")
    expect(page.locator("#notice")).to_contain_text("1 answer is kept on this device")
    assert not Judgment.objects.exists()
    page.context.set_offline(False)
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert latest().strength == 1
    assert Judgment.objects.count() == 1


def test_a_server_that_fails_keeps_the_answer(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana, "/judge/kitchen/")
    page.route("**/submit/", lambda route: route.fulfill(status=500, body="broken"))
    press(page, "3 Enter")
    expect(page.locator("#notice")).to_contain_text("could not take your answer (500)")
    page.unroute("**/submit/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert latest().strength == 1


def test_a_refusal_goes_to_the_field_that_is_missing(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    project.criteria.filter(key="honest").update(is_required=True)
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "Enter")
    expect(page.locator("#notice")).to_contain_text("Choose an answer first.")
    press(page, "4 Enter")
    expect(page.locator("#notice")).to_contain_text("“Honest” is not answered yet.")
    press(page, "3")
    submit_and_wait(page)
    assert latest().answers.count() == 1


def test_a_lapsed_lease_that_others_filled_keeps_the_words(
    sit_down: SitDown, ana: User, ben: User, lena: User, project: Project
) -> None:
    Project.objects.update(overlap=1)
    project.comparisons.update(overlap=1)
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "2 r")
    page.keyboard.type("Hours of thought")
    Assignment.objects.update(state="expired", closed_at=timezone.now())
    judge(ben, project)
    press(page, "Control+Enter")
    expect(page.locator("#notice")).to_contain_text("Others have judged this comparison")
    expect(page.get_by_label("Why?")).to_have_value("Hours of thought")


def test_a_lease_is_renewed_while_one_works_and_its_end_is_said(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    Project.objects.update(lease_seconds=8)
    page = sit_down(ana, "/judge/kitchen/")
    present = Assignment.objects.filter(pk=comparison_of(page))
    start = present.get().expires_at
    press(page, "2")
    with page.expect_response("**/renew/") as renewed:
        pass
    assert renewed.value.ok
    assert present.get().expires_at > start
    present.update(
        state="expired", closed_at=timezone.now(), expires_at=timezone.now() - timedelta(seconds=1)
    )
    expect(page.locator("#notice")).to_contain_text("went back to the others")
    submit_and_wait(page)
    assert latest().strength == 2


def test_rank_by_keyboard_with_ties(sit_down: SitDown, ana: User, ranking_project: Project) -> None:
    page = sit_down(ana, "/judge/menus/")
    press(page, "2 1 2 Enter")
    expect(page.locator("#notice")).to_contain_text("Not ranked yet: D.")
    press(page, "d 4")
    announced(page, "Order: B, then A and C tied, then D.")
    press(page, "c ArrowRight")
    announced(page, "Order: B, then A, then C, then D.")
    expect(page.locator('[data-rank="3"] .chip')).to_have_text("C")
    submit_and_wait(page)
    judgment = latest()
    order = judgment.assignment.display_order
    assert judgment.groups == [[order[slot]] for slot in (1, 0, 2, 3)]

    submit_and_wait(page, "u")
    expect(page.locator('[data-rank="3"] .chip')).to_have_text("C")
    press(page, "x")
    announced(page, "All responses are bad.")
    submit_and_wait(page)
    assert latest().both_bad


def test_rank_by_dragging_and_by_tapping(
    sit_down: SitDown, ana: User, ranking_project: Project
) -> None:
    page = sit_down(ana, "/judge/menus/")
    for letter, rank in [("A", 3), ("B", 1), ("C", 1), ("D", 4)]:
        page.get_by_role("button", name=f"Response {letter}").drag_to(
            page.locator(f'[data-rank="{rank}"]')
        )
    announced(page, "Order: B and C tied, then A, then D.")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    order = latest().assignment.display_order
    assert latest().groups == [sorted([order[1], order[2]]), [order[0]], [order[3]]]

    phone = sit_down(ana, "/judge/menus/", size=NARROW, has_touch=True, is_mobile=True)
    for letter, rank in [("A", 1), ("B", 2), ("C", 2), ("D", 4)]:
        phone.get_by_role("button", name=f"Response {letter}").tap()
        phone.locator(f'[data-rank="{rank}"] .lane-rank').tap()
    announced(phone, "Order: A, then B and C tied, then D.")


def test_everything_works_without_javascript(
    sit_down: SitDown, ana: User, project: Project, ranking_project: Project
) -> None:
    page = sit_down(ana, "/judge/kitchen/", java_script_enabled=False)
    page.locator("label", has=page.get_by_label("B much better")).click()
    page.get_by_label("Why?").fill("No scripts here.")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert (latest().strength, latest().rationale) == (3, "No scripts here.")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("B much better")).to_be_checked()
    page.locator("[data-skip] summary").click()
    page.get_by_role("button", name="I do not want to read this").click()
    expect(page.locator("#notice")).to_contain_text("Skipped.")

    page.goto("/judge/menus/")
    for letter, rank in [("A", "2"), ("B", "1"), ("C", "2"), ("D", "3")]:
        page.get_by_role("group", name=f"Rank of response {letter}").get_by_label(rank).check()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    order = latest().assignment.display_order
    assert latest().groups[0] == [order[1]]


def test_what_may_upset_is_veiled_until_asked(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    Project.objects.update(content_warning="Knives appear.")
    page = sit_down(ana, "/judge/kitchen/")
    veiled = page.locator("[data-veiled]")
    expect(veiled).to_have_css("filter", "blur(12px)")
    expect(veiled).to_have_attribute("inert", "")
    press(page, "v")
    expect(veiled).to_have_css("filter", "none")
    expect(veiled).not_to_have_attribute("inert", "")


def test_guideline_keys_and_the_switch_for_single_keys(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    Project.objects.update(guideline="Prefer the **truth**.")
    page = sit_down(ana, "/judge/kitchen/")
    press(page, "g")
    expect(page.get_by_role("complementary")).to_contain_text("Prefer the truth.")
    press(page, "Escape")
    expect(page.get_by_role("complementary")).to_be_hidden()
    press(page, "?")
    page.get_by_label("Single keys work").uncheck()
    press(page, "Escape 6")
    expect(page.locator("[data-scale] input:checked")).to_have_count(0)
    page.reload()
    press(page, "6")
    expect(page.locator("[data-scale] input:checked")).to_have_count(0)


def test_amend_from_history(sit_down: SitDown, ana: User, project: Project) -> None:
    judge(ana, project, groups=((0,), (1,)), strength=3)
    page = sit_down(ana, "/history/")
    page.get_by_role("link", name="Amend").click()
    page.wait_for_url("**/amend/")
    expect(page.get_by_role("radio", name="A much better")).to_be_checked()
    press(page, "t Enter")
    page.wait_for_url("**/history/")
    expect(page.locator(".history-answer")).to_have_text("Tie")
    assert latest().revision == 1


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_NAMES)
def test_axe_finds_nothing(
    sit_down: SitDown, ana: User, project: Project, ranking_project: Project,
    theme: str, size: tuple[int, int],
) -> None:  # fmt: skip
    Project.objects.update(guideline="Prefer the **truth**.", confidence="optional")
    judge(ana, project, rationale="Clearer.")
    page = sit_down(ana, "/", theme=theme, size=size)
    found = []
    for path in ("/", "/judge/kitchen/", "/judge/menus/", "/history/", "/profile/",
                 "/guidelines/kitchen/", "/judge/unknown/"):  # fmt: skip
        page.goto(path)
        if path.startswith("/judge/m"):
            press(page, "1 2")
        elif path.startswith("/judge/k"):
            press(page, "6 g")
        found += problems(page, path)
    stranger = sit_down(None, "/sign-in/", theme=theme, size=size)
    found += problems(stranger, "/sign-in/")
    assert found == []


def problems(page: Page, path: str) -> list[str]:
    return [
        f"{path}: {violation['id']}: {node['html'][:120]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    ]
