"""Turns of the loop, without anybody's hand: they close, once, whatever dies or comes twice."""

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.db import connection

from annotation.models import Batch, Project, Run, User
from annotation.services import batches, runs
from rewardmodel import selectors, tasks
from rewardmodel.jobs import acquire
from rewardmodel.models import AcquisitionRound, Checkpoint, Score, TrainingRun
from tests.pool_cast import PROMPTS, pool_project, stand_in_for_the_reader

POLICIES = 4
WORK = {"training": tasks.run_training, "acquisition": tasks.run_acquisition}


class Killed(BaseException):
    """The process is gone without a word."""


@pytest.fixture(autouse=True)
def toy_reader(monkeypatch: pytest.MonkeyPatch, settings: object, tmp_path: Path) -> None:
    stand_in_for_the_reader(monkeypatch, settings, tmp_path)


def judged() -> Project:
    return pool_project(
        "Turns", policies=POLICIES, noise=0.0, held_out_fraction=0.25, acquisition_size=6,
        acquire_automatically=True, retrain_after_judgments=10,
    )  # fmt: skip


@pytest.fixture
def project(db: object) -> Project:
    return judged()


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """A worker in this process: what is sent is done at once."""
    sent: list[Run] = []

    def do(run: Run) -> None:
        sent.append(run)
        WORK[run.kind](run.pk)

    monkeypatch.setattr(tasks, "enqueue", do)
    return sent


def told(project: Project) -> dict[str, int]:
    """How much of everything there is; twice the same call must not change it."""
    ours = {"project": project}
    return {
        "trainings": TrainingRun.objects.filter(**ours).count(),
        "checkpoints": Checkpoint.objects.filter(**ours).count(),
        "in use": Checkpoint.objects.filter(**ours, state="promoted").count(),
        "scores": Score.objects.filter(checkpoint__project=project).count(),
        "rounds": AcquisitionRound.objects.filter(**ours).count(),
        "batches": Batch.objects.filter(**ours, reason__in=["acquisition", "control"]).count(),
        "runs": Run.objects.filter(**ours, kind__in=["training", "acquisition"]).count(),
    }


ONE_TURN = {
    "trainings": 1, "checkpoints": 1, "in use": 1, "scores": PROMPTS * POLICIES, "rounds": 1,
    "batches": 2, "runs": 2,
}  # fmt: skip


def test_a_turn_closes_by_itself_and_only_once(project: Project, inline: list[Run]) -> None:
    tasks.train_due()
    assert [run.kind for run in inline] == ["training", "acquisition"]
    assert told(project) == ONE_TURN
    for run in inline:
        run.refresh_from_db()
        assert run.state == Run.State.SUCCEEDED, run.error
        WORK[run.kind](run.pk)
    tasks.train_due()
    tasks.acquire_due()
    assert told(project) == ONE_TURN
    assert selectors.acquired_judgments_left(project) == 6 * project.overlap


@pytest.mark.parametrize("where", ["while weighing", "between the arms", "before it is noted"])
def test_a_round_whose_worker_dies_is_opened_once(
    project: Project, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    tasks.train_due()
    tasks.run_training(sent[0].pk)
    assert [run.kind for run in sent] == ["training", "acquisition"]
    with monkeypatch.context() as patch:
        dying(patch, where)
        with pytest.raises(Killed):
            tasks.run_acquisition(sent[1].pk)
    is_open = where == "before it is noted"
    assert told(project) == ONE_TURN | ({} if is_open else {"rounds": 0, "batches": 0})
    tasks.run_acquisition(sent[1].pk)
    sent[1].refresh_from_db()
    assert (sent[1].state, sent[1].attempt) == (Run.State.SUCCEEDED, 2)
    assert told(project) == ONE_TURN


def dying(patch: pytest.MonkeyPatch, where: str) -> None:
    def die(*given: object, **named: object) -> None:
        raise Killed

    if where == "while weighing":
        patch.setattr(acquire, "_weigh", die)
    elif where == "between the arms":
        patch.setattr(batches, "batch_open", after(1, batches.batch_open, die))
    else:
        patch.setattr(runs, "_finish", die)


def after(calls: int, work: Callable[..., object], then: Callable[..., object]) -> object:
    made = iter(range(calls))

    def call(*given: object, **named: object) -> object:
        return then() if next(made, None) is None else work(*given, **named)

    return call


def test_a_training_that_dies_before_the_next_batch_is_asked_for_loses_no_turn(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies between its training and the question for the next batch: beat asks it."""
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    tasks.train_due()
    with monkeypatch.context() as patch:
        patch.setattr(selectors, "projects_due_for_acquisition", after(0, lambda: None, die_now))
        with pytest.raises(Killed):
            tasks.run_training(sent[0].pk)
    assert [run.kind for run in sent] == ["training"]
    tasks.acquire_due()
    assert [run.kind for run in sent] == ["training", "acquisition"]


def die_now(*given: object, **named: object) -> None:
    raise Killed


def test_a_pause_between_training_and_batch_holds(
    project: Project, lena: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    tasks.train_due()
    Project.objects.filter(pk=project.pk).update(loop_paused=True)
    tasks.run_training(sent[0].pk)
    tasks.acquire_due()
    assert [run.kind for run in sent] == ["training"]
    Project.objects.filter(pk=project.pk).update(loop_paused=False)
    tasks.acquire_due()
    assert [run.kind for run in sent] == ["training", "acquisition"]


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    judged()
    sent: list[Run] = []
    monkeypatch.setattr(tasks, "enqueue", sent.append)
    start = Barrier(4)

    def ask() -> None:
        start.wait()
        try:
            tasks.train_due()
        finally:
            connection.close()

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.kind for run in sent] == ["training"]
    assert Run.objects.filter(kind="training").count() == 1
