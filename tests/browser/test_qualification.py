"""The entrance and what comes of bad work, in a real browser: annotator and lead."""

import pytest
from playwright.sync_api import Page, expect

from annotation.core.known_answers import parse_known_answer
from annotation.models import Participation, Project, Qualification, User
from annotation.selectors.qualifications import gold_groups, progress
from annotation.services.known_answers import known_answers_write
from annotation.services.qualifications import (
    qualification_create,
    qualification_items_add,
    qualification_open_set,
)
from annotation.services.qualifying import order_shown
from tests.browser.conftest import SitDown
from tests.factories import judge_for

pytestmark = pytest.mark.django_db(transaction=True)


def known(project: Project, n: int, phase: str) -> list[object]:
    rows = [
        (
            number,
            parse_known_answer(
                {
                    "prompt": f"How many eggs does a cake for {number} {phase} guests need?",
                    "completions": ["About one for two guests.", "None: cakes grow on trees."],
                    "order": "A > B",
                    "explanation": "The first **answers** the question; the second is a joke.",
                }
            ),
        )
        for number in range(1, n + 1)
    ]
    return known_answers_write(project=project, rows=rows, name="rows")


@pytest.fixture
def entrance(project: Project, lena: User) -> Qualification:
    made = qualification_create(
        actor=lena, project=project,
        settings={"name": "Kitchen entrance", "pass_mark": 0.5, "test_size": 2,
                  "introduction": "Read **both** responses to the end."},
    )  # fmt: skip
    for n, phase in ((1, "training"), (2, "test")):
        qualification_items_add(
            actor=lena, qualification=made, known=known(project, n, phase), phase=phase
        )
    return qualification_open_set(actor=lena, qualification=made, is_open=True)


def answer(page: Page, person: User, entrance: Qualification) -> None:
    """Chooses by key what the lead holds to be right, and sends it by key."""
    expect(page.locator("h1")).to_be_focused()
    attempt = entrance.attempts.get(annotator=person)
    at = progress(attempt)
    order = order_shown(attempt, at)
    winner = gold_groups(at.item.comparison)[0][0]
    page.keyboard.press("1" if order.index(winner) == 0 else "3")
    page.keyboard.press("Enter")


def test_an_annotator_qualifies_and_then_judges(
    sit_down: SitDown, project: Project, entrance: Qualification, ana: User, lena: User
) -> None:
    page = sit_down(ana, "/")
    page.get_by_role("link", name="Go to the qualification").click()
    expect(page.get_by_role("heading", name="Kitchen entrance")).to_be_visible()
    page.get_by_role("button", name="Begin").click()
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Choose an answer first.")).to_be_visible()
    answer(page, ana, entrance)
    expect(page.locator(".explained .badge")).to_contain_text("as the lead")
    expect(page.get_by_text("the second is a joke")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Begin the test").click()
    for number in (1, 2):
        expect(page.get_by_text(f"{number} of 2")).to_be_visible()
        answer(page, ana, entrance)
    expect(page.get_by_role("heading", name="You have passed.")).to_be_visible()
    page.get_by_role("link", name="Judge").click()
    expect(page.locator(".comparison")).to_be_visible()
    lead = sit_down(lena, f"/qualifications/{entrance.pk}/")
    expect(lead.get_by_role("row", name="Ana")).to_contain_text("passed")


def test_a_lead_quarantines_sees_both_figures_and_lifts(
    sit_down: SitDown, project: Project, ana: User, ben: User, lena: User
) -> None:
    for person, winner in ((ana, 0), (ben, 1)):
        for _ in range(3):
            judge_for(person, project, winner)
    lead = sit_down(lena, "/projects/kitchen/integrity/")
    lead.get_by_role("button", name="Measure now").click()
    lead.get_by_role("link", name="Ben", exact=True).click()
    lead.get_by_label("What", exact=True).select_option("quarantine")
    lead.get_by_label("Why, in words").fill("Every answer is the opposite.")
    lead.get_by_role("button", name="Do it").click()
    lead.goto("/projects/kitchen/integrity/")
    expect(lead.get_by_role("row", name="Judgments")).to_contain_text("3")
    page = sit_down(ben, "/judge/kitchen/")
    expect(page.get_by_text("Every answer is the opposite.")).to_be_visible()
    page.get_by_role("button", name="I have read this").click()
    lead.locator(".case").get_by_text("Lift", exact=True).click()
    lead.get_by_label("Why?").fill("We talked.")
    lead.get_by_role("button", name="Lift it").click()
    expect(lead.get_by_text("Lifted.")).to_be_visible()
    assert Participation.objects.get(annotator=ben).state == "active"
