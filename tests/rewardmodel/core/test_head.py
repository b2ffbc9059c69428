from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rewardmodel.core.errors import CheckpointBroken, FeaturesInvalid, NotEnoughData
from rewardmodel.core.head import (
    HeadConfig,
    fit_head,
    load_head,
    prompt_folds,
    save_head,
)
from rewardmodel.core.judged import Judged, judged_hash
from rewardmodel.core.pairs import TIE, Floats, Votes, add_up
from tests.rewardmodel.core.planted import plant

CONFIG = HeadConfig(seed=3)


def test_votes_of_a_pair_are_added_up() -> None:
    votes = Votes(
        np.array([0, 0, 1, 0]), np.array([1, 1, 0, 2]), np.array([0, 2, 1, 0]),
        np.array([1.0, 0.5, 1.0, 1.0]), np.zeros(4, int), np.zeros(4, int),
    )  # fmt: skip
    pairs = add_up(votes)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 1), (0, 2)]
    assert pairs.counts.tolist() == [[2, 0, 0.5], [1, 0, 0]]


def test_a_weight_of_two_is_two_votes() -> None:
    planted = plant(votes=200)
    config = replace(CONFIG, precision=1.0)
    twice = replace(planted.votes, weight=np.full(200, 2.0))
    rows = np.tile(np.arange(200), 2)
    again = planted.votes
    doubled = Votes(
        again.first[rows], again.second[rows], again.outcome[rows], again.weight[rows],
        again.prompt[rows], again.annotator[rows],
    )  # fmt: skip
    one, other = (fit_head(votes, planted.features, config) for votes in (twice, doubled))
    assert one.weights == pytest.approx(other.weights)
    assert one.covariance == pytest.approx(other.covariance)


def test_a_planted_reward_is_found_again() -> None:
    planted = plant(votes=6000)
    head = fit_head(planted.votes, planted.features, CONFIG)
    mean, _ = head.score(planted.features)
    assert np.corrcoef(mean, planted.reward)[0, 1] > 0.98
    assert head.eta == pytest.approx(-0.5, abs=0.15)


def test_the_posterior_covers_the_truth() -> None:
    """Over many planted worlds the truth lies within 1.96 sd of the mean in about 95 %."""
    inside = []
    for seed in range(40):
        planted = plant(prompts=20, votes=800, dimensions=5, seed=seed)
        head = fit_head(planted.votes, planted.features, replace(CONFIG, precision=1.0))
        difference = planted.features[1:11] - planted.features[:10]
        mean, sd = head.score_coordinates(
            head.coordinates(planted.features)[1:11] - head.coordinates(planted.features)[:10]
        )
        truth = planted.reward[1:11] - planted.reward[:10]
        inside.extend(np.abs(mean - truth) <= 1.96 * sd)
        assert difference.shape == (10, 5)
    assert 0.90 <= np.mean(inside) <= 0.99


def test_more_votes_make_it_surer() -> None:
    few, many = plant(votes=200), plant(votes=4000)
    config = replace(CONFIG, precision=1.0)
    before = fit_head(few.votes, few.features, config).score(few.features)[1].mean()
    after = fit_head(many.votes, many.features, config).score(many.features)[1].mean()
    assert after < before / 2


def test_a_fit_is_the_same_every_time() -> None:
    planted = plant(votes=400)
    one, other = (fit_head(planted.votes, planted.features, CONFIG) for _ in range(2))
    assert np.array_equal(one.weights, other.weights)

    def hashed(features: Floats) -> str:
        return judged_hash({"overall": Judged(planted.votes)}, range(len(features)), features, {})

    assert hashed(planted.features) == hashed(planted.features.copy())
    assert hashed(planted.features) != hashed(planted.features + 1e-9)


def test_noise_gets_a_strong_prior() -> None:
    planted = plant(votes=600, strength=0.0, dimensions=30)
    signal = plant(votes=600, strength=3.0, dimensions=30)
    noisy = fit_head(planted.votes, planted.features, CONFIG).precision
    assert noisy > 10 * fit_head(signal.votes, signal.features, CONFIG).precision


def test_folds_keep_prompts_together() -> None:
    prompts = np.repeat(np.arange(7), 5)
    masks = prompt_folds(prompts, 3, seed=1)
    assert np.sum(masks, axis=0).tolist() == [1] * len(prompts)
    assert all(len({bool(m) for m in mask[prompts == p]}) == 1 for mask in masks for p in range(7))


def test_a_head_is_read_back_as_it_was(tmp_path: Path) -> None:
    planted = plant(votes=300)
    head = fit_head(planted.votes, planted.features, CONFIG)
    digest = save_head(head, tmp_path / "h", config=CONFIG, about={"extractor": "x"})
    again = load_head(tmp_path / "h")
    assert np.array_equal(again.score(planted.features), head.score(planted.features))
    assert len(digest) == 64
    (tmp_path / "h" / "head.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointBroken, match="Train again"):
        load_head(tmp_path / "h")


def test_ties_alone_teach_nothing() -> None:
    planted = plant(votes=50)
    ties = replace(planted.votes, outcome=np.full(50, TIE))
    with pytest.raises(NotEnoughData, match="ties"):
        fit_head(ties, planted.features, CONFIG)


def test_features_that_are_no_numbers_are_refused() -> None:
    planted = plant(votes=50)
    broken = planted.features.copy()
    broken[3, 2] = np.nan
    with pytest.raises(FeaturesInvalid):
        fit_head(planted.votes, broken, CONFIG)


def test_one_prompt_and_equal_features_still_fit() -> None:
    planted = plant(prompts=1, votes=50)
    head = fit_head(planted.votes, np.ones_like(planted.features), CONFIG)
    assert np.isfinite(head.score(planted.features)[0]).all()
