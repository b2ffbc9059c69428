from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from annotation.core.audit import (
    Votes,
    benjamini_hochberg,
    length_bias,
    position_bias,
    votes_from,
)
from annotation.core.preferences import Preference


def crowd(votes: list[dict[str, str]]) -> Votes:
    decided = [vote for vote in votes if vote["winner"] != "tie"]
    return Votes(
        first_won=np.array([vote["winner"] == "left" for vote in decided]),
        annotators=np.array([int(vote["worker"]) for vote in decided]),
        first_length=np.array([int(vote["left_length"]) for vote in decided]),
        second_length=np.array([int(vote["right_length"]) for vote in decided]),
    )


def planted(
    seed: int,
    *,
    annotators: int = 40,
    each: int = 40,
    position: float = 0.0,
    length: float = 0.0,
    between: float = 0.0,
) -> Votes:
    """Votes of people whose position habits vary by `between` (standard deviation, log-odds)."""
    random = np.random.default_rng(seed)
    n = annotators * each
    who = np.repeat(np.arange(annotators), each)
    first, second = random.integers(50, 2000, n), random.integers(50, 2000, n)
    relative = (first - second) / (first + second)
    habit = position + random.normal(0, between, annotators)[who]
    scaled = relative / np.sqrt(np.mean(relative**2))
    won = random.random(n) < expit(habit + length * scaled)
    return Votes(won, who, first, second)


def test_the_crowd_prefers_the_left_a_little(crowd_votes: list[dict[str, str]]) -> None:
    bias = position_bias(crowd(crowd_votes))
    assert bias.effect == pytest.approx(2911 / 5460)
    assert (bias.n, bias.n_annotators) == (5460, 124)
    assert 0.5 < bias.low < 0.51 < 0.555 < bias.high < 0.565
    assert "53.3%" in bias.verdict
    assert "slight preference for the first" in bias.verdict
    # Counting votes as independent would claim more than the votes of 124 people can.
    naive = 1.96 * np.sqrt(bias.effect * (1 - bias.effect) / bias.n)
    assert bias.high - bias.low > 3.5 * naive


def test_the_crowd_prefers_the_shorter(crowd_votes: list[dict[str, str]]) -> None:
    bias = length_bias(crowd(crowd_votes))
    assert bias.effect == pytest.approx(0.41, abs=0.005)
    assert bias.high < 0.5
    assert bias.log_odds_high < 0
    assert "preference for the shorter" in bias.verdict


def test_one_vote_each_is_the_textbook_variance() -> None:
    won = np.arange(60) < 36
    bias = position_bias(Votes(won, np.arange(60)))
    error = np.sqrt(0.6 * 0.4 / 59) / (0.6 * 0.4)
    assert bias.log_odds == pytest.approx(np.log(1.5))
    assert bias.log_odds_high - bias.log_odds == pytest.approx(2.0009953780882674 * error)
    assert (bias.low, bias.high) == pytest.approx(
        (expit(bias.log_odds_low), expit(bias.log_odds_high))
    )


def test_the_interval_equals_a_bootstrap_of_annotators() -> None:
    votes = planted(3, annotators=120, between=0.8, position=0.2)
    bias = position_bias(votes)
    random = np.random.default_rng(1)
    by_person = votes.first_won.reshape(120, -1)
    shares = [by_person[random.integers(120, size=120)].mean() for _ in range(3000)]
    assert (bias.low, bias.high) == pytest.approx(
        tuple(np.quantile(shares, [0.025, 0.975])), abs=0.006
    )


def test_the_slope_is_the_maximum_likelihood_and_its_error_is_the_bootstraps() -> None:
    votes = planted(5, annotators=60, position=0.3, length=0.5, between=0.5)
    bias = length_bias(votes)
    differs = votes.first_length != votes.second_length
    first, second = votes.first_length[differs], votes.second_length[differs]
    x = (first - second) / (first + second)
    x = x / np.sqrt(np.mean(x**2))
    y, who = votes.first_won[differs], votes.annotators[differs]

    def slope(rows: np.ndarray) -> float:
        signed = np.where(y[rows], 1.0, -1.0)
        loss = lambda w: np.logaddexp(0, -signed * (w[0] + w[1] * x[rows])).sum()  # noqa: E731
        return minimize(loss, np.zeros(2)).x[1]

    assert bias.log_odds == pytest.approx(slope(np.arange(len(y))), abs=1e-4)
    random = np.random.default_rng(2)
    of_person = [np.flatnonzero(who == k) for k in range(60)]
    drawn = [
        slope(np.concatenate([of_person[k] for k in random.integers(60, size=60)]))
        for _ in range(120)
    ]
    error = (bias.log_odds_high - bias.log_odds_low) / 2 / 2.0
    assert error == pytest.approx(np.std(drawn), rel=0.25)


def test_mirroring_the_screen_mirrors_the_figures() -> None:
    votes = planted(8, position=0.4, length=0.6)
    mirrored = replace(
        votes,
        first_won=~votes.first_won,
        first_length=votes.second_length,
        second_length=votes.first_length,
    )
    assert position_bias(mirrored).effect == pytest.approx(1 - position_bias(votes).effect)
    assert position_bias(mirrored).p_value == pytest.approx(position_bias(votes).p_value)
    assert length_bias(mirrored).effect == pytest.approx(length_bias(votes).effect)
    assert length_bias(mirrored).log_odds == pytest.approx(length_bias(votes).log_odds)


def test_no_bias_is_seldom_found_even_where_habits_differ() -> None:
    found = {"position": 0, "length": 0}
    for seed in range(300):
        votes = planted(seed, annotators=25, each=30, between=1.0)
        found["position"] += position_bias(votes).p_value < 0.05
        found["length"] += length_bias(votes).p_value < 0.05
    assert found["position"] <= 29
    assert found["length"] <= 29


def test_the_detectable_shift_is_found_four_times_in_five() -> None:
    shift = position_bias(planted(0, between=0.5)).detectable
    logit = np.log((0.5 + shift) / (0.5 - shift))
    found = sum(
        position_bias(planted(seed, position=logit * 1.06, between=0.5)).p_value < 0.05
        for seed in range(300)
    )
    assert 0.7 < found / 300 < 0.9


def test_a_planted_length_habit_is_recovered() -> None:
    bias = length_bias(planted(1, annotators=200, length=0.7, position=0.5))
    assert bias.log_odds == pytest.approx(0.7, abs=0.08)
    assert bias.log_odds_low < 0.7 < bias.log_odds_high
    assert bias.effect > 0.6


def test_votes_on_one_item_are_alike_too() -> None:
    votes = planted(4, annotators=30, each=30)
    items = np.arange(900) % 12
    alike = replace(votes, first_won=(items % 2 == 0) ^ (votes.first_length % 7 == 0))
    by_person = position_bias(alike)
    by_both = position_bias(replace(alike, items=items))
    assert by_both.effect == by_person.effect
    assert by_both.high - by_both.low > 3 * (by_person.high - by_person.low)


def test_no_votes() -> None:
    none = Votes(*(np.zeros(0, dtype=t) for t in (bool, int, int, int)))
    assert position_bias(none).effect is None
    assert "no decided vote yet" in position_bias(none).verdict
    assert "different length" in length_bias(none).verdict


def test_equal_lengths_say_nothing_about_length() -> None:
    same = Votes(np.array([True, False]), np.array([1, 2]), np.array([5, 5]), np.array([5, 5]))
    assert length_bias(same).n == 0
    assert position_bias(same).n == 2


def test_one_annotator_is_one_person() -> None:
    bias = position_bias(Votes(np.arange(100) < 80, np.zeros(100, dtype=int)))
    assert bias.effect == 0.8
    assert bias.low > 0.65
    assert "that person only" in bias.note


def test_all_votes_one_way_count_each_annotator_once() -> None:
    bias = position_bias(Votes(np.ones(600, dtype=bool), np.arange(600) % 3))
    assert bias.effect == 1
    assert bias.low < 0.5
    assert bias.log_odds is None
    assert bias.p_value == 0.25
    assert "one vote" in bias.note


def test_separation_is_said_not_fitted() -> None:
    first = np.arange(1, 41) * 10
    second = np.full(40, 205)
    votes = Votes(first > second, np.arange(40) % 8, first, second)
    bias = length_bias(votes)
    assert bias.effect == 1
    assert bias.log_odds is None
    assert "cannot be fitted" in bias.note


def test_the_verdict_says_when_nothing_can_be_told() -> None:
    few = position_bias(planted(2, annotators=12, each=4))
    assert "too little to tell" in few.verdict
    assert few.detectable > 0.05
    many = position_bias(planted(7, annotators=100, each=100))
    assert "no position bias found" in many.verdict
    assert many.detectable < 0.05


def test_lengths_are_needed_for_length() -> None:
    with pytest.raises(ValueError, match="lengths"):
        length_bias(Votes(np.array([True]), np.array([1])))


def preference(winner: int, loser: int, shown_first: int, *, tie: bool = False) -> Preference:
    return Preference(
        prompt_id=9,
        winner_id=winner,
        loser_id=loser,
        is_tie=tie,
        weight=1.0,
        annotator_id=4,
        strength=None,
        criterion="overall",
        judgment_id=1,
        shown_first=shown_first,
    )


def test_preferences_become_votes_and_ties_do_not() -> None:
    votes = votes_from(
        [preference(1, 2, 1), preference(1, 2, 2), preference(1, 2, 1, tie=True)],
        lengths={1: 10, 2: 20},
        by_prompt=True,
    )
    assert votes.first_won.tolist() == [True, False]
    assert votes.first_length.tolist() == [10, 20]
    assert votes.second_length.tolist() == [20, 10]
    assert votes.annotators.tolist() == [4, 4]
    assert votes.items.tolist() == [9, 9]
    assert votes_from([]).first_length is None


def test_benjamini_and_hochbergs_own_example() -> None:
    # The 15 p-values of their section 3.1: at q = 0.05 the four smallest are rejected.
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    adjusted = benjamini_hochberg(published)
    assert [q <= 0.05 for q in adjusted] == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_audits_that_could_not_be_made_are_no_tests() -> None:
    assert benjamini_hochberg([0.04, None, 0.5]) == (0.08, None, 0.5)
    assert benjamini_hochberg([None]) == (None,)
    assert benjamini_hochberg([]) == ()
