"""An evaluation from end to end, on a project whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from annotation.models import Batch, Completion, Project
from rewardmodel.core.errors import CheckpointBroken
from rewardmodel.core.pairs import TIE
from rewardmodel.jobs import evaluation, evaluation_facts
from rewardmodel.jobs.evaluation_subject import Incumbent, incumbent_of, predicted
from rewardmodel.models import Checkpoint
from tests.factories import make_batch
from tests.learned import Learned, learned

pytestmark = pytest.mark.django_db


@pytest.fixture
def found(project: Project) -> Learned:
    return learned(project)


def test_everything_is_measured_and_fits_in_json(found: Learned) -> None:
    metrics = evaluation.metrics(found.subject)
    json.dumps(metrics, allow_nan=False)
    assert metrics["where"] == "held_out"
    accuracy = metrics["held_out"]["accuracy"]
    assert accuracy["n_prompts"] == 12
    assert accuracy["low"] > 0.6
    assert metrics["cross_validation"]["accuracy"]["low"] > 0.6
    assert [point["n_votes"] for point in metrics["learning_curve"]][-1] == len(found.subject.train)
    ceiling = metrics["ceiling"]
    assert ceiling["one_person"]["value"] < ceiling["model"]["value"]
    assert metrics["calibration"]["after"]["error"]["value"] < 0.06
    assert metrics["consistency"]["swap"] < 1e-9
    assert "by schedule" in metrics["consistency"]["note"]
    assert metrics["best_of_n"]["points"][-1]["n"] == 4
    assert metrics["best_of_n"]["points"][-1]["gold"]["low"] > 0
    assert len(metrics["drift"]["shifts"]) == 2
    assert not metrics["drift"]["has_drift"]
    assert metrics["out_of_distribution"]["n"] == 36 * 4


def test_slices_are_of_tags_policies_and_groups_of_people(found: Learned) -> None:
    slices = evaluation.metrics(found.subject)["slices"]
    by = {each["dimension"] for each in slices}
    assert by == {"tag", "policies", "region"}
    regions = {each["label"]: each["accuracy"]["value"] for each in slices if each["accuracy"]
               and each["dimension"] == "region"}  # fmt: skip
    assert set(regions) == {"north", "south"}
    told = [each["accuracy"]["value"] for each in slices if each["accuracy"]]
    assert told == sorted(told)


def test_a_group_of_fewer_than_five_voters_is_no_slice(found: Learned) -> None:
    people = np.unique(found.subject.held_out.annotator)
    few = np.isin(found.subject.held_out.annotator, people[[0, 1, 2, 3, *range(6, 12)]])
    subject = replace(found.subject, held_out=found.subject.held_out.where(few))
    dimensions = {each["dimension"] for each in evaluation.metrics(subject)["slices"]}
    assert "region" not in dimensions


def test_without_held_out_votes_the_folds_speak(found: Learned) -> None:
    nobody = np.zeros(len(found.subject.held_out), dtype=bool)
    subject = replace(found.subject, held_out=found.subject.held_out.where(nobody))
    metrics = evaluation.metrics(subject)
    assert metrics["where"] == "folds"
    assert metrics["held_out"]["accuracy"]["value"] is None
    assert metrics["ceiling"]["model"]["low"] > 0.6
    assert metrics["learning_curve"] == []
    assert "without a test" in evaluation.gate(subject, None).reason


def test_a_model_that_cannot_be_fitted_again_says_what_is_left_out(found: Learned) -> None:
    metrics = evaluation.metrics(replace(found.subject, refit=None))
    assert metrics["cross_validation"]["accuracy"]["value"] is None
    assert "too long" in metrics["best_of_n"]["note"]
    json.dumps(metrics, allow_nan=False)


@pytest.mark.parametrize("only", ["ties", "one prompt", "equal responses"])
def test_poor_data_gives_sentences_and_no_nan(found: Learned, only: str) -> None:
    votes, subject = found.subject.held_out, found.subject
    if only == "ties":
        votes = votes.where(votes.outcome == TIE)
    elif only == "one prompt":
        votes = votes.where(votes.prompt == votes.prompt[0])
    else:
        flat = replace(subject.responses, features=np.zeros_like(subject.responses.features))
        subject = replace(subject, responses=flat)
    metrics = evaluation.metrics(replace(subject, held_out=votes, refit=None))
    json.dumps(metrics, allow_nan=False)


def test_the_gate_keeps_a_blind_model_out_and_says_why(found: Learned) -> None:
    subject = found.subject
    good = predicted(subject.model, subject.responses, subject.held_out).after
    blind = replace(subject, model=subject.refit(_shuffled(found)))
    decision = evaluation.gate(blind, Incumbent(1, good))
    assert not decision.is_promoted
    assert "worse beyond noise" in decision.reason
    previous = evaluation.metrics(blind, Incumbent(1, good))["previous"]
    assert previous["log_loss"]["low"] > 0
    assert evaluation.gate(subject, Incumbent(1, good)).is_promoted


def test_one_in_use_that_cannot_be_read_is_no_obstacle(found: Learned) -> None:
    def broken(checkpoint: Checkpoint) -> None:
        raise CheckpointBroken("Its file is gone.")

    incumbent = incumbent_of(found.subject, Checkpoint(pk=3, extractor="planted"), broken)
    assert incumbent.probabilities is None
    decision = evaluation.gate(found.subject, incumbent)
    assert decision.is_promoted
    assert "Its file is gone." in decision.reason


def test_rewording_is_read_again_where_a_reader_is_there(found: Learned) -> None:
    def same(texts: list[object]) -> np.ndarray:
        return np.zeros((len(texts), found.subject.responses.features.shape[1]))

    consistency = evaluation.metrics(found.subject, read=same)["consistency"]
    assert consistency["rewording"]["flipped"]["n"] == 20
    assert 0 < consistency["rewording"]["flipped"]["value"] < 1


def test_small_control_arms_are_taken_together_and_chosen_batches_left_out(
    found: Learned,
) -> None:
    rows = list(Completion.objects.filter(pk__in=found.subject.responses.keys).order_by("pk"))
    _kitchen, first, second = found.project.batches.order_by("pk")
    Batch.objects.filter(pk=second.pk).update(reason=Batch.Reason.ACQUISITION)
    arms = []
    for start in range(0, 16, 4):
        pairs = [(rows[4 * at], rows[4 * at + 3]) for at in range(start, start + 4)]
        arms.append(make_batch(found.project, *pairs, reason=Batch.Reason.CONTROL))
    facts = evaluation_facts.response_facts(found.subject.responses.keys)
    listed, batch_of = evaluation_facts.batches(found.project, facts, found.subject.train)
    # Three arms have twelve prompts; the fourth alone has too few and joins them.
    assert [each.key for each in listed] == [first.pk, arms[3].pk]
    assert len(np.unique(facts.prompts[listed[1].rows])) == 16
    assert set(batch_of.tolist()) == {-1, first.pk, arms[3].pk}


def _shuffled(found: Learned) -> object:
    """The same votes with outcomes that mean nothing."""
    votes = found.subject.train
    random = np.random.default_rng(3)
    return replace(votes, outcome=random.integers(0, 2, len(votes)))
