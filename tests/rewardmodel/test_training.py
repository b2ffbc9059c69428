"""Training from judgments to scores: what is learned, what is recorded, and what goes wrong."""

from pathlib import Path
from random import Random
from uuid import uuid4

import numpy as np
import pytest

from annotation.models import (
    Completion,
    CriterionAnswer,
    Judgment,
    Participation,
    Project,
    Run,
    User,
)
from annotation.selectors import judgments
from annotation.services.imports import records_import
from annotation.services.interventions import intervention_open
from annotation.services.runs import RunHandle, run_execute
from rewardmodel import services
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.jobs import dataset, reading, train, training_kinds
from rewardmodel.models import Checkpoint, CompletionFeature, Score, TrainingRun
from tests.factories import make_criterion, make_pool, make_project, make_run

pytestmark = pytest.mark.django_db

READER = "toy"
PROMPTS, PEOPLE = 14, 4
WIDTH = 6 + 4 + 18
METRICS = train.evaluation.metrics


@pytest.fixture(autouse=True)
def toy_reader(monkeypatch: pytest.MonkeyPatch, settings: object, tmp_path: Path) -> None:
    """Features stand in the cache; nothing has to be read."""
    settings.CHECKPOINTS_DIR = tmp_path
    monkeypatch.setattr(reading, "extractor_id", lambda: READER)
    monkeypatch.setattr(reading, "read_missing", lambda handle, project: 0)
    # Dozens of refits: once is enough.
    monkeypatch.setattr(train.evaluation, "metrics", lambda *given, **named: {})


def row(at: int, person: int, winner: str, **more: object) -> dict[str, object]:
    return {
        "prompt": f"Question {at}?", "annotator": f"worker {person}", "winner": winner,
        "completions": [
            {"policy": "one", "text": f"Answer {at}."}, {"policy": "two", "text": f"Well, {at}."},
        ], **more,
    }  # fmt: skip


def judge(project: Project, rows: list[dict[str, object]]) -> None:
    records_import(project=project, kind="judgments", rows=rows)


def write_features(project: Project, seed: int = 1) -> None:
    """Random ones; the states tell what people like, the plain columns tell nothing."""
    random = np.random.default_rng(seed)
    for completion in Completion.objects.filter(prompt__project=project).order_by("pk"):
        vector = random.normal(size=WIDTH)
        vector[:6] = (2.0 if completion.policy.name == "one" else -2.0) + vector[:6] / 4
        CompletionFeature.objects.update_or_create(
            extractor=READER, completion=completion,
            defaults={"vector": vector.astype("<f4").tobytes()},
        )  # fmt: skip


@pytest.fixture
def crowd(db: object) -> Project:
    """People prefer the first policy's answers in nine of ten; three prompts are held out."""
    random = Random(3)
    project = make_project("Crowd", held_out_fraction=0.0, allow_both_bad=True)
    judge(project, [
        row(at, person, "left" if random.random() < 0.92 else "right")
        for at in range(PROMPTS) for person in range(PEOPLE)
    ])  # fmt: skip
    held = project.prompts.order_by("pk").values_list("pk", flat=True)[:3]
    project.prompts.filter(pk__in=list(held)).update(is_held_out=True)
    write_features(project)
    return project


def run_training(project: Project, **params: object) -> Run:
    run = make_run(project, Run.Kind.TRAINING, params=params)
    run_execute(run_id=run.pk, work=train.training_work)
    run.refresh_from_db()
    return run


def trained(project: Project, **params: object) -> Checkpoint:
    run = run_training(project, **params)
    assert run.state == Run.State.SUCCEEDED, run.error
    return Checkpoint.objects.get(training_run__run=run)


def model_of(checkpoint: Checkpoint) -> EmbeddedRewardModel:
    found = train.load_checkpoint(checkpoint)
    assert isinstance(found, EmbeddedRewardModel)
    return found


def test_a_training_ends_in_a_checkpoint_with_figures_and_scores(
    crowd: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train.evaluation, "metrics", METRICS)
    helpful = make_criterion(crowd, "helpful")
    make_criterion(crowd, "honest")
    for judgment in Judgment.objects.filter(comparison__project=crowd):
        CriterionAnswer.objects.create(judgment=judgment, criterion=helpful, groups=[[0], [1]])
    checkpoint = trained(crowd)
    assert checkpoint.state == Checkpoint.State.PROMOTED
    assert checkpoint.kind == Checkpoint.Kind.EMBEDDED
    assert checkpoint.metrics["held_out"]["accuracy"]["value"] == pytest.approx(0.9, abs=0.2)
    assert checkpoint.metrics["left_out"] == {"honest": "Nobody has judged this criterion yet."}
    assert model_of(checkpoint).criteria == ("overall", "helpful")
    scores = Score.objects.filter(checkpoint=checkpoint)
    assert scores.count() == 2 * Completion.objects.count()
    assert all(0 <= score.novelty <= 1 and score.sd >= 0 for score in scores)
    better = scores.filter(criterion__key="overall", completion__policy__name="one")
    worse = scores.filter(criterion__key="overall", completion__policy__name="two")
    assert min(s.mean for s in better) > max(s.mean for s in worse)


def test_two_trainings_on_the_same_judgments_are_equal_to_the_byte(crowd: Project) -> None:
    one, other = trained(crowd), trained(crowd)
    assert one.sha256 == other.sha256
    assert one.training_run.data_hash == other.training_run.data_hash
    read = (
        Path(train.settings.CHECKPOINTS_DIR, c.folder, "embedded.safetensors") for c in (one, other)
    )
    assert len({path.read_bytes() for path in read}) == 1
    CompletionFeature.objects.all().delete()
    write_features(crowd, seed=2)
    assert trained(crowd).training_run.data_hash != one.training_run.data_hash


def test_who_leaves_after_the_cutoff_changes_nothing(crowd: Project) -> None:
    run = make_run(crowd, Run.Kind.TRAINING, state=Run.State.RUNNING)
    training = services.training_start(
        run=run, trigger="manual", config=training_kinds.config_of(crowd, {}), seed=1
    )
    before = load(training)
    kept, gone = crowd_people(crowd)[:2]
    latest = Judgment.objects.filter(annotator=gone).latest("pk")
    Judgment.objects.create(
        comparison=latest.comparison, annotator=gone, assignment=latest.assignment,
        supersedes=latest, revision=latest.revision + 1, is_withdrawal=True,
        groups=[], idempotency_token=uuid4(),
    )  # fmt: skip
    participation, _ = Participation.objects.get_or_create(project=crowd, annotator=kept)
    intervention_open(participation=participation, action="quarantine", reason="Later.", actor=kept)
    assert len(judgments.live(crowd)) < before.n_judgments
    assert load(training).hash() == before.hash()


def load(training: TrainingRun) -> dataset.Dataset:
    return dataset.load(
        training.project, extractor=READER,
        cutoff=dataset.Cutoff(training.cutoff_judgment_id, False, training.started_at),
    )  # fmt: skip


@pytest.mark.parametrize("step", ["fit", "save", "scores_replace"])
def test_a_worker_that_dies_leaves_nothing_half_done(
    crowd: Project, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Killed: the process is gone without a word; delivered again, the run ends as ever."""
    places = {
        "fit": (training_kinds, "fit"),
        "save": (EmbeddedRewardModel, "save"), "scores_replace": (services, "scores_replace"),
    }  # fmt: skip

    class Killed(BaseException):
        pass

    def die(*given: object, **named: object) -> None:
        raise Killed

    run = make_run(crowd, Run.Kind.TRAINING, state=Run.State.RUNNING)
    with monkeypatch.context() as patched:
        patched.setattr(*places[step], die)
        with pytest.raises(Killed):
            train.training_work(RunHandle(run))
    assert not Checkpoint.objects.exists()
    assert not Score.objects.exists()
    told = train.training_work(RunHandle(run))
    again = train.training_work(RunHandle(run))
    assert TrainingRun.objects.get().state == TrainingRun.State.SUCCEEDED
    assert Checkpoint.objects.get().pk == told["checkpoint"] == again["checkpoint"]
    assert Score.objects.count() == Completion.objects.count()


def test_both_bad_says_where_the_bar_is(crowd: Project) -> None:
    judge(crowd, [row(at, 9, "both_bad" if at % 2 else "tie") for at in range(3, PROMPTS)])
    checkpoint = trained(crowd)
    data = load(checkpoint.training_run)
    assert np.nansum(data.criteria["overall"].judged.bad) == 6
    assert checkpoint.metrics["bar"] != 0


def test_rankings_are_learned_from_as_rankings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.evaluation, "metrics", METRICS)
    project = make_project("Ranked", kind="ranking", candidates=3, held_out_fraction=0.0)
    names = ("one", "two", "three")
    judge(project, [
        {
            "prompt": f"Question {at}?", "annotator": f"worker {person}",
            "completions": [{"policy": n, "text": f"{n} {at}"} for n in names],
            "groups": [[0], [1, 2]] if (at + person) % 3 else [[0], [2], [1]],
        }
        for at in range(8) for person in range(3)
    ])  # fmt: skip
    write_features(project)
    checkpoint = trained(project)
    judged = load(checkpoint.training_run).criteria["overall"].judged
    assert len(judged.votes) == 0
    assert [(len(r), r.size, r.largest_tie) for r in judged.rankings] == [(24, 3, 2)]
    assert checkpoint.metrics["cross_validation"]["accuracy"]["value"] > 0.7
    means = Score.objects.filter(completion__policy__name="one").values_list("mean", flat=True)
    assert min(means) > 0


def test_people_weigh_what_they_are_worth_where_the_project_wants_it(crowd: Project) -> None:
    """Somebody who always says the opposite of everybody else counts for next to nothing."""
    judge(crowd, [row(at, 50 + n, "left") for at in range(PROMPTS) for n in range(3)])
    judge(crowd, [row(at, 99, "right") for at in range(PROMPTS)])
    crowd.reward_weighs_annotators = True
    crowd.save()
    data = dataset.load(
        crowd, extractor=READER, weighs_annotators=True,
        cutoff=dataset.Cutoff(Judgment.objects.latest("pk").pk, False),
    )  # fmt: skip
    opposed = User.objects.get(name="worker 99").pk
    weight = {
        who: data.train.weight[data.train.annotator == who].mean()
        for who in np.unique(data.train.annotator).tolist()
    }
    assert weight[opposed] < 0.1 < 0.9 < max(weight.values())
    assert trained(crowd).training_run.config["weighs_annotators"] is True


def test_pools_may_have_heads_of_their_own(crowd: Project) -> None:
    people = list(crowd_people(crowd))
    crowd.pools.set(
        [make_pool("Day", annotator=people[:2]), make_pool("Night", annotator=people[2:])]
    )
    checkpoint = trained(crowd)
    told = checkpoint.metrics["course"]["overall"]["groups"]
    few = "2 people judged here; a head of their own needs 5."
    assert told == {"Day": {"note": few}, "Night": {"note": few}}


def crowd_people(project: Project) -> list[object]:
    found = Judgment.objects.filter(comparison__project=project).select_related("annotator")
    return sorted({j.annotator for j in found}, key=lambda user: user.pk)


def test_options_of_the_project_reach_the_model(crowd: Project) -> None:
    crowd.reward_uses_text, crowd.reward_debiases_length = False, True
    crowd.save()
    checkpoint = trained(crowd)
    config = model_of(checkpoint).config
    assert (config.uses_text, config.debiases_length) == (False, True)
    assert set(checkpoint.metrics["course"]["overall"]["length"]) == {
        "with_length", "without_length", "cost"
    }  # fmt: skip


def all_ties(project: Project) -> None:
    """Everybody who judged is left out, and others found every pair equal."""
    nothing_counts(project)
    judge(project, [row(at, 70, "tie") for at in range(PROMPTS)])


def all_held_out(project: Project) -> None:
    project.prompts.update(is_held_out=True)


def nothing_counts(project: Project) -> None:
    for judgment in Judgment.objects.filter(comparison__project=project):
        judgment.annotator.kind = "simulated"
        judgment.annotator.save()


def not_a_number(project: Project) -> None:
    vector = np.full(WIDTH, np.nan, dtype="<f4").tobytes()
    CompletionFeature.objects.filter(completion__policy__name="two").update(vector=vector)


def of_another_width(project: Project) -> None:
    vector = np.zeros(7, dtype="<f4").tobytes()
    CompletionFeature.objects.filter(completion__policy__name="two").update(vector=vector)


def all_of_another_width(project: Project) -> None:
    CompletionFeature.objects.update(vector=np.zeros(7, dtype="<f4").tobytes())


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (all_ties, "no decided vote to learn from"),
        (all_held_out, "Every judged prompt is held out"),
        (nothing_counts, "no judgment counts at this cutoff"),
        (not_a_number, "are no numbers"),
        (of_another_width, "differ in width"),
        (all_of_another_width, "They were read in another way"),
    ],
)
def test_what_cannot_be_learned_from_is_told(crowd: Project, spoil: object, told: str) -> None:
    spoil(crowd)
    run = run_training(crowd)
    assert run.state == Run.State.FAILED
    assert told in run.error
    assert TrainingRun.objects.get().state == TrainingRun.State.FAILED
    assert not Checkpoint.objects.exists()


def test_one_prompt_or_equal_candidates_still_train(crowd: Project) -> None:
    last = crowd.prompts.order_by("pk").last()
    crowd.prompts.exclude(pk=last.pk).update(is_held_out=True)
    assert trained(crowd).metrics["course"]["overall"]["note"].startswith("One prompt")
    crowd.prompts.update(is_held_out=False)
    same = CompletionFeature.objects.first().vector
    CompletionFeature.objects.update(vector=same)
    checkpoint = trained(crowd)
    assert {round(s.mean, 9) for s in Score.objects.filter(checkpoint=checkpoint)} == {0.0}


def test_a_response_that_cannot_be_read_is_left_out_and_told(crowd: Project) -> None:
    gone = Completion.objects.filter(prompt__is_held_out=False).first()
    CompletionFeature.objects.filter(completion=gone).delete()
    run = run_training(crowd)
    assert run.state == Run.State.SUCCEEDED
    assert "1 judged responses cannot be read" in run.log
    checkpoint = Checkpoint.objects.get()
    assert checkpoint.metrics["n_unread"] == 1
    assert not Score.objects.filter(completion=gone).exists()
