"""Rules do nothing in doubt, and say on what they rest where they do something."""

import pytest

from annotation.core.errors import Invalid
from annotation.core.quality_rules import check_threshold, firing, state_after


def gold(value: float, low: float, high: float, n: int) -> dict[str, object]:
    return {"gold": {"value": value, "low": low, "high": high, "n": n}}


def test_a_share_is_judged_by_the_end_that_favours_the_person() -> None:
    doubtful = gold(0.5, 0.3, 0.71, 20)
    assert firing("gold", threshold=0.7, least_cases=10, signals=doubtful) is None
    clear = gold(0.4, 0.2, 0.62, 20)
    found = firing("gold", threshold=0.7, least_cases=10, signals=clear)
    assert found == {"signal": "gold", "threshold": 0.7, **clear["gold"]}


def test_too_few_cases_do_nothing() -> None:
    assert firing("gold", threshold=0.7, least_cases=10, signals=gold(0, 0, 0.3, 9)) is None
    assert firing("gold", threshold=0.7, least_cases=10, signals={}) is None


def test_speed_and_runs_are_in_their_own_units() -> None:
    quick = {"seconds": {"value": 1.2, "low": 1.0, "high": 1.9, "n": 50}}
    assert firing("speed", threshold=2, least_cases=20, signals=quick)
    assert firing("speed", threshold=1.5, least_cases=20, signals=quick) is None
    straight = {"straight": {"value": 25, "n": 60, "chance": 1e-6}}
    assert firing("straight", threshold=25, least_cases=20, signals=straight)
    assert firing("straight", threshold=26, least_cases=20, signals=straight) is None


@pytest.mark.parametrize(
    ("signal", "threshold", "cases", "field"),
    [
        ("gold", 0, 10, "threshold"),
        ("quality", 1.1, 10, "threshold"),
        ("speed", 0, 10, "threshold"),
        ("straight", 2, 10, "threshold"),
        ("gold", 0.5, 0, "least_cases"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    signal: str, threshold: float, cases: int, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_threshold(signal, threshold, cases)
    assert refused.value.field == field


def test_the_most_severe_that_is_in_force_decides_the_state() -> None:
    assert state_after([]) == state_after(["warn"]) == "active"
    assert state_after(["warn", "pause", "retrain"]) == "paused"
    assert state_after(["quarantine", "pause"]) == "quarantined"
