from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.core.errors import Conflict, Invalid
from annotation.models import (
    Assignment,
    Comparison,
    Dispute,
    Judgment,
    Membership,
    Pool,
    Project,
    User,
)
from annotation.selectors.disputes import Filters, dispute_next, dispute_view, disputes_for
from annotation.services.disputes import (
    Decision,
    dispute_decide,
    dispute_dismiss,
    dispute_leave,
    dispute_open,
    dispute_open_if_split,
    dispute_take,
)
from tests.factories import judge, make_dispute, make_user

pytestmark = pytest.mark.django_db

A_WINS = ((0,), (1,))


@pytest.fixture
def rita(pool: Pool) -> User:
    user = make_user("rita")
    Membership.objects.create(pool=pool, user=user, role=Membership.Role.REVIEWER)
    return user


@pytest.fixture
def rob(pool: Pool) -> User:
    user = make_user("rob")
    Membership.objects.create(pool=pool, user=user, role=Membership.Role.REVIEWER)
    return user


@pytest.fixture
def dispute(project: Project, ana: User, ben: User) -> Dispute:
    return make_dispute(project, ana, ben)


def decide(reviewer: User, dispute: Dispute, **more: object) -> Judgment:
    given = {"groups": A_WINS, "reason": "The first one answers.", **more}
    return dispute_decide(
        reviewer=reviewer, dispute=dispute, token=given.pop("token", uuid4()),
        decision=Decision(**given),
    )  # fmt: skip


def test_two_who_part_are_put_before_a_reviewer_once(dispute: Dispute) -> None:
    assert not dispute_open_if_split(comparison=dispute.comparison)
    found = Dispute.objects.get()
    assert (found.agreement, found.n_judgments, found.reason) == (0.5, 2, "disagreement")


def test_who_agrees_costs_one_statement_and_no_setting_none(project: Project, ana: User) -> None:
    given = judge(ana, project)
    comparison = Comparison.objects.select_related("project").get(pk=given.comparison_id)
    with CaptureQueriesContext(connection) as queries:
        comparison.project.adjudicates = False
        assert not dispute_open_if_split(comparison=comparison)
        assert len([q for q in queries if "SAVEPOINT" not in q["sql"]]) == 0
        comparison.project.adjudicates = True
        assert not dispute_open_if_split(comparison=comparison)
        assert len([q for q in queries if "SAVEPOINT" not in q["sql"]]) == 1
    assert not Dispute.objects.exists()


def test_a_decision_stands_beside_the_judgments(dispute: Dispute, rita: User) -> None:
    before = list(Judgment.objects.values())
    comparison = dispute.comparison
    comparison.refresh_from_db()
    assignment = dispute_take(reviewer=rita, dispute=dispute)
    token = uuid4()
    judgment = decide(rita, dispute, token=token, strength=2)
    assert decide(rita, dispute, token=token, strength=2) == judgment
    assert list(Judgment.objects.exclude(pk=judgment.pk).values()) == before
    assert judgment.is_adjudication
    assert judgment.rationale == "The first one answers."
    assert judgment.assignment == assignment
    judgment.refresh_from_db()
    assert judgment.groups[0] == [assignment.display_order[0]]
    dispute.refresh_from_db()
    assert (dispute.state, dispute.decision, dispute.closed_by) == ("decided", judgment, rita)
    counted = comparison.taken, comparison.judged
    comparison.refresh_from_db()
    assert (comparison.taken, comparison.judged) == counted == (2, 2)


def test_thinking_again_appends_and_another_reviewer_is_refused(
    dispute: Dispute, rita: User, rob: User
) -> None:
    first = decide(rita, dispute)
    second = decide(rita, dispute, groups=((0, 1),), reason="On reflection they tie.")
    assert (second.supersedes, second.revision) == (first, 1)
    dispute.refresh_from_db()
    assert dispute.decision == second
    with pytest.raises(Conflict, match="closed already"):
        decide(rob, dispute)


def test_who_judged_it_decides_nothing(dispute: Dispute, ana: User, project: Project) -> None:
    for act in (
        lambda: decide(ana, dispute),
        lambda: dispute_take(reviewer=ana, dispute=dispute),
        lambda: dispute_dismiss(reviewer=ana, dispute=dispute, note="Fine."),
    ):
        with pytest.raises(Conflict, match="judged this comparison yourself"):
            act()
    assert not disputes_for(ana, project, Filters()).exists()
    assert Assignment.objects.filter(purpose="adjudicate").count() == 0


def test_a_decision_needs_a_reason_and_a_possible_answer(dispute: Dispute, rita: User) -> None:
    with pytest.raises(Invalid, match="why") as refused:
        decide(rita, dispute, reason=" \x00 ")
    assert refused.value.field == "rationale"
    with pytest.raises(Invalid, match="Both bad"):
        decide(rita, dispute, both_bad=True)
    with pytest.raises(Invalid, match="strength"):
        decide(rita, dispute, groups=((0, 1),), strength=1)
    assert decide(rita, dispute, groups=((0, 1),), both_bad=True).both_bad


def test_reviewers_get_different_disputes_and_may_put_one_off(
    dispute: Dispute, project: Project, rita: User, rob: User
) -> None:
    other = dispute_open(
        actor=rita, comparison=project.comparisons.exclude(pk=dispute.comparison_id).first()
    )
    dispute_take(reviewer=rita, dispute=dispute)
    assert dispute_next(rita, project, Filters()) == dispute
    assert dispute_next(rob, project, Filters()) == other
    with pytest.raises(Conflict, match="Another reviewer"):
        dispute_take(reviewer=rob, dispute=dispute)
    dispute_leave(reviewer=rita, dispute=dispute)
    assert dispute_next(rita, project, Filters()) == other
    assert [bool(d.put_off_at) for d in disputes_for(rita, project, Filters())] == [False, True]
    assert dispute_next(rob, project, Filters()) == dispute


def test_dismissed_it_comes_back_only_with_more_judgments(dispute: Dispute, rita: User) -> None:
    with pytest.raises(Invalid, match="why"):
        dispute_dismiss(reviewer=rita, dispute=dispute, note=" ")
    dispute_dismiss(reviewer=rita, dispute=dispute, note="A matter of taste.")
    assert not dispute_open_if_split(comparison=dispute.comparison)
    Dispute.objects.update(n_judgments=1)
    assert dispute_open_if_split(comparison=dispute.comparison)


def test_a_lead_may_ask_again_after_a_decision(dispute: Dispute, rita: User, lena: User) -> None:
    with pytest.raises(Conflict):
        dispute_open(actor=lena, comparison=dispute.comparison)
    first = decide(rita, dispute)
    assert not dispute_open_if_split(comparison=dispute.comparison)
    again = dispute_open(actor=lena, comparison=dispute.comparison, note="See guideline 3.")
    second = decide(rita, again, groups=((1,), (0,)), reason="Guideline 3.")
    assert second.supersedes == first
    assert Dispute.objects.filter(state="decided").count() == 2


def test_what_a_reviewer_sees_names_nobody(
    dispute: Dispute, rita: User, ana: User, ben: User
) -> None:
    view = dispute_view(dispute, dispute_take(reviewer=rita, dispute=dispute))
    assert sorted(v.number for v in view.verdicts) == [1, 2]
    assert {v.rationale for v in view.verdicts} == {"It is short.", "It is long."}
    shown = str(view.verdicts)
    assert not any(str(word) in shown for word in (ana.username, ben.username, "terse", "wordy"))
    first_to_last = {v.rationale: v.groups for v in view.verdicts}
    assert len(set(first_to_last.values())) == 2


def test_the_queue_is_filtered(dispute: Dispute, project: Project, rita: User) -> None:
    def n(**filters: object) -> int:
        return disputes_for(rita, project, Filters(**filters)).count()

    assert n() == n(criterion="overall") == n(at_most=0.5) == 1
    assert n(criterion="honest") == n(at_most=0.4) == 0
