"""Qualifications: what leads make, what annotators go through, and what passing opens."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.core.errors import Conflict, FileInvalid, Invalid
from annotation.core.known_answers import parse_known_answer
from annotation.core.rankings import as_shown
from annotation.models import (
    Assignment,
    AuditEntry,
    Batch,
    Comparison,
    Judgment,
    Participation,
    Project,
    Qualification,
    QualificationAttempt,
    User,
)
from annotation.selectors.gold import comparisons_agreed, gold_items
from annotation.selectors.interventions import notices
from annotation.selectors.qualifications import (
    gold_groups,
    item_figures,
    must_qualify,
    needed,
    passed_share,
    progress,
    standing,
)
from annotation.selectors.standing import progress as progress_of_work
from annotation.selectors.work import annotator_home
from annotation.services.assignments import assignment_claim
from annotation.services.gold import gold_create, gold_from_comparison, gold_retire
from annotation.services.known_answers import known_answers_write
from annotation.services.qualifications import (
    qualification_again,
    qualification_create,
    qualification_item_change,
    qualification_items_add,
    qualification_open_set,
    qualification_pass_by_hand,
)
from annotation.services.qualifying import attempt_answer, attempt_begin, order_shown
from tests.factories import claim, judge_for, make_user

pytestmark = pytest.mark.django_db

SETTINGS = {"name": "Entrance", "pass_mark": 0.75, "test_size": 4, "attempts_allowed": 2}


def rows(n: int, phase: str = "test") -> list[tuple[int, object]]:
    return [
        (
            number,
            parse_known_answer(
                {
                    "prompt": f"What is {number} + {number}?",
                    "completions": [f"It is {2 * number}.", f"It is {3 * number} ({phase})."],
                    "order": "A > B" if number % 2 else [[0], [1]],
                    "explanation": "Count on your fingers.",
                    "phase": phase,
                }
            ),
        )
        for number in range(1, n + 1)
    ]


@pytest.fixture
def entrance(project: Project, lena: User) -> Qualification:
    """Two to train, eight to test, four drawn: three of four pass."""
    made = qualification_create(actor=lena, project=project, settings=SETTINGS)
    for n, phase in ((2, "training"), (8, "test")):
        known = known_answers_write(project=project, rows=rows(n, phase), name="rows")
        qualification_items_add(actor=lena, qualification=made, known=known, phase=phase)
    return qualification_open_set(actor=lena, qualification=made, is_open=True)


def take(person: User, qualification: Qualification, *, right: int) -> QualificationAttempt:
    """A whole attempt, with so many right answers in its test and none in the training."""
    attempt = attempt_begin(annotator=person, qualification=qualification)
    while (at := progress(attempt)).item is not None:
        is_right = at.is_test and at.at <= right
        order = order_shown(attempt, at)
        known = gold_groups(at.item.comparison)
        shown = as_shown(known if is_right else known[::-1], order)
        attempt_answer(annotator=person, attempt=attempt, item_id=at.item.pk, groups=shown)
    attempt.refresh_from_db()
    return attempt


def test_whoever_has_not_passed_gets_no_work_and_whoever_has_does(
    entrance: Qualification, project: Project, ana: User
) -> None:
    assert must_qualify(ana, project)
    assert assignment_claim(annotator=ana, project=project) is None
    assert annotator_home(ana)[0].n_open == 0
    attempt = take(ana, entrance, right=3)
    assert (attempt.state, attempt.n_right, attempt.n_tested) == ("passed", 3, 4)
    assert not must_qualify(ana, project)
    assert annotator_home(ana)[0].n_open == 4
    assert assignment_claim(annotator=ana, project=project) is not None


def test_nothing_of_it_is_a_judgment_or_given_out(
    entrance: Qualification, project: Project, ana: User
) -> None:
    take(ana, entrance, right=4)
    assert not Judgment.objects.exists()
    assert not Assignment.objects.exists()
    shown = {claim(ana, project).comparison.batch.reason}
    assert shown == {"manual"}


def test_two_failures_are_the_end_until_a_lead_asks_again(
    entrance: Qualification, project: Project, lena: User, ana: User
) -> None:
    assert take(ana, entrance, right=2).state == "failed"
    take(ana, entrance, right=0)
    with pytest.raises(Conflict):
        attempt_begin(annotator=ana, qualification=entrance)
    qualification_again(actor=lena, project=project, annotator=ana, reason="You asked nicely.")
    assert Participation.objects.get(annotator=ana).state == "retraining"
    assert [n.reason for n in notices(ana, project)] == ["You asked nicely."]
    assert take(ana, entrance, right=4).number == 3
    assert Participation.objects.get(annotator=ana).state == "active"
    assert notices(ana, project) == []


def test_the_next_attempt_draws_what_was_not_seen(entrance: Qualification, ana: User) -> None:
    first = take(ana, entrance, right=0)
    second = attempt_begin(annotator=ana, qualification=entrance)
    training = set(first.items[:2])
    assert set(second.items[:2]) == training
    assert not set(first.items[2:]) & set(second.items[2:])


def test_orders_are_counterbalanced_over_an_attempt(entrance: Qualification, ana: User) -> None:
    attempt = take(ana, entrance, right=4)
    orders = list(attempt.answers.values_list("display_order", flat=True))
    assert sorted(orders) == [[0, 1]] * 3 + [[1, 0]] * 3


def test_one_waits_between_attempts(entrance: Qualification, ana: User) -> None:
    entrance.hours_between = 24
    entrance.save()
    take(ana, entrance, right=0)
    with pytest.raises(Conflict):
        attempt_begin(annotator=ana, qualification=entrance)
    assert standing(ana, entrance, timezone.now() + timedelta(hours=25)).may_begin


def test_an_answer_counts_once_and_only_to_what_is_next(entrance: Qualification, ana: User) -> None:
    attempt = attempt_begin(annotator=ana, qualification=entrance)
    assert attempt_begin(annotator=ana, qualification=entrance) == attempt
    first, second = attempt.items[:2]
    with pytest.raises(Conflict):
        attempt_answer(annotator=ana, attempt=attempt, item_id=second, groups=((0,), (1,)))
    given = attempt_answer(annotator=ana, attempt=attempt, item_id=first, groups=((0,), (1,)))
    again = attempt_answer(annotator=ana, attempt=attempt, item_id=first, groups=((1,), (0,)))
    assert again == given
    with pytest.raises(Invalid):
        attempt_answer(annotator=ana, attempt=attempt, item_id=second, groups=((0,),))


@pytest.mark.parametrize(("mark", "n", "least"), [(0.8, 10, 8), (0.75, 4, 3), (0.7, 10, 7)])
def test_a_pass_mark_is_met_exactly(mark: float, n: int, least: int) -> None:
    assert needed(Qualification(pass_mark=mark), n) == least


def test_a_lead_lets_somebody_pass_with_a_reason(
    entrance: Qualification, project: Project, lena: User, ana: User
) -> None:
    with pytest.raises(Invalid):
        qualification_pass_by_hand(actor=lena, project=project, annotator=ana, reason="")
    qualification_pass_by_hand(actor=lena, project=project, annotator=ana, reason="Wrote it.")
    assert not must_qualify(ana, project)
    assert AuditEntry.objects.get(action="qualification.pass").detail["reason"] == "Wrote it."


def test_opening_lets_in_who_has_judged_if_asked_to(
    project: Project, lena: User, ana: User, ben: User
) -> None:
    judge_for(ana, project, 0)
    made = qualification_create(actor=lena, project=project, settings=SETTINGS | {"test_size": 1})
    with pytest.raises(Invalid):
        qualification_open_set(actor=lena, qualification=made, is_open=True)
    known = known_answers_write(project=project, rows=rows(1), name="rows")
    qualification_items_add(actor=lena, qualification=made, known=known, phase="test")
    qualification_open_set(actor=lena, qualification=made, is_open=True, lets_in=True)
    assert not must_qualify(ana, project)
    assert must_qualify(ben, project)
    with pytest.raises(Invalid):
        qualification_item_change(actor=lena, item=made.items.get(), is_active=False)


def test_a_broken_item_shows(entrance: Qualification, project: Project) -> None:
    for number in range(6):
        take(make_user(f"newcomer-{number}"), entrance, right=4 if number < 2 else 0)
    figures = {each.item.phase: each for each in item_figures(entrance)}
    assert figures["training"].right.n == 6
    assert figures["training"].looks_broken
    assert passed_share(entrance).value == pytest.approx(2 / 6)


def test_a_row_that_does_not_fit_is_named(project: Project) -> None:
    three = parse_known_answer(
        {"prompt": "Which?", "completions": ["a", "b", "c"], "order": "A > B = C"}
    )
    with pytest.raises(FileInvalid) as refused:
        known_answers_write(project=project, rows=[(7, three)], name="gold.jsonl")
    assert "row 7, field completions" in str(refused.value)
    assert not project.prompts.filter(messages__0__content="Which?").exists()


# Gold


def test_gold_is_seen_once_by_everybody_and_scored(
    project: Project, lena: User, ana: User, ben: User
) -> None:
    Project.objects.filter(pk=project.pk).update(gold_rate=0.5)
    project.refresh_from_db()
    known = known_answers_write(project=project, rows=rows(1), name="rows")
    item = gold_create(actor=lena, project=project, known=known)[0]
    assert annotator_home(ana)[0].n_open == 4
    for person in (ana, ben):
        for _ in range(5):
            judge_for(person, project, 0)
        assert Judgment.objects.filter(annotator=person, comparison=item).count() == 1
        assert progress_of_work(person, project).batch_total == 8, "gold would show"
    shown = gold_items(project)[0]
    assert (shown.order, shown.right.value, shown.right.n) == ("A > B", 1, 2)


def test_what_people_agree_on_can_become_gold_and_is_offered_once(
    project: Project, lena: User, ana: User, ben: User
) -> None:
    first = judge_for(ana, project, 1)
    for _ in range(4):
        judge_for(ben, project, 1)
    found = comparisons_agreed(project, judged=2)
    assert [each.comparison.pk for each in found] == [first.comparison_id]
    assert found[0].order == "B > A"
    gold = gold_from_comparison(
        actor=lena, comparison=found[0].comparison, groups=found[0].groups, explanation="Clear."
    )
    assert gold.gold_groups == [[1], [0]]
    assert comparisons_agreed(project, judged=2) == []
    assert comparisons_agreed(project, judged=2, words="no such words") == []
    with pytest.raises(Invalid):
        gold_from_comparison(
            actor=lena, comparison=found[0].comparison, groups=found[0].groups, explanation=""
        )


def test_retired_gold_is_given_to_nobody(project: Project, lena: User, ana: User) -> None:
    known = known_answers_write(project=project, rows=rows(1), name="rows")
    item = gold_create(actor=lena, project=project, known=known)[0]
    project.batches.exclude(reason=Batch.Reason.GOLD).update(state="paused")
    Project.objects.filter(pk=project.pk).update(gold_rate=0.5)
    project.refresh_from_db()
    with pytest.raises(Invalid):
        gold_retire(actor=lena, comparison=item, reason="")
    gold_retire(actor=lena, comparison=item, reason="Both are right.")
    with pytest.raises(Conflict):
        gold_retire(actor=lena, comparison=item, reason="Again.")
    assert all(assignment_claim(annotator=ana, project=project) is None for _ in range(3))
    assert Comparison.objects.get(pk=item.pk).gold_groups is not None
