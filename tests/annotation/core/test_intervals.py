import pytest
from scipy.stats import binomtest

from annotation.core.intervals import wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 7), (50, 100), (0, 40), (99, 99)])
def test_wilson_equals_scipy(successes: int, n: int) -> None:
    ours = wilson(successes, n, confidence=0.9)
    theirs = binomtest(successes, n).proportion_ci(0.9, method="wilson")
    assert ours.value == pytest.approx(successes / n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_nothing_counted_is_no_share() -> None:
    none = wilson(0, 0)
    assert (none.value, none.low, none.high, none.n) == (None, None, None, 0)


def test_a_sum_of_shares_is_a_count_too() -> None:
    half = wilson(2.5, 5)
    assert half.value == 0.5
    assert half.low is not None
    assert half.low == pytest.approx(wilson(5, 10).low, abs=0.1)
