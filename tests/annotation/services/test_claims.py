"""Who gets what: gold and repeats at their rates, the oldest batch's share, needs and terms."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import (
    Assignment,
    Batch,
    Comparison,
    Membership,
    Participation,
    Pool,
    Project,
    Prompt,
    User,
    WorkDay,
)
from annotation.selectors.seats import seat_as_seen
from annotation.services.assignments import assignment_claim, assignments_expire
from annotation.services.lanes import lanes_refresh, project_queue
from annotation.services.participations import participations_recount
from tests.factories import (
    claim,
    judge,
    make_batch,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
    make_user,
)


@pytest.fixture
def wide(pool: Pool) -> Project:
    """Forty comparisons of as many prompts in one batch; nothing goes to the oldest."""
    project = make_project("Wide", pool=pool, overlap=2, oldest_share=0)
    add(project, 40)
    return project


def add(project: Project, number: int, *, name: str = "Batch", **fields: object) -> Batch:
    policies = [project.policies.get_or_create(name=n, provider="recorded")[0] for n in "ab"]
    pairs = []
    for _ in range(number):
        prompt = make_prompt(project)
        pairs.append([make_completion(prompt, policy) for policy in policies])
    return make_batch(project, *pairs, name=name, **fields)


def own(pool: Pool, user: User, **fields: object) -> None:
    Membership.objects.filter(pool=pool, user=user).update(**fields)


def test_places_follow_utility_and_siblings_are_spread(pool: Pool) -> None:
    project = make_project(pool=pool)
    policies = [make_policy(project) for _ in range(3)]
    pairs = []
    for _ in range(3):
        a, b, c = (make_completion(prompt, policy) for prompt in [make_prompt(project)]
                   for policy in policies)  # fmt: skip
        pairs += [(a, b), (a, c), (b, c)]
    batch = make_batch(project, *pairs)
    in_order = batch.comparisons.order_by("place")
    prompts = [comparison.prompt_id for comparison in in_order]
    assert all(len(set(prompts[at : at + 3])) == 3 for at in (0, 3, 6))
    Comparison.objects.filter(pk=in_order.last().pk).update(utility=3)
    best = in_order.last().pk
    project_queue(project=project)
    assert batch.comparisons.order_by("place").first().pk == best


def test_siblings_wait_while_other_prompts_are_there(pool: Pool, ana: User) -> None:
    project = make_project(pool=pool, oldest_share=0)
    policies = [make_policy(project) for _ in range(3)]
    prompt = make_prompt(project)
    a, b, c = (make_completion(prompt, policy) for policy in policies)
    make_batch(project, (a, b), (a, c), name="Siblings")
    Comparison.objects.update(utility=5)
    add(project, 1)
    project_queue(project=project)
    prompts = [judge(ana, project).comparison.prompt_id for _ in range(3)]
    assert prompts[0] == prompts[2] == prompt.pk
    assert prompts[1] != prompt.pk


def test_a_prompt_window_keeps_siblings_away_for_its_hours(pool: Pool, ana: User) -> None:
    project = make_project(pool=pool, prompt_window_hours=24)
    policies = [make_policy(project) for _ in range(3)]
    prompt = make_prompt(project)
    a, b, c = (make_completion(prompt, policy) for policy in policies)
    make_batch(project, (a, b), (a, c))
    first = judge(ana, project)
    assert assignment_claim(annotator=ana, project=project) is None
    Assignment.objects.filter(pk=first.assignment_id).update(
        leased_at=timezone.now() - timedelta(hours=25)
    )
    assert claim(ana, project).comparison_id != first.comparison_id


def test_the_oldest_batch_gets_its_share(wide: Project, ana: User) -> None:
    Project.objects.update(oldest_share=0.25)
    newer = add(wide, 40, name="Newer")
    newer.comparisons.update(utility=1)
    project_queue(project=wide)
    batches = Counter(judge(ana, wide).comparison.batch.name for _ in range(40))
    assert batches == {"Newer": 30, "Batch": 10}


def test_gold_comes_at_its_rate_once_to_each(wide: Project, ana: User) -> None:
    Project.objects.update(gold_rate=0.2)
    gold = add(wide, 3, name="Known", reason=Batch.Reason.GOLD, overlap=32_000)
    gold.comparisons.update(gold_groups=[[0], [1]])
    judged = [judge(ana, wide).comparison for _ in range(20)]
    seen = [comparison.pk for comparison in judged if comparison.batch_id == gold.pk]
    assert len(seen) == len(set(seen)) == 3
    first_ten = [comparison.batch_id == gold.pk for comparison in judged[:10]]
    assert sum(first_ten) == 2, "one of every block of five"


def test_a_hidden_repeat_is_a_comparison_of_its_own(wide: Project, ana: User) -> None:
    Project.objects.update(repeat_rate=0.25)
    judged = [judge(ana, wide).comparison for _ in range(36)]
    repeats = [comparison for comparison in judged if comparison.repeat_of_id]
    assert len(repeats) in {3, 4}, "one of every four, once twenty have been judged"
    earlier = [comparison.pk for comparison in judged]
    for again in repeats:
        assert earlier.index(again.pk) - earlier.index(again.repeat_of_id) >= 20
        shown = again.candidates.values_list("completion_id", "position")
        assert list(shown) == list(
            again.repeat_of.candidates.values_list("completion_id", "position")
        )
        assert (again.overlap, again.lane_id) == (1, None)
    assert len({again.repeat_of_id for again in repeats}) == len(repeats)


def test_languages_and_skills_must_match(wide: Project, pool: Pool, ana: User, ben: User) -> None:
    Prompt.objects.filter(project=wide).update(language="de", tags=["law", "long"])
    wide.skill_tags = ["law"]
    wide.save()
    project_queue(project=wide)
    assert assignment_claim(annotator=ana, project=wide) is None
    own(pool, ana, skills=["law"], languages=["en"])
    assert assignment_claim(annotator=ana, project=wide) is None
    own(pool, ana, languages=["en", "de"])
    assert claim(ana, wide).comparison.lane.skills == ["law"]
    own(pool, ben, skills=["law"])
    assert claim(ben, wide).comparison.lane.language == "de"


@pytest.mark.parametrize("terms", [{"daily_quota": 3}, {"total_quota": 3}])
def test_a_quota_is_never_overshot(
    wide: Project, pool: Pool, ana: User, terms: dict[str, int]
) -> None:
    Pool.objects.filter(pk=pool.pk).update(**terms)
    for _ in range(3):
        judge(ana, wide)
    assert assignment_claim(annotator=ana, project=wide) is None
    assert "as many comparisons" in seat_as_seen(ana, wide).refusal


def test_harmful_content_ends_at_the_days_cap(wide: Project, pool: Pool, ana: User) -> None:
    harmful = wide.prompts.order_by("pk").values_list("pk", flat=True)[:10]
    Prompt.objects.filter(pk__in=list(harmful)).update(is_unsafe=True)
    Comparison.objects.filter(prompt__is_unsafe=True).update(utility=9)
    project_queue(project=wide)
    Pool.objects.filter(pk=pool.pk).update(harmful_daily_cap=2)
    seen = [judge(ana, wide).comparison.prompt.is_unsafe for _ in range(6)]
    assert seen == [True, True, False, False, False, False]
    assert WorkDay.objects.get().harmful == 2


def test_outside_working_hours_nothing_is_given(wide: Project, pool: Pool, ana: User) -> None:
    now = timezone.now()
    later = [(now + timedelta(hours=hours)).time() for hours in (2, 3)]
    Pool.objects.filter(pk=pool.pk).update(works_from=later[0], works_until=later[1])
    assert assignment_claim(annotator=ana, project=wide) is None
    assert "hours" in seat_as_seen(ana, wide).refusal


@pytest.mark.parametrize("state", ["paused", "quarantined", "retraining"])
def test_who_is_not_active_gets_nothing(wide: Project, ana: User, state: str) -> None:
    judge(ana, wide)
    Participation.objects.update(state=state)
    assert assignment_claim(annotator=ana, project=wide) is None


def test_what_is_returned_is_found_before_the_frontier(wide: Project, ana: User, ben: User) -> None:
    wide.comparisons.update(overlap=1)
    held = claim(ben, wide)
    met = [judge(ana, wide).comparison_id for _ in range(20)]
    assert Participation.objects.get(annotator=ana).frontiers
    assert held.comparison_id not in met
    Assignment.objects.filter(pk=held.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assignments_expire()
    assert claim(ana, wide).comparison_id == held.comparison_id


def test_a_drained_lane_is_looked_at_last_but_not_forgotten(wide: Project, ana: User) -> None:
    wide.comparisons.update(overlap=1)
    held = [judge(ana, wide) for _ in range(39)]
    last = claim(ana, wide)
    assert lanes_refresh() == 1
    Assignment.objects.filter(pk=last.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assignments_expire()
    assert claim(make_user(), wide).comparison_id == last.comparison_id
    assert len(held) == 39


def test_overlap_grows_where_judges_disagree(pool: Pool) -> None:
    project = make_project(pool=pool, overlap=2, overlap_cap=4, stop_at_agreement=0.75)
    batch = add(project, 2)
    split, agreed = batch.comparisons.order_by("place")
    for number in range(4):
        person = make_user()
        for _ in range(2):
            assignment = assignment_claim(annotator=person, project=project)
            if assignment is None:
                continue
            winner = number % 2 if assignment.comparison_id == split.pk else 0
            shown = assignment.display_order.index(winner)
            judge(person, project, groups=((shown,), (1 - shown,)))
    split.refresh_from_db()
    agreed.refresh_from_db()
    assert (split.judged, split.overlap) == (4, 4)
    assert (agreed.judged, agreed.overlap) == (2, 2)


def test_counters_are_what_a_recount_finds(wide: Project, ana: User) -> None:
    for _ in range(5):
        judge(ana, wide, active_ms=1_000)
    kept = Participation.objects.values("judged", "skipped").get(), WorkDay.objects.values(
        "judged", "active_ms"
    ).get()  # fmt: skip
    Participation.objects.update(judged=77)
    WorkDay.objects.update(judged=77, active_ms=0)
    participations_recount(project=wide)
    assert kept == (
        Participation.objects.values("judged", "skipped").get(),
        WorkDay.objects.values("judged", "active_ms").get(),
    )
    assert kept[1] == {"judged": 5, "active_ms": 5_000}
