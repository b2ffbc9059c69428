"""The running score, the rules, and what interventions do to work, figures and other people."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.models import (
    Assignment,
    AuditEntry,
    Batch,
    Comparison,
    Intervention,
    Judgment,
    Participation,
    Pool,
    Project,
    QualityRule,
    User,
)
from annotation.selectors.integrity import participations_due
from annotation.selectors.interventions import notices, reason_words
from annotation.selectors.judgments import latest_judgment_id, live, preferences
from annotation.services.assignments import assignment_claim
from annotation.services.interventions import (
    intervention_lift,
    intervention_open,
    intervention_seen,
    quarantine_replay,
)
from annotation.services.lanes import batch_queue
from annotation.services.participations import participation_of
from annotation.services.quality import quality_measure
from annotation.services.quality_rules import quality_rule_create, quality_rule_state_set
from tests.factories import claim, judge_for, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def worked(project: Project, ana: User, ben: User) -> Project:
    """Ana and Ben judge four pairs; they say the same of three. Two pairs turn out to be gold."""
    for winner in (0, 0, 1, 1):
        judge_for(ana, project, winner, active_ms=4_000)
    of_ana = {j.comparison_id: j.groups[0][0] for j in Judgment.objects.filter(annotator=ana)}
    odd = min(of_ana)
    for _ in range(4):
        pair = claim(ben, project).comparison_id
        judge_for(ben, project, of_ana[pair] ^ (pair == odd), active_ms=2_000)
    return project


def part(person: User, project: Project) -> Participation:
    return Participation.objects.get(annotator=person, project=project)


def test_signals_say_how_people_agree_and_how_fast_they_are(
    worked: Project, ana: User, ben: User
) -> None:
    assert quality_measure(project=worked).people == 2
    measured = part(ana, worked)
    assert measured.signals["agreement"]["value"] == pytest.approx(3 / 4)
    assert measured.signals["agreement"]["n"] == 4
    assert measured.signals["seconds"] == {"value": 4, "low": 4, "high": 4, "n": 4}
    assert measured.quality_n == 4
    assert measured.quality_low < measured.quality < measured.quality_high
    assert part(ben, worked).signals["seconds"]["value"] == 2


def test_only_those_with_news_are_measured_again(worked: Project, ana: User) -> None:
    quality_measure(project=worked)
    assert quality_measure(project=worked).people == 0
    assert quality_measure(project=worked, everybody=True).people == 2
    tomorrow = timezone.now() + timedelta(days=1, hours=1)
    assert len(participations_due(worked, tomorrow)) == 2


def test_gold_counts_as_long_as_it_is_not_retired(worked: Project, ana: User) -> None:
    for judgment in Judgment.objects.filter(annotator=ana)[:2]:
        judgment.comparison.gold_groups = judgment.groups
        judgment.comparison.save()
    Comparison.objects.filter(gold_groups__isnull=False).first()
    quality_measure(project=worked)
    measured = part(ana, worked)
    assert (measured.signals["gold"]["value"], measured.signals["gold"]["n"]) == (1, 2)
    assert measured.signals["agreement"]["n"] == 2
    worked.comparisons.filter(gold_groups__isnull=False).update(state="retired")
    quality_measure(project=worked, everybody=True)
    assert part(ana, worked).signals["gold"]["n"] == 0


def test_a_hidden_repeat_is_compared_with_the_first_answer(project: Project, ana: User) -> None:
    first = judge_for(ana, project, 0)
    batch = Batch.objects.create(project=project, name="Again", reason="repeat", seed=1)
    again = Comparison.objects.create(
        project=project, batch=batch, prompt_id=first.comparison.prompt_id, kind="pairwise",
        overlap=1, repeat_of=first.comparison,
    )  # fmt: skip
    now = timezone.now()
    given = Assignment.objects.create(
        comparison=again, annotator=ana, state="submitted", display_order=[1, 0],
        leased_at=now, expires_at=now, closed_at=now,
    )  # fmt: skip
    Judgment.objects.create(
        comparison=again, annotator=ana, assignment=given, groups=[[1], [0]], source="web",
        idempotency_token="6f0f5b8e-5f0e-4b0e-9a3e-0d0d0d0d0d0d",
    )  # fmt: skip
    quality_measure(project=project)
    assert part(ana, project).signals["repeats"]["value"] == 0
    assert live(project).count() == 1
    assert live(project, with_repeats=True).count() == 2


def test_a_rule_fires_once_with_its_evidence_and_never_in_silence(
    worked: Project, lena: User, ben: User
) -> None:
    quality_rule_create(
        actor=lena, project=worked, signal="speed", threshold=3, action="warn", least_cases=4
    )
    done = quality_measure(project=worked).interventions
    assert [i.participation.annotator for i in done] == [ben]
    assert done[0].evidence["value"] == 2
    assert "2 seconds" in reason_words(done[0])
    assert [notice.intervention for notice in notices(ben, worked)] == list(done)
    assert AuditEntry.objects.filter(action="person.warn", actor=None).count() == 1
    assert quality_measure(project=worked, everybody=True).interventions == ()
    intervention_seen(annotator=ben, intervention=done[0])
    assert notices(ben, worked) == []


def test_no_rule_acts_on_an_llm_judge(worked: Project, lena: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(judge_model="gpt-4", kind="simulated")
    quality_rule_create(
        actor=lena, project=worked, signal="speed", threshold=3, action="warn", least_cases=4
    )
    assert quality_measure(project=worked).interventions == ()


def test_after_a_lift_a_rule_looks_only_at_what_came_since(
    worked: Project, lena: User, ben: User
) -> None:
    quality_rule_create(
        actor=lena, project=worked, signal="speed", threshold=3, action="pause", least_cases=2
    )
    done = quality_measure(project=worked).interventions[0]
    assert part(ben, worked).state == "paused"
    intervention_lift(actor=lena, intervention=done, reason="They read quickly and well.")
    assert part(ben, worked).state == "active"
    assert quality_measure(project=worked, everybody=True).interventions == ()
    with pytest.raises(Conflict):
        intervention_lift(actor=lena, intervention=done, reason="Again.")


def test_a_rule_that_is_off_or_has_nowhere_to_send_rests(worked: Project, lena: User) -> None:
    rule = quality_rule_create(
        actor=lena, project=worked, signal="speed", threshold=3, action="retrain", least_cases=1
    )
    assert quality_measure(project=worked).interventions == ()
    quality_rule_state_set(actor=lena, rule=rule, is_active=False)
    with pytest.raises(Conflict):
        quality_rule_state_set(actor=lena, rule=rule, is_active=False)
    with pytest.raises(Invalid):
        quality_rule_create(actor=lena, project=worked, signal="mood", threshold=1, action="warn")


def test_whoever_is_paused_loses_leases_and_gets_no_more(
    project: Project, lena: User, ana: User
) -> None:
    assignment = claim(ana, project)
    intervention_open(
        participation=part(ana, project), action="pause", reason="Let us talk.", actor=lena
    )
    assignment.refresh_from_db()
    assert assignment.state == Assignment.State.RELEASED
    assert assignment_claim(annotator=ana, project=project) is None


def test_an_intervention_needs_a_reason_and_is_not_done_twice(
    project: Project, lena: User, ana: User
) -> None:
    person = participation_of(annotator=ana, project=project)
    with pytest.raises(Invalid) as refused:
        intervention_open(participation=person, action="pause", reason=" ", actor=lena)
    assert refused.value.field == "reason"
    intervention_open(participation=person, action="pause", reason="Talk.", actor=lena)
    with pytest.raises(Conflict):
        intervention_open(participation=person, action="pause", reason="Talk.", actor=lena)
    with pytest.raises(Conflict):
        intervention_open(participation=person, action="retrain", reason="Train.", actor=lena)


@pytest.fixture
def quarantine(worked: Project, lena: User, ben: User) -> Intervention:
    return intervention_open(
        participation=part(ben, worked), action="quarantine", reason="Answers at random.",
        actor=lena,
    )  # fmt: skip


def test_a_quarantine_leaves_judgments_out_everywhere_until_lifted(
    worked: Project, lena: User, quarantine: Intervention
) -> None:
    assert live(worked).count() == 4
    assert live(worked, with_quarantined=True).count() == 8
    assert len(preferences(worked)) == 4
    quality_measure(project=worked)
    assert part(User.objects.get(username="ana"), worked).signals["agreement"]["n"] == 0
    intervention_lift(actor=lena, intervention=quarantine, reason="A mix-up.")
    assert live(worked).count() == 8
    assert Judgment.objects.count() == 8


def test_a_cutoff_with_its_moment_always_gives_the_same(
    worked: Project, lena: User, ben: User
) -> None:
    cutoff, before = latest_judgment_id(worked), timezone.now()
    done = intervention_open(
        participation=part(ben, worked), action="quarantine", reason="At random.", actor=lena
    )
    during = timezone.now()
    intervention_lift(actor=lena, intervention=done, reason="A mix-up.")
    assert live(worked, cutoff_id=cutoff, as_of=before).count() == 8
    assert live(worked, cutoff_id=cutoff, as_of=during).count() == 4
    assert live(worked, cutoff_id=cutoff).count() == 8


@pytest.mark.parametrize(("after", "left"), [(timedelta(0), 0), (timedelta(seconds=1), 4)])
def test_a_quarantine_may_begin_at_a_moment(
    worked: Project, lena: User, ben: User, after: timedelta, left: int
) -> None:
    judged_at = Judgment.objects.filter(annotator=ben).latest("pk").judged_at
    intervention_open(
        participation=part(ben, worked), action="quarantine", reason="Since then.", actor=lena,
        leaves_out_from=judged_at + after,
    )  # fmt: skip
    assert live(worked).filter(annotator=ben).count() == left


def test_a_replay_asks_others_once_more_and_a_lift_asks_no_more(
    worked: Project, lena: User, pool: Pool, quarantine: Intervention
) -> None:
    assert quarantine_replay(actor=lena, intervention=quarantine) == 4
    with pytest.raises(Conflict):
        quarantine_replay(actor=lena, intervention=quarantine)
    carl = make_user("carl")
    pool.memberships.create(user=carl)
    judge_for(carl, worked, 0)
    assert sorted(worked.comparisons.values_list("overlap", flat=True)) == [3, 3, 3, 3]
    quarantine.refresh_from_db()
    intervention_lift(actor=lena, intervention=quarantine, reason="A mix-up.")
    assert sorted(worked.comparisons.values_list("overlap", "judged")) == [
        (2, 2), (2, 2), (2, 2), (3, 3),
    ]  # fmt: skip


def test_a_replay_does_not_wake_a_batch_that_is_closed(
    worked: Project, lena: User, quarantine: Intervention
) -> None:
    worked.batches.update(state="closed", closed_at=timezone.now())
    assert quarantine_replay(actor=lena, intervention=quarantine) == 0
    batch_queue(batch=worked.batches.get())


def test_the_rule_says_what_it_is(worked: Project, lena: User) -> None:
    rule = quality_rule_create(
        actor=lena, project=worked, signal="gold", threshold=0.7, action="quarantine"
    )
    assert QualityRule.objects.get() == rule
