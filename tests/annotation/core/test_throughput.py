import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import poisson

from annotation.core.throughput import dispersion, rate

EVEN = [5, 5, 5, 5]


def test_the_interval_of_an_even_count_is_garwoods() -> None:
    """Found another way: the means at which 20 or more, or 20 or fewer, have a chance of 2.5 %."""
    low = brentq(lambda mean: poisson.sf(19, mean) - 0.025, 1, 40)
    high = brentq(lambda mean: poisson.cdf(20, mean) - 0.025, 1, 60)
    found = rate(EVEN, 2.0)
    assert found is not None
    assert (found.per_hour, found.n) == (10, 20)
    assert (found.low, found.high) == (pytest.approx(low / 2), pytest.approx(high / 2))
    # Published: 20 observed events have 12.22 to 30.89 (Garwood 1936).
    assert (found.low * 2, found.high * 2) == pytest.approx((12.22, 30.89), abs=0.01)


def test_bursts_make_it_less_sure() -> None:
    even, bursts = rate([10] * 10, 10), rate([50, 0, 0, 0, 0, 50, 0, 0, 0, 0], 10)
    assert even is not None
    assert bursts is not None
    assert even.per_hour == bursts.per_hour
    assert bursts.high - bursts.low > 3 * (even.high - even.low)


def test_no_judgments_no_rate() -> None:
    assert rate([0, 0], 1.0) is None
    with pytest.raises(ValueError, match="longer than nothing"):
        rate([1], 0)


def test_when_the_last_comes() -> None:
    found = rate(EVEN, 2.0)
    assert found is not None
    middle, soonest, latest = found.hours_for(100)
    assert middle == 10
    assert latest is not None
    assert soonest < middle < latest
    assert (soonest, latest) == (pytest.approx(100 / found.high), pytest.approx(100 / found.low))


@given(st.lists(st.integers(0, 50), min_size=1, max_size=24), st.floats(0.1, 100))
def test_the_rate_lies_in_its_interval(counts: list[int], hours: float) -> None:
    found = rate(counts, hours)
    if sum(counts) == 0:
        assert found is None
        return
    assert found is not None
    assert 0 <= found.low <= found.per_hour <= found.high
    assert dispersion(counts) >= 1


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    """Counts of a negative binomial with dispersion 4, as people who come and go give them."""
    random = np.random.default_rng(5)
    mean, excess = 12.0, 4.0
    held = 0
    for _ in range(600):
        counts = random.negative_binomial(mean / (excess - 1), 1 / excess, size=24)
        found = rate([int(count) for count in counts], 24.0)
        held += found is not None and found.low <= mean <= found.high
    assert held / 600 > 0.90
