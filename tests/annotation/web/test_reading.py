"""Other ways of reading a comparison, and that none of them tells who wrote a response."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotation.core.rendering import render_markdown
from annotation.models import Assignment, Completion, Pool, Project, User
from tests.factories import (
    claim,
    make_batch,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
)

TEXTS = ("Boil it for **six** minutes.", "Boil it for **nine** minutes, <b>please</b>.")


@pytest.fixture
def project(pool: Pool) -> Project:
    project = make_project("Eggs", pool=pool)
    prompt = make_prompt(project, "How *long*?\u202e", language="fa")
    policies = [make_policy(project, f"secret-{name}-policy") for name in ("otter", "heron")]
    make_batch(
        project,
        [
            make_completion(
                prompt, policy, text, html=render_markdown(text), sample_index=700 + index
            )
            for index, (policy, text) in enumerate(zip(policies, TEXTS, strict=True))
        ],
    )
    return project


@pytest.fixture
def assignment(project: Project, ana: User) -> Assignment:
    return claim(ana, project)


@pytest.fixture
def browser(ana: User, client: Client) -> Client:
    client.force_login(ana)
    return client


def compare(browser: Client, assignment: Assignment, **slots: object) -> HttpResponse:
    return browser.get(reverse("annotation:differences", args=[assignment.pk]), slots)


def test_as_written(browser: Client, assignment: Assignment) -> None:
    found = browser.get(reverse("annotation:written", args=[assignment.pk])).json()
    shown = [TEXTS[position] for position in assignment.display_order]
    assert len(found["responses"]) == 2
    for html, text in zip(found["responses"], shown, strict=True):
        assert text.replace("<", "&lt;").replace(">", "&gt;") in html
    (turn,) = found["turns"]
    assert 'How *long*?<span class="invisible">U+202E</span>' in turn


def test_differences_go_by_slot(browser: Client, assignment: Assignment) -> None:
    found = compare(browser, assignment, a=0, b=1).json()
    said = [TEXTS[position] for position in assignment.display_order]
    only = ["six" if "six" in text else "nine" for text in said]
    assert f"<strong><del>{only[0]}</del></strong>" in found["a"]
    assert f"<strong><ins>{only[1]}</ins></strong>" in found["b"]
    assert re.fullmatch(r"A and B have \d\d % of their words in common\.", found["summary"])
    turned = compare(browser, assignment, a=1, b=0).json()
    assert f"<del>{only[1]}</del>" in turned["a"]


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ({"a": 0, "b": 0}, "Choose two different responses."),
        ({"a": 0, "b": 2}, "There is no such response here."),
        ({"a": "x", "b": 1}, "There is no such response here."),
        ({"a": "²", "b": 1}, "There is no such response here."),
        ({"a": 0}, "There is no such response here."),
    ],
)
def test_what_is_not_there_is_said(
    browser: Client, assignment: Assignment, slots: dict[str, object], words: str
) -> None:
    refused = compare(browser, assignment, **slots)
    assert refused.status_code == 422
    assert refused.json() == {"error": words}


@pytest.mark.parametrize("name", ["written", "differences"])
def test_only_its_annotator_reads_it(
    client: Client, assignment: Assignment, ben: User, otto: User, lena: User, name: str
) -> None:
    path = reverse(f"annotation:{name}", args=[assignment.pk]) + "?a=0&b=1"
    assert client.get(path).status_code == 302
    for user in (ben, otto, lena):
        client.force_login(user)
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 405


def test_nothing_tells_who_wrote_it(
    browser: Client, assignment: Assignment, project: Project
) -> None:
    """Neither pages nor headers hold a policy's name or a completion's id."""
    pages = [
        browser.get(reverse("annotation:judge", args=[project.slug])),
        browser.get(reverse("annotation:written", args=[assignment.pk])),
        compare(browser, assignment, a=0, b=1),
        browser.post(reverse("annotation:ahead", args=[assignment.pk])),
    ]
    completions = Completion.objects.filter(prompt__project=project)
    ids = {str(number) for each in completions for number in (each.pk, each.policy_id)}
    for page in pages:
        content = page.content.decode()
        sent = content + str(page.headers) + str(page.cookies)
        assert "secret" not in sent
        assert "sample" not in sent
        assert not re.search(r"(?i)completion|policy[-_]", content)
    html = pages[0].content.decode()
    named = re.findall(r'<article class="response" ([^>]*)>', html)
    assert [re.sub(r'"[^"]*"', "", each).split() for each in named] == [
        ["id=", "data-slot=", "data-letter=", "aria-label="]
    ] * 2
    article = "".join(re.findall(r"<article.*?</article>", html, re.DOTALL))
    for number in ids - {"0", "1", "2"}:
        assert not re.search(rf'="[^"]*\b{number}\b[^"]*"', article)


def test_the_prompts_language_is_said(browser: Client, project: Project) -> None:
    html = browser.get(reverse("annotation:judge", args=[project.slug])).content.decode()
    assert html.count('<div class="rendered" dir="auto" lang="fa">') == 3


def test_an_empty_response_is_said_to_be_empty(browser: Client, pool: Pool) -> None:
    project = make_project("Blank", pool=pool)
    prompt = make_prompt(project)
    texts = {"": "", " \n": render_markdown(" \n")}
    pair = [
        Completion.objects.create(prompt=prompt, policy=make_policy(project), text=text, html=html)
        for text, html in texts.items()
    ]
    make_batch(project, pair)
    html = browser.get(reverse("annotation:judge", args=[project.slug])).content.decode()
    assert html.count("(This response is empty.)") == 2
