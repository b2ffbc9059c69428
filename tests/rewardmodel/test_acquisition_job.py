"""Rounds: what is opened, what is recorded, and what goes wrong."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from annotation.models import Batch, Comparison, Completion, Project, Run
from annotation.selectors.work import compared_pairs, completions_by_prompt
from annotation.services.imports import records_import
from annotation.services.runs import RunHandle, run_execute
from rewardmodel import services
from rewardmodel.core import flips
from rewardmodel.core.function_names import FUNCTION_NAMES
from rewardmodel.jobs import acquire, dataset, pool, training_kinds
from rewardmodel.jobs.savings import savings_measure
from rewardmodel.models import (
    AcquisitionRound,
    Checkpoint,
    CompletionFeature,
    Considered,
    Score,
)
from rewardmodel.selectors import Pair, Uncompared, uncompared_count, uncompared_pairs
from tests.factories import make_run
from tests.pool_cast import PROMPTS, READER, WIDTH, pool_project, stand_in_for_the_reader

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def toy_reader(monkeypatch: pytest.MonkeyPatch, settings: object, tmp_path: Path) -> None:
    stand_in_for_the_reader(monkeypatch, settings, tmp_path)


@pytest.fixture
def project(db: object) -> Project:
    """Five policies answered twelve prompts, of which two are held out."""
    project = pool_project(
        "Pool", policies=5, noise=0.5, held_out_fraction=0.0, acquisition_size=10,
        control_share=0.2,
    )  # fmt: skip
    held = project.prompts.order_by("pk").values_list("pk", flat=True)[:2]
    project.prompts.filter(pk__in=list(held)).update(is_held_out=True)
    return project


@pytest.fixture
def trained(project: Project, settings: object) -> Project:
    """With a checkpoint in use, fitted as a training fits it; what it is worth is not measured."""
    run = make_run(project, Run.Kind.TRAINING)
    config = training_kinds.config_of(project, {})
    training = services.training_start(run=run, trigger="due", config=config, seed=1)
    data = dataset.load(
        project, extractor=READER, cutoff=dataset.Cutoff(training.cutoff_judgment_id, False)
    )
    fitted = training_kinds.fit(RunHandle(run), training, data)
    services.training_succeed(
        training=training, n_judgments=1, n_preferences=1, data_hash="d" * 64, folder="pool/1",
        extractor=READER, sha256=fitted.model.save(Path(settings.CHECKPOINTS_DIR, "pool/1"), {}),
        metrics={}, is_promoted=True, reason="A test.",
    )  # fmt: skip
    return project


def open_round(project: Project) -> Run:
    run = make_run(project, Run.Kind.ACQUISITION)
    run_execute(run_id=run.pk, work=acquire.acquisition_work)
    run.refresh_from_db()
    return run


def test_a_round_says_what_it_weighed_and_why(trained: Project) -> None:
    run = open_round(trained)
    assert run.state == Run.State.SUCCEEDED, run.error
    found = AcquisitionRound.objects.get(run=run)
    assert (found.function, found.unit, found.size) == ("portfolio", "pair", 10)
    assert found.reason
    assert sum(found.detail["weights"].values()) == pytest.approx(1, abs=1e-3)
    assert found.detail["cost"]["seconds"] > 0
    told = found.detail["flips"]
    assert (told["n_votes"], told["n_prompts"]) == (6, 2)
    assert (told["value"], told["believed"]) == (None, 0)
    considered = Considered.objects.filter(round=found)
    assert set(found.detail["map"]) == {str(p) for p in considered.values_list("prompt", flat=True)}
    assert not considered.filter(prompt__is_held_out=True).exists()
    assert considered.filter(arm="control").count() == 2
    for chosen in considered.filter(arm="acquired"):
        assert {"entropy", "sd", "disagreement", "seconds", "nearest", "function"} <= set(
            chosen.detail
        )
    assert found.batch.reason == Batch.Reason.ACQUISITION
    assert found.control_batch.reason == Batch.Reason.CONTROL
    assert [b.comparisons.count() for b in (found.batch, found.control_batch)] == [7, 2]
    tested = found.evaluation_batch
    assert tested.reason == Batch.Reason.EVALUATION
    assert [c.prompt.is_held_out for c in tested.comparisons.all()] == [True]
    assert found.judgments_wanted == 10 * trained.overlap


def test_held_out_prompts_are_asked_about_evenly_until_none_is_left(trained: Project) -> None:
    Project.objects.filter(pk=trained.pk).update(evaluation_share=0.5, acquisition_size=8)
    trained.refresh_from_db()
    first = AcquisitionRound.objects.get(run=open_round(trained)).evaluation_batch
    counts = Counter(first.comparisons.values_list("prompt", flat=True))
    assert list(counts.values()) == [2, 2]
    for _ in range(4):
        open_round(trained)
    newest = AcquisitionRound.objects.latest("pk")
    shown = Comparison.objects.filter(project=trained, prompt__is_held_out=True)
    assert (shown.count(), newest.size) == (2 * 10, 8)
    assert newest.evaluation_batch.comparisons.count() == 2
    Project.objects.filter(pk=trained.pk).update(evaluation_share=0)
    assert AcquisitionRound.objects.get(run=open_round(trained)).evaluation_batch is None


def test_votes_on_held_out_prompts_say_how_many_are_flipped(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flips, "FEWEST_VOTES", 4)
    monkeypatch.setattr(flips, "FEWEST_PROMPTS", 2)
    told = AcquisitionRound.objects.get(run=open_round(trained)).detail["flips"]
    assert 0 <= told["low"] <= told["value"] <= told["high"] <= 0.4
    checkpoint = Checkpoint.objects.get(project=trained)
    found = pool.ground(trained, checkpoint, uncompared_pairs(trained))
    assert found.beliefs.flips == found.flips.believed == told["believed"]


def test_every_function_opens_a_round(trained: Project) -> None:
    for function in set(FUNCTION_NAMES) - {"portfolio"}:
        Project.objects.filter(pk=trained.pk).update(
            acquisition_function=function, acquisition_size=5, acquisition_weighs_cost=True
        )
        run = open_round(trained)
        assert run.state == Run.State.SUCCEEDED, run.error
        found = AcquisitionRound.objects.get(run=run)
        assert (found.function, found.size) == (function, 5)


@pytest.mark.parametrize("unit", ["prompt", "pool"])
def test_a_round_by_prompts_opens_one_pair_of_each(trained: Project, unit: str) -> None:
    Project.objects.filter(pk=trained.pk).update(acquisition_unit=unit)
    run = open_round(trained)
    opened = Considered.objects.filter(round__run=run).exclude(arm="passed")
    assert opened.values("prompt").distinct().count() == opened.count() == 9


def test_a_run_that_is_delivered_again_opens_nothing(trained: Project) -> None:
    run = open_round(trained)
    batches = Batch.objects.filter(project=trained).count()
    told = acquire.acquisition_work(RunHandle(run))
    assert told["round"] == AcquisitionRound.objects.get().pk
    assert Batch.objects.filter(project=trained).count() == batches


def test_two_rounds_at_once_do_not_open_a_pair_twice(
    trained: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = acquire.selectors.Uncompared(trained)
    monkeypatch.setattr(acquire.selectors, "Uncompared", lambda project, among: before)
    open_round(trained)
    open_round(trained)
    opened = Considered.objects.exclude(arm="passed").values_list("first", "second")
    assert len(set(opened)) == len(opened) > 10


def test_pairs_are_drawn_with_equal_chances_of_those_not_shown_yet(project: Project) -> None:
    left = Uncompared(project)
    prompts = completions_by_prompt(project, is_held_out=False)
    shown = compared_pairs(project)
    every = [
        Pair(prompt, one.pk, other.pk)
        for prompt, own in prompts.items()
        for one, other in combinations(own, 2)
        if frozenset((one.pk, other.pk)) not in shown
    ]
    assert left.all() == left.draw(len(every), seed=1) == uncompared_pairs(project) == every
    assert len(left) == uncompared_count(project) == len(every) == (PROMPTS - 2) * 9
    times = Counter(pair for seed in range(400) for pair in set(left.draw(18, seed=seed)))
    assert sum(times.values()) == 400 * 18
    assert left.draw(18, seed=3) == left.draw(18, seed=3) != left.draw(18, seed=4)
    assert set(times) == set(every)
    assert max(abs(count - 80) for count in times.values()) < 5 * (400 * 0.2 * 0.8) ** 0.5


def test_without_a_model_all_is_random_and_the_round_says_so(project: Project) -> None:
    run = open_round(project)
    found = AcquisitionRound.objects.get(run=run)
    assert (found.function, found.size) == ("random", 10)
    assert "no reward model yet" in found.reason


def test_a_budget_ends_the_rounds(trained: Project) -> None:
    Project.objects.filter(pk=trained.pk).update(acquisition_budget=4 * trained.overlap)
    assert AcquisitionRound.objects.get(run=open_round(trained)).size == 4
    run = open_round(trained)
    assert run.state == Run.State.FAILED
    assert "budget is used up" in run.error


def break_features(project: Project) -> None:
    CompletionFeature.objects.update(extractor="another reader")


def unknown_function(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(acquisition_function="telepathy")


@pytest.mark.parametrize(
    ("fault", "words"),
    [(break_features, "no features"), (unknown_function, "no acquisition function")],
)
def test_what_is_wrong_is_said(
    trained: Project, fault: Callable[[Project], None], words: str
) -> None:
    fault(trained)
    run = open_round(trained)
    assert run.state == Run.State.FAILED
    assert words in run.error
    assert not AcquisitionRound.objects.exists()


def test_a_round_that_finds_nothing_left_ends_well_and_says_so(trained: Project) -> None:
    Project.objects.filter(pk=trained.pk).update(acquisition_size=200)
    trained.acquisition_rounds.filter(run=open_round(trained)).get()
    while len(Uncompared(trained)):
        open_round(trained)
    run = open_round(trained)
    assert run.state == Run.State.SUCCEEDED
    assert run.message == acquire.NOTHING_LEFT
    assert not trained.acquisition_rounds.filter(run=run).exists()


def test_what_is_not_read_yet_waits_for_the_next_round(trained: Project) -> None:
    """As where policies go on writing while a round reads what there is."""
    newest = Completion.objects.filter(prompt__project=trained, policy__name="policy 4")
    CompletionFeature.objects.filter(completion__in=newest).delete()
    run = open_round(trained)
    assert run.state == Run.State.SUCCEEDED, run.error
    weighed = Considered.objects.filter(round__run=run)
    assert not weighed.filter(second__policy__name="policy 4").exists()
    assert weighed.count() == (PROMPTS - 2) * 5
    assert f"{PROMPTS - 2} responses are not weighed" in run.log


def test_equal_candidates_are_drawn_by_chance(trained: Project) -> None:
    vector = np.zeros(WIDTH, dtype="<f4").tobytes()
    CompletionFeature.objects.update(vector=vector)
    Project.objects.filter(pk=trained.pk).update(acquisition_function="bald")
    found = AcquisitionRound.objects.get(run=open_round(trained))
    assert found.size
    assert "All pairs were worth the same" in found.reason


def test_what_rounds_saved_is_measured_once_for_a_training(trained: Project) -> None:
    """Votes on what a round opened, then a training's measure; too few labels are a sentence."""
    open_round(trained)
    opened = Considered.objects.exclude(arm="passed").select_related(
        "prompt", "first__policy", "second__policy"
    )
    rows = [
        {
            "prompt": pair.prompt.messages[-1]["content"], "annotator": f"worker {person}",
            "winner": "left",
            "completions": [
                {"policy": c.policy.name, "text": c.text} for c in (pair.first, pair.second)
            ],
        }
        for pair in opened for person in range(2)
    ]  # fmt: skip
    records_import(project=trained, kind="judgments", rows=rows)
    run = make_run(trained, Run.Kind.TRAINING)
    config = training_kinds.config_of(trained, {})
    training = services.training_start(run=run, trigger="due", config=config, seed=1)
    data = dataset.load(
        trained, extractor=READER, cutoff=dataset.Cutoff(training.cutoff_judgment_id, False)
    )
    model = training_kinds.fit(RunHandle(run), training, data).model
    report = savings_measure(RunHandle(run), training, data, model)
    assert report is not None
    assert (report.n_acquired, report.n_control) == (14, 4)
    assert report.function == "portfolio"
    assert (report.saved, report.low) == (None, None)
    assert "Too few labels" in report.verdict
    assert savings_measure(RunHandle(run), training, data, model) == report


def test_a_deep_model_chooses_by_its_scores(trained: Project) -> None:
    Checkpoint.objects.update(kind=Checkpoint.Kind.DEEP)
    run = open_round(trained)
    assert "no score" in run.error
    checkpoint = Checkpoint.objects.get()
    overall = trained.criteria.get(key="overall")
    Score.objects.bulk_create(
        Score(checkpoint=checkpoint, completion=each, criterion=overall, mean=number / 10, sd=0.5)
        for number, each in enumerate(Completion.objects.filter(prompt__project=trained))
    )
    later = Completion.objects.filter(prompt__project=trained, policy__name="policy 4")
    Score.objects.filter(completion__in=later).delete()
    found = AcquisitionRound.objects.get(run=open_round(trained))
    assert (found.function, found.size) == ("bald", 10)
    assert "deep model" in found.reason
    assert found.considered.count() == (PROMPTS - 2) * 5
    chosen = found.considered.filter(arm="acquired").first()
    assert chosen.detail["sd"] == pytest.approx(0.5**0.5, abs=1e-3)
