"""Who prefers what: planted camps, groups too small to show, a run that is taken up again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from alignui.demo import sources
from annotation.models import (
    Judgment,
    Participation,
    PluralismReport,
    Project,
    Run,
    SelfDescription,
    User,
)
from annotation.selectors.due import projects_due_for_pluralism
from annotation.selectors.pluralism import groupings, latest_pluralism, pluralism_history
from annotation.services.imports import records_import
from annotation.services.interventions import intervention_open
from annotation.services.pluralism import pluralism_again, pluralism_measure, pluralism_work
from annotation.services.runs import RunHandle, run_execute
from tests.camps import CAMP, COMMON, DIVIDING, camps_project, people
from tests.factories import judge, make_pool, make_project, make_run

pytestmark = pytest.mark.django_db


def measured(project: Project, **options: object) -> PluralismReport:
    return pluralism_measure(
        project=project, criterion=project.criteria.get(key="overall"), **options
    )


def test_planted_camps_divide_what_they_were_planted_on() -> None:
    report = measured(camps_project())
    assert report.estimate == pytest.approx(DIVIDING / (DIVIDING + COMMON))
    assert report.low < report.estimate < report.high
    assert report.n_compared == DIVIDING + COMMON
    assert (report.n_annotators, report.n_judgments) == (2 * CAMP, 2 * CAMP * 12)
    by_key = {(g["attribute"], g["value"]): g for g in report.detail["groupings"]}
    region = by_key["region", ""]
    assert region["groups"] == [["North", CAMP], ["South", CAMP]]
    assert region["n_found"] == DIVIDING
    first = region["divisions"][0]
    assert first["is_found"]
    assert first["low"] > 0 or first["high"] < 0
    assert {share["n"] for share in first["shares"]} == {CAMP}
    assert region["n_agreed"] == COMMON
    # Everybody knows about cooking, so only law makes two groups.
    assert set(by_key) == {("region", ""), ("expertise", "law")}


def test_the_map_and_the_winners_are_of_the_same_votes() -> None:
    report = measured(camps_project())
    places = report.detail["map"]["places"]
    assert len(places) == 2 * CAMP
    assert {camp for _, _, camp in places} == {"A", "B"}
    assert report.detail["camps"]["n_found"] == 0
    everybody, *groups = report.detail["choices"]
    assert everybody["attribute"] == ""
    assert everybody["n_annotators"] == 2 * CAMP
    north = next(each for each in groups if each["group"] == "North")
    assert north["standings"][0]["name"] == "terse"
    assert north["standings"][0]["low"] <= north["standings"][0]["borda"]
    assert "north" not in str(report.detail)


def test_nobody_described_themselves_yet_the_map_works() -> None:
    report = measured(camps_project(described=False))
    assert report.estimate is None
    assert "no two groups of five people" in report.note
    assert report.detail["groupings"] == []
    assert report.detail["camps"]["divisions"]


def test_without_judgments_there_is_a_sentence_and_no_figure() -> None:
    report = measured(make_project("Empty"))
    assert report.estimate is None
    assert report.note == "Nobody has answered this yet."
    assert report.detail["choices"] == []


def test_groups_of_fewer_than_five_are_never_told() -> None:
    project = camps_project(described=False)
    voters = people(project)
    ids = [person.pk for person in voters]

    def regions(*sizes: tuple[str, int]) -> list[tuple[str, int]]:
        SelfDescription.objects.all().delete()
        said = [name for name, n in sizes for _ in range(n)]
        for person, region in zip(voters, said, strict=True):
            SelfDescription.objects.create(user=person, region=region)
        return [group for each in groupings(project, ids) for group in each.groups]

    assert regions(("North", 9), ("South", 9)) == [("North", 9), ("South", 9)]
    # The one too few would be known from the others, so the smallest of these goes with it.
    assert regions(("North", 7), ("South", 6), ("East", 1), ("", 4)) == []
    assert regions(("North", 6), ("South", 6), ("East", 3), ("West", 3)) == [
        ("North", 6), ("South", 6),
    ]  # fmt: skip


def test_pools_are_groups_too() -> None:
    project = camps_project(described=False)
    voters = people(project)
    for name, members in (("Near", voters[:CAMP]), ("Far", voters[CAMP:])):
        project.pools.add(make_pool(name, annotator=members))
    found = groupings(project, [person.pk for person in voters])
    assert {(each.attribute, each.value) for each in found} == {("pools", "Near"), ("pools", "Far")}
    assert all({n for _, n in each.groups} == {CAMP} for each in found)


def test_a_run_makes_one_report_however_often_it_is_taken_up() -> None:
    project = camps_project()
    run = make_run(project, Run.Kind.PLURALISM)
    run_execute(run_id=run.pk, work=pluralism_work)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    first = PluralismReport.objects.get(run=run)
    assert pluralism_work(RunHandle(run)) == {"reports": [first.pk]}
    assert run.result == {"reports": [first.pk]}


def test_it_is_due_where_judgments_are_newer_than_a_report_of_some_age() -> None:
    project, now = camps_project(), timezone.now()
    assert projects_due_for_pluralism(now) == [project]
    measured(project, with_quarantined=True)
    assert projects_due_for_pluralism(now) == [project]
    measured(project)
    later = now + timedelta(hours=1)
    assert projects_due_for_pluralism(later) == []
    PluralismReport.objects.update(cutoff_judgment_id=1)
    assert projects_due_for_pluralism(now) == []
    assert projects_due_for_pluralism(later) == [project]


def test_what_is_judged_later_changes_nothing_of_a_report(project: Project, ana: object) -> None:
    camps_project(project=project)
    report = measured(project)
    before = pluralism_again(report).divided
    judge(ana, project)
    assert pluralism_again(report).divided == before


def test_quarantined_people_are_left_out_unless_asked_for(lena: User) -> None:
    project = camps_project()
    person = people(project)[0]
    participation, _ = Participation.objects.get_or_create(project=project, annotator=person)
    intervention_open(
        participation=participation, action="quarantine", reason="Random answers.", actor=lena
    )
    assert measured(project).n_annotators == 2 * CAMP - 1
    assert measured(project, with_quarantined=True).n_annotators == 2 * CAMP
    assert latest_pluralism(project, "overall").n_annotators == 2 * CAMP - 1
    assert pluralism_history(project, "overall", with_quarantined=True).count() == 1


def test_models_that_judge_are_nobody() -> None:
    project = camps_project()
    User.objects.filter(pk=people(project)[0].pk).update(judge_model="gpt-4")
    assert measured(project).n_annotators == 2 * CAMP - 1


def test_the_crowd_study_has_no_groups_but_a_map() -> None:
    """A part of it, for time: its people in full are the core's test."""
    project = make_project("Crowd")
    prompts, votes = list(sources.crowd_prompts()), list(sources.crowd_judgments())[:2500]
    records_import(project=project, kind="prompts", rows=prompts)
    records_import(project=project, kind="judgments", rows=votes, allow_empty=True)
    report = measured(project)
    assert report.estimate is None
    assert "no two groups" in report.note
    assert report.n_judgments <= Judgment.objects.count() == 2500
    assert report.n_annotators > 50
    assert report.detail["map"]["verdict"]
    everybody = report.detail["choices"][0]
    assert everybody["n_options"] > 50
    assert 0 <= everybody["split_share"] <= 1
    assert all(each["low"] <= each["borda"] <= each["high"] for each in everybody["standings"])
