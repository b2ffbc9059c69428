"""Each person's figures, with simulated annotators never moving those of people."""

from uuid import uuid4

import pytest
from django.core.cache import cache
from django.utils import timezone

from annotation.models import Assignment, Judgment, Pool, Project, User
from annotation.selectors.access import pools_led
from annotation.selectors.people import invitations_open, people_table
from annotation.services.invitations import invitation_create, invitation_revoke
from annotation.services.judgments import JudgmentInput, judgment_submit
from tests.factories import claim, judge, make_user

pytestmark = pytest.mark.django_db

FIRST, TIE = ((0,), (1,)), ((0, 1),)


@pytest.fixture(autouse=True)
def fresh_figures() -> None:
    """Ids start again in every test, and so would the names under which figures are kept."""
    cache.clear()


def rows(project: Project) -> dict[str, object]:
    return {row.user.username: row for row in people_table(project)}


def judge_better(person: User, project: Project, *, terse: bool) -> Judgment:
    """Prefers the terse or the wordy response, wherever it stands."""
    assignment = claim(person, project)
    best = assignment.display_order.index(0 if terse else 1)
    answer = JudgmentInput(groups=((best,), (1 - best,)), active_ms=4000)
    return judgment_submit(annotator=person, assignment=assignment, token=uuid4(), answer=answer)


def test_members_without_judgments_are_listed_without_figures(project: Project) -> None:
    found = rows(project)
    assert set(found) == {"lena", "ana", "ben"}
    assert found["ana"].n == 0
    assert found["ana"].agreement.value is None
    assert found["ana"].is_active


def test_figures_count_agreement_ties_first_and_time(
    project: Project, ana: User, ben: User
) -> None:
    for terse in (True, True, True, False):
        judge_better(ana, project, terse=terse)
    for _ in range(4):
        judge_better(ben, project, terse=True)
    found = rows(project)
    assert (found["ana"].n, found["ben"].n) == (4, 4)
    assert found["ana"].agreement.value == pytest.approx(0.75)
    assert found["ana"].agreement.n == 4
    assert found["ana"].ties.value == 0
    assert found["ana"].median_seconds == 4.0
    firsts = sum(
        j.groups[0] == [j.assignment.display_order[0]]
        for j in Judgment.objects.filter(annotator=ana).select_related("assignment")
    )
    assert found["ana"].first.value == pytest.approx(firsts / 4)


def test_a_simulated_annotator_does_not_move_the_figures_of_people(
    project: Project, pool: Pool, ana: User
) -> None:
    robot = make_user("robot", kind=User.Kind.SIMULATED)
    pool.memberships.create(user=robot)
    judge_better(ana, project, terse=True)
    judge_better(robot, project, terse=False)
    found = rows(project)
    assert found["ana"].agreement.value is None
    assert found["robot"].agreement.n == 1


def test_first_positions_count_only_where_the_order_is_known(project: Project, ana: User) -> None:
    judge(ana, project, groups=FIRST)
    untold = Assignment.objects.create(
        comparison=project.comparisons.exclude(assignments__annotator=ana).first(),
        annotator=ana, state=Assignment.State.SUBMITTED, display_order=[],
        leased_at=timezone.now(), expires_at=timezone.now(), closed_at=timezone.now(),
    )  # fmt: skip
    Judgment.objects.create(
        comparison=untold.comparison, annotator=ana, assignment=untold,
        idempotency_token=uuid4(), groups=[[0], [1]], source=Judgment.Source.IMPORT,
    )  # fmt: skip
    found = rows(project)["ana"]
    assert (found.n, found.first.n) == (2, 1)


def test_a_newer_judgment_renews_the_figures(project: Project, ana: User) -> None:
    judge(ana, project, groups=TIE)
    assert rows(project)["ana"].ties.value == 1
    judge(ana, project, groups=FIRST)
    assert rows(project)["ana"].ties.value == 0.5


def test_who_has_left_the_pool_keeps_their_row(project: Project, pool: Pool, ana: User) -> None:
    judge(ana, project)
    pool.memberships.filter(user=ana).delete()
    assert rows(project)["ana"].n == 1
    assert not rows(project)["ana"].is_active


def test_only_invitations_that_still_work_are_open(
    project: Project, pool: Pool, lena: User
) -> None:
    kept, _ = invitation_create(actor=lena, pool=pool, role="annotator")
    revoked, _ = invitation_create(actor=lena, pool=pool, role="annotator")
    invitation_revoke(actor=lena, invitation=revoked)
    assert list(invitations_open(project)) == [kept]


def test_pools_led(pool: Pool, lena: User, ana: User, otto: User) -> None:
    assert list(pools_led(lena)) == [pool]
    assert list(pools_led(ana)) == []
    assert pool not in pools_led(otto)
