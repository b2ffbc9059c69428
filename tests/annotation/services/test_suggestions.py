"""Suggested answers: who may make them, who sees them, and that chance decides it."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Batch, Comparison, Project, User
from annotation.services.assignments import assignment_claim
from annotation.services.suggestions import suggestions_set
from tests.factories import make_batch, make_completion, make_policy, make_prompt, make_token

N_COMPARISONS = 60


@pytest.fixture
def batch(project: Project) -> Batch:
    project.batches.update(state=Batch.State.PAUSED)
    one, other = make_policy(project), make_policy(project)
    prompts = [make_prompt(project) for _ in range(N_COMPARISONS)]
    pairs = [(make_completion(each, one), make_completion(each, other)) for each in prompts]
    return make_batch(project, *pairs)


def suggest(actor: User, batch: Batch, by: str = "judge-7b", **changes: object) -> int:
    keys = batch.comparisons.values_list("pk", flat=True)
    suggestions = {key: [[1], [0]] for key in keys} | changes.get("also", {})
    return suggestions_set(actor=actor, batch=batch, by=by, suggestions=suggestions)


def show_to(project: Project, share: float) -> None:
    project.suggestion_share = share
    project.save()


def test_a_share_of_those_who_judge_sees_it(
    lena: User, ana: User, ben: User, project: Project, batch: Batch
) -> None:
    show_to(project, 0.5)
    assert suggest(lena, batch) == N_COMPARISONS
    for annotator in (ana, ben):
        while (held := assignment_claim(annotator=annotator, project=project)) is not None:
            Assignment.objects.filter(pk=held.pk).update(
                state="skipped", skip_reason="other", closed_at=held.leased_at
            )
    shown = list(Assignment.objects.values_list("suggestion_shown", flat=True))
    assert len(shown) == 2 * N_COMPARISONS
    assert 35 < sum(shown) < 85
    entry = project.audit_entries.get(action="batch.suggest")
    assert entry.detail == {"by": "judge-7b", "comparisons": N_COMPARISONS}


def test_it_is_said_in_the_letters_that_are_shown(
    client: Client, lena: User, ana: User, project: Project, batch: Batch
) -> None:
    show_to(project, 1.0)
    suggest(lena, batch)
    client.force_login(ana)
    page = client.get(reverse("annotation:judge", args=[project.slug])).content.decode()
    held = Assignment.objects.get(annotator=ana)
    letter = "AB"[held.display_order.index(1)]
    assert f"Suggestion, which may be wrong: {letter} is better" in page
    ahead = client.post(reverse("annotation:ahead", args=[held.pk]), headers={"hx-request": "true"})
    follows = Assignment.objects.exclude(pk=held.pk).get(annotator=ana)
    letter = "AB"[follows.display_order.index(1)]
    assert f"which may be wrong: {letter} is better" in ahead.content.decode()


def test_who_is_to_judge_without_it_reads_nothing_of_it(
    client: Client, lena: User, ana: User, project: Project, batch: Batch
) -> None:
    suggest(lena, batch)
    client.force_login(ana)
    page = client.get(reverse("annotation:judge", args=[project.slug])).content.decode()
    assert "Suggestion" not in page
    assert Assignment.objects.get(annotator=ana).suggestion_shown is False


def test_where_nothing_is_suggested_nothing_is_drawn(
    ana: User, project: Project, batch: Batch
) -> None:
    show_to(project, 1.0)
    held = assignment_claim(annotator=ana, project=project)
    assert held is not None
    assert held.suggestion_shown is None


def test_what_cannot_be_suggested_changes_nothing(
    lena: User, ana: User, project: Project, batch: Batch
) -> None:
    with pytest.raises(Invalid, match="Say who"):
        suggest(lena, batch, by=" ")
    with pytest.raises(Invalid, match="Comparison 0 is not in this batch"):
        suggest(lena, batch, also={0: [[0], [1]]})
    with pytest.raises(Invalid, match="not placed"):
        suggest(lena, batch, also={batch.comparisons.first().pk: [[0]]})
    assert assignment_claim(annotator=ana, project=project) is not None
    with pytest.raises(Conflict, match="already"):
        suggest(lena, batch)
    assert not Comparison.objects.exclude(suggestion=None).exists()


def test_over_rest(client: Client, lena: User, otto: User, project: Project, batch: Batch) -> None:
    address = f"/api/v1/batches/{batch.pk}/suggestions"
    key = batch.comparisons.first().pk
    body = {"by": "judge-7b", "suggestions": [{"comparison": key, "groups": [[0, 1]]}]}

    def send(user: User) -> object:
        headers = {"authorization": f"Bearer {make_token(user)}"}
        return client.post(address, body, content_type="application/json", headers=headers)

    assert send(otto).status_code == 404
    answer = send(lena)
    assert (answer.status_code, answer.json()) == (200, {"comparisons": 1})
    assert Comparison.objects.get(pk=key).suggestion == [[0, 1]]
