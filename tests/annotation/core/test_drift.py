import numpy as np
import pytest
from scipy.special import expit

from annotation.core.drift import drift


def sitting(
    seed: int, *, drop: float = 0.0, people: int = 40, each: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes of people whose habits differ; after 60 % of the time all change by `drop`."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), each)
    times = random.random(people * each)
    logits = random.normal(0, 1, people)[who] + np.where(times > 0.6, drop, 0.0)
    return (random.random(len(who)) < expit(logits)).astype(float), who, times


def test_a_change_of_people_is_found_when_it_happens() -> None:
    found = drift(*sitting(1, drop=-0.8), what="went with the longer")
    assert found.p_value < 0.01
    assert found.high < 0
    assert found.turned_at == pytest.approx(0.6, abs=0.08)
    assert found.verdict.startswith("People change")
    peak = max(found.path, key=lambda point: abs(point.sum))
    assert abs(peak.sum) > peak.band


def test_no_change_is_seldom_found() -> None:
    found = [drift(*sitting(seed), what="x", draws=199).p_value <= 0.05 for seed in range(150)]
    assert np.mean(found) <= 0.1


def test_people_who_come_and_go_are_no_drift() -> None:
    random = np.random.default_rng(3)
    who = np.repeat(np.arange(60), 40)
    early = who < 30
    times = np.where(early, 0.0, 0.4) + 0.6 * random.random(len(who))
    values = (random.random(len(who)) < np.where(early, 0.3, 0.7)).astype(float)
    found = drift(values, who, times, what="x")
    assert found.p_value > 0.05
    assert found.low < 0 < found.high


def test_the_later_half_less_the_earlier_is_the_within_people_difference() -> None:
    values, who, times = sitting(4, drop=0.5)
    later = times > np.median(times)
    rows = [who == person for person in range(40)]
    weight = np.array([later[r].sum() * (~later[r]).sum() / r.sum() for r in rows])
    gap = np.array([values[r & later].mean() - values[r & ~later].mean() for r in rows])
    assert drift(values, who, times, what="x").change == pytest.approx(
        np.average(gap, weights=weight)
    )


@pytest.mark.parametrize(
    ("rows", "values", "reason"),
    [
        (np.arange(0), None, "0 votes by 0 annotators are too few"),
        (np.arange(240), None, "by 4 annotators are too few"),
        (np.arange(2400), np.ones(2400), "All votes say the same"),
    ],
)
def test_what_cannot_be_told_is_a_sentence(
    rows: np.ndarray, values: np.ndarray | None, reason: str
) -> None:
    seen, who, times = sitting(5)
    found = drift((seen if values is None else values)[rows], who[rows], times[rows], what="x")
    assert reason in found.verdict
    assert found.p_value is None
    assert found.path == ()


def test_one_moment_and_people_of_one_half_each() -> None:
    values, who, times = sitting(6)
    assert "one moment" in drift(values, who, np.zeros(2400), what="x").verdict
    apart = drift(values, who, who + times, what="x")
    assert "both early and late" in apart.verdict
