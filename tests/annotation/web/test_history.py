"""One's own judgments: found, filtered, told of the lead's answer, and not those of others."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotation.models import Comparison, Judgment, Project, User
from annotation.selectors import history as history_selector
from annotation.services.flags import flag_raise, flag_resolve
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.passages import RewriteInput
from tests.factories import (
    claim,
    judge,
    make_batch,
    make_completion,
    make_policy,
    make_prompt,
)


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    client.force_login(ana)
    return client


def rows(browser: Client, **query: str) -> list[object]:
    answer = browser.get("/history/", query)
    assert answer.status_code == 200
    return answer.context["rows"]


def prompts(browser: Client, **query: str) -> list[str]:
    return [str(row.judgment.comparison.prompt) for row in rows(browser, **query)]


def test_words_are_found_where_they_were_read_or_written(
    browser: Client, ana: User, project: Project
) -> None:
    policy = make_policy(project, "third")
    prompt = make_prompt(project, 'She said "simmer"\nand left.')
    make_batch(project, [make_completion(prompt, policy, f"Ragout {at}") for at in range(2)])
    while Judgment.objects.filter(annotator=ana).count() < 4:
        judge(ana, project, rationale="Mentions 100% of it")
    judge(ana, project)
    assert len(rows(browser)) == 5
    assert len(prompts(browser, q="ragout")) == 1
    assert len(prompts(browser, q='said "SIMMER"\nand')) == 1
    assert len(prompts(browser, q="100%")) == 4
    assert prompts(browser, q="freeze soup") == ["Can I freeze soup?"]
    assert prompts(browser, q="role") == [], "only what was said is searched, not how it is stored"
    assert prompts(browser, q="nothing like it") == []


def test_projects_days_and_answers(
    browser: Client, ana: User, project: Project, ranking_project: Project
) -> None:
    project.rewrite = "optional"
    project.save()
    judge(ana, project, groups=((0, 1),))
    judge(ana, project, groups=((0, 1),), both_bad=True)
    flag_raise(annotator=ana, assignment=judge(ana, project).assignment, kind="unsafe")
    judge(ana, project, rewrite=RewriteInput(slot=0, text="A far better answer."))
    judge(ana, ranking_project)
    today = timezone.localdate()
    found = {
        key: len(rows(browser, answer=key))
        for key in ("", "preferred", "tie", "both_bad", "flagged", "rewritten", "marked", "changed")
    }
    assert found == {
        "": 5, "preferred": 3, "tie": 1, "both_bad": 1, "flagged": 1, "rewritten": 1, "marked": 0,
        "changed": 0,
    }  # fmt: skip
    assert len(rows(browser, project="menus")) == 1
    assert len(rows(browser, project="kitchen", answer="tie")) == 1
    assert len(rows(browser, since=str(today), until=str(today))) == 5
    assert rows(browser, since=str(today + timedelta(days=1))) == []
    assert rows(browser, until=str(today - timedelta(days=1))) == []
    for nonsense in ("2026-13-99", "yesterday", "0000-00-00"):
        assert len(rows(browser, since=nonsense)) == 5
    assert len(rows(browser, answer="no such", q="\0")) == 5
    assert rows(browser, q="far better")[0].is_rewritten


def test_only_ones_own(browser: Client, ben: User, project: Project, otto: User) -> None:
    judge(ben, project)
    assert rows(browser) == []
    assert "Bridges" not in browser.get("/history/").content.decode()


def test_a_flag_comes_back_with_the_leads_answer(
    browser: Client, ana: User, ben: User, lena: User, project: Project
) -> None:
    flag = flag_raise(annotator=ana, assignment=judge(ana, project).assignment, kind="unclear")
    flag_resolve(actor=lena, flag=flag, answer="Take the shorter one.")
    page = browser.get("/history/").content.decode()
    assert "Take the shorter one." in page


def make_gold(project: Project) -> None:
    Comparison.objects.filter(project=project).update(
        gold_groups=[[1], [0]], gold_reason="It says how long."
    )


def test_the_leads_answer_is_shown_after_ones_own_and_where_the_project_does(
    browser: Client, ana: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_gold(project)
    assignment = claim(ana, project)
    best = assignment.display_order.index(0)
    judgment = judgment_submit(
        annotator=ana, assignment=assignment, token=uuid4(),
        answer=JudgmentInput(groups=((best,), (1 - best,))),
    )  # fmt: skip
    monkeypatch.setattr(history_selector, "FEEDBACK_AFTER", timedelta(0))
    assert "It says how long." not in browser.get("/history/").content.decode()
    assert rows(browser)[0].may_amend

    project.shows_gold = True
    project.save()
    row = rows(browser, answer="gold")[0]
    letters = "AB"
    assert row.feedback.answer == f"{letters[1 - best]} > {letters[best]}"
    assert not row.feedback.is_same
    assert not row.may_amend, "an answer that one has been told is no answer of one's own"
    assert "It says how long." in browser.get("/history/").content.decode()

    monkeypatch.setattr(history_selector, "FEEDBACK_AFTER", timedelta(seconds=90))
    assert rows(browser)[0].feedback is None, "not while it may still be taken back"
    monkeypatch.setattr("annotation.services.judgments.UNDO_SECONDS", -1)
    refused = browser.post(
        f"/assignments/{assignment.pk}/submit/",
        {"token": str(uuid4()), "choice": "1:2", "amends": judgment.pk},
        headers={"HX-Request": "true"},
    )
    assert refused.status_code == 409
    assert Judgment.objects.count() == 1


def test_the_judge_page_never_carries_the_leads_answer(browser: Client, project: Project) -> None:
    project.shows_gold = True
    project.save()
    make_gold(project)
    assert "It says how long." not in browser.get("/judge/kitchen/").content.decode()


def test_what_may_not_be_changed_says_so(browser: Client, ana: User, project: Project) -> None:
    judge(ana, project)
    assert "Amend" in browser.get("/history/").content.decode()
    project.allow_amend = False
    project.save()
    page = browser.get("/history/").content.decode()
    assert "Amend" not in page
    assert "stays as given in this project" in page


def test_pages_keep_the_search_and_cost_the_same(
    browser: Client,
    ana: User,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(4):
        assignment = judge(ana, project, rationale="Short & good").assignment
        flag_raise(annotator=ana, assignment=assignment, kind="broken")
    with django_assert_max_num_queries(12):
        assert len(rows(browser, q="good")) == 4
    monkeypatch.setattr("annotation.web.history.PAGE_SIZE", 2)
    page = browser.get("/history/", {"q": "Short & good", "answer": "preferred"})
    assert len(page.context["rows"]) == 2
    assert 'href="?q=Short+%26+good&amp;answer=preferred&amp;page=2"' in page.content.decode()
