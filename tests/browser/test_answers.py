"""Every kind of answer in a real browser: by keyboard alone, by mouse, and by touch."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from annotation.core.rendering import render_markdown
from annotation.models import Assignment, Flag, Judgment, Project, User
from tests.browser.conftest import NARROW, SitDown
from tests.browser.fitting import LOOK_NAMES, LOOKS
from tests.browser.test_annotate import announced, latest, press, submit_and_wait, wait_until_sent
from tests.factories import (
    make_batch,
    make_completion,
    make_criterion,
    make_policy,
    make_prompt,
    put_first,
)

TEXT = """Boil it for **nine minutes** in water. Then rest it 🥚 in cold water.

- Take a pan.
- Add the egg.

Eggs were first boiled in 1804."""

KITCHEN = "/judge/kitchen/"
PHONE = {"size": NARROW, "has_touch": True, "is_mobile": True}


@pytest.fixture
def asking(project: Project) -> Project:
    """Kitchen, asking for everything, with two Markdown answers first."""
    Project.objects.filter(pk=project.pk).update(
        spans="optional", rewrite="optional", confidence="optional", rationale="required"
    )
    make_criterion(project, "fluent", scale="rating")
    prompt = make_prompt(project, "How do I boil an egg?")
    pair = [
        make_completion(prompt, make_policy(project), text, html=render_markdown(text))
        for text in (TEXT, f"{TEXT}\n\nThat is all.")
    ]
    put_first(make_batch(project, pair, name="Second"))
    return project


def submitted(page: Page) -> Judgment:
    """Submits by the button and waits until the server has it."""
    count = Judgment.objects.count()
    page.get_by_role("button", name="Submit").click()
    wait_until_sent(page)
    assert Judgment.objects.count() == count + 1
    return latest()


def marks(page: Page) -> list[dict[str, object]]:
    return json.loads(page.locator('[name="spans"]').input_value() or "[]")


def source_of(judgment: Judgment) -> list[tuple[str, str]]:
    return [
        (span.candidate.completion.text[span.start : span.end], span.label)
        for span in judgment.spans.select_related("candidate__completion").order_by("pk")
    ]


def select_words(page: Page, words: str, slot: int = 0) -> None:
    """Selects words of a response by dragging over them with the mouse."""
    start, end = page.evaluate(
        """([words, slot]) => {
          const rendered = document.querySelectorAll(".response .rendered")[slot];
          const walker = document.createTreeWalker(rendered, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const at = walker.currentNode.data.indexOf(words);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(walker.currentNode, at);
            range.setEnd(walker.currentNode, at + words.length);
            const lines = [...range.getClientRects()];
            const [first, last] = [lines[0], lines.at(-1)];
            return [
              [first.left + 1, first.top + first.height / 2],
              [last.right - 1, last.top + last.height / 2],
            ];
          }
        }""",
        [words, slot],
    )
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def label_of(part: Locator, name: str) -> Locator:
    """The visible button of a radio."""
    radio = part.page.get_by_role("radio", name=name, exact=True)
    return part.locator("label").filter(has=radio)


def scale(page: Page) -> Locator:
    return page.locator("[data-scale]")


# The scale


@pytest.mark.parametrize(
    ("key", "label", "strength"),
    [
        ("1", "A much better", 3),
        ("2", "A better", 2),
        ("3", "A slightly better", 1),
        ("4", "Tie", None),
        ("5", "B slightly better", 1),
        ("6", "B better", 2),
        ("7", "B much better", 3),
        ("x", "Both bad", None),
    ],
)
def test_every_step_of_the_scale_by_key(
    sit_down: SitDown, ana: User, project: Project, key: str, label: str, strength: int | None
) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, key)
    expect(scale(page).get_by_role("radio", name=label, exact=True)).to_be_checked()
    submit_and_wait(page)
    wait_until_sent(page)
    judgment = latest()
    assert (judgment.strength, judgment.both_bad) == (strength, key == "x")
    if strength:
        better = judgment.assignment.display_order["AB".index(label[0])]
        assert judgment.groups[0] == [better]


def test_the_scale_by_mouse_and_by_touch(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, KITCHEN)
    label_of(scale(page), "B slightly better").click()
    judgment = submitted(page)
    assert (judgment.strength, judgment.groups[0]) == (1, [judgment.assignment.display_order[1]])
    label_of(scale(page), "Both bad").click()
    assert submitted(page).both_bad

    phone = sit_down(ana, KITCHEN, **PHONE)
    label_of(scale(phone), "A much better").tap()
    phone.get_by_role("button", name="Submit").tap()
    wait_until_sent(phone)
    assert latest().strength == 3
    label_of(scale(phone), "Tie").tap()
    phone.get_by_role("button", name="Submit").tap()
    wait_until_sent(phone)
    assert latest().groups == [[0, 1]]


# Criteria, confidence, rationale


def test_what_else_is_asked_by_key(sit_down: SitDown, ana: User, asking: Project) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, "7 Enter")
    expect(page.locator("#notice")).to_contain_text("Say in a sentence why.")
    expect(page.get_by_label("Why?")).to_be_focused()
    page.keyboard.type("B says when it is done.")
    press(page, "Escape c 3 c 5 1 c 4")
    submit_and_wait(page)
    wait_until_sent(page)
    judgment = latest()
    order = judgment.assignment.display_order
    answers = {answer.criterion.key: answer for answer in judgment.answers.all()}
    assert answers["honest"].groups == [[order[1]], [order[0]]]
    assert [answers["fluent"].ratings[at] for at in order] == [5, 1]
    assert (judgment.confidence, judgment.rationale) == (4, "B says when it is done.")
    assert judgment.first_viewed_ms is not None
    assert all(ms is not None for ms in judgment.first_viewed_ms)


def test_what_else_is_asked_by_touch(sit_down: SitDown, ana: User, asking: Project) -> None:
    phone = sit_down(ana, KITCHEN, **PHONE)
    label_of(scale(phone), "B better").tap()
    label_of(phone.get_by_role("group", name="Honest"), "Tie").tap()
    for response, rating in (("Response A", "2"), ("Response B", "5")):
        label_of(phone.get_by_role("radiogroup", name=response), rating).tap()
    label_of(phone.get_by_role("group", name="How sure"), "3").tap()
    phone.get_by_label("Why?").tap()
    phone.keyboard.type("Shorter.")
    phone.get_by_role("button", name="Submit").tap()
    wait_until_sent(phone)
    judgment = latest()
    fluent = judgment.answers.get(criterion__key="fluent")
    assert [fluent.ratings[at] for at in judgment.assignment.display_order] == [2, 5]
    assert (judgment.confidence, judgment.rationale) == (3, "Shorter.")


# Marks


def test_marks_by_key_alone(sit_down: SitDown, ana: User, asking: Project) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, "m")
    announced(page, "Boil it for nine minutes in water.")
    press(page, "1")
    announced(page, "Marked as Good: Boil it for nine minutes in water.")
    expect(page.locator("[data-mark-tools]")).to_be_hidden()
    press(page, "m b ArrowDown ArrowDown Shift+ArrowDown")
    announced(page, "Take a pan.\n\nAdd the egg.")
    press(
        page, "2 m ArrowDown ArrowUp ArrowRight ArrowRight ArrowRight ArrowRight Shift+ArrowRight"
    )
    announced(page, "nine minutes")
    press(page, "Tab Tab Tab Tab Tab")
    expect(page.get_by_label("Note (optional)")).to_be_focused()
    page.keyboard.type("It takes 10, not 9.")
    press(page, "Enter")
    expect(page.locator('[data-label="good"]')).to_be_focused()
    press(page, "3")
    expect(page.locator(".mark")).to_have_count(3)
    assert [mark["slot"] for mark in marks(page)] == [0, 0, 1]

    press(page, "6 r")
    page.keyboard.type("See the marks.")
    submit_and_wait(page, "Control+Enter")
    wait_until_sent(page)
    found = {(span, label) for span, label in source_of(latest())}
    assert found == {
        ("Boil it for **nine minutes** in water.", "good"),
        ("nine minutes", "false"),
        ("Take a pan.\n- Add the egg.", "bad"),
    }
    assert latest().spans.get(label="false").note == "It takes 10, not 9."
    expect(page.locator(".mark")).to_have_count(0)
    submit_and_wait(page, "u")
    expect(page.locator(".mark")).to_have_count(3)


def test_escape_leaves_without_a_mark_and_digits_mean_the_scale_again(
    sit_down: SitDown, ana: User, asking: Project
) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, "m Escape 2")
    expect(scale(page).get_by_role("radio", name="A better")).to_be_checked()
    assert marks(page) == []


def test_marks_by_mouse_changed_and_removed(sit_down: SitDown, ana: User, asking: Project) -> None:
    page = sit_down(ana, KITCHEN)
    layout = page.locator(".responses").bounding_box()
    select_words(page, "rest it", slot=1)
    tools = page.get_by_role("dialog", name="Mark a passage")
    expect(tools).to_be_visible()
    press(page, "7")
    expect(page.get_by_role("radio", name="B much better")).to_be_checked()
    tools.get_by_role("button", name="Bad").click()
    assert [(mark["quote"], mark["label"]) for mark in marks(page)] == [("rest it", "bad")]
    assert page.evaluate("CSS.highlights.has('mark-bad')")
    assert page.locator(".responses").bounding_box() == layout, "marks move nothing"

    page.locator(".mark-open").click()
    tools.get_by_label("Note (optional)").fill("No need.")
    tools.get_by_role("button", name="False").click()
    assert [(mark["note"], mark["label"]) for mark in marks(page)] == [("No need.", "false")]

    select_words(page, "1804", slot=0)
    press(page, "m 1")
    expect(page.locator(".mark")).to_have_count(2)
    page.get_by_role("button", name="Remove the mark").first.click()
    expect(page.get_by_role("button", name="Remove the mark")).to_be_focused()
    page.reload()
    expect(page.locator(".mark")).to_have_text(["B" + "False" + "rest it×No need."])
    page.get_by_label("Why?").fill("Said.")
    assert source_of(submitted(page)) == [("rest it", "false")]


def test_a_mark_behind_an_emoji_is_where_it_was_seen(
    sit_down: SitDown, ana: User, asking: Project
) -> None:
    page = sit_down(ana, KITCHEN)
    select_words(page, "cold water")
    press(page, "m 3 2 r")
    page.keyboard.type("x")
    submit_and_wait(page, "Control+Enter")
    wait_until_sent(page)
    span = latest().spans.get()
    assert (span.quote, source_of(latest())) == ("cold water", [("cold water", "false")])
    assert span.shown_start == 53


def test_marks_by_touch(sit_down: SitDown, ana: User, asking: Project) -> None:
    phone = sit_down(ana, KITCHEN, **PHONE)
    phone.evaluate(
        """() => {
          const strong = document.querySelector(".response .rendered strong");
          getSelection().selectAllChildren(strong);
        }"""
    )
    tools = phone.get_by_role("dialog", name="Mark a passage")
    tools.get_by_role("button", name="Good").tap()
    expect(phone.locator(".mark-quote").last).to_have_text("nine minutes")
    box = phone.get_by_role("button", name="Remove the mark")
    box.scroll_into_view_if_needed()
    box.tap()
    expect(phone.locator(".mark")).to_have_count(0)
    phone.get_by_role("button", name="Mark a passage").tap()
    expect(tools).to_be_visible()
    panel, bar = tools.bounding_box(), phone.locator(".bar").bounding_box()
    assert panel["y"] + panel["height"] <= bar["y"], "the panel never covers the answers"
    tools.get_by_role("button", name="Close").tap()
    expect(tools).to_be_hidden()


def test_required_marks_are_asked_for(sit_down: SitDown, ana: User, asking: Project) -> None:
    Project.objects.update(spans="required", rationale="off")
    page = sit_down(ana, KITCHEN)
    press(page, "6 Enter")
    expect(page.locator("#notice")).to_contain_text("Mark at least one passage")
    expect(page.get_by_role("button", name="Mark a passage")).to_be_focused()
    press(page, "m 1")
    submit_and_wait(page, "Control+Enter")
    wait_until_sent(page)
    assert latest().spans.count() == 1


# The rewrite


def test_a_rewrite_by_key_survives_closing_and_reloading(
    sit_down: SitDown, ana: User, asking: Project
) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, "e")
    expect(page.locator("#notice")).to_contain_text("Choose the best response first")
    press(page, "7 e")
    editor = page.get_by_label("The best response, as it should be")
    expect(editor).to_be_focused()
    order = Assignment.objects.earliest("pk").display_order
    comparison = Assignment.objects.earliest("pk").comparison
    source = comparison.candidates.get(position=order[1]).completion.text
    expect(editor).to_have_value(source)
    page.keyboard.type("Briefly: ")
    expect(page.locator("[data-rewrite-count]")).to_have_text("1 word put in")
    press(page, "Escape")
    expect(editor).to_be_hidden()
    expect(page.locator("[data-rewrite-state]")).to_have_text(
        "Response B, rewritten: 1 word put in"
    )
    page.reload()
    expect(page.locator("[data-rewrite-state]")).to_contain_text("1 word put in")
    press(page, "e")
    expect(editor).to_have_value(f"Briefly: {source}")
    press(page, "Escape r")
    page.keyboard.type("It needed a summary.")
    submit_and_wait(page, "Control+Enter")
    wait_until_sent(page)
    rewrite = latest().rewrite
    assert rewrite.text == f"Briefly: {source}"
    assert rewrite.candidate.position == order[1]


def test_an_unchanged_text_is_no_rewrite_and_a_discarded_one_comes_back(
    sit_down: SitDown, ana: User, asking: Project
) -> None:
    page = sit_down(ana, KITCHEN)
    press(page, "1 e Escape")
    assert page.locator('[name="rewrite"]').input_value() == ""
    page.get_by_role("button", name="Edit the best").click()
    page.keyboard.type("Now: ")
    page.locator("[data-rewrite-panel]").get_by_role("button", name="Discard").click()
    assert page.locator('[name="rewrite"]').input_value() == ""
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("[data-rewrite-state]")).to_contain_text("Response A, rewritten")
    press(page, "7")
    expect(page.locator("[data-rewrite-state]")).to_contain_text("it is not the best now")
    press(page, "r")
    page.keyboard.type("x")
    press(page, "Control+Enter")
    expect(page.locator("#notice")).to_contain_text("Only the best response is rewritten.")


def test_of_tied_responses_one_is_chosen_to_rewrite(
    sit_down: SitDown, ana: User, asking: Project
) -> None:
    phone = sit_down(ana, KITCHEN, **PHONE)
    label_of(scale(phone), "Tie").tap()
    phone.get_by_label("Why?").fill("Alike.")
    phone.get_by_role("button", name="Edit the best").tap()
    label_of(phone.locator("[data-rewrite-which]"), "Response B").tap()
    editor = phone.get_by_label("The best response, as it should be")
    editor.fill("Nine minutes.")
    phone.get_by_role("button", name="Keep it").tap()
    phone.get_by_role("button", name="Submit").tap()
    wait_until_sent(phone)
    judgment = latest()
    assert judgment.rewrite.text == "Nine minutes."
    assert judgment.rewrite.candidate.position == judgment.assignment.display_order[1]


# Flags and passing


def test_a_flag_by_key_and_judging_goes_on(sit_down: SitDown, ana: User, project: Project) -> None:
    page = sit_down(ana, KITCHEN)
    before = page.locator(".reading").bounding_box()
    press(page, "5 f 4 Tab Space ArrowRight Tab")
    page.keyboard.type("There is a phone number.")
    press(page, "Tab Enter")
    expect(page.locator("#notice")).to_contain_text("the lead will see it")
    expect(page.locator("[data-flag] summary")).to_be_focused()
    assert page.locator(".reading").bounding_box() == before
    flag = Flag.objects.get()
    order = Assignment.objects.earliest("pk").display_order
    assert (flag.kind, flag.note) == ("private", "There is a phone number.")
    assert flag.completion.candidacies.get().position == order[0]
    expect(page.get_by_role("radio", name="B slightly better")).to_be_checked()
    press(page, "f 6 Enter")
    expect(page.get_by_role("alert")).to_contain_text("few words")
    press(page, "Escape")
    submit_and_wait(page)


def test_a_flag_by_touch(sit_down: SitDown, ana: User, project: Project) -> None:
    phone = sit_down(ana, KITCHEN, **PHONE)
    phone.locator("[data-flag] summary").tap()
    phone.get_by_text("The prompt or a response is broken").first.tap()
    phone.get_by_role("button", name="Send to the lead").tap()
    expect(phone.locator("#notice")).to_contain_text("the lead will see it")
    assert Flag.objects.get().kind == "broken"


def test_what_one_cannot_judge_is_passed_in_one_step_and_undone(
    sit_down: SitDown, ana: User, project: Project
) -> None:
    page = sit_down(ana, KITCHEN)
    first = Assignment.objects.get(shown_at__isnull=False)
    submit_and_wait(page, "n")
    wait_until_sent(page)
    first.refresh_from_db()
    assert (first.state, first.skip_reason) == ("skipped", "expertise")
    submit_and_wait(page, "u")
    first.refresh_from_db()
    assert first.state == "leased"
    page.get_by_role("button", name="I can't judge this").click()
    expect(page.locator("#notice")).to_contain_text("Skipped.")

    phone = sit_down(ana, KITCHEN, **PHONE)
    phone.locator("[data-skip] summary").tap()
    phone.get_by_role("button", name="I do not read this language").tap()
    expect(phone.locator("#notice")).to_contain_text("Skipped.")
    assert Assignment.objects.filter(skip_reason="language").count() == 1


# Ranking


@pytest.mark.parametrize("size", [2, 9])
def test_a_ranking_of_two_and_of_nine_by_key(
    sit_down: SitDown, ana: User, ranking_project: Project, size: int
) -> None:
    Project.objects.filter(pk=ranking_project.pk).update(candidates=size, rewrite="optional")
    prompt = make_prompt(ranking_project, "A menu?")
    together = [make_completion(prompt, make_policy(ranking_project)) for _ in range(size)]
    put_first(make_batch(ranking_project, together, name="Many"))
    page = sit_down(ana, "/judge/menus/")
    for rank in range(size, 0, -1):
        press(page, str(rank))
    submit_and_wait(page)
    wait_until_sent(page)
    judgment = latest()
    order = judgment.assignment.display_order
    assert judgment.groups == [[order[slot]] for slot in reversed(range(size))]


def test_a_ranking_by_dragging_fingers(
    sit_down: SitDown, ana: User, ranking_project: Project
) -> None:
    phone = sit_down(ana, "/judge/menus/", **PHONE)
    wire = phone.context.new_cdp_session(phone)
    for letter, rank in (("A", 2), ("B", 1), ("C", 2), ("D", 3)):
        chip = phone.get_by_role("button", name=f"Response {letter}").bounding_box()
        lane = phone.locator(f'[data-rank="{rank}"]').bounding_box()
        start = {"x": chip["x"] + 10, "y": chip["y"] + 10}
        middle = {"x": (start["x"] + lane["x"]) / 2, "y": (start["y"] + lane["y"]) / 2}
        end = {"x": lane["x"] + lane["width"] / 2, "y": lane["y"] + lane["height"] / 2}
        for kind, points in (("touchStart", [start]), ("touchMove", [middle]),
                             ("touchMove", [end]), ("touchEnd", [])):  # fmt: skip
            wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    announced(phone, "Order: B, then A and C tied, then D.")
    submit_and_wait(phone)
    wait_until_sent(phone)
    order = latest().assignment.display_order
    assert latest().groups == [[order[1]], sorted([order[0], order[2]]), [order[3]]]


def test_criteria_of_a_ranking_by_key(
    sit_down: SitDown, ana: User, ranking_project: Project
) -> None:
    make_criterion(ranking_project, "tasty")
    make_criterion(ranking_project, "cheap", scale="rating")
    page = sit_down(ana, "/judge/menus/")
    press(page, "1 2 3 4 Shift+C 4 3 2 1 Shift+C 5 5 4 1")
    submit_and_wait(page)
    wait_until_sent(page)
    judgment = latest()
    order = judgment.assignment.display_order
    answers = {answer.criterion.key: answer for answer in judgment.answers.all()}
    assert answers["tasty"].groups == [[order[slot]] for slot in (3, 2, 1, 0)]
    assert [answers["cheap"].ratings[at] for at in order] == [5, 5, 4, 1]
    assert judgment.groups == [[order[slot]] for slot in range(4)]


# Everybody


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=LOOK_NAMES)
def test_axe_finds_nothing_in_any_state(
    sit_down: SitDown, ana: User, asking: Project, size: tuple[int, int], theme: str
) -> None:
    page = sit_down(ana, KITCHEN, size=size, theme=theme)
    axe = Axe()
    press(page, "m 1 m ArrowDown 3 m")
    found = axe.run(page).response["violations"]
    press(page, "Escape 2 e")
    page.keyboard.type("Now: ")
    found += axe.run(page).response["violations"]
    press(page, "Escape f")
    found += axe.run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
