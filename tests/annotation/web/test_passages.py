"""Marks and rewrites on the answer sheet: posted, shown again, and refused when tampered with."""

import json
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Judgment, Project, Span, User
from tests.factories import claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def asking(project: Project) -> Project:
    Project.objects.update(spans="optional", rewrite="optional")
    project.refresh_from_db()
    return project


@pytest.fixture
def browser(client: Client, ana: User) -> Client:
    client.force_login(ana)
    return client


def submit(browser: Client, assignment: object, **fields: str) -> object:
    fields = {"choice": "0:2", "token": str(uuid4()), **fields}
    return browser.post(reverse("annotation:submit", args=[assignment.pk]), fields)


def mark(**changes: object) -> dict[str, object]:
    whole = {"slot": 0, "start": 0, "end": 1, "quote": "answer", "label": "good", "note": "Well."}
    return {**whole, **changes}


def test_marks_rewrite_and_views_come_back_when_amending(
    browser: Client, ana: User, asking: Project
) -> None:
    assignment = claim(ana, asking)
    submit(browser, assignment, spans=json.dumps([mark()]), rewrite="Better.\r\nMuch.",
           rewrite_slot="0", first_viewed_ms="120,")  # fmt: skip
    judgment = Judgment.objects.live().get()
    first = assignment.display_order[0]
    assert judgment.spans.get().candidate.position == first
    assert (judgment.rewrite.text, judgment.rewrite.candidate.position) == ("Better.\nMuch.", first)
    assert judgment.first_viewed_ms[first] == 120
    assert judgment.first_viewed_ms[1 - first] is None
    sheet = browser.get(reverse("annotation:amend", args=[judgment.pk])).context["sheet"]
    kept = judgment.spans.get()
    assert json.loads(sheet.spans) == [mark(start=kept.shown_start, end=kept.shown_end)]
    assert sheet.rewrite == "Better.\nMuch."
    assert [option.is_chosen for option in sheet.rewrite_slots] == [True, False]

    submit(browser, assignment, spans=sheet.spans, rewrite=sheet.rewrite, rewrite_slot="0",
           amends=str(judgment.pk))  # fmt: skip
    again = Judgment.objects.live().get()
    assert again.revision == 1
    assert (again.spans.count(), again.rewrite.text) == (1, "Better.\nMuch.")


@pytest.mark.parametrize(
    "spans",
    [
        "not json", "{}", "7", "[7]", '["x"]', "[null]", "[{}]", "[" * 20_000,
        json.dumps([mark(slot="0")]), json.dumps([mark(start=True)]), json.dumps([mark(quote=3)]),
        json.dumps([mark(slot=10**30)]), json.dumps([mark(label="ugly")]),
        json.dumps([mark(quote="nowhere to be found")]), '[{"slot": NaN}]',
    ],
    ids=range(15),
)  # fmt: skip
def test_tampered_marks_are_refused_in_words_and_kept_on_the_page(
    browser: Client, ana: User, asking: Project, spans: str
) -> None:
    page = submit(browser, claim(ana, asking), spans=spans)
    assert page.status_code == 422
    assert page.context["error"].field == "spans"
    assert page.context["sheet"].spans == spans
    assert not Judgment.objects.exists()


@pytest.mark.parametrize("slot", ["", "x", "-1", "77"])
def test_a_rewrite_of_no_response_is_refused(
    browser: Client, ana: User, asking: Project, slot: str
) -> None:
    page = submit(browser, claim(ana, asking), rewrite="Better.", rewrite_slot=slot)
    assert page.status_code == 422
    assert page.context["error"].field == "rewrite"


@pytest.mark.parametrize("views", ["", ",", "1,2,3", "x,y", "-1,2", "9" * 40])
def test_views_that_cannot_be_read_are_unknown(
    browser: Client, ana: User, asking: Project, views: str
) -> None:
    submit(browser, claim(ana, asking), first_viewed_ms=views)
    assert 120 not in (Judgment.objects.get().first_viewed_ms or [])


def test_the_page_shows_only_what_the_project_asks_for(
    browser: Client, ana: User, asking: Project
) -> None:
    claim(ana, asking)
    address = reverse("annotation:judge", args=[asking.slug])
    page = browser.get(address).content.decode()
    assert 'name="spans"' in page
    assert 'name="rewrite"' in page
    Project.objects.update(spans="off", rewrite="off")
    page = browser.get(address).content.decode()
    for name in ("data-mark", 'name="spans"', 'name="rewrite"', "data-source"):
        assert name not in page
    assert Span.objects.count() == 0


def test_leads_choose_what_is_asked(client: Client, lena: User, project: Project) -> None:
    client.force_login(lena)
    address = reverse("annotation:settings", args=[project.slug])
    page = client.get(address)
    shown = [each for part in ("judging", "assigning", "learning") for each in page.context[part]]
    fields = {
        each.field.name: "" if each.value is None else each.value
        for each in shown
        if each.field.kind != "yes_no"
    }
    chosen = {"spans": "required", "rewrite": "optional", "break_after_minutes": "25"}
    assert client.post(address, {**fields, **chosen, "shows_gold": "on"}).status_code == 302
    project.refresh_from_db()
    assert (project.spans, project.rewrite) == ("required", "optional")
    assert (project.break_after_minutes, project.shows_gold) == (25, True)
