import json
from dataclasses import replace

import numpy as np
import pytest

from rewardmodel.core.evaluate import (
    calibration_bins,
    cross_validate,
    decide_promotion,
    evaluate,
    evaluate_head,
    learning_curve,
    outcome_rates,
    predictions,
)
from rewardmodel.core.head import HeadConfig, fit_head
from rewardmodel.core.pairs import FIRST, TIE
from tests.rewardmodel.core.planted import plant

CONFIG = HeadConfig(seed=3)


def test_figures_are_counted_as_by_hand() -> None:
    planted = plant(votes=400)
    votes, lengths = planted.votes, planted.lengths
    random = np.random.default_rng(5)
    chances = random.dirichlet([1, 1, 1], size=len(votes))
    found = evaluate(chances, votes, lengths, seed=1)
    right = longer = decided = 0.0
    loss = 0.0
    for k in range(len(votes)):
        loss -= np.log(chances[k, votes.outcome[k]])
        if votes.outcome[k] == TIE:
            continue
        decided += 1
        first_won = votes.outcome[k] == FIRST
        right += (chances[k, 0] > chances[k, 1]) == first_won
        one, other = lengths[votes.first[k]], lengths[votes.second[k]]
        longer += 0.5 if one == other else (one > other) == first_won
    assert found.accuracy.value == pytest.approx(right / decided)
    assert found.longer_wins.value == pytest.approx(longer / decided)
    assert found.gain.value == pytest.approx((right - longer) / decided)
    assert found.log_loss.value == pytest.approx(loss / len(votes))
    assert found.accuracy.n_votes == decided
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high


def test_a_good_head_beats_length_and_is_calibrated() -> None:
    planted = plant(prompts=60, votes=6000)
    test = planted.votes.prompt >= 45
    head = fit_head(planted.votes.where(~test), planted.features, CONFIG)
    found = evaluate_head(
        head, planted.features, planted.votes.where(test), planted.lengths, seed=1,
        base_rates=outcome_rates(planted.votes.where(~test)),
    )  # fmt: skip
    assert found.gain.low > 0
    assert found.log_loss.high < found.log_loss_of_base_rates
    assert found.calibration_error < 0.06
    json.dumps(found.to_dict(), allow_nan=False)


def test_cross_validation_of_noise_is_a_coin() -> None:
    """Any leak of a prompt from test to training shows here as an accuracy above one half."""
    found = [
        cross_validate(planted.votes, planted.features, planted.lengths, CONFIG).accuracy.value
        for planted in (
            plant(votes=600, strength=0.0, dimensions=20, seed=seed) for seed in range(8)
        )
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.03)


def test_too_few_prompts_are_said_and_get_no_interval() -> None:
    planted = plant(prompts=3, votes=100)
    found = evaluate(np.full((100, 3), 1 / 3), planted.votes, planted.lengths, seed=1)
    assert found.accuracy.low is None
    assert "3 prompts" in found.accuracy.note


def test_no_votes_are_said() -> None:
    planted = plant(votes=10)
    none = planted.votes.where(np.zeros(10, dtype=bool))
    found = evaluate(np.zeros((0, 3)), none, planted.lengths, seed=1)
    assert found.accuracy.value is None
    assert found.accuracy.note
    json.dumps(found.to_dict(), allow_nan=False)


def test_bins_do_not_depend_on_the_order_of_a_pair() -> None:
    random = np.random.default_rng(2)
    chance = random.random(500)
    won = random.random(500) < chance
    swapped = calibration_bins(1 - chance, ~won)
    for one, other in zip(calibration_bins(chance, won), swapped, strict=True):
        assert (one.n, one.won) == (other.n, pytest.approx(other.won))
        assert one.predicted == pytest.approx(other.predicted)


def test_the_learning_curve_uses_more_and_more() -> None:
    planted = plant(votes=3000, dimensions=20)
    test = planted.votes.prompt >= 30
    train, held = planted.votes.where(~test), planted.votes.where(test)
    head = fit_head(train, planted.features, CONFIG)
    points = learning_curve(train, held, planted.features, planted.lengths, head, CONFIG)
    sizes = [point.n_votes for point in points]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(train)
    assert points[-1].log_loss.value < points[0].log_loss.value


def test_a_worse_checkpoint_is_kept_out_of_use() -> None:
    planted = plant(votes=2000)
    good = fit_head(planted.votes, planted.features, CONFIG)
    bad = replace(good, weights=-good.weights)
    mine, theirs = (predictions(h, planted.features, planted.votes) for h in (bad, good))
    refused = decide_promotion(mine, theirs, planted.votes, seed=1)
    assert not refused.is_promoted
    assert "worse" in refused.reason
    assert decide_promotion(theirs, mine, planted.votes, seed=1).is_promoted
    assert decide_promotion(theirs, theirs, planted.votes, seed=1).is_promoted
    assert "first" in decide_promotion(mine, None, planted.votes, seed=1).reason


def test_where_the_shorter_one_wins_the_gain_is_told_over_that_rule_too() -> None:
    planted = plant(votes=2000)
    decided = planted.votes.where(planted.votes.outcome != TIE)
    # A world where people like brevity: the winner is always the shorter one.
    shorter = planted.lengths[decided.first] < planted.lengths[decided.second]
    brief = replace(decided, outcome=np.where(shorter, FIRST, 1 - FIRST))
    unequal = planted.lengths[brief.first] != planted.lengths[brief.second]
    brief = brief.where(unequal)
    chances = np.tile([0.6, 0.2, 0.2], (len(brief), 1))
    found = evaluate(chances, brief, planted.lengths, seed=1)
    assert found.longer_wins.value == 0
    assert "picking it is right in 100.0%" in found.gain.note
    assert f"{found.accuracy.value - 1:+.3f}" in found.gain.note
    long_wins = replace(brief, outcome=1 - brief.outcome)
    assert "shorter" not in evaluate(chances, long_wins, planted.lengths, seed=1).gain.note
