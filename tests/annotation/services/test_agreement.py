"""Snapshots of agreement: every figure in its place, real votes, no number that cannot be told."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone

from annotation.core.agreement import agreement_figures
from annotation.core.rated_units import rated_pairs
from annotation.models import (
    AgreementReport,
    Batch,
    Comparison,
    Criterion,
    Judgment,
    Participation,
    Project,
    Run,
    User,
)
from annotation.selectors.judgments import latest_judgment_id, live, verdicts
from annotation.selectors.reports import agreement_history, latest_agreement
from annotation.services import agreement
from annotation.services.agreement import agreement_measure, agreement_work
from annotation.services.agreement_people import people_at
from annotation.services.answers import JudgmentInput
from annotation.services.imports import records_import
from annotation.services.interventions import intervention_open
from annotation.services.judgments import judgment_submit
from annotation.services.runs import RunHandle, run_execute
from tests.factories import (
    claim,
    judge,
    judge_for,
    make_criterion,
    make_project,
    make_run,
    make_user,
)

pytestmark = pytest.mark.django_db

DIMENSIONS = {"batch", "pool", "language", "tag", "pair", "time"}


def measured(project: Project, key: str = "overall", **options: object) -> AgreementReport:
    return agreement_measure(project=project, criterion=project.criteria.get(key=key), **options)


@pytest.fixture
def judged(project: Project, ana: User, ben: User) -> Project:
    """They part on one of four pairs."""
    places = {pk: at for at, pk in enumerate(project.comparisons.values_list("pk", flat=True))}
    for person, winners in ((ana, (0, 0, 1, 0)), (ben, (0, 0, 1, 1))):
        for _ in winners:
            assignment = claim(person, project)
            best = assignment.display_order.index(winners[places[assignment.comparison_id]])
            judgment_submit(
                annotator=person, assignment=assignment, token=uuid4(),
                answer=JudgmentInput(groups=((best,), (1 - best,))),
            )  # fmt: skip
    return project


def test_figures_are_those_of_the_core(judged: Project) -> None:
    report = measured(judged)
    ratings = rated_pairs(verdicts(live(judged))).ratings
    figures = agreement_figures(ratings, seed=report.seed, categories=(-1, 0, 1))
    assert report.estimate == figures.alpha.value
    assert report.detail["figures"]["ac"]["value"] == figures.ac.value
    assert report.detail["figures"]["percent"]["value"] == 0.75
    assert (
        report.detail["items"]["contested"] == [[judged.comparisons.order_by("pk")[3].pk, 2, 0.0]]
        or len(report.detail["items"]["contested"]) == 1
    )
    assert report.detail["over_prompts"] is None
    histogram = report.detail["items"]["histogram"]
    assert (histogram[0], histogram[-1]) == ([0.0, 0.1, 1], [0.9, 1.0, 3])
    assert report.detail["too_few"]
    assert report.detail["reading"].startswith("Too few to say")


def test_slices_have_their_own_figures_and_words(judged: Project) -> None:
    slices = measured(judged).detail["slices"]
    (batch,) = slices["batch"]["rows"]
    assert (batch["label"], batch["n_judgments"], batch["alpha"]["n"]) == ("First", 8, 4)
    (pool,) = slices["pool"]["rows"]
    assert pool["label"] == "Cooks"
    (pair,) = slices["pair"]["rows"]
    assert pair["label"] == "terse / wordy"
    (week,) = slices["time"]["rows"]
    assert week["label"] == f"{timezone.now():%G-W%V}"
    assert slices["tag"] == slices["language"] == {"rows": [], "more": 0}
    assert all(row["too_few"] and row["reading"] for row in (batch, pool, pair, week))


def test_strength_is_measured_by_degree_too(project: Project, ana: User, ben: User) -> None:
    for person, strengths in ((ana, (3, 1, 2, 1)), (ben, (2, 1, 3, 1))):
        for strength in strengths:
            judge_for(person, project, 0, strength=strength)
    detail = measured(project).detail
    assert detail["figures"]["alpha"]["value"] is None
    assert detail["graded"]["alpha"]["value"] is not None
    assert detail["graded"]["ac"]["method"].startswith("Gwet's AC2")


def test_marks_are_measured_as_marks(project: Project, ana: User, ben: User) -> None:
    clear = make_criterion(project, "clear", scale=Criterion.Scale.RATING)
    first, second = sorted(project.comparisons.values_list("pk", flat=True))[:2]
    project.comparisons.exclude(pk__in=(first, second)).update(state="retired")
    given = {ana: {first: [5, 1], second: [4, 2]}, ben: {first: [4, 1], second: [4, 3]}}
    for person, marks in given.items():
        for _ in marks:
            judgment = judge_for(person, project, 0)
            judgment.answers.create(criterion=clear, ratings=marks[judgment.comparison_id])
    report = measured(project, "clear")
    assert report.method.startswith("Krippendorff's alpha (interval)")
    assert (report.n_comparisons, report.n_judgments) == (2, 4)
    assert report.estimate == pytest.approx(1 - (4 / 8) / (256 / 56))
    assert report.detail["graded"]["alpha"]["value"] is not None
    assert {row["label"] for row in report.detail["slices"]["pair"]["rows"]} == {"terse", "wordy"}


def test_rankings_are_compared_as_a_whole(ranking_project: Project, ana: User, ben: User) -> None:
    for person in (ana, ben):
        for groups in (((0,), (1,), (2,), (3,)), ((0, 1), (2, 3))):
            judge(person, ranking_project, groups=groups)
    report = measured(ranking_project)
    assert (report.n_comparisons, report.n_judgments) == (2, 4)
    assert report.detail["figures"]["alpha"]["n"] == 12
    assert report.detail["reading"].startswith("Too few to say: 2 items")
    rankings = report.detail["rankings"]
    assert set(rankings) == {"tau", "w", "overlap", "pairs"}
    assert all(rankings[name]["value"] is not None for name in rankings)
    assert rankings["tau"]["n"] == 2


def test_answers_to_hidden_repeats_are_compared_with_the_first(judged: Project, ana: User) -> None:
    assert "second time" in measured(judged).detail["repeats"]["percent"]["note"]
    batch = Batch.objects.create(project=judged, name="Again", reason="repeat", seed=1)
    for first in Judgment.objects.filter(annotator=ana):
        asked = first.comparison
        again = Comparison.objects.create(
            project=judged, batch=batch, prompt=asked.prompt, kind=asked.kind, overlap=1,
            repeat_of=asked,
        )  # fmt: skip
        for each in asked.candidates.all():
            again.candidates.create(completion=each.completion, position=each.position)
        assignment = again.assignments.create(
            annotator=ana, state="submitted", display_order=[0, 1], leased_at=timezone.now(),
            expires_at=timezone.now(), closed_at=timezone.now(),
        )  # fmt: skip
        Judgment.objects.create(
            comparison=again, annotator=ana, assignment=assignment, source="web",
            idempotency_token=f"00000000-0000-0000-0000-{again.pk:012}",
            groups=[[0], [1]],
        )  # fmt: skip
    report = measured(judged)
    repeats = report.detail["repeats"]
    assert (repeats["percent"]["value"], repeats["percent"]["n_ratings"]) == (0.75, 4)
    assert repeats["people"] == 1
    assert report.n_judgments == 8


def test_llm_judges_are_compared_with_people_and_not_counted(
    judged: Project, ana: User, ben: User
) -> None:
    assert measured(judged).detail["judges"] is None
    User.objects.filter(pk=ben.pk).update(judge_model="gpt-4", kind="simulated")
    report = measured(judged)
    assert (report.estimate, report.n_judgments) == (None, 0)
    judges = report.detail["judges"]
    (model,) = judges["models"]
    assert (model["model"], model["judges"], model["n"]) == ("gpt-4", 1, 4)
    assert model["value"] == pytest.approx(0.5)
    assert judges["n_people"] == 1
    assert "Only one annotator" in judges["people"]["alpha"]["note"]
    User.objects.filter(pk=ana.pk).update(judge_model="gpt-3", kind="simulated")
    alone = measured(judged)
    assert alone.estimate is not None
    assert alone.detail["with_judges"]
    assert alone.detail["judges"] is None
    assert len(people_at(alone)["ids"]) == 2


def test_a_second_answer_in_a_file_is_no_annotator_of_its_own(ana: User) -> None:
    project = make_project("Twice", held_out_fraction=0.0)
    pair = [{"policy": "a", "text": "Well."}, {"policy": "b", "text": "Ill."}]
    votes = [("w1", "left", "1"), ("w1", "right", "2"), ("w2", "left", "3")]
    rows = [
        {"prompt": "How?", "annotator": who, "winner": winner, "completions": pair, "id": id_}
        for who, winner, id_ in votes
    ]
    records_import(project=project, kind="judgments", rows=rows)
    detail = measured(project).detail
    assert (detail["figures"]["alpha"]["n"], detail["figures"]["alpha"]["alone"]) == (1, 0)
    assert detail["repeats"]["percent"]["n_ratings"] == 1


def test_nothing_is_a_sentence_and_never_a_number(project: Project, ana: User) -> None:
    for expected in ("Nothing has been judged yet.", "Only one annotator has judged"):
        report = measured(project)
        assert report.estimate is None
        assert expected in report.note
        assert expected in report.detail["reading"]
        json.dumps(report.detail, allow_nan=False)
        assert report.detail["people"]["pairs"] == []
        judge(ana, project)


def test_one_criterion_of_a_run_is_measured_once(judged: Project) -> None:
    run = make_run(judged, Run.Kind.AGREEMENT)
    first = measured(judged, run=run)
    assert measured(judged, run=run) == first
    run_execute(run_id=run.pk, work=agreement_work)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    assert AgreementReport.objects.filter(run=run).count() == 2


def test_what_is_judged_in_mid_run_changes_nothing(judged: Project, lena: User) -> None:
    """A run that resumes measures the other criteria by the judgments that it began with."""
    run = make_run(judged, Run.Kind.AGREEMENT)
    cutoff = measured(judged, run=run).cutoff_judgment_id
    cara = make_user("cara")
    judged.pools.get().memberships.create(user=cara)
    judged.comparisons.update(overlap=3)
    Project.objects.filter(pk=judged.pk).update(overlap=3)
    comparison = judged.comparisons.first()
    assignment = comparison.assignments.create(
        annotator=cara, state="submitted", display_order=[0, 1], leased_at=timezone.now(),
        expires_at=timezone.now(), closed_at=timezone.now(),
    )  # fmt: skip
    Judgment.objects.create(
        comparison=comparison, annotator=cara, assignment=assignment, source="web",
        idempotency_token="00000000-0000-0000-0000-000000000001", groups=[[0], [1]],
    )  # fmt: skip
    assert latest_judgment_id(judged) > cutoff
    agreement_work(RunHandle(run))
    assert set(run.agreementreports.values_list("cutoff_judgment_id", flat=True)) == {cutoff}


def test_quarantined_people_are_counted_only_where_asked(
    judged: Project, ben: User, lena: User
) -> None:
    intervention_open(
        participation=Participation.objects.get(annotator=ben, project=judged),
        action="quarantine", reason="Seen.", actor=lena,
    )  # fmt: skip
    run = make_run(judged, Run.Kind.AGREEMENT, params={"with_quarantined": True})
    run_execute(run_id=run.pk, work=agreement_work)
    assert latest_agreement(judged) is None
    within = agreement_history(judged, with_quarantined=True).get(criterion__key="overall")
    assert (within.n_annotators, within.includes_quarantined) == (2, True)
    without = measured(judged)
    assert without.estimate is None
    assert list(agreement_history(judged)) == [without]


def test_older_snapshots_keep_their_figures_only(
    monkeypatch: pytest.MonkeyPatch, judged: Project
) -> None:
    monkeypatch.setattr(agreement, "KEPT_WHOLE", 2)
    first, *_rest, last = [measured(judged) for _ in range(4)]
    first.refresh_from_db()
    last.refresh_from_db()
    assert first.detail["figures"] == last.detail["figures"]
    assert "slices" not in first.detail
    assert "slices" in last.detail
    whole = AgreementReport.objects.filter(detail__has_key="slices")
    assert whole.count() == 2
