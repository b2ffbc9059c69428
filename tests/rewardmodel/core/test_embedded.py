"""The embedded model: criteria, calibration, groups, length, novelty, and its files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from rewardmodel.core.checkpoints import load_reward_model
from rewardmodel.core.embedded import EmbeddedConfig, EmbeddedRewardModel, with_precision
from rewardmodel.core.embedded_fit import fit_embedded, fit_temperature
from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, NotEnoughData
from rewardmodel.core.head import HeadConfig, fit_head, head_arrays, update_head
from rewardmodel.core.judged import Judged
from rewardmodel.core.likelihood import davidson_log_chances, predictive_chances
from rewardmodel.core.novelty import fit_novelty
from rewardmodel.core.pairs import FIRST, TIE, Votes
from rewardmodel.core.reward_model import Responses, Text
from rewardmodel.core.text_features import NAMES, text_columns
from tests.rewardmodel.core.planted import Planted, plant

CONFIG = EmbeddedConfig(extras=2, seed=3)
OLD_ARRAYS = {"centre", "scale", "axes", "weights", "covariance", "eta", "precision"}


def seen(planted: Planted) -> Responses:
    return Responses(tuple(range(len(planted.features))), planted.features, planted.lengths)


def fitted(planted: Planted, config: EmbeddedConfig = CONFIG) -> EmbeddedRewardModel:
    return fit_embedded({"overall": Judged(planted.votes)}, seen(planted), config)


def test_criteria_that_nobody_decided_are_left_out_with_a_sentence() -> None:
    planted = plant(votes=300)
    votes = planted.votes
    model = fit_embedded(
        {
            "overall": Judged(votes),
            "helpful": Judged(votes.where(votes.annotator < 10)),
            "harmless": Judged(replace(votes, outcome=np.full(300, TIE))),
            "honest": Judged(votes.where(np.zeros(300, dtype=bool))),
        },
        seen(planted), CONFIG,
    )  # fmt: skip
    assert model.criteria == ("overall", "helpful")
    assert "is a tie" in model.left_out["harmless"]
    assert "Nobody" in model.left_out["honest"]
    with pytest.raises(FeaturesInvalid, match="not trained on “honest”"):
        model.predict(seen(planted), "honest")
    with pytest.raises(NotEnoughData):
        fit_embedded({"overall": Judged(votes.where(votes.outcome == TIE))}, seen(planted), CONFIG)


def test_it_is_read_back_as_it_was_and_mixed_files_are_refused(tmp_path: Path) -> None:
    planted = plant(votes=300)
    model = fitted(planted)
    digest = model.save(tmp_path / "a", {"extractor": "x"})
    again = load_reward_model(tmp_path / "a")
    assert isinstance(again, EmbeddedRewardModel)
    one, other = model.predict(seen(planted)), again.predict(seen(planted))
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.novelty, other.novelty)
    assert again.config == model.config
    assert model.save(tmp_path / "b", {}) == digest
    fitted(plant(votes=200)).save(tmp_path / "c", {})
    (tmp_path / "c" / "embedded.json").replace(tmp_path / "b" / "embedded.json")
    with pytest.raises(CheckpointBroken, match="is not the file that"):
        load_reward_model(tmp_path / "b")
    with pytest.raises(CheckpointBroken, match="cannot be read"):
        load_reward_model(tmp_path / "c")
    told = json.loads((tmp_path / "a" / "embedded.json").read_text())
    told["criteria"][0]["key"] = "other"
    (tmp_path / "a" / "embedded.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointBroken, match="do not fit"):
        load_reward_model(tmp_path / "a")
    (tmp_path / "a" / "kind").write_text("psychic\n")
    with pytest.raises(CheckpointBroken, match="unknown kind"):
        load_reward_model(tmp_path / "a")


def test_a_head_of_before_there_were_criteria_still_loads(tmp_path: Path) -> None:
    planted = plant(votes=300)
    head = fit_head(planted.votes, planted.features, HeadConfig(precision=1.0))
    arrays = {name: array for name, array in head_arrays(head).items() if name in OLD_ARRAYS}
    save_file(arrays, tmp_path / "head.safetensors")
    (tmp_path / "head.json").write_text('{"config": {}, "extractor": "x"}')
    model = load_reward_model(tmp_path)
    assert model.criteria == ("overall",)
    found = model.predict(seen(planted))
    assert np.array_equal(found.mean, head.score(planted.features)[0])
    assert not found.novelty.any()
    with pytest.raises(NotEnoughData, match="older kind"):
        update_head(model.head(), planted.votes, planted.features)


def test_features_of_another_reader_are_refused() -> None:
    planted = plant(votes=200)
    model = fitted(planted)
    with pytest.raises(FeaturesInvalid, match="read by another model"):
        model.predict(replace(seen(planted), features=planted.features[:, :5]))
    with pytest.raises(FeaturesInvalid, match="not finite"):
        model.predict(replace(seen(planted), features=np.full((240, 8), np.inf)))
    with pytest.raises(FeaturesInvalid, match="read in another way"):
        fitted(planted, replace(CONFIG, extras=8))


def test_plain_columns_that_do_not_count_do_not_matter() -> None:
    planted = plant(votes=300)
    more = np.column_stack([planted.features, 100 * np.random.default_rng(0).random((240, 3))])
    without = fitted(planted)
    with_unused = fit_embedded(
        {"overall": Judged(planted.votes)}, replace(seen(planted), features=more),
        replace(CONFIG, texts=3, uses_text=False),
    )  # fmt: skip
    assert with_unused.predict(replace(seen(planted), features=more)).mean == pytest.approx(
        without.predict(seen(planted)).mean, abs=1e-6
    )


def test_length_is_taken_out_and_its_cost_is_told() -> None:
    """People like length and one thing beside it; the debiased reward keeps only the other."""
    random = np.random.default_rng(5)
    length, other = random.normal(size=400), random.normal(size=400)
    states = np.column_stack([length + other, length - other, random.normal(size=(400, 2))])
    features = np.column_stack([states, random.normal(size=400), length])
    first = random.permutation(400)[:200]
    second = (first + 1) % 400
    votes = np.tile(first, 5), np.tile(second, 5)
    d = 2 * (length + other)[votes[0]] - 2 * (length + other)[votes[1]]
    chances = np.exp(davidson_log_chances(d, -1.0))
    outcome = (random.random(1000)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    judged = Judged(Votes(*votes, outcome, np.ones(1000), votes[0], np.zeros(1000, int)))
    what = Responses(tuple(range(400)), features, np.ones(400, int))
    config = EmbeddedConfig(extras=2, length_columns=(-1,), debiases_length=True, folds=3)
    model = fit_embedded({"overall": judged}, what, config)
    mean = model.predict(what).mean
    assert abs(np.corrcoef(mean, length)[0, 1]) < 1e-6
    assert np.corrcoef(mean, other)[0, 1] > 0.9
    cost = model.heads["overall"].course["length"]
    assert cost["cost"] == pytest.approx(cost["without_length"] - cost["with_length"])
    assert cost["cost"] > 0.1


def test_temperature_cools_what_is_too_sure() -> None:
    random = np.random.default_rng(6)
    truth = random.normal(size=3000)
    chances = np.exp(davidson_log_chances(truth, -0.5))
    outcome = (random.random(3000)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    sharpness, eta = fit_temperature(3 * truth, np.eye(3)[outcome])
    assert 1 / sharpness == pytest.approx(3, rel=0.15)
    assert eta == pytest.approx(-0.5, abs=0.15)
    planted = plant(votes=400)
    model = fitted(planted)
    d = np.array([1.0, -2.0])
    own = model.heads["overall"]
    assert model.chances(d) == pytest.approx(
        np.exp(davidson_log_chances(d / own.temperature, own.eta))
    )


def test_the_predictive_averages_over_the_posterior() -> None:
    mean, sd = np.array([0.8]), np.array([1.5])
    draws = np.random.default_rng(0).normal(mean, sd, 200_000)
    expected = np.exp(davidson_log_chances(draws, -0.3)).mean(axis=0)
    assert predictive_chances(mean, sd, -0.3)[0] == pytest.approx(expected, abs=3e-3)
    model = fitted(plant(votes=200))
    assert model.chances(mean, sd=sd)[0, FIRST] < model.chances(mean)[0, FIRST]


def camps(strength: float) -> tuple[Judged, Responses, dict[str, np.ndarray]]:
    """Two groups of ten people who agree on one axis and part on another."""
    random = np.random.default_rng(8)
    features = random.normal(size=(240, 6))
    first = random.integers(0, 240, 2400)
    second = (first // 6) * 6 + (first % 6 + random.integers(1, 6, 2400)) % 6
    who = random.integers(0, 20, 2400)
    d = features[first] - features[second]
    reward = 1.5 * d[:, 0] + strength * np.where(who < 10, 1, -1) * d[:, 1]
    chances = np.exp(davidson_log_chances(reward, -1.0))
    outcome = (random.random(2400)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    votes = Votes(first, second, outcome, np.ones(2400), first // 6, who)
    groups = {"ones": np.arange(10), "others": np.arange(10, 20), "few": np.arange(3)}
    return Judged(votes), Responses(tuple(range(240)), features, np.ones(240, int)), groups


def test_groups_that_differ_get_heads_of_their_own() -> None:
    judged, what, groups = camps(1.5)
    config = EmbeddedConfig(folds=3, precision=3.0)
    model = fit_embedded({"overall": judged}, what, config, groups=groups)
    assert model.groups == ("ones", "others")
    assert "needs 5" in model.heads["overall"].course["groups"]["few"]["note"]
    one, other = (model.predict(what, group=name) for name in model.groups)
    axis = what.features[:, 1]
    assert np.corrcoef(one.mean, axis)[0, 1] > 0.4
    assert np.corrcoef(other.mean, axis)[0, 1] < -0.4
    same, what, groups = camps(0.0)
    alike = fit_embedded({"overall": same}, what, config, groups=groups)
    assert alike.groups == ()
    assert "as well" in alike.heads["overall"].course["groups"]["ones"]["note"]


def test_what_is_far_away_is_novel_and_a_new_prompt_is_not() -> None:
    random = np.random.default_rng(9)
    topics = random.normal(size=(60, 1, 5)) * 2
    known = (topics + random.normal(size=(60, 4, 5))).reshape(-1, 5)
    found = fit_novelty(known, np.repeat(np.arange(60), 4), seed=1)
    new = random.normal(size=(400, 5)) * 2 + random.normal(size=(400, 5))
    shares = found.shares(new)
    assert np.mean(shares > 0.99) < 0.04
    assert np.mean(shares) == pytest.approx(0.5, abs=0.06)
    assert (found.shares(new + 30) == 1).all()


def test_a_batch_is_learned_without_the_old_votes() -> None:
    """What a refit to everything finds, nearly, and surer than before."""
    planted = plant(votes=1200)
    config = HeadConfig(precision=1.0)
    old, new = (
        planted.votes.where(np.arange(1200) < 1150),
        planted.votes.where(np.arange(1200) >= 1150),
    )
    before = fit_head(old, planted.features, config)
    updated = update_head(before, new, planted.features)
    everything = fit_head(planted.votes, planted.features, config)
    moved = np.abs(everything.weights - before.weights).max()
    assert np.abs(updated.weights - everything.weights).max() < 0.1 * moved
    assert updated.eta == pytest.approx(everything.eta, abs=0.01)
    assert np.trace(updated.covariance) < np.trace(before.covariance)
    warm = fit_head(planted.votes, planted.features, config, start=updated)
    assert warm.weights == pytest.approx(everything.weights, abs=1e-4)


def test_a_refit_keeps_the_prior() -> None:
    model = fitted(plant(votes=300))
    again = fitted(plant(votes=200), with_precision(model))
    assert again.heads["overall"].head.precision == model.heads["overall"].head.precision
    assert again.heads["overall"].head.shares == model.heads["overall"].head.shares


def test_text_columns_say_what_they_are_called() -> None:
    asked = [{"role": "user", "content": "Name three colours of the rainbow please."}]
    text = "# Colours\n- **red**\n- blue\n\nThe rainbow has more, see https://example.org"
    rows = text_columns([Text(asked, text), Text(asked, ""), Text(asked, "three colours")])
    found = dict(zip(NAMES, rows[0].tolist(), strict=True))
    assert rows.shape == (3, len(NAMES))
    assert found["log_characters"] == pytest.approx(np.log1p(len(text)))
    assert (found["list_items"], found["headings"], found["bold"]) == pytest.approx(
        (np.log1p(2), np.log1p(1), np.log1p(1))
    )
    assert (found["has_link"], found["is_unfinished"], found["is_copy"]) == (1, 1, 0)
    assert found["of_prompt"] == pytest.approx(2 / 4)
    assert not rows[1].any()
    assert dict(zip(NAMES, rows[2].tolist(), strict=True))["is_copy"] == 1
