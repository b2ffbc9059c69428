import pytest

from annotation.core.alerts import Reading, check_rule, near_end, state_of, statement
from annotation.core.errors import Invalid


def reading(value: float | None, low: float | None, high: float | None, **more: object) -> Reading:
    return Reading("overall", "Overall", value, low, high, 812, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "value", "high", "state"),
    [
        (0.2, 0.3, 0.39, "alarm"),
        (0.2, 0.3, 0.41, "unclear"),
        (0.39, 0.45, 0.5, "clear"),
        (0.2, 0.4, 0.5, "clear"),
        (None, None, None, "unclear"),
        (None, 0.1, None, "unclear"),
    ],
)
def test_agreement_is_surely_below_only_where_its_upper_end_is(low, value, high, state) -> None:
    assert state_of("agreement", 0.4, reading(value, low, high)) == state


@pytest.mark.parametrize(
    ("low", "value", "high", "is_found", "state"),
    [
        (0.05, 0.08, 0.11, True, "alarm"),
        (-0.11, -0.08, -0.05, True, "alarm"),
        (0.05, 0.08, 0.11, False, "unclear"),
        (0.04, 0.08, 0.11, True, "unclear"),
        (-0.02, 0.04, 0.11, True, "clear"),
        (-0.02, -0.06, 0.11, True, "unclear"),
    ],
)
def test_a_bias_must_be_found_and_large_by_its_nearer_end(
    low, value, high, is_found, state
) -> None:
    assert state_of("bias", 0.05, reading(value, low, high, is_found=is_found)) == state


def test_people_and_shares() -> None:
    assert state_of("person", 3, reading(3, None, None)) == "alarm"
    assert state_of("person", 3, reading(2, None, None)) == "clear"
    assert state_of("division", 0.1, reading(0.2, 0.11, 0.3)) == "alarm"
    assert state_of("division", 0.1, reading(0.2, 0.1, 0.3)) == "unclear"
    assert state_of("division", 0.1, reading(0.1, 0.05, 0.3)) == "clear"


def test_an_interval_around_nought_has_no_near_end() -> None:
    assert near_end(reading(0.1, -0.1, 0.3)) == 0
    assert near_end(reading(-0.2, -0.3, -0.1)) == pytest.approx(0.1)


def test_words_name_figure_interval_and_n() -> None:
    low = reading(0.29, 0.27, 0.31)
    assert statement("agreement", 0.4, low, "alarm") == (
        "Agreement on “Overall” is surely below 0.40: alpha 0.29 [0.27, 0.31] on 812 items."
    )
    assert "back at 0.40" in statement("agreement", 0.4, low, "clear")
    assert "may be still" in statement("agreement", 0.4, low, "unclear")
    bias = Reading("length", "length", -0.083, -0.11, -0.055, 4000)
    assert statement("bias", 0.05, bias, "alarm") == (
        "The bias by length is surely beyond 5.0 points: "
        "−8.3 points [−11.0 points, −5.5 points] on 4,000 judgments."
    )
    people = Reading("overall", "Overall", 3.0, None, None, 40)
    assert statement("person", 2, people, "alarm").startswith("3 of 40 people are recommended")
    assert "fewer than 4 again" in statement("person", 4, people, "clear")


@pytest.mark.parametrize(
    ("signal", "threshold", "field"),
    [
        ("mood", 1, "signal"), ("agreement", 1.1, "threshold"), ("bias", 0, "threshold"),
        ("bias", 5, "threshold"), ("person", 0, "threshold"), ("person", 1.5, "threshold"),
        ("division", 10, "threshold"), ("agreement", float("nan"), "threshold"),
    ],
)  # fmt: skip
def test_a_threshold_that_makes_no_sense_is_refused(signal, threshold, field) -> None:
    with pytest.raises(Invalid) as refused:
        check_rule(signal, threshold)
    assert refused.value.field == field
