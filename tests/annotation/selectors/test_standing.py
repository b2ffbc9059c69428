"""Progress, pay and one's own agreement with others."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotation.models import Draft, Judgment, Membership, Pool, Project, User
from annotation.selectors import standing
from annotation.selectors.standing import (
    Progress,
    Terms,
    drafts_begun,
    own_agreement,
    progress,
    terms,
)
from annotation.services.drafts import draft_save
from annotation.services.judgments import JudgmentInput, judgment_submit, judgment_withdraw
from tests.factories import (
    claim,
    judge,
    make_batch,
    make_completion,
    make_policy,
    make_pool,
    make_prompt,
    make_user,
)

TOMORROW = timedelta(days=1)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    cache.clear()


def test_progress_counts_today_and_the_batch(
    ana: User, ben: User, project: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert progress(ana, project) == Progress(0, None, 0, 0, None, "")
    judge(ana, project)
    judge(ana, project)
    judge(ben, project)
    with django_assert_num_queries(4):
        assert progress(ana, project) == Progress(2, None, 3, 8, None, "")
    assert progress(ben, project).today == 1


def test_the_batch_is_the_one_that_is_worked_on(ana: User, project: Project) -> None:
    for _ in range(4):
        judge(ana, project)
    prompt = make_prompt(project, "And now?")
    policy = make_policy(project, "third")
    make_batch(project, [make_completion(prompt, policy) for _ in range(2)], name="Second")
    assert progress(ana, project).batch_total == 8
    claim(ana, project)
    assert (progress(ana, project).batch_done, progress(ana, project).batch_total) == (0, 2)


def test_neither_an_undo_nor_an_amendment_counts_twice(ana: User, project: Project) -> None:
    judgment = judge(ana, project)
    again = JudgmentInput(groups=((0, 1),))
    assignment = judgment_withdraw(annotator=ana, judgment=judgment, token=uuid4())
    assert progress(ana, project).today == 0
    judgment_submit(annotator=ana, assignment=assignment, token=uuid4(), answer=again)
    judgment_submit(annotator=ana, assignment=assignment, token=uuid4(), answer=again)
    assert progress(ana, project).today == 1


def test_what_was_judged_yesterday_and_amended_today_is_no_work_of_today(
    ana: User, project: Project, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = judge(ana, project).assignment
    with monkeypatch.context() as at_night:
        now = timezone.now() + TOMORROW
        at_night.setattr(timezone, "now", lambda: now)
        assert progress(ana, project).today == 0
        judgment_submit(
            annotator=ana, assignment=assignment, token=uuid4(),
            answer=JudgmentInput(groups=((0, 1),)),
        )  # fmt: skip
        assert progress(ana, project).today == 0


def test_pay_and_quota_come_from_the_pools_one_works_in(
    ana: User, ben: User, project: Project, pool: Pool
) -> None:
    strict = make_pool("Strict", annotator=[ana])
    elsewhere = make_pool("Elsewhere", annotator=[ana])
    project.pools.add(strict)
    Pool.objects.filter(pk=pool.pk).update(
        daily_quota=40, total_quota=500, pay_per_judgment="0.1250", pay_currency="EUR"
    )
    Pool.objects.filter(pk=strict.pk).update(daily_quota=10)
    Pool.objects.filter(pk=elsewhere.pk).update(daily_quota=1, pay_per_judgment=9)
    paid = Decimal("0.1250")
    assert terms(ana, project) == Terms(("Cooks", "Strict"), 10, 500, paid, None, "EUR")
    assert terms(ben, project).daily_quota == 40
    Membership.objects.filter(pool=strict).update(state="paused")
    assert terms(ana, project).daily_quota == 40
    judge(ana, project)
    judge(ana, project)
    assert progress(ana, project).earned_today == Decimal("0.25")


def test_pay_may_be_by_the_judgment_by_the_hour_or_both() -> None:
    def pay(judgment: str | None, hour: str | None) -> Terms:
        amounts = [Decimal(each) if each else None for each in (judgment, hour)]
        return Terms((), None, None, *amounts, "EUR")

    minutes = 6 * 60_000
    assert pay(None, None).earned(10, minutes) is None
    assert pay("0.1250", None).earned(10, minutes) == Decimal("1.25")
    assert pay(None, "12").earned(10, minutes) == Decimal("1.20")
    assert pay("0.1250", "12").earned(10, minutes) == Decimal("2.45")


def test_drafts_that_can_go_on(ana: User, ben: User, project: Project) -> None:
    judgment = judge(ana, project)
    leased = claim(ana, project)
    fields = {"rationale": "Half a thought"}
    given = {"fields": fields, "active_ms": 5, "version": 0}
    draft_save(annotator=ana, assignment=leased, **given)
    draft_save(annotator=ana, assignment=judgment.assignment, amends=judgment.pk, **given)
    assert [draft.amends_id for draft in drafts_begun(ana)] == [judgment.pk, None]
    assert not drafts_begun(ben).exists()
    project.allow_amend = False
    project.save()
    assert [draft.assignment for draft in drafts_begun(ana)] == [leased]
    leased.state, leased.closed_at = "expired", timezone.now()
    leased.save()
    assert not drafts_begun(ana).exists()
    assert Draft.objects.count() == 2


def fill(project: Project, *people: User, number: int) -> None:
    """`number` more comparisons; people answer in order, everybody "the first is better"."""
    policy = make_policy(project)
    together = []
    for _ in range(number):
        prompt = make_prompt(project)
        together.append([make_completion(prompt, policy, f"{at}") for at in range(2)])
    make_batch(project, *together, overlap=len(people), name=f"{number} more")
    for who in people:
        for _ in range(number):
            assignment = claim(who, project)
            best = assignment.display_order.index(0)
            answer = JudgmentInput(groups=((best,), (1 - best,)))
            judgment_submit(annotator=who, assignment=assignment, token=uuid4(), answer=answer)


@pytest.fixture
def empty(project: Project) -> Project:
    project.comparisons.all().delete()
    return project


def test_agreement_is_shown_from_twenty_shared_comparisons(
    empty: Project, ana: User, ben: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    later = timezone.now() + TOMORROW
    fill(empty, ana, ben, number=19)
    assert own_agreement(ana, empty, now=later).n == 0
    fill(empty, ana, ben, number=1)
    with django_assert_max_num_queries(4):
        found = own_agreement(ana, empty, now=later)
    assert (found.value, found.n) == (1.0, 20)
    assert found.low == pytest.approx(0.839, abs=0.001)
    with django_assert_max_num_queries(1):
        own_agreement(ana, empty, now=later)


def test_agreement_is_with_each_other_person_and_as_of_midnight(
    empty: Project, ana: User, ben: User, pool: Pool
) -> None:
    cem = make_user("cem")
    Membership.objects.create(pool=pool, user=cem)
    fill(empty, ana, ben, cem, number=20)
    judgments = list(Judgment.objects.filter(annotator=ben))
    for judgment in judgments[:10]:
        judgment_submit(
            annotator=ben, assignment=judgment.assignment, token=uuid4(),
            answer=JudgmentInput(groups=((0, 1),)),
        )  # fmt: skip
    assert own_agreement(ana, empty).n == 0
    later = timezone.now() + TOMORROW
    # Cem agrees always, Ben on half: of each comparison the mean of the two.
    assert own_agreement(ana, empty, now=later).value == pytest.approx(0.75)
    assert own_agreement(ben, empty, now=later).value == pytest.approx(0.5)


def test_an_amendment_of_today_tells_nothing(
    empty: Project, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(empty, ana, ben, number=20)
    at_midnight = Judgment.objects.latest("pk").pk
    monkeypatch.setattr(standing, "_latest_before", lambda moment: at_midnight)
    before = own_agreement(ana, empty)
    cache.clear()
    judgment_submit(
        annotator=ana, assignment=ana.assignments.first(), token=uuid4(),
        answer=JudgmentInput(groups=((0, 1),)),
    )  # fmt: skip
    assert own_agreement(ana, empty) == before
    assert before.value == 1.0


def test_people_are_compared_with_people(empty: Project, ana: User, ben: User, pool: Pool) -> None:
    robot = make_user("robot", kind=User.Kind.SIMULATED)
    Membership.objects.create(pool=pool, user=robot)
    fill(empty, ana, robot, number=20)
    later = timezone.now() + TOMORROW
    assert own_agreement(ana, empty, now=later).n == 0
    assert own_agreement(robot, empty, now=later).n == 20
