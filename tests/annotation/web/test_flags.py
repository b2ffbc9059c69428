"""Flags from the judge page to the lead's answer."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.core.errors import Conflict, Invalid
from annotation.models import AuditEntry, Completion, Flag, Membership, Pool, Project, User
from annotation.services.flags import flag_raise, flag_resolve
from tests.factories import claim, judge, make_user

pytestmark = pytest.mark.django_db


def raise_flag(client: Client, assignment: object, *, htmx: bool = True, **fields: str) -> object:
    headers = {"HX-Request": "true"} if htmx else {}
    address = reverse("annotation:flag", args=[assignment.pk])
    return client.post(address, {"kind": "broken", **fields}, headers=headers)


def test_a_flag_names_the_response_that_stood_there(
    client: Client, ana: User, project: Project
) -> None:
    assignment = claim(ana, project)
    client.force_login(ana)
    assert raise_flag(client, assignment, slot="1", note=" Cut off. ").json() == {}
    flag = Flag.objects.get()
    candidates = assignment.comparison.candidates
    second = candidates.get(position=assignment.display_order[1])
    assert (flag.project, flag.comparison) == (project, assignment.comparison)
    assert (flag.completion, flag.raised_by) == (second.completion, ana)
    assert (flag.kind, flag.note) == ("broken", "Cut off.")
    raise_flag(client, assignment, slot="1", note="Cut off.")
    assert Flag.objects.count() == 1, "sent twice, it is one"
    raise_flag(client, assignment)
    assert Flag.objects.first().completion is None
    assignment.refresh_from_db()
    assert assignment.state == "leased", "judging goes on"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": ""}, "what the lead should look at"),
        ({"kind": "other"}, "few words"),
        ({"slot": "7"}, "no such response"),
        ({"slot": "-1"}, "no such response"),
        ({"slot": "9" * 40}, "no such response"),
        ({"note": "x" * 2001}, "2,000"),
    ],
)
def test_a_flag_that_says_nothing_is_refused_in_words(
    client: Client, ana: User, project: Project, fields: dict[str, str], words: str
) -> None:
    client.force_login(ana)
    refused = raise_flag(client, claim(ana, project), **fields)
    assert refused.status_code == 422
    assert words in refused.json()["error"]
    assert not Flag.objects.exists()


def test_without_javascript_one_comes_back_to_the_work(
    client: Client, ana: User, project: Project
) -> None:
    client.force_login(ana)
    judged = judge(ana, project)
    answered = raise_flag(client, judged.assignment, htmx=False)
    assert answered.url == reverse("annotation:amend", args=[judged.pk])
    answered = raise_flag(client, claim(ana, project), htmx=False)
    assert answered.url == reverse("annotation:judge", args=[project.slug])
    assert raise_flag(client, claim(ana, project), htmx=False, kind="").status_code == 422


def test_what_is_anothers_cannot_be_flagged(
    client: Client, ana: User, ben: User, project: Project
) -> None:
    client.force_login(ben)
    assert raise_flag(client, claim(ana, project)).status_code == 404


def test_leads_see_who_wrote_it_and_resolve_with_an_answer(
    client: Client, ana: User, lena: User, project: Project
) -> None:
    assignment = claim(ana, project)
    flag = flag_raise(
        annotator=ana, assignment=assignment, kind="identifies", slot=0, note="<b>It</b> says so."
    )
    client.force_login(lena)
    address = reverse("annotation:flags", args=[project.slug])
    page = client.get(address).content.decode()
    assert "1 flag waits" in page
    assert "&lt;b&gt;It&lt;/b&gt; says so." in page
    assert "Flags (1)" in page
    assert str(flag.completion.policy) in page
    answered = client.post(
        reverse("annotation:flag-resolve", args=[flag.pk]), {"answer": "Taken out."}
    )
    assert answered.url == address
    flag.refresh_from_db()
    assert (flag.answer, flag.resolved_by) == ("Taken out.", lena)
    assert AuditEntry.objects.get(action="flag.resolve").detail == {"answer": "Taken out."}
    page = client.get(address).content.decode()
    assert "Every flag is answered." in page
    assert "Flags (" not in page
    with pytest.raises(Conflict):
        flag_resolve(actor=lena, flag=flag)


def test_flags_found_by_a_check_stand_there_too(
    client: Client, lena: User, project: Project
) -> None:
    completion = Completion.objects.filter(prompt__project=project).first()
    Flag.objects.create(project=project, completion=completion, kind="identifies")
    client.force_login(lena)
    page = client.get(reverse("annotation:flags", args=[project.slug])).content.decode()
    assert "found by a check" in page
    assert completion.text in page


def test_a_reviewer_looks_by_pseudonym_and_resolves_nothing(
    client: Client, ana: User, pool: Pool, project: Project
) -> None:
    rita = make_user("rita")
    Membership.objects.create(pool=pool, user=rita, role="reviewer")
    flag = flag_raise(annotator=ana, assignment=claim(ana, project), kind="unclear")
    client.force_login(rita)
    page = client.get(reverse("annotation:flags", args=[project.slug])).content.decode()
    assert ana.pseudonym in page
    assert "Ana" not in page
    resolve = reverse("annotation:flag-resolve", args=[flag.pk])
    assert resolve not in page
    assert client.post(resolve, {"answer": "Mine"}).status_code == 404


def test_nothing_flagged_says_what_flags_are(client: Client, lena: User, project: Project) -> None:
    client.force_login(lena)
    page = client.get(reverse("annotation:flags", args=[project.slug])).content.decode()
    assert "Nothing is flagged." in page
    assert "What flags are" in page


def test_an_answer_may_not_be_endless(ana: User, lena: User, project: Project) -> None:
    flag = flag_raise(annotator=ana, assignment=claim(ana, project), kind="unclear")
    with pytest.raises(Invalid):
        flag_resolve(actor=lena, flag=flag, answer="x" * 2001)
