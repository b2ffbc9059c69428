"""The score against the exact posterior, a simulation with known truth, and brute force."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from annotation.core.errors import Invalid
from annotation.core.quality_score import (
    Cases,
    Crowd,
    Evidence,
    crowd_of,
    longest_run,
    median_interval,
    quality_scores,
    run_chance,
)


@pytest.mark.parametrize(("right", "n"), [(0, 3), (7, 10), (48, 50), (500, 900)])
def test_from_gold_alone_it_is_the_beta_posterior(right: int, n: int) -> None:
    exact = stats.beta(1 + right, 1 + n - right)
    score = quality_scores([Evidence(gold=Cases(right, n))], Crowd())[0]
    assert score.value == pytest.approx(exact.mean(), abs=1e-3)
    assert (score.low, score.high) == pytest.approx(exact.interval(0.95), abs=2e-3)
    assert score.n == n


def test_nothing_known_gives_no_figure() -> None:
    score = quality_scores([Evidence()], Crowd())[0]
    assert (score.value, score.low, score.high, score.n) == (None, None, None, 0)


def test_more_right_than_asked_is_refused() -> None:
    with pytest.raises(Invalid):
        quality_scores([Evidence(gold=Cases(4, 3))], Crowd())


def test_repeats_alone_tell_that_somebody_is_steady_not_that_they_are_right() -> None:
    score = quality_scores([Evidence(repeats=Cases(30, 30))], Crowd())[0]
    assert score.low < 0.1
    assert score.high > 0.9


def test_agreement_with_a_crowd_that_guesses_tells_nothing() -> None:
    told = quality_scores([Evidence(agreement=Cases(25, 50))], Crowd(quality=0.5))[0]
    assert told.high - told.low > 0.9


def simulated(
    generator: np.random.Generator, people: int
) -> tuple[list[Evidence], np.ndarray, Crowd]:
    """People of known quality who judge pairs beside a crowd of known quality."""
    quality = generator.uniform(0.5, 1.0, people)
    crowd = Crowd(quality=0.8)
    agrees = quality * crowd.quality + (1 - quality) * (1 - crowd.quality)
    same = quality**2 + (1 - quality) ** 2
    drawn = [
        Evidence(
            gold=Cases(float(generator.binomial(20, q)), 20),
            repeats=Cases(float(generator.binomial(15, s)), 15),
            agreement=Cases(float(generator.binomial(60, a)), 60),
        )
        for q, s, a in zip(quality, same, agrees, strict=True)
    ]
    return drawn, quality, crowd


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    evidence, quality, crowd = simulated(np.random.default_rng(4), 2_000)
    scores = quality_scores(evidence, crowd)
    held = [s.low <= q <= s.high for s, q in zip(scores, quality, strict=True)]
    assert 0.93 <= np.mean(held) <= 0.975
    gold_only = quality_scores([Evidence(gold=e.gold) for e in evidence], crowd)
    narrower = [a.high - a.low < b.high - b.low for a, b in zip(scores, gold_only, strict=True)]
    assert np.mean(narrower) > 0.95


def test_the_crowd_is_as_good_as_its_agreement_says() -> None:
    for quality, same in ((0.8, 1.0), (0.65, 0.5)):
        agreement = quality**2 + same * (1 - quality) ** 2
        answers = [50, 0, 50] if same == 1 else [100, 100, 100]
        crowd = crowd_of(agreement=Cases(1000 * agreement, 1000), answers=answers)
        assert crowd.quality == pytest.approx(quality, abs=1e-6)
        assert crowd.same_error == pytest.approx(same, abs=1e-6)
    below_chance = crowd_of(agreement=Cases(20, 100), answers=[50, 0, 50])
    assert below_chance.quality == pytest.approx(0.5)
    assert crowd_of(agreement=Cases(), answers=[]) == Crowd()


@given(st.floats(0, 1), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_score_lies_in_its_interval_and_one_more_right_never_lowers_it(
    share: float, gold: int, repeats: int, agreement: int
) -> None:
    before = Evidence(
        Cases(share * gold, gold), Cases(share * repeats, repeats), Cases(agreement, agreement)
    )
    after = Evidence(Cases(share * gold + 1, gold + 1), before.repeats, before.agreement)
    first, second = quality_scores([before, after], Crowd())
    if first.value is not None:
        assert 0 <= first.low <= first.value <= first.high <= 1
        assert second.value >= first.value - 1e-9


@pytest.mark.parametrize(("slots", "n"), [(2, 9), (3, 7)])
def test_the_chance_of_a_run_is_that_of_counting_all_sequences(slots: int, n: int) -> None:
    runs = [longest_run(choices) for choices in product(range(slots), repeat=n)]
    for run in range(1, n + 2):
        counted = np.mean([found >= run for found in runs])
        assert run_chance(n=n, run=run, slots=slots) == pytest.approx(counted)


def test_a_tie_ends_a_run() -> None:
    assert longest_run([0, 0, None, 0, 1, 1, 1]) == 3
    assert longest_run([]) == 0


def test_the_median_has_an_interval_of_order_statistics() -> None:
    value, low, high = median_interval([float(x) for x in range(101)])
    assert (value, low, high) == (50, 39, 61)
    assert median_interval([3.0]) == (3, 3, 3)
    assert median_interval([]) is None
