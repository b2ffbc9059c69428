"""Lease, judge, amend, undo, skip: what one annotator can do, step by step."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Comparison, Judgment, Project, User
from annotation.selectors.judgments import live, preferences
from annotation.selectors.work import annotator_home, presentation
from annotation.services.assignments import (
    assignment_claim,
    assignment_claim_ahead,
    assignment_release,
    assignment_renew,
    assignment_show,
    assignment_skip,
    assignment_unskip,
    assignments_expire,
)
from annotation.services.judgments import (
    CriterionInput,
    JudgmentInput,
    judgment_submit,
    judgment_withdraw,
)
from annotation.services.lanes import project_queue
from tests.factories import (
    claim,
    judge,
    make_batch,
    make_completion,
    make_criterion,
    make_policy,
    make_project,
    make_prompt,
    make_user,
)

pytestmark = pytest.mark.django_db

FIRST = JudgmentInput(groups=((0,), (1,)))


def submit(assignment: Assignment, answer: JudgmentInput = FIRST) -> Judgment:
    return judgment_submit(
        annotator=assignment.annotator, assignment=assignment, token=uuid4(), answer=answer
    )


def let_lapse(assignment: Assignment) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(expires_at=timezone.now() - timedelta(1))


def test_the_answer_is_stored_by_candidate_not_by_slot(ana: User, project: Project) -> None:
    for _ in range(4):
        assignment = claim(ana, project)
        judgment = submit(assignment)
        judgment.refresh_from_db()
        assert judgment.groups == [[slot] for slot in assignment.display_order]


def test_each_policy_is_seen_first_equally_often(ana: User, project: Project) -> None:
    first = [
        judgment.comparison.candidates.get(
            position=judgment.assignment.display_order[0]
        ).completion.policy.name
        for judgment in (judge(ana, project) for _ in range(4))
    ]
    assert first.count("terse") == first.count("wordy") == 2


def test_the_judges_of_one_comparison_see_both_orders(
    ana: User, ben: User, project: Project
) -> None:
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project)
    for comparison in project.comparisons.all():
        orders = sorted(a.display_order for a in comparison.assignments.all())
        assert orders == [[0, 1], [1, 0]]


def test_the_most_useful_comparison_comes_first(ana: User, project: Project) -> None:
    last = project.comparisons.order_by("-pk")[0]
    Comparison.objects.filter(pk=last.pk).update(utility=9)
    project_queue(project=project)
    assert claim(ana, project).comparison_id == last.pk


def test_nobody_meets_a_comparison_twice(ana: User, project: Project) -> None:
    met = [judge(ana, project).comparison_id for _ in range(4)]
    assert len(set(met)) == 4
    assert assignment_claim(annotator=ana, project=project) is None
    (home,) = annotator_home(ana)
    assert (home.n_open, home.n_judged, home.n_judged_today) == (0, 4, 4)


def test_a_second_claim_returns_the_same_lease(ana: User, project: Project) -> None:
    assert claim(ana, project) == claim(ana, project)


def test_a_paused_batch_gives_no_work(ana: User, project: Project) -> None:
    project.batches.update(state="paused")
    assert assignment_claim(annotator=ana, project=project) is None
    assert "paused" in annotator_home(ana)[0].reason


def test_a_lapsed_lease_returns_to_the_queue(ana: User, ben: User, project: Project) -> None:
    project.comparisons.update(overlap=1)
    for _ in range(3):
        judge(ben, project)
    held = claim(ana, project)
    assert assignment_claim(annotator=ben, project=project) is None
    let_lapse(held)
    assert claim(ben, project).comparison_id == held.comparison_id


def test_a_late_answer_counts_while_there_is_room(ana: User, project: Project) -> None:
    held = claim(ana, project)
    let_lapse(held)
    assert assignments_expire(now=timezone.now()) == 1
    assert submit(held).comparison_id == held.comparison_id


def test_a_late_answer_is_refused_in_words_when_others_filled_the_place(
    ana: User, ben: User, project: Project
) -> None:
    project.comparisons.update(overlap=1)
    held = claim(ana, project)
    let_lapse(held)
    assignments_expire(now=timezone.now())
    for _ in range(4):
        judge(ben, project)
    with pytest.raises(Conflict, match="Others have judged"):
        submit(held)
    assert not Judgment.objects.filter(annotator=ana).exists()


def test_renewing_extends_and_fails_once_the_lease_has_ended(ana: User, project: Project) -> None:
    held = claim(ana, project)
    let_lapse(held)
    assert assignment_renew(annotator=ana, assignment=held).expires_at > timezone.now()
    assignment_release(annotator=ana, assignment=held)
    with pytest.raises(Conflict):
        assignment_renew(annotator=ana, assignment=held)


def test_an_amendment_supersedes_and_keeps_the_first_word(ana: User, project: Project) -> None:
    first = judge(ana, project)
    second = submit(first.assignment, JudgmentInput(groups=((0, 1),), both_bad=True))
    assert (second.revision, second.supersedes) == (1, first)
    assert list(live(project)) == [second]
    assert list(live(project, cutoff_id=first.pk)) == [first]
    first.comparison.refresh_from_db()
    assert first.comparison.judged == 1


def test_amending_ends_when_the_project_says_so(ana: User, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(allow_amend=False)
    judgment = judge(ana, project)
    judgment.assignment.refresh_from_db()
    submit(judgment.assignment)  # within the minute that an undo has
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("annotation.services.judgments.UNDO_SECONDS", -1)
        with pytest.raises(Conflict, match="does not allow"):
            submit(judgment.assignment)


def test_undo_leases_again_and_the_new_answer_counts(ana: User, project: Project) -> None:
    first = judge(ana, project)
    again = judgment_withdraw(annotator=ana, judgment=first, token=uuid4())
    assert again.pk == first.assignment_id
    assert not live(project).exists()
    assert presentation(claim(ana, project)).previous == first
    second = submit(again, JudgmentInput(groups=((1,), (0,))))
    assert second.revision == 2
    assert list(live(project)) == [second]


def test_undo_is_for_the_latest_answer_only(ana: User, project: Project) -> None:
    first = judge(ana, project)
    submit(first.assignment)
    with pytest.raises(Conflict, match="not your latest"):
        judgment_withdraw(annotator=ana, judgment=first, token=uuid4())


def test_after_an_undo_what_had_come_next_still_comes_next(ana: User, project: Project) -> None:
    first = judge(ana, project)
    following = claim(ana, project)
    again = judgment_withdraw(annotator=ana, judgment=first, token=uuid4())
    assert claim(ana, project) == again
    assert assignment_claim_ahead(annotator=ana, shown=again) == following
    submit(again)
    assert claim(ana, project) == following


def test_the_next_is_leased_ahead_once_and_seen_only_when_it_is_shown(
    ana: User, project: Project
) -> None:
    present = claim(ana, project)
    ahead = assignment_claim_ahead(annotator=ana, shown=present)
    assert ahead is not None
    assert ahead == assignment_claim_ahead(annotator=ana, shown=present)
    assert ahead.shown_at is None
    assert ahead.expires_at - ahead.leased_at == timedelta(seconds=300)
    assert claim(ana, project) == present, "what is seen comes first"
    submit(present)
    seen = claim(ana, project)
    assert seen == ahead
    assert seen.shown_at is not None
    assert seen.expires_at - timezone.now() > timedelta(seconds=1000)


def test_nothing_is_ahead_of_the_last_comparison(ana: User, project: Project) -> None:
    for _ in range(3):
        judge(ana, project)
    assert assignment_claim_ahead(annotator=ana, shown=claim(ana, project)) is None


def test_a_lapsed_lease_ahead_cannot_be_shown(ana: User, ben: User, project: Project) -> None:
    present = claim(ana, project)
    ahead = assignment_claim_ahead(annotator=ana, shown=present)
    assert ahead is not None
    let_lapse(ahead)
    assert assignment_renew(annotator=ana, assignment=present)
    ahead.refresh_from_db()
    assert ahead.expires_at > timezone.now(), "renewing keeps the one ahead too"
    let_lapse(ahead)
    assignments_expire(now=timezone.now())
    with pytest.raises(Conflict):
        assignment_show(annotator=ana, assignment=ahead)


def test_skipping_needs_a_reason_and_moves_on(ana: User, project: Project) -> None:
    held = claim(ana, project)
    with pytest.raises(Invalid, match="why"):
        assignment_skip(annotator=ana, assignment=held, reason="")
    assignment_skip(annotator=ana, assignment=held, reason="language")
    following = claim(ana, project)
    assert following.comparison_id != held.comparison_id
    held.comparison.refresh_from_db()
    assert held.comparison.taken == 0
    with pytest.raises(Conflict, match="skipped"):
        submit(held)


def test_a_skip_can_be_undone(ana: User, project: Project) -> None:
    held = claim(ana, project)
    assignment_skip(annotator=ana, assignment=held, reason="other")
    claim(ana, project)
    assert assignment_unskip(annotator=ana, assignment=held).state == "leased"
    assert claim(ana, project).pk == held.pk


@pytest.mark.parametrize(
    ("changes", "answer", "field"),
    [
        ({}, JudgmentInput(groups=((0,),)), "groups"),
        ({}, JudgmentInput(groups=((0,), (2,))), "groups"),
        ({}, JudgmentInput(groups=((0,), (1,)), both_bad=True), "both_bad"),
        ({}, JudgmentInput(groups=((0, 1),), strength=2), "strength"),
        ({"strength_levels": 2}, JudgmentInput(groups=((0,), (1,)), strength=2), "strength"),
        ({"strength_levels": 0}, JudgmentInput(groups=((0,), (1,)), strength=1), "strength"),
        ({"allow_tie": False}, JudgmentInput(groups=((0, 1),)), "groups"),
        ({"allow_both_bad": False}, JudgmentInput(groups=((0, 1),), both_bad=True), "both_bad"),
        ({"rationale": "required"}, FIRST, "rationale"),
        ({"confidence": "required"}, FIRST, "confidence"),
        ({}, JudgmentInput(groups=((0,), (1,)), confidence=3), "confidence"),
        ({}, JudgmentInput(groups=((0,), (1,)), active_ms=-1), "active_ms"),
        ({}, JudgmentInput(FIRST.groups, criteria={"speed": CriterionInput()}), "speed"),
        ({}, JudgmentInput(FIRST.groups, criteria={"honest": CriterionInput()}), "honest"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_fit_is_refused_by_field(
    ana: User, project: Project, changes: dict[str, object], answer: JudgmentInput, field: str
) -> None:
    Project.objects.filter(pk=project.pk).update(**changes)
    held = claim(ana, project)
    with pytest.raises(Invalid) as refused:
        submit(held, answer)
    assert refused.value.field == field
    assert not Judgment.objects.exists()


def test_criteria_and_ratings_are_stored_by_candidate(ana: User, project: Project) -> None:
    make_criterion(project, "helpful", scale="rating", is_required=True)
    held = claim(ana, project)
    answer = JudgmentInput(
        groups=((0,), (1,)),
        criteria={
            "honest": CriterionInput(groups=((1,), (0,)), strength=3),
            "helpful": CriterionInput(ratings=(5, 2)),
        },
    )
    judgment = submit(held, answer)
    honest, helpful = judgment.answers.order_by("criterion__position")
    first, second = held.display_order
    assert honest.groups == [[second], [first]]
    assert helpful.ratings[first] == 5
    assert [p.winner_id for p in preferences(project, criterion="helpful")] == [
        held.comparison.candidates.get(position=first).completion_id
    ]


def test_a_required_criterion_must_be_answered(ana: User, project: Project) -> None:
    make_criterion(project, "helpful", is_required=True)
    with pytest.raises(Invalid, match="Helpful"):
        submit(claim(ana, project))


def test_simulated_judgments_stay_out_unless_asked_for(project: Project) -> None:
    robot = make_user(kind=User.Kind.SIMULATED)
    judge(robot, project)
    assert not live(project).exists()
    assert live(project, include_simulated=True).count() == 1


class DisplayOrderNeverChangesTheMeaning(TestCase):
    """Whatever was shown where, the stored order is the annotator's order of completions."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data(), size=st.integers(2, 6))
    def test_a_ranking_survives_its_display_order(self, data: st.DataObject, size: int) -> None:
        project = make_project(kind="ranking", candidates=size, overlap=1)
        prompt, policy = make_prompt(project), make_policy(project)
        together = [make_completion(prompt, policy, f"Answer {n}") for n in range(size)]
        make_batch(project, together)
        held = claim(make_user(), project)
        ranks = data.draw(st.lists(st.integers(0, size), min_size=size, max_size=size))
        groups = tuple(
            tuple(slot for slot in range(size) if ranks[slot] == rank)
            for rank in sorted(set(ranks))
        )
        submit(held, JudgmentInput(groups=groups))
        shown = [candidate.text for candidate in presentation(held).candidates]
        said = {text: ranks[slot] for slot, text in enumerate(shown)}
        text_of = {completion.pk: completion.text for completion in together}
        for preference in preferences(project):
            better, worse = text_of[preference.winner_id], text_of[preference.loser_id]
            assert (said[better] == said[worse]) is preference.is_tie
            assert said[better] <= said[worse]
