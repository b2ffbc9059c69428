"""What leads do about batches and comparisons that do not go on by themselves."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.models import (
    Assignment,
    AuditEntry,
    Batch,
    Comparison,
    Membership,
    Participation,
    Project,
    User,
)
from annotation.selectors.batch_work import finishes, leases_out, one_batch_progress, people_at_work
from annotation.selectors.stuck import stuck
from annotation.services.assignments import assignment_claim, assignment_skip
from annotation.services.batches import batch_extend, batch_rename, batch_state_set
from annotation.services.comparisons import (
    comparison_give,
    comparison_state_set,
    lease_take_back,
)
from annotation.services.disputes import dispute_open
from annotation.services.lanes import project_queue
from tests.factories import claim, judge, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(project: Project) -> Batch:
    return project.batches.get()


def only(batch: Batch) -> Comparison:
    """The batch's first comparison; nothing else of it is open."""
    first = batch.comparisons.select_related("project").first()
    assert first is not None
    batch.comparisons.exclude(pk=first.pk).update(state="retired")
    return first


def test_pausing_and_closing_return_leases_and_reopening_gives_them_out_again(
    batch: Batch, lena: User, ana: User, project: Project
) -> None:
    lease = claim(ana, project)
    batch_state_set(actor=lena, batch=batch, state="closed")
    lease.refresh_from_db()
    assert lease.state == Assignment.State.RELEASED
    assert assignment_claim(annotator=ana, project=project) is None
    reopened = batch_state_set(actor=lena, batch=batch, state="open")
    assert (reopened.state, reopened.closed_at) == ("open", None)
    assert assignment_claim(annotator=ana, project=project) is not None
    with pytest.raises(Conflict):
        batch_state_set(actor=lena, batch=batch, state="open")


def test_a_reopened_batch_follows_what_changed_while_it_was_closed(
    batch: Batch, lena: User, ana: User, project: Project
) -> None:
    batch_state_set(actor=lena, batch=batch, state="closed")
    project.prompts.update(tags=["chemistry"])
    Project.objects.update(skill_tags=["chemistry"])
    batch_state_set(actor=lena, batch=batch, state="open")
    project.refresh_from_db()
    assert assignment_claim(annotator=ana, project=project) is None


def test_a_batch_is_renamed_and_the_log_knows(batch: Batch, lena: User) -> None:
    assert batch_rename(actor=lena, batch=batch, name=" Again ").name == "Again"
    entry = AuditEntry.objects.get(action="batch.rename")
    assert (entry.actor, entry.detail["before"]) == (lena, "First")
    with pytest.raises(Invalid):
        batch_rename(actor=lena, batch=batch, name=" ")


def test_extended_comparisons_can_be_claimed_again(
    batch: Batch, lena: User, ana: User, ben: User, project: Project
) -> None:
    comparison = only(batch)
    judge(ana, project)
    judge(ben, project)
    cleo = make_user("cleo")
    Membership.objects.create(pool=project.pools.get(), user=cleo)
    assert assignment_claim(annotator=cleo, project=project) is None
    assert batch_extend(actor=lena, batch=batch, by=1) == 1
    assert claim(cleo, project).comparison == comparison
    other = batch.comparisons.exclude(pk=comparison.pk).first()
    with pytest.raises(Invalid, match="not open"):
        batch_extend(actor=lena, batch=batch, by=1, comparison_ids=[other.pk])
    with pytest.raises(Invalid):
        batch_extend(actor=lena, batch=batch, by=499)
    batch_state_set(actor=lena, batch=batch, state="closed")
    with pytest.raises(Conflict, match="closed"):
        batch_extend(actor=lena, batch=batch, by=1)


def test_retired_it_is_given_to_nobody_and_what_was_judged_stays(
    batch: Batch, lena: User, ana: User, ben: User, project: Project
) -> None:
    comparison = only(batch)
    judge(ana, project)
    lease = claim(ben, project)
    comparison_state_set(actor=lena, comparison=comparison, state="retired")
    lease.refresh_from_db()
    comparison.refresh_from_db()
    assert lease.state == Assignment.State.RELEASED
    assert (comparison.taken, comparison.judged) == (1, 1)
    assert assignment_claim(annotator=ben, project=project) is None
    comparison_state_set(actor=lena, comparison=comparison, state="open")
    assert claim(ben, project).comparison == comparison


def test_a_lease_is_taken_back_and_given_to_somebody_else(
    batch: Batch, lena: User, ana: User, ben: User, project: Project
) -> None:
    lease = claim(ana, project)
    given = comparison_give(
        actor=lena, comparison=lease.comparison, person=ben, hours=48, instead_of=lease
    )
    lease.refresh_from_db()
    assert lease.state == Assignment.State.RELEASED
    assert (given.expires_at - timezone.now()).total_seconds() > 47 * 3600
    assert claim(ben, project) == given
    assert judge(ben, project).assignment == given
    with pytest.raises(Conflict, match="ended already"):
        lease_take_back(actor=lena, assignment=lease)


def forbid_batch(comparison: Comparison, person: User) -> None:
    Batch.objects.update(state="paused")


def forbid_room(comparison: Comparison, person: User) -> None:
    Comparison.objects.update(overlap=1)
    judge(User.objects.get(username="ana"), comparison.project)


def forbid_member(comparison: Comparison, person: User) -> None:
    Membership.objects.filter(user=person).update(state="paused")


def forbid_state(comparison: Comparison, person: User) -> None:
    Participation.objects.create(annotator=person, project=comparison.project, state="quarantined")


def forbid_language(comparison: Comparison, person: User) -> None:
    comparison.project.prompts.update(language="de")
    Membership.objects.filter(user=person).update(languages=["en"])
    project_queue(project=comparison.project)


def forbid_skill(comparison: Comparison, person: User) -> None:
    comparison.project.prompts.update(tags=["law"])
    Project.objects.update(skill_tags=["law"])
    project_queue(project=Project.objects.get(pk=comparison.project_id))


def forbid_skipped(comparison: Comparison, person: User) -> None:
    lease = claim(person, comparison.project)
    assignment_skip(annotator=person, assignment=lease, reason="language")


@pytest.mark.parametrize(
    ("forbid", "reason"),
    [
        (forbid_batch, "batch is paused"),
        (forbid_room, "all its judges"),
        (forbid_member, "not among those"),
        (forbid_state, "stopped: quarantined"),
        (forbid_language, "do not read “de”"),
        (forbid_skill, "law"),
        (forbid_skipped, "skipped it"),
    ],
)
def test_who_may_not_have_it_is_refused_with_the_reason(
    batch: Batch, lena: User, ben: User, forbid: Callable[[Comparison, User], None], reason: str
) -> None:
    comparison = only(batch)
    forbid(comparison, ben)
    comparison.refresh_from_db()
    held = Assignment.objects.filter(state="leased").count()
    with pytest.raises(Conflict, match=reason):
        comparison_give(actor=lena, comparison=comparison, person=ben)
    assert Assignment.objects.filter(state="leased").count() == held


def test_progress_counts_what_is_there(
    batch: Batch, ana: User, ben: User, project: Project
) -> None:
    judge(ana, project)
    claim(ana, project)
    found = one_batch_progress(batch)
    assert (found.n_comparisons, found.wanted, found.judged, found.leased) == (4, 8, 1, 1)
    assert (found.n_waiting, found.n_done, found.n_retired) == (4, 0, 0)
    assert people_at_work(batch) == 1
    assert [lease.annotator for lease in leases_out(batch)] == [ana]
    Comparison.objects.filter(judged=1).update(state="retired")
    found = one_batch_progress(batch)
    assert (found.wanted, found.n_retired, found.percent) == (7, 1, 14)


def test_the_finish_is_estimated_from_the_newest_judgments(
    batch: Batch, ana: User, project: Project
) -> None:
    judge(ana, project)
    assert finishes(project, [one_batch_progress(batch)]) == {}
    judge(ana, project)
    judge(ana, project)
    found = finishes(project, [one_batch_progress(batch)])[batch.pk]
    assert found.rate.n == 2
    assert timezone.now() < found.soonest < found.at


def test_what_is_stuck_and_why(
    batch: Batch, lena: User, ana: User, ben: User, project: Project
) -> None:
    assert not stuck(batch)
    comparison = only(batch)
    Membership.objects.filter(user=lena).update(role="viewer")
    judge(ana, project)
    skipped = claim(ben, project)
    assignment_skip(annotator=ben, assignment=skipped, reason="language")
    dispute_open(actor=lena, comparison=comparison)
    (item,) = stuck(batch).items
    assert item.comparison == comparison
    assert item.reasons == (
        "All 2 who may judge it have judged or skipped it.",
        "It waits for a reviewer's decision.",
    )


@pytest.mark.parametrize(
    ("forbid", "reason"),
    [
        (forbid_language, "Nobody reads “de”."),
        (forbid_skill, "skills it asks for: law"),
        (forbid_member, "No pool of the project"),
        (forbid_state, "The one person who could is paused"),
    ],
)
def test_a_lane_that_nobody_may_take_says_why(
    batch: Batch, ben: User, forbid: Callable[[Comparison, User], None], reason: str
) -> None:
    Membership.objects.exclude(user=ben).update(state="removed")
    forbid(only(batch), ben)
    (lane,) = stuck(batch).lanes
    assert reason in lane.reason
    assert lane.n_waiting == 1


def test_too_much_harm_for_today(batch: Batch, ana: User, ben: User, project: Project) -> None:
    Membership.objects.exclude(user=ben).update(state="removed")
    project.prompts.update(is_unsafe=True)
    project.pools.update(harmful_daily_cap=1)
    project_queue(project=project)
    judge(ben, project)
    (lane,) = stuck(batch).lanes
    assert "harmful content" in lane.reason
