"""The facts of votes, read in bulk: sides as shown; what is not known stays unknown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from annotation.models import Assignment, Comparison, Judgment, Pool, Project, SelfDescription, User
from annotation.selectors.judgments import live
from annotation.selectors.self_descriptions import annotator_groups
from annotation.selectors.vote_facts import Votes, votes
from annotation.selectors.vote_moments import local_hours, sitting_places
from annotation.selectors.vote_pairs import Judged
from annotation.services.completions import flag_identifying
from annotation.services.imports import records_import
from tests.factories import (
    judge,
    make_completion,
    make_policy,
    make_project,
    make_prompt,
    make_user,
)

pytestmark = pytest.mark.django_db


def read(project: Project) -> Votes:
    return votes(project, live(project))


def imported(project: Project, *rows: dict[str, object]) -> Votes:
    together = {
        "prompt": "How are you?",
        "completions": [{"policy": "a", "text": "Well."}, {"policy": "b", "text": "Rather ill."}],
    }
    records_import(project=project, kind="judgments", rows=[together | row for row in rows])
    return read(project)


def test_who_won_is_told_by_the_side_shown(project: Project, ana: User, ben: User) -> None:
    for person, groups in ((ana, ((0,), (1,))), (ben, ((1,), (0,))), (ana, ((0, 1),))):
        judge(person, project, groups=groups, active_ms=4000)
    found = read(project)
    assert found.facts.first_won.tolist() == [True, False]
    assert len(found.answers.values) == 3
    assert found.facts.seconds.tolist() == [4.0, 4.0]
    assert found.facts.order_known.all()
    for at, judgment in enumerate(Judgment.objects.filter(pk__in=found.judgments.tolist())):
        by_position = judgment.comparison.candidates.order_by("position")
        shown = [by_position[p].completion for p in judgment.assignment.display_order]
        assert found.facts.first_policies[at] == shown[0].policy_id
        assert found.facts.first_features[at, 0] == len(shown[0].text)
        assert found.facts.second_features[at, 1] == len(shown[1].text.split())


def test_a_ranking_gives_all_its_pairs(ranking_project: Project, ana: User) -> None:
    judge(ana, ranking_project, groups=((2,), (0, 1), (3,)))
    found = read(ranking_project)
    # Slots 0 and 1 are tied; of the other five pairs the earlier slot lost to slot 2 twice.
    assert len(found.answers.values) == 6
    assert sorted(found.facts.first_won.tolist()) == [False, False, True, True, True]
    assert len(set(found.answers.items.tolist())) == 6


def test_of_very_many_votes_a_sample_is_audited(
    project: Project, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project, groups=((0,), (1,)))
    assert read(project).note == "The votes are on 4 prompts: this tells of these, not of others."
    monkeypatch.setattr("annotation.selectors.vote_facts.MOST_VOTES", 5)
    found = read(project)
    assert (len(found.facts.first_won), len(found.judgments), found.n_decided) == (5, 5, 8)
    assert found.note.startswith("These are 5 of 8 votes, drawn at random.")
    assert read(project).judgments.tolist() == found.judgments.tolist()
    assert len(found.answers.values) == 8


def test_an_unknown_order_is_no_order(db: None) -> None:
    found = imported(
        make_project("Imported"),
        {"annotator": "w1", "winner": "left"},
        {"annotator": "w2", "winner": "b"},
    )
    assert found.facts.order_known.tolist() == [True, False]
    assert found.facts.first_won.tolist() == [True, False]


def test_times_that_a_file_does_not_tell_are_unknown(db: None) -> None:
    found = imported(
        make_project("Imported"),
        {"annotator": "w1", "winner": "a", "judged_at": "2024-05-01T10:00:00Z"},
        {"annotator": "w2", "winner": "b"},
    )
    assert np.isfinite(found.times).tolist() == [True, False]
    assert found.facts.hours is None
    assert found.facts.days[0] == 0
    assert np.isnan(found.facts.days[1])


def judged_at(annotators: list[int], *moments: datetime) -> Judged:
    n = len(moments)
    return Judged(
        ids=np.arange(n),
        annotators=np.array(annotators),
        prompts=np.zeros(n, dtype=np.int64),
        comparisons=np.arange(n),
        seconds=np.full(n, 60.0),
        times=np.array([moment.timestamp() for moment in moments]),
        is_imported=np.zeros(n, dtype=np.bool_),
        shown=np.zeros(n, dtype=np.bool_),
    )


def test_a_sitting_ends_with_a_pause() -> None:
    began = datetime(2026, 5, 1, 9, tzinfo=UTC)
    moments = [began + timedelta(minutes=minutes) for minutes in (0, 2, 17.5, 60, 1, 3)]
    judged = judged_at([1, 1, 1, 1, 2, 2], *moments)
    assert sitting_places(judged).tolist() == [0, 1, 2, 0, 0, 1]
    at_once = judged_at([1, 1, 1], began, began, began + timedelta(minutes=3))
    assert np.isnan(sitting_places(at_once)).tolist() == [True, True, False]
    assert len(sitting_places(judged_at([]))) == 0


def test_hours_are_those_of_the_pool(project: Project, pool: Pool, ana: User) -> None:
    judged = judged_at([ana.pk], datetime(2026, 1, 15, 23, 30, tzinfo=UTC))
    assert local_hours(project, judged).tolist() == [23.5]
    Pool.objects.filter(pk=pool.pk).update(time_zone="Asia/Tokyo")
    assert local_hours(project, judged).tolist() == [8.5]
    imported = replace(judged, is_imported=np.array([True]))
    assert np.isnan(local_hours(project, imported)).all()


def test_suggestions_are_told_shown_or_hidden(project: Project, ana: User, ben: User) -> None:
    assert read(project).facts.suggested is None
    Comparison.objects.update(suggestion=[[1], [0]])
    for person, is_shown in ((ana, True), (ben, False)):
        judged = judge(person, project)
        Assignment.objects.filter(pk=judged.assignment_id).update(suggestion_shown=is_shown)
    found = read(project).facts
    assert found.suggestion_shown.tolist() == [True, False]
    orders = [judged.assignment.display_order for judged in live(project).order_by("pk")]
    assert found.suggested.tolist() == [1.0 if order[0] == 1 else -1.0 for order in orders]


def test_stances_come_from_the_prompts_metadata(db: None) -> None:
    project = make_project("Tagged")
    metadata = {"user_stance": "For", "response_stances": {"a": "for", "b": "against"}}
    rows = [{"prompt": "How are you?", "metadata": metadata}]
    records_import(project=project, kind="prompts", rows=rows)
    found = imported(project, {"annotator": "w1", "winner": "left"}).facts
    assert (found.first_agrees.tolist(), found.second_agrees.tolist()) == ([1.0], [0.0])


def test_families_are_told_where_a_model_judges(db: None) -> None:
    project = make_project("Judges")
    assert imported(project, {"annotator": "w1", "winner": "a"}).facts.judge_families is None
    texts = [
        {"policy": "gpt-4-0613", "text": "One."},
        {"policy": "mine", "text": "Two.", "family": "Claude"},
    ]
    row = {"completions": texts, "annotator": "j", "winner": "a", "judge_model": "claude-3-opus"}
    imported(project, row, row | {"annotator": "w2"})
    found = votes(project, live(project, include_simulated=True)).facts
    assert found.judge_families.tolist() == ["", "anthropic", "anthropic"]
    assert found.first_families.tolist()[1:] == ["openai", "openai"]
    assert found.second_families.tolist()[1:] == ["anthropic", "anthropic"]


def test_responses_that_say_who_wrote_them_leak(project: Project, ana: User) -> None:
    prompt = make_prompt(project)
    texts = ("I am ChatGPT, made by OpenAI.", "Hello.")
    pair = [make_completion(prompt, make_policy(project), text) for text in texts]
    flag_identifying(project_id=project.pk, completions=pair)
    row = {"annotator": "w", "winner": "left", "prompt": prompt.last_turn, "completions": [
        {"policy": str(each.policy), "text": each.text} for each in pair
    ]}  # fmt: skip
    found = imported(project, row).facts
    assert (found.first_leaks.tolist(), found.second_leaks.tolist()) == ([True], [False])


def test_groups_of_fewer_than_five_are_nobodys_label(db: None) -> None:
    people = [make_user() for _ in range(14)]
    for at, person in enumerate(people):
        gender = "woman" if at < 6 else "Man" if at < 12 else "other"
        SelfDescription.objects.create(
            user=person, gender=gender, age_band="25-34", expertise=["law"] if at < 7 else ["tea"]
        )
    found = annotator_groups(person.pk for person in people)
    # Two who said something else are so few that naming both other groups would show them.
    assert "gender" not in found
    assert "age_band" not in found
    assert set(found["expertise: law"].values()) == {"law", "others"}
    SelfDescription.objects.filter(gender="other").update(gender="man")
    assert sorted(set(annotator_groups(p.pk for p in people)["gender"].values())) == [
        "Man",
        "woman",
    ]


def test_reading_takes_no_query_per_judgment(
    project: Project, ana: User, ben: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for person in (ana, ben):
        for _ in range(4):
            judge(person, project)
    with django_assert_max_num_queries(14):
        assert len(read(project).facts.first_won) == 8
