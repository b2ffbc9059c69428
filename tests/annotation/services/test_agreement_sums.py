"""Figures as of now must be those of a full count, whatever was judged, changed or left out."""

import random
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.core.agreement import agreement_figures
from annotation.models import (
    AgreementSums,
    Judgment,
    Participation,
    Project,
    User,
)
from annotation.selectors.agreement import rated
from annotation.selectors.judgments import live
from annotation.services import agreement_sums
from annotation.services.agreement import agreement_measure
from annotation.services.agreement_detail import categories_of
from annotation.services.agreement_sums import (
    agreement_now,
    agreement_sums_catch_up,
    agreement_sums_update,
)
from annotation.services.answers import JudgmentInput
from annotation.services.assignments import assignment_claim
from annotation.services.interventions import intervention_lift, intervention_open
from annotation.services.judgments import judgment_submit, judgment_withdraw
from tests.factories import judge, judge_for

pytestmark = pytest.mark.django_db

NAMES = ("percent", "alpha", "ac", "fleiss", "brennan_prediger")


def assert_now_is_a_full_count(project: Project) -> None:
    criterion = project.criteria.get(key="overall")
    found = agreement_now(project)[criterion.pk].figures
    ratings = rated(live(project), criterion).ratings
    full = agreement_figures(
        ratings, seed=1, categories=categories_of(project, criterion, ratings), resamples=0
    )
    for name in NAMES:
        mine, theirs = getattr(found, name), getattr(full, name)
        assert mine.value == (None if theirs.value is None else pytest.approx(theirs.value))
        assert (mine.n_units, mine.n_ratings, mine.n_alone) == (
            theirs.n_units, theirs.n_ratings, theirs.n_alone,
        )  # fmt: skip
    people = len(set(ratings.annotators.tolist()))
    assert AgreementSums.objects.get(criterion=criterion).n_annotators == people


def amend(judgment: Judgment, groups: tuple[tuple[int, ...], ...]) -> None:
    judgment_submit(
        annotator=judgment.annotator, assignment=judgment.assignment, token=uuid4(),
        answer=JudgmentInput(groups=groups),
    )  # fmt: skip


def test_each_judgment_amendment_and_withdrawal_is_counted(
    project: Project, ana: User, ben: User
) -> None:
    drawn = random.Random(4)
    for person in (ana, ben):
        for _ in range(3):
            judge_for(person, project, drawn.randrange(2))
            assert agreement_sums_update(project=project)
            assert_now_is_a_full_count(project)
    newest = {who: Judgment.objects.filter(annotator=who).latest("pk") for who in (ana, ben)}
    amend(newest[ana], ((0, 1),))
    judgment_withdraw(annotator=ben, judgment=newest[ben], token=uuid4())
    assert agreement_sums_update(project=project)
    assert_now_is_a_full_count(project)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_in_whatever_order(
    project: Project, ana: User, ben: User, lena: User, seed: int
) -> None:
    drawn = random.Random(seed)
    orders = (((0,), (1,)), ((1,), (0,)), ((0, 1),))
    for _ in range(24):
        who = drawn.choice((ana, ben))
        part = Participation.objects.filter(annotator=who, project=project).first()
        lifted = part and part.interventions.filter(lifted_at=None).first()
        own = list(Judgment.objects.live().filter(annotator=who).order_by("pk"))
        step = drawn.random()
        if lifted:
            intervention_lift(actor=lena, intervention=lifted, reason="An error.")
        elif step < 0.15 and part:
            intervention_open(participation=part, action="quarantine", reason="Seen.", actor=lena)
        elif step < 0.4 and own:
            amend(drawn.choice(own), drawn.choice(orders))
        elif assignment := assignment_claim(annotator=who, project=project):
            judgment_submit(
                annotator=who, assignment=assignment, token=uuid4(),
                answer=JudgmentInput(groups=drawn.choice(orders)),
            )  # fmt: skip
        if drawn.random() < 0.5:
            assert agreement_sums_update(project=project)
            assert_now_is_a_full_count(project)


def test_rankings_are_counted_by_their_pairs(
    ranking_project: Project, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        judge(person, ranking_project, groups=((0,), (1, 2), (3,)))
        assert agreement_sums_update(project=ranking_project)
    assert_now_is_a_full_count(ranking_project)


def test_only_what_is_new_is_read(project: Project, ana: User, ben: User) -> None:
    for person in (ana, ben):
        judge(person, project)
    agreement_sums_update(project=project)
    judge(ana, project)
    with CaptureQueriesContext(connection) as queries:
        agreement_sums_update(project=project)
    read = [each["sql"] for each in queries if "groups" in each["sql"]]
    newest = Judgment.objects.latest("pk").comparison_id
    assert len(read) == project.criteria.count()
    assert all(f"IN ({newest})" in sql for sql in read)
    with CaptureQueriesContext(connection) as queries:
        agreement_sums_update(project=project)
    assert not any("UPDATE" in each["sql"] for each in queries)


def test_who_is_quarantined_is_counted_no_more_and_again(
    project: Project, ana: User, ben: User, lena: User
) -> None:
    for person in (ana, ben):
        for _ in range(3):
            judge(person, project)
    agreement_sums_update(project=project)
    part = Participation.objects.get(annotator=ben, project=project)
    done = intervention_open(participation=part, action="quarantine", reason="Seen.", actor=lena)
    agreement_sums_update(project=project)
    assert_now_is_a_full_count(project)
    criterion = project.criteria.get(key="overall")
    assert agreement_now(project)[criterion.pk].figures.alpha.n_units == 0
    intervention_lift(actor=lena, intervention=done, reason="An error.")
    agreement_sums_update(project=project)
    assert agreement_now(project)[criterion.pk].figures.alpha.n_units == 3


def test_llm_judges_are_not_counted_as_of_now(project: Project, ana: User, ben: User) -> None:
    criterion = project.criteria.get(key="overall")
    User.objects.filter(pk=ben.pk).update(judge_model="gpt-4")
    for person, n_people in ((ben, 1), (ana, 1)):
        judge(person, project)
        agreement_sums_update(project=project)
        assert AgreementSums.objects.get(criterion=criterion).n_annotators == n_people
        assert agreement_now(project)[criterion.pk].figures.alpha.n_alone == 1


def test_a_page_leaves_much_work_to_the_schedule(project: Project, ana: User) -> None:
    for _ in range(3):
        judge(ana, project)
    assert not agreement_sums_update(project=project, at_most=2)
    assert not agreement_now(project)
    agreement_sums_catch_up()
    assert agreement_sums_update(project=project, at_most=0)
    judge(ana, project)
    assert agreement_sums_update(project=project, at_most=1)
    assert_now_is_a_full_count(project)


def test_what_was_judged_late_is_caught_up_with_by_a_snapshot(
    monkeypatch: pytest.MonkeyPatch, project: Project, ana: User, ben: User
) -> None:
    for person in (ana, ben):
        judge(person, project)
    criterion = project.criteria.get(key="overall")
    agreement_sums_update(project=project)
    AgreementSums.objects.filter(criterion=criterion).update(sums={"running": {}, "people": {}})
    agreement_measure(project=project, criterion=criterion)
    assert_now_is_a_full_count(project)


def test_very_many_touched_comparisons_are_counted_anew(
    monkeypatch: pytest.MonkeyPatch, project: Project, ana: User, ben: User
) -> None:
    judge(ana, project)
    agreement_sums_update(project=project)
    monkeypatch.setattr(agreement_sums, "TOUCHED_AT_MOST", 1)
    for _ in range(3):
        judge(ben, project)
    agreement_sums_update(project=project)
    assert_now_is_a_full_count(project)


def test_an_answer_that_could_not_be_given_is_counted_all_the_same(
    project: Project, ana: User, ben: User
) -> None:
    Project.objects.filter(pk=project.pk).update(allow_tie=False)
    project.refresh_from_db()
    judge(ana, project)
    agreement_sums_update(project=project)
    Project.objects.filter(pk=project.pk).update(allow_tie=True)
    judge(ben, project, groups=((0, 1),))
    Project.objects.filter(pk=project.pk).update(allow_tie=False)
    agreement_sums_update(project=project)
    assert_now_is_a_full_count(project)
