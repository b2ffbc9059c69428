from dataclasses import replace

import pytest

from annotation.core.agreement_readings import is_too_few, parting, reading
from annotation.core.estimates import Estimate

SOME = Estimate(
    value=0.5, low=0.4, high=0.6, n_units=100, n_ratings=300, n_annotators=3, level="nominal",
    method="Gwet's AC1; 95% bootstrap", resamples=1000, seed=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.81, 0.9, "agree reliably (0.81 to 0.90)"),
        (0.7, 0.9, "tentative conclusions"),
        (0.3, 0.6, "not reliably"),
        (-0.1, 0.2, "cannot be told from chance"),
        (-0.4, -0.1, "disagree more than by chance"),
        (0.2, 0.9, "Too few to say: 100 items"),
    ],
)
def test_a_figure_is_read_by_its_interval(low: float, high: float, says: str) -> None:
    assert says in reading(replace(SOME, value=(low + high) / 2, low=low, high=high))


def test_few_items_never_say_much_however_narrow_the_interval() -> None:
    few = replace(SOME, value=0.9, low=0.85, high=0.95, n_units=6)
    assert is_too_few(few)
    assert "6 items" in reading(few)


def test_items_of_few_groups_are_few() -> None:
    many = replace(SOME, value=0.5, low=0.4, high=0.6, n_units=600)
    assert not is_too_few(many, n_groups=100)
    assert is_too_few(many, n_groups=6)
    assert "6 items" in reading(many, n_groups=6)


def test_a_figure_without_interval_or_value_gives_its_note() -> None:
    bare = replace(SOME, low=None, high=None, note="Why.")
    assert reading(bare) == "Too few to say: 0.50, without an interval. Why."
    assert reading(replace(bare, value=None)) == "Why."


def test_coefficients_part_only_by_much() -> None:
    assert parting(SOME, replace(SOME, value=0.65), 0.8, 0.9) == ""
    assert "prevalence paradox" in parting(SOME, replace(SOME, value=0.75), 0.8, 0.9)
    assert "Report both" in parting(SOME, replace(SOME, value=0.75), 0.8, 0.5)
    assert parting(replace(SOME, value=None), SOME, 0.8, 0.9) == ""
