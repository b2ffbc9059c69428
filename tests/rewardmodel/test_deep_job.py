"""Deep training as a run: progress, cancelling, a worker that dies, and what a lead is told."""

import numpy as np
import pytest
from click.testing import CliRunner

from alignui.commands import train
from annotation.core.errors import Invalid, Unavailable
from annotation.models import Project, Run
from annotation.services.answers import CriterionInput
from annotation.services.runs import RunCancelled, RunHandle, run_execute
from rewardmodel.core.deep_training import Step
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.pairs import Votes
from rewardmodel.jobs import deep
from rewardmodel.jobs.train import training_work
from rewardmodel.models import Checkpoint, TrainingRun
from rewardmodel.services import training_request
from tests.factories import judge_for, make_run
from tests.rest import error
from tests.rewardmodel.core.deep_cast import texts, tiny_config, tiny_folder, votes

pytestmark = pytest.mark.django_db
PROMPTS = 16


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def training(project, settings, tmp_path, monkeypatch):
    settings.CHECKPOINTS_DIR = tmp_path
    monkeypatch.setattr(deep, "SECONDS_BETWEEN_REPORTS", 0.0)
    return TrainingRun.objects.create(
        project=project, criterion=project.criteria.get(key="overall"), seed=1,
        run=make_run(project, Run.Kind.TRAINING, state=Run.State.RUNNING),
        cutoff_judgment_id=0, code_version="tests",
    )  # fmt: skip


def overall(prompts=PROMPTS):
    given = votes(prompts)
    return {"overall": Votes(given.first, given.second, given.outcome, given.weight,
                             given.prompt, np.ones(prompts, dtype=np.int64))}  # fmt: skip


def fit(training, folder, given=None, **changes):
    config = tiny_config(folder, **{"epochs": 2, "save_every": 1, **changes})
    handle = RunHandle(training.run)
    return deep.fit(handle, training, given or overall(), texts(PROMPTS), config)


def test_it_reports_its_steps(training, base_folder, monkeypatch):
    told = []
    tell = RunHandle.progress
    monkeypatch.setattr(
        RunHandle, "progress", lambda self, *given: told.append(given) or tell(self, *given)
    )
    model = fit(training, base_folder)
    assert model.course["steps"] == 4
    assert told[1][2] == "Reading responses: 28 of 28", "those that the first head is fitted to"
    done, total, message = told[5]
    assert (done, total) == (4, 4)
    assert "step 4 of 4, loss 0." in message
    training.run.refresh_from_db()
    assert training.run.message == "Reading responses: 32 of 32"
    deep.forget_state(training)
    assert not deep.state_folder(training).exists()


def test_cancelled_and_delivered_again_it_goes_on(training, base_folder, monkeypatch):
    told = []

    def cancel_at_two(self, done, total, message=""):
        if "step" in message:
            told.append(done)
        if done == 2:
            raise RunCancelled

    monkeypatch.setattr(RunHandle, "progress", cancel_at_two)
    with pytest.raises(RunCancelled):
        fit(training, base_folder)
    assert (deep.state_folder(training) / "state.pt").is_file()
    monkeypatch.undo()
    seen = []
    monkeypatch.setattr(deep._Report, "__call__", lambda self, step: seen.append(step.done))
    fit(training, base_folder)
    assert (told, seen) == ([1, 2], [3, 4])


def test_a_base_that_cannot_be_loaded(training, base_folder):
    with pytest.raises(Unavailable, match="no model"):
        fit(training, base_folder, reference="/nowhere")


def test_nothing_decided(training, base_folder):
    with pytest.raises(NotEnoughData):
        fit(training, base_folder, overall(0))


def test_memory_that_runs_out(training, base_folder, monkeypatch):
    def refuse(*given, **named):
        raise MemoryError

    monkeypatch.setattr("rewardmodel.core.deep_training.Run._loss", refuse)
    with pytest.raises(Invalid, match="pairs_at_once"):
        fit(training, base_folder)


def test_settings_come_from_the_installation_and_the_run(project, settings):
    settings.DEEP_TRAINING = {"method": "full", "epochs": 3}
    config = deep.deep_config(project, {"epochs": 1})
    assert (config.method, config.epochs, config.seed) == ("full", 1, project.seed)
    with pytest.raises(Invalid, match="no setting “epoch”") as refused:
        deep.deep_config(project, {"epoch": 1})
    assert refused.value.field == "deep"


def test_completions_are_read_with_their_prompts(project):
    keys = [c.pk for p in project.prompts.all() for c in p.completions.all()][::-1]
    found = deep.texts_of(keys)
    assert [text.text for text in found][-1] == "Short answer to “How long do I boil an egg?”"
    assert found[-1].messages[0]["content"] == "How long do I boil an egg?"


def test_time_left_is_spelt(training):
    report = deep._Report(RunHandle(training.run))
    report(Step(1, 10_000, 0.5))
    training.run.refresh_from_db()
    assert training.run.message.startswith("Training: step 1 of 10,000, loss 0.500, at most ")
    assert [deep._spell(s) for s in (3, 200, 9000)] == ["3 s", "3 min", "2.5 h"]


@pytest.fixture
def judged(project, ana, ben, base_folder, settings, tmp_path):
    """Kitchen with a deep reward: both annotators prefer the terse answers, on each criterion."""
    settings.CHECKPOINTS_DIR = tmp_path
    settings.DEFAULT_MODEL = str(base_folder)
    settings.DEEP_TRAINING = {
        "method": "full", "epochs": 2, "pairs_per_step": 2, "pairs_at_once": 2, "save_every": 1,
        "learning_rate": 3e-3, "precision": "float32",
    }  # fmt: skip
    Project.objects.filter(pk=project.pk).update(reward_model="deep", held_out_fraction=0)
    project.refresh_from_db()
    for person in (ana, ben):
        for _ in range(project.prompts.count()):
            judge_for(person, project, 0, criteria={"honest": CriterionInput(groups=((1,), (0,)))})
    return project


def test_a_project_trains_scores_and_promotes_a_deep_reward(judged):
    run = training_request(actor=None, project=judged)
    assert run.queue == "gpu"
    run_execute(run_id=run.pk, work=training_work)
    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED, run.error
    checkpoint = Checkpoint.objects.get()
    assert (checkpoint.kind, checkpoint.state) == ("deep", Checkpoint.State.PROMOTED)
    assert checkpoint.training_run.config["pairs_per_step"] == 2
    assert checkpoint.metrics["tie_strength"] < 0, "nobody has tied"
    for criterion in ("overall", "honest"):
        scores = checkpoint.scores.filter(criterion__key=criterion)
        assert scores.count() == 2 * judged.prompts.count()
    assert not deep.state_folder(checkpoint.training_run).exists()


def test_one_training_may_differ(api, lena, judged):
    caller = api(lena)
    response = caller.post("projects/kitchen/train", {"deep": {"epoch": 1}})
    assert (response.status_code, error(response)["field"]) == (422, "deep")
    response = caller.post("projects/kitchen/train", {"deep": {"epochs": 1, "ties": "rao-kupper"}})
    run = Run.objects.get(pk=response.json()["id"])
    run_execute(run_id=run.pk, work=training_work)
    config = TrainingRun.objects.get(run=run).config
    assert (config["epochs"], config["ties"], config["pairs_per_step"]) == (1, "rao-kupper", 2)
    Project.objects.update(reward_model="embedded")
    response = caller.post("projects/kitchen/train", {"deep": {"epochs": 1}})
    assert "frozen features" in error(response)["message"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("given", ["{half", "[1]", '{"epochs": 0}'])
def test_the_command_refuses_settings_in_words(project, monkeypatch, ana, given):
    monkeypatch.setenv("DATABASE_URL", "postgresql://tests/")
    Project.objects.update(reward_model="deep")
    judge_for(ana, project, 0)
    result = CliRunner().invoke(train.command, [project.slug, "--deep", given])
    assert isinstance(result.exception, Invalid)
    assert result.exception.field == "deep"
