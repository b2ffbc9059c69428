"""The portfolio: what labels were worth, against refits; how shares follow."""

import numpy as np
import pytest

from alignui.acquisition_study.coordinates import coordinates
from alignui.acquisition_study.protocol import Protocol
from alignui.acquisition_study.replay import replay, split
from alignui.acquisition_study.sets import HARD, Pairs, planted
from rewardmodel.core.beliefs import Beliefs
from rewardmodel.core.pairs import Ints
from rewardmodel.core.portfolio import (
    FLOOR,
    FOLDS,
    GROWN,
    YOUNG,
    Asked,
    known_share,
    label_worth,
    portfolio_shares,
    reward_spread,
)
from rewardmodel.core.quick_fit import quick_fit
from rewardmodel.core.unusual import NARROW, WIDE, fence_for, is_ordinary, is_suspect

WIDTH = 4
TRUTH = np.array([1.0, -1.0, 0.5, 0.0])


def asked(n: int = 160, *, wrong: str = "", seed: int = 0) -> Asked:
    """Votes on a planted reward, by chance and two functions in turn; one may reap wrong votes."""
    random = np.random.default_rng(seed)
    names = ("random", "prediction_oriented", "uncertainty", "random")
    functions = tuple(names[row % 4] for row in range(n))
    x = random.normal(size=(n, WIDTH))
    outcomes = (random.random(n) >= 1 / (1 + np.exp(-x @ TRUTH))).astype(np.int64)
    spoiled = np.array([bool(wrong) and name in wrong.split() for name in functions])
    outcomes[spoiled] = (x[spoiled] @ TRUTH > 0).astype(np.int64)
    return Asked(x, outcomes, random.integers(0, 40, n), functions)


def believed(votes: Asked) -> Beliefs:
    return quick_fit(votes.differences, votes.outcomes, 1.0)


def losses(votes: Asked, rows: Ints, beliefs: Beliefs) -> np.ndarray:
    chances = beliefs.probabilities(votes.differences[rows] @ beliefs.weights)
    return -np.log(chances[np.arange(len(rows)), votes.outcomes[rows]])


def test_what_a_label_is_worth_is_what_a_refit_without_it_loses() -> None:
    votes = asked(120)
    tested = np.array([name == "random" for name in votes.functions])
    worth = label_worth(believed(votes), votes, tested, seed=1)
    rows = np.flatnonzero(tested)
    fold = folds_of(votes, seed=1)
    told, refitted = [], []
    for label in range(0, 120, 9):
        change = []
        for number in set(fold.tolist()) - {int(fold[label])}:
            inside = np.flatnonzero(fold != number)
            less = inside[inside != label]
            held = rows[fold[rows] == number]
            fits = [quick_fit(votes.differences[i], votes.outcomes[i], 1.0) for i in (inside, less)]
            change += (losses(votes, held, fits[1]) - losses(votes, held, fits[0])).tolist()
        own = worth[:, label]
        assert np.isnan(own[fold[rows] == fold[label]]).all()
        told.append(np.nanmean(own))
        refitted.append(np.mean(change))
    assert np.corrcoef(told, refitted)[0, 1] > 0.95
    assert np.array(told) == pytest.approx(np.array(refitted), abs=1e-3)


def folds_of(votes: Asked, *, seed: int) -> np.ndarray:
    prompts, number = np.unique(votes.prompts, return_inverse=True)
    return np.random.default_rng([seed, 7]).permutation(len(prompts))[number] % FOLDS


def test_with_too_little_the_prior_decides() -> None:
    votes = asked(40)
    young = portfolio_shares(believed(votes), votes, known=0.6, spread=1.0, seed=1)
    assert young.shares == pytest.approx(YOUNG)
    assert "Too few votes" in young.reason
    grown = portfolio_shares(believed(votes), votes, known=0.7, spread=1.0, seed=1)
    assert grown.shares == pytest.approx(GROWN)
    assert sum(YOUNG.values()) == pytest.approx(1) == sum(GROWN.values())


def test_a_function_whose_labels_mislead_loses_its_share() -> None:
    votes = asked(400, wrong="prediction_oriented")
    found = portfolio_shares(believed(votes), votes, known=1.0, spread=1.0, seed=1)
    assert found.credits["prediction_oriented"].high < 0
    assert found.shares["prediction_oriented"] < GROWN["prediction_oriented"] / 2
    assert found.shares["random"] >= FLOOR
    assert sum(found.shares.values()) == pytest.approx(1)
    assert "prediction_oriented" in found.reason
    assert portfolio_shares(believed(votes), votes, known=1.0, spread=1.0, seed=1) == found


@pytest.mark.parametrize("spread", [0.1, 20.0])
def test_beliefs_that_nobody_would_hold_are_no_basis_to_choose_by(spread: float) -> None:
    votes = asked(40)
    found = portfolio_shares(believed(votes), votes, known=0.5, spread=spread, seed=1)
    assert found.shares == {"random": 1.0}
    assert "at random" in found.reason
    assert reward_spread(np.array([3.0, -3.0]), np.array([16.0, 16.0])) == pytest.approx(5.0)
    assert reward_spread(np.zeros(0), np.zeros(0)) == 0


def test_where_no_function_helps_all_is_random() -> None:
    votes = asked(400, wrong="prediction_oriented uncertainty")
    found = portfolio_shares(believed(votes), votes, known=1.0, spread=1.0, seed=1)
    assert found.shares == {"random": 1.0}
    assert "No function helps here" in found.reason


def test_what_is_known_is_a_share() -> None:
    assert known_share(np.array([2.0, -2.0]), np.array([4.0, 4.0])) == pytest.approx(0.5)
    assert known_share(np.zeros(3), np.ones(3)) == 0
    assert known_share(np.zeros(0), np.zeros(0)) == 0


def test_the_fence_of_a_suspect_pool_opens_where_large_differences_can_be_foretold() -> None:
    sound, broken = asked(200), asked(200)
    pool = np.vstack([sound.differences, np.full((4, WIDTH), 20.0)])
    assert is_suspect(pool)
    large = ~is_ordinary(sound.differences, NARROW)
    outcomes = broken.outcomes.copy()
    outcomes[large] = (broken.differences[large] @ TRUTH > 0).astype(np.int64)
    assert 0.2 < large.mean() < 0.3
    every = np.ones(200, dtype=bool)
    told = (believed(sound), sound.differences, sound.outcomes)
    assert fence_for(*told, every, pool) == WIDE
    spoiled = Asked(broken.differences, outcomes, broken.prompts, broken.functions)
    assert fence_for(believed(spoiled), broken.differences, outcomes, every, pool) == NARROW
    few = (sound.differences[:10], sound.outcomes[:10], every[:10])
    assert fence_for(believed(sound), *few, pool) == NARROW
    assert fence_for(*told, ~every, pool) == NARROW


def test_the_fence_of_a_pool_with_nothing_far_out_is_wide() -> None:
    votes = asked(200)
    nobody = np.zeros(200, dtype=bool)
    assert not is_suspect(votes.differences)
    assert is_suspect(np.zeros((0, WIDTH)))
    told = (believed(votes), votes.differences, votes.outcomes, nobody, votes.differences)
    assert fence_for(*told) == WIDE


def test_a_replay_sees_how_responses_to_one_prompt_differ() -> None:
    random = np.random.default_rng(4)
    prompt_of = np.repeat(np.arange(30), 3)
    features = random.normal(size=(90, 5)) + random.normal(size=(30, 5))[prompt_of] * 9
    features[0] = 1e6
    found = coordinates(features, prompt_of, 2, plain=1)
    assert found.shape == (90, 3)
    assert np.abs(found).max() < 100
    own = found - np.array([found[prompt_of == each].mean(axis=0) for each in prompt_of])
    assert (own[:, :2] ** 2).mean() == pytest.approx(1)
    assert (own[:, 2] ** 2).mean() == pytest.approx(1)


@pytest.fixture(scope="module")
def planted_pairs() -> Pairs:
    random = np.random.default_rng(1)
    return planted(random.normal(size=(90, 6)), np.repeat(np.arange(30), 3), HARD["synthetic"][1])(
        1
    )


def test_a_replay_is_repeatable_and_never_asks_what_it_tests(planted_pairs: Pairs) -> None:
    protocol = Protocol(budget=50, batch=10, start=20)
    train, test = split(planted_pairs, 3)
    assert not set(planted_pairs.prompts[train]) & set(planted_pairs.prompts[test])
    one, two = (replay(planted_pairs, "portfolio", protocol, 3) for _ in range(2))
    assert one.labels.tolist() == [20, 30, 40, 50]
    assert one.log_loss.tolist() == two.log_loss.tolist()
    assert len(one.shares) == 3
    chance = replay(planted_pairs, "random", protocol, 3)
    assert chance.log_loss[0] == one.log_loss[0]
    assert replay(planted_pairs, "random", protocol, 3, draw=1).log_loss[-1] != chance.log_loss[-1]


@pytest.mark.parametrize("name", HARD)
def test_hard_pools_are_as_hard_as_they_say(name: str) -> None:
    random = np.random.default_rng(2)
    prompt_of = np.repeat(np.arange(40), 4)
    plain = planted(random.normal(size=(160, 6)), prompt_of, HARD["synthetic"][1])(0)
    hard = planted(random.normal(size=(160, 6)), prompt_of, HARD[name][1])(0)
    agreement = np.maximum(plain.chance, 1 - plain.chance).mean()
    assert agreement == pytest.approx(0.78, abs=0.005)
    poison = 1 - hard.is_fair.mean()
    share = {"near-duplicates": 0.8, "outliers": 0.15, "coin-flips": 0.15}.get(name, 0.0)
    assert poison == pytest.approx(share, abs=0.005)
    assert hard.precision / plain.precision == pytest.approx(
        {"prior-weak": 0.01, "prior-strong": 100.0}.get(name, 1.0)
    )
