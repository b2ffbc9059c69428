import numpy as np
import pytest
from scipy import stats

from annotation.core.audit import benjamini_hochberg
from annotation.core.power import detectable, threshold_of_next


def test_the_detectable_effect_is_found_as_often_as_promised() -> None:
    random = np.random.default_rng(0)
    n = 25
    least = detectable(1 / np.sqrt(n), n - 1, alpha=0.05, power=0.9)
    samples = random.normal(least, 1, (20_000, n))
    found = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue <= 0.05)
    assert found == pytest.approx(0.9, abs=0.02)


def test_one_more_p_value_below_the_threshold_is_one_more_discovery() -> None:
    p_values = [0.001, 0.004, 0.2, 0.5, 0.9]
    threshold = threshold_of_next([*benjamini_hochberg(p_values), None], rate=0.05)
    assert threshold == pytest.approx(0.05 * 3 / 5)
    for last, is_found in ((threshold * 0.999, True), (threshold * 1.001, False)):
        assert (benjamini_hochberg([*p_values[:4], last])[-1] <= 0.05) is is_found


def test_without_a_test_nothing_is_divided_by_nought() -> None:
    assert threshold_of_next([None], rate=0.05) == 0.05
