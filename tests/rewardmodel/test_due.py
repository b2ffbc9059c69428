"""When the loop goes on by itself: enough judgments, work running out, drift, time; and a pause."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Project, Run, User
from rewardmodel import selectors, services, tasks
from rewardmodel.models import Checkpoint, TrainingRun
from tests.factories import judge, make_completion, make_policy, make_run

pytestmark = pytest.mark.django_db

Train = Callable[..., Checkpoint]


@pytest.fixture
def trained(project: Project) -> Train:
    """A training that has ended on the judgments as they stand."""

    def made(*, drift: bool = False, is_promoted: bool = True, **params: object) -> Checkpoint:
        run = make_run(project, Run.Kind.TRAINING, params=params)
        training = services.training_start(run=run, trigger="due", config={}, seed=1)
        checkpoint = services.training_succeed(
            training=training, n_judgments=1, n_preferences=1, data_hash="d" * 64,
            folder=f"kitchen/{run.pk}", extractor="x", sha256="c" * 64,
            metrics={"drift": {"has_drift": drift}}, is_promoted=is_promoted, reason="A test.",
        )  # fmt: skip
        Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=timezone.now())
        return checkpoint

    return made


def due(project: Project) -> selectors.Due | None:
    project.refresh_from_db()
    return selectors.due_for_training(project, timezone.now())


def settings_of(project: Project, **values: object) -> None:
    Project.objects.filter(pk=project.pk).update(**values)


def open_round(project: Project) -> None:
    third = make_policy(project, "third")
    for prompt in project.prompts.all():
        make_completion(prompt, third)
    pairs = selectors.uncompared_pairs(project)[:2]
    services.round_open(
        run=make_run(project, Run.Kind.ACQUISITION, state="succeeded"), checkpoint=None,
        function="random", seed=3, n_considered=len(pairs), seconds=0.1,
        choices=[services.Choice(pair, 0.5, "acquired") for pair in pairs],
    )  # fmt: skip


def test_enough_new_judgments_make_it_due(project: Project, ana: User) -> None:
    settings_of(project, retrain_after_judgments=2)
    assert due(project) is None
    judge(ana, project)
    assert due(project) is None
    judge(ana, project)
    assert due(project) is selectors.Due.JUDGMENTS


def test_a_quarter_of_enough_suffices_where_drift_was_seen(
    project: Project, ana: User, trained: Train
) -> None:
    settings_of(project, retrain_after_judgments=4)
    trained(drift=True)
    judge(ana, project)
    assert due(project) is selectors.Due.DRIFT
    settings_of(project, retrain_on_drift=False)
    assert due(project) is None


def test_time_makes_it_due_once_something_is_new(
    project: Project, ana: User, trained: Train
) -> None:
    trained()
    TrainingRun.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    assert due(project) is None
    judge(ana, project)
    assert due(project) is selectors.Due.TIME


def test_work_that_runs_out_makes_it_due(project: Project, ana: User, trained: Train) -> None:
    settings_of(project, acquire_automatically=True, acquisition_size=2, overlap=1)
    project.refresh_from_db()
    trained()
    project.batches.update(state="closed", closed_at=timezone.now())
    open_round(project)
    judge(ana, project)
    assert due(project) is None
    judge(ana, project)
    assert due(project) is selectors.Due.WORK


def test_what_failed_on_these_judgments_is_not_tried_again(project: Project, ana: User) -> None:
    settings_of(project, retrain_after_judgments=1)
    judge(ana, project)
    training = services.training_start(
        run=make_run(project, Run.Kind.TRAINING), trigger="due", config={}, seed=1
    )
    services.training_end(training=training, state="failed", error="Broken.")
    assert due(project) is None
    judge(ana, project)
    assert due(project) is selectors.Due.JUDGMENTS


def test_a_pause_stops_everything_automatic_and_is_logged(
    project: Project, ana: User, lena: User, trained: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    settings_of(project, retrain_after_judgments=1, acquire_automatically=True)
    judge(ana, project)
    trained()
    judge(ana, project)
    services.loop_pause(actor=lena, project=project, is_paused=True)
    tasks.train_due()
    tasks.acquire_due()
    assert sent == []
    assert project.audit_entries.filter(actor=lena, detail={"loop_paused": [False, True]}).exists()
    services.loop_pause(actor=lena, project=project, is_paused=False)
    tasks.train_due()
    tasks.train_due()
    tasks.acquire_due()
    tasks.acquire_due()
    assert [run.kind for run in sent] == ["training", "acquisition"]


@pytest.mark.parametrize("is_promoted", [True, False])
def test_the_next_batch_follows_a_training_at_once_and_only_once(
    project: Project, ana: User, trained: Train, monkeypatch: pytest.MonkeyPatch, is_promoted: bool
) -> None:
    """Also after one that stayed out of use: the one in use goes on choosing."""
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    settings_of(project, acquire_automatically=True)
    judge(ana, project)
    trained()
    Run.objects.filter(kind="acquisition").delete()
    newest = trained(is_promoted=is_promoted)
    tasks.run_training(newest.training_run.run_id)
    assert [run.kind for run in sent] == ["acquisition"]
    tasks.run_training(newest.training_run.run_id)
    tasks.acquire_due()
    assert len(sent) == 1


@pytest.mark.parametrize("state", ["failed", "succeeded"])
def test_a_run_that_opened_no_round_is_followed_by_another_once_there_is_more_to_weigh(
    project: Project, trained: Train, state: str
) -> None:
    settings_of(project, acquire_automatically=True)
    trained()
    run = make_run(project, Run.Kind.ACQUISITION)
    started = {"started_at": timezone.now(), "finished_at": timezone.now()}
    assert selectors.projects_due_for_acquisition() == []
    Run.objects.filter(pk=run.pk).update(state=state, **started)
    assert selectors.projects_due_for_acquisition() == []
    make_completion(project.prompts.first(), make_policy(project, "later"))
    assert selectors.projects_due_for_acquisition() == [project]
    make_run(project, Run.Kind.ACQUISITION)
    assert selectors.projects_due_for_acquisition() == []


def test_without_a_model_in_use_or_without_budget_nothing_is_acquired(
    project: Project, trained: Train
) -> None:
    settings_of(project, acquire_automatically=True)
    assert selectors.projects_due_for_acquisition() == []
    trained(is_promoted=False)
    assert selectors.projects_due_for_acquisition() == []
    trained()
    assert selectors.projects_due_for_acquisition() == [project]
    settings_of(project, acquisition_budget=project.overlap - 1)
    assert selectors.projects_due_for_acquisition() == []
