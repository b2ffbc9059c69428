"""The annotator's pages as a browser without JavaScript sees them, and who may see them."""

from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Judgment, Pool, Project, User
from tests.factories import (
    claim,
    judge,
    make_batch,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
)


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    client.force_login(ana)
    return client


def open_judge(browser: Client, project: Project) -> tuple[HttpResponse, Assignment]:
    response = browser.get(reverse("annotation:judge", args=[project.slug]))
    return response, response.context["shown"].assignment


def submit(
    browser: Client, assignment: Assignment, *, htmx: bool = False, **answer: str
) -> HttpResponse:
    values = {"token": str(uuid4()), "choice": "0:2", **answer}
    headers = {"HX-Request": "true"} if htmx else {}
    return browser.post(reverse("annotation:submit", args=[assignment.pk]), values, headers=headers)


def test_submit_without_javascript_leads_to_the_next_comparison(
    browser: Client, project: Project
) -> None:
    _page, first = open_judge(browser, project)
    answered = submit(browser, first, **{"criterion-honest": "tie", "rationale": "Clearer."})
    assert answered.url == reverse("annotation:judge", args=[project.slug])
    page, second = open_judge(browser, project)
    assert second != first
    assert page.context["undo"].judgment == Judgment.objects.get().pk
    assert Judgment.objects.get().rationale == "Clearer."


def test_submit_with_htmx_answers_with_the_next_comparison_alone(
    browser: Client, project: Project
) -> None:
    _page, first = open_judge(browser, project)
    fragment = submit(browser, first, htmx=True).content.decode()
    assert fragment.lstrip().startswith('<div id="comparison"')
    assert '<div id="notice"' in fragment
    assert "<html" not in fragment


def test_the_same_token_twice_is_one_judgment(browser: Client, project: Project) -> None:
    _page, first = open_judge(browser, project)
    token = str(uuid4())
    for _ in range(2):
        assert submit(browser, first, token=token).status_code == 302
    assert Judgment.objects.count() == 1


def test_a_refused_answer_keeps_what_was_written(browser: Client, project: Project) -> None:
    _page, assignment = open_judge(browser, project)
    page = submit(browser, assignment, choice="", rationale="Half a thought")
    assert page.status_code == 422
    assert "Choose an answer first." in page.content.decode()
    assert "Half a thought" in page.content.decode()


def test_an_unknown_token_is_refused_in_words(browser: Client, project: Project) -> None:
    _page, assignment = open_judge(browser, project)
    fragment = submit(browser, assignment, htmx=True, token="tampered")
    assert fragment.status_code == 422
    assert fragment["HX-Retarget"] == "#notice"
    assert "out of date" in fragment.content.decode()


def test_undo_brings_the_comparison_back_with_its_answer(browser: Client, project: Project) -> None:
    _page, first = open_judge(browser, project)
    submit(browser, first, choice="1:3")
    page, _second = open_judge(browser, project)
    undo = page.context["undo"]
    browser.post(reverse("annotation:withdraw", args=[undo.judgment]), {"token": undo.token})
    page, again = open_judge(browser, project)
    assert again == first
    chosen = [option.label for option in page.context["sheet"].scale if option.is_chosen]
    assert chosen == ["B much better"]
    assert not Judgment.objects.live().exists()


def test_skip_and_undo_of_a_skip(browser: Client, project: Project) -> None:
    _page, first = open_judge(browser, project)
    browser.post(reverse("annotation:skip", args=[first.pk]), {"reason": "language"})
    _page, second = open_judge(browser, project)
    assert second != first
    browser.post(reverse("annotation:unskip", args=[first.pk]))
    assert open_judge(browser, project)[1] == first


def test_a_skip_needs_a_reason(browser: Client, project: Project) -> None:
    _page, first = open_judge(browser, project)
    page = browser.post(reverse("annotation:skip", args=[first.pk]), {"reason": "bored"})
    assert page.status_code == 422
    first.refresh_from_db()
    assert first.state == Assignment.State.LEASED


def test_renewing_a_lease_that_has_ended_is_a_conflict(browser: Client, project: Project) -> None:
    _page, assignment = open_judge(browser, project)
    address = reverse("annotation:renew", args=[assignment.pk])
    assert "expires_at" in browser.post(address).json()
    Assignment.objects.update(state="expired", closed_at=assignment.leased_at)
    assert browser.post(address).status_code == 409


def test_nothing_open_says_why(browser: Client, ana: User, project: Project) -> None:
    for _ in range(project.comparisons.count()):
        judge(ana, project)
    page = browser.get(reverse("annotation:judge", args=[project.slug]))
    assert "Nothing is open for you here." in page.content.decode()
    assert page.context["work"].reason in page.content.decode()


@pytest.mark.parametrize("kind", ["pairwise", "ranking"])
def test_no_policy_reaches_the_browser(browser: Client, ana: User, pool: Pool, kind: str) -> None:
    project = make_project("Blind", pool=pool, kind=kind)
    policies = [make_policy(project, f"secret-{n}", model="secret-model") for n in range(2)]
    prompts = [make_prompt(project, question) for question in ("Who are you?", "And you?")]
    make_batch(
        project,
        *([make_completion(prompt, policy, "Me.") for policy in policies] for prompt in prompts),
    )
    first, assignment = open_judge(browser, project)
    answer = (
        {"choice": "0:2"} if kind == "pairwise" else {"choice": "", "rank-0": "1", "rank-1": "2"}
    )
    for page in (first, submit(browser, assignment, htmx=True, **answer)):
        headers = {name: value for name, value in page.headers.items() if "Policy" not in name}
        sent = page.content.decode() + str(headers)
        assert page.status_code == 200
        assert "secret" not in sent
        assert "policy" not in sent.lower()


def test_history_says_what_was_answered_in_the_letters_that_were_shown(
    browser: Client, ana: User, project: Project, ranking_project: Project
) -> None:
    judge(ana, project, groups=((1,), (0,)), strength=3)
    judge(ana, ranking_project, groups=((2,), (0, 3), (1,)))
    page = browser.get(reverse("annotation:history"))
    assert [row.answer for row in page.context["rows"]] == ["C > A = D > B", "B much better"]


def test_amending_keeps_the_earlier_answer_and_returns_to_history(
    browser: Client, ana: User, project: Project
) -> None:
    judgment = judge(ana, project, groups=((1,), (0,)), strength=3)
    page = browser.get(reverse("annotation:amend", args=[judgment.pk]))
    assert page.context["is_amendment"]
    answered = submit(browser, judgment.assignment, choice="tie", amends=str(judgment.pk))
    assert answered.url == reverse("annotation:history")
    assert [j.revision for j in Judgment.objects.all()] == [0, 1]
    assert Judgment.objects.live().get().groups == [[0, 1]]


def test_what_is_anothers_does_not_exist(
    client: Client, ana: User, ben: User, otto: User, project: Project
) -> None:
    judgment = judge(ana, project)
    leased = claim(ana, project)
    for stranger in (ben, otto):
        client.force_login(stranger)
        for name, key in [("submit", leased.pk), ("skip", leased.pk), ("unskip", leased.pk),
                          ("renew", leased.pk), ("withdraw", judgment.pk)]:  # fmt: skip
            address = reverse(f"annotation:{name}", args=[key])
            assert client.post(address).status_code == 404, (stranger, name)
        assert client.get(reverse("annotation:amend", args=[judgment.pk])).status_code == 404
        assert not client.get(reverse("annotation:history")).context["rows"]
    assert client.get(reverse("annotation:judge", args=[project.slug])).status_code == 404
    assert client.get(reverse("annotation:guidelines", args=[project.slug])).status_code == 404


def test_home_shows_what_is_open_and_the_guideline_is_a_page(
    browser: Client, project: Project
) -> None:
    Project.objects.update(guideline="Prefer the **truth**.")
    home = browser.get(reverse("annotation:home"))
    assert home.context["n_open"] == project.comparisons.count()
    page = browser.get(reverse("annotation:guidelines", args=[project.slug]))
    assert "<strong>truth</strong>" in page.content.decode()
    assert "Which one admits what it does not know?" in page.content.decode()
