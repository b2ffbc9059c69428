"""Intervals against what really happens when data are drawn again."""

import numpy as np
import pytest

from annotation.core.agreement import krippendorff_alpha, percent_agreement
from annotation.core.ratings import Ratings
from annotation.core.resampling import Resampling, corrected_interval, gradient


def crowd(seed: int, *, units: int = 150, people: int = 30, spread: float = 0.2) -> Ratings:
    """Three people of each unit, who know its value with a probability of their own."""
    random = np.random.default_rng(seed)
    skill = np.clip(0.6 + spread * random.standard_normal(people), 0.05, 0.95)
    who = np.argsort(random.random((units, people)), axis=1)[:, :3]
    truth = random.integers(3, size=(units, 1))
    guess = random.integers(3, size=(units, 3))
    values = np.where(random.random((units, 3)) < skill[who], truth, guess)
    return Ratings(np.repeat(np.arange(units), 3), who.reshape(-1), values.reshape(-1))


def widths(spread: float, over: str) -> float:
    found = [
        krippendorff_alpha(crowd(seed, spread=spread), seed=1, over=over, resamples=300)
        for seed in range(30)
    ]
    return float(np.mean([each.high - each.low for each in found]))


@pytest.mark.parametrize("spread", [0.0, 0.2])
def test_the_width_over_items_and_annotators_is_that_of_drawing_both(spread: float) -> None:
    """Twice 1.96 standard deviations of the figure over new items and new people."""
    drawn = [
        krippendorff_alpha(crowd(seed, spread=spread), seed=1, resamples=0).value
        for seed in range(600)
    ]
    assert widths(spread, "items and annotators") == pytest.approx(3.92 * np.std(drawn), rel=0.15)


def test_people_who_differ_widen_it_and_people_who_do_not_hardly_do() -> None:
    assert widths(0.2, "items and annotators") > 1.25 * widths(0.2, "items")
    assert widths(0.0, "items and annotators") < 1.25 * widths(0.0, "items")


def test_items_that_say_the_same_add_nothing() -> None:
    """Each item six times over, as the pairs of a ranking may be: their cluster is one item."""
    once = crowd(3)
    units = np.concatenate([once.units * 6 + copy for copy in range(6)])
    many = Ratings(units, np.tile(once.annotators, 6), np.tile(once.values, 6), units // 6)
    for over in ("items", "items and annotators"):
        one = krippendorff_alpha(once, seed=1, over=over, resamples=4000)
        six = krippendorff_alpha(many, seed=1, over=over, resamples=4000)
        assert six.high - six.low == pytest.approx(one.high - one.low, rel=0.06)


def test_few_annotators_are_said() -> None:
    two = krippendorff_alpha(
        Ratings(np.repeat(np.arange(40), 2), np.tile([1, 2], 40), np.arange(80) // 3 % 2),
        seed=1,
        over="items and annotators",
    )
    assert two.low is None
    assert "two annotators" in two.note
    five = percent_agreement(crowd(1, people=5), seed=1, over="items and annotators")
    assert five.low < five.value < five.high
    assert "Only 5 annotators" in five.note
    assert "items and annotators" in five.method


def test_a_mean_of_few_has_students_interval() -> None:
    """Of a mean the corrected interval is close to the textbook's; the percentile one is not."""
    random = np.random.default_rng(2)
    inside = 0
    for seed in range(400):
        sample = random.standard_normal(8)
        sums = np.column_stack([sample, np.ones(8)])
        found = corrected_interval(
            sums, np.ones(8), lambda t: t[:, 0] / t[:, 1], Resampling(seed, 400)
        )
        inside += found.low <= 0 <= found.high
    assert 0.91 < inside / 400 < 0.985


def test_the_gradient_is_the_derivative() -> None:
    totals = np.array([30.0, 7.0, 100.0])
    slope = gradient(lambda t: t[:, 0] * t[:, 1] / t[:, 2] ** 2, totals)
    assert slope == pytest.approx([7 / 100**2, 30 / 100**2, -2 * 30 * 7 / 100**3], rel=1e-6)
