"""Reading judgments as plain values: the same as ever, in a few queries however many there are."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Criterion, Judgment, Project, User
from annotation.selectors import judgments as selectors
from annotation.selectors.judgments import live, marks, verdicts
from annotation.services.answers import CriterionInput, JudgmentInput
from annotation.services.imports import records_import
from annotation.services.judgments import judgment_submit
from tests.factories import claim, judge, make_criterion

pytestmark = pytest.mark.django_db


def test_a_verdict_has_all_that_its_judgment_says(project: Project, ana: User) -> None:
    judgment = judge(ana, project, groups=((1,), (0,)), strength=2)
    (found,) = verdicts(live(project))
    assert found.groups == tuple(tuple(group) for group in judgment.groups)
    assert found.display_order == tuple(judgment.assignment.display_order)
    by_position = judgment.comparison.candidates.order_by("position")
    assert found.completion_ids == tuple(by_position.values_list("completion", flat=True))
    assert (found.judgment_id, found.comparison_id, found.annotator_id, found.strength) == (
        judgment.pk, judgment.comparison_id, ana.pk, 2,
    )  # fmt: skip
    assert found.prompt_id == judgment.comparison.prompt_id


def test_without_a_known_order_the_canonical_one_stands_in(project: Project) -> None:
    texts = [{"policy": name, "text": f"Text of {name}"} for name in "abc"]
    row = {"prompt": "Rank", "annotator": "w", "completions": texts, "groups": [[2], [0, 1]]}
    records_import(project=project, kind="judgments", rows=[row])
    (found,) = verdicts(live(project))
    assert (found.groups, found.display_order) == (((2,), (0, 1)), (0, 1, 2))


def answered(person: User, project: Project, **criteria: CriterionInput) -> Judgment:
    assignment = claim(person, project)
    return judgment_submit(
        annotator=person, assignment=assignment, token=uuid4(),
        answer=JudgmentInput(groups=((0,), (1,)), criteria=criteria),
    )  # fmt: skip


def test_answers_on_a_criterion_and_no_others(project: Project, ana: User, ben: User) -> None:
    make_criterion(project, "clear", scale=Criterion.Scale.RATING)
    first = answered(
        ana, project, honest=CriterionInput(groups=((0, 1),)), clear=CriterionInput(ratings=(4, 2))
    )
    judge(ben, project)
    (honest,) = verdicts(live(project), criterion="honest")
    assert (honest.judgment_id, honest.groups, honest.criterion) == (first.pk, ((0, 1),), "honest")
    (clear,) = verdicts(live(project), criterion="clear")
    (marked,) = marks(live(project), criterion="clear")
    assert set(marked.marks) == {4, 2}
    better = marked.marks.index(4)
    assert clear.groups == ((better,), (1 - better,))
    assert len(list(verdicts(live(project)))) == 2
    assert not list(marks(live(project), criterion="honest"))


def test_more_judgments_are_no_more_queries(
    monkeypatch: pytest.MonkeyPatch, project: Project, ana: User, ben: User
) -> None:
    counts = []
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(list(verdicts(live(project)))) == live(project).count()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    monkeypatch.setattr(selectors, "CHUNK", 3)
    assert [v.judgment_id for v in verdicts(live(project))] == sorted(
        live(project).values_list("pk", flat=True)
    )
