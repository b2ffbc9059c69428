"""Reports on people through the services: planted annotators (a real crowd's are the demo's)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from annotation.models import (
    Batch,
    Comparison,
    CriterionAnswer,
    Intervention,
    Judgment,
    Participation,
    PeopleReport,
    PersonReport,
    Project,
    Run,
    User,
)
from annotation.selectors.due import projects_due_for_people
from annotation.selectors.people_reports import (
    SORTS,
    PeopleWanted,
    latest_people_report,
    person_reports,
    shared_answers,
    standings,
)
from annotation.selectors.people_works import Reading, works, written
from annotation.services.interventions import intervention_open
from annotation.services.judgments import judgment_withdraw
from annotation.services.people_reports import (
    people_measure,
    people_work,
    person_reports_thin,
)
from annotation.services.runs import run_execute
from annotation.tasks import enqueue
from tests.factories import judge, make_run
from tests.planted import HONEST, ITEMS, planted_project
from tests.workers import wait_for, worker

pytestmark = pytest.mark.django_db


def measured(project: Project, **options: object) -> PeopleReport:
    return people_measure(project=project, criterion=project.criteria.get(key="overall"), **options)


def by_name(report: PeopleReport) -> dict[str, PersonReport]:
    return {row.annotator.name: row for row in report.people.select_related("annotator")}


@pytest.fixture(scope="module")
def report(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[PeopleReport]:
    """The planted crowd's, measured once for those tests that only look."""
    with django_db_blocker.unblock():
        yield measured(planted_project())
        call_command("flush", interactive=False, verbosity=0, reset_sequences=False)


def test_the_planted_are_found_and_nobody_else(report: PeopleReport) -> None:
    people = by_name(report)
    accused = {name for name, row in people.items() if row.action in {"requalify", "quarantine"}}
    assert accused == {"left", "random", "flipped", "twin 1", "twin 2"}
    assert people["flipped"].flipped > 0.95
    assert people["left"].coin > 0.95
    assert {piece["kind"] for piece in people["left"].evidence} >= {"coin", "slot"}
    honest = [row for name, row in people.items() if name.startswith("honest")]
    assert len(honest) == HONEST
    for row in honest:
        assert row.n == ITEMS
        assert row.reliability_low <= 0.9 <= row.reliability_high + 0.05
        assert row.weight > 0.9
        assert row.figures["agreement"]["n"] > 20
    assert (report.n_judgments, report.n_annotators) == (ITEMS * 13, 13)
    assert report.detail["told_by"] == {"consensus": 13}
    assert report.detail["actions"]["keep"] + report.detail["actions"]["watch"] == HONEST


def test_two_accounts_of_one_person_are_a_group_with_their_answers(report: PeopleReport) -> None:
    people = by_name(report)
    twins = sorted(people[name].annotator_id for name in ("twin 1", "twin 2"))
    assert report.detail["alike"]["groups"] == [twins]
    assert people["twin 1"].figures["group"] == twins
    pieces = [piece for piece in people["twin 1"].evidence if piece["kind"] == "duplicate"]
    assert [piece["other"] for piece in pieces] == [people["twin 2"].annotator_id]
    shared = shared_answers(report, twins)
    assert len(shared) == ITEMS
    assert all(each.is_same and sum(n for _, n in each.others) == 11 for each in shared)


def test_influence_says_what_would_change_without_somebody(report: PeopleReport) -> None:
    board = report.detail["influence"]["policies"]
    assert [each["name"] for each in board] == ["good", "fair", "poor"]
    moved = by_name(report)["flipped"].influence
    assert moved["largest"] > 0.05
    assert not moved["disconnects"]
    assert moved["policy"] in {each["id"] for each in board}


def test_nothing_is_done_to_anybody_and_everybody_can_be_acted_on(report: PeopleReport) -> None:
    assert not Intervention.objects.exists()
    parts = Participation.objects.filter(project=report.project, state="active")
    assert parts.count() == 13


def test_a_quarantine_leaves_people_out_unless_asked_for(lena: User, report: PeopleReport) -> None:
    project = report.project
    part = Participation.objects.get(project=project, annotator__name="flipped")
    intervention_open(participation=part, action="quarantine", reason="Seen.", actor=lena)
    without, within = measured(project), measured(project, with_quarantined=True)
    assert (without.n_annotators, within.n_annotators) == (12, 13)
    assert latest_people_report(project) == without
    assert latest_people_report(project, with_quarantined=True) == within


def test_a_run_gives_one_report_for_each_criterion_and_again_the_same() -> None:
    project = planted_project("Dozen", items=12)
    run = make_run(project, Run.Kind.PEOPLE)
    run_execute(run_id=run.pk, work=people_work)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    report = PeopleReport.objects.get(run=run)
    assert run.result["reports"] == [report.pk]
    assert measured(project, run=run) == report
    assert report.seed
    assert report.cutoff_judgment_id == Judgment.objects.latest("pk").pk


def test_gold_and_hidden_repeats_stand_beside_what_they_are_about(
    ana: User, ben: User, project: Project
) -> None:
    for user in (ana, ben):
        for _ in range(3):
            judge(user, project, groups=((0,), (1,)), active_ms=9000)
    first = Judgment.objects.filter(annotator=ana).first()
    Comparison.objects.filter(pk=first.comparison_id).update(gold_groups=first.groups)
    again = Judgment.objects.filter(annotator=ana).last()
    batch = Batch.objects.create(project=project, name="Again", reason="repeat", seed=1)
    Comparison.objects.filter(pk=again.comparison_id).update(
        repeat_of=Judgment.objects.filter(annotator=ana)[1].comparison_id,
        batch=batch,
    )
    row = by_name(measured(project))["Ana"]
    assert row.n == 2
    assert (row.figures["gold"]["n"], row.figures["gold"]["value"]) == (1, 1.0)
    assert row.figures["repeats"]["n"] == 1
    assert row.figures["seconds"] == 9.0
    assert row.reliability is None or 0 <= row.reliability_low <= row.reliability_high <= 1


def test_what_changes_while_it_is_read_changes_nothing(
    lena: User, ana: User, ben: User, project: Project
) -> None:
    for user in (ana, ben):
        for _ in range(2):
            judge(user, project)
    criterion = project.criteria.get(key="overall")
    newest = Judgment.objects.latest("pk")
    reading = Reading(cutoff_id=newest.pk, as_of=timezone.now())
    before = works(project, criterion, reading, written(project))
    assert len(before) == 4
    judgment_withdraw(annotator=ben, judgment=newest, token=uuid4())
    part = Participation.objects.get(annotator=ana, project=project)
    intervention_open(participation=part, action="quarantine", reason="Seen.", actor=lena)
    assert works(project, criterion, reading, written(project)) == before


def test_rankings_and_further_criteria_are_measured_too(
    ana: User, ben: User, ranking_project: Project, project: Project
) -> None:
    for user in (ana, ben):
        judge(user, ranking_project)
        judge(user, project)
    row = measured(ranking_project).people.first()
    assert (row.n, row.figures["agreement"]["n"]) == (1, 1)
    honest = project.criteria.get(key="honest")
    for judgment in Judgment.objects.filter(comparison__project=project):
        CriterionAnswer.objects.create(judgment=judgment, criterion=honest, ratings=[5, 2])
    run = make_run(project, Run.Kind.PEOPLE)
    run_execute(run_id=run.pk, work=people_work)
    found = {report.criterion.key: report for report in PeopleReport.objects.filter(run=run)}
    assert set(found) == {"overall", "honest"}
    assert found["honest"].n_judgments == 2


def test_too_little_is_a_sentence(ana: User, project: Project) -> None:
    empty = measured(project)
    assert (empty.n_annotators, empty.n_judgments) == (0, 0)
    assert empty.note
    judge(ana, project)
    alone = measured(project)
    row = alone.people.get()
    assert alone.note
    assert (row.reliability, row.action, row.weight) == (None, "keep", 1.0)
    assert standings(alone) == []


def test_an_llm_judge_is_no_person(project: Project, ana: User, ben: User) -> None:
    for person in (ana, ben):
        judge(person, project, groups=((0,), (1,)))
    User.objects.filter(pk=ben.pk).update(judge_model="gpt-4", kind="simulated")
    project.learns_from_simulated = True
    project.save()
    assert list(by_name(measured(project))) == ["Ana"]


def test_rows_are_found_sorted_and_cut(report: PeopleReport) -> None:
    for sort in SORTS:
        for is_reversed in (False, True):
            found = person_reports(report, PeopleWanted(sort=sort, is_reversed=is_reversed))
            assert found.count() == 13
            assert len(list(found)) == 13
    assert [r.annotator.name for r in person_reports(report, PeopleWanted(search="twin"))]
    worst = person_reports(report, PeopleWanted()).first()
    assert worst.action == "quarantine"
    lowest = person_reports(report, PeopleWanted(sort="reliability")).first()
    assert lowest.reliability == min(each.value for each in standings(report))


def test_old_rows_are_thinned_to_one_report_a_day() -> None:
    project = planted_project("Four", items=4)
    reports = [measured(project) for _ in range(4)]
    moment = timezone.now() - timedelta(days=3)
    for hour, report in enumerate(reports[:3]):
        at = moment.replace(hour=8 + hour, minute=0)
        PeopleReport.objects.filter(pk=report.pk).update(created_at=at)
    assert person_reports_thin(project=project) == 2 * 13
    assert [report.people.count() for report in reports] == [0, 0, 13, 13]
    assert person_reports_thin(project=project) == 0


def test_it_is_due_when_judgments_are_newer_and_an_hour_has_passed(
    ana: User, project: Project
) -> None:
    now = timezone.now()
    assert projects_due_for_people(now) == []
    judge(ana, project)
    assert projects_due_for_people(now) == [project]
    measured(project)
    judge(ana, project)
    assert projects_due_for_people(now) == []
    assert projects_due_for_people(now + timedelta(hours=2)) == [project]
    measured(project)
    assert projects_due_for_people(now + timedelta(hours=4)) == []


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_worker_measures_people() -> None:
    project = planted_project("Two dozen", items=24)
    run = make_run(project, Run.Kind.PEOPLE)
    with worker("default"):
        enqueue(run)
        ended = wait_for(run)
    assert ended.state == Run.State.SUCCEEDED, ended.error
    assert latest_people_report(project).people.count() == 13
