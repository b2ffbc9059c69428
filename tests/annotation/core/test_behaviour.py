import numpy as np
import pytest

from annotation.core.behaviour import Answers, Behaviour, behaviours
from annotation.core.errors import Invalid
from annotation.core.intervals import wilson


def answers(
    slots: dict[int, list[int]], *, seconds: float = np.nan, words: float = np.nan, size: int = 2
) -> Answers:
    who = np.array([person for person, given in slots.items() for _ in given], dtype=np.int64)
    given = np.array([slot for each in slots.values() for slot in each], dtype=np.int64)
    full = np.ones(len(given))
    return Answers(who, given, np.full(len(given), size), seconds * full, words * full)


def only(given: Answers) -> Behaviour:
    (found,) = behaviours(given)
    return found


def test_always_one_slot() -> None:
    found = only(answers({7: [0] * 30}))
    assert (found.annotator_id, found.n, found.slot, found.longest_run) == (7, 30, 0, 30)
    assert found.favoured == wilson(30, 30)
    assert found.favoured_p_value == pytest.approx(2 * 0.5**30)
    assert found.run_p_value == pytest.approx(0.5**29)
    assert found.in_turns_p_value == pytest.approx(1)


def test_in_turns() -> None:
    found = only(answers({7: [0, 1] * 20}))
    assert found.changes == wilson(39, 39)
    assert found.in_turns_p_value == pytest.approx(0.5**39)
    assert found.favoured_p_value == pytest.approx(1, abs=0.2)
    assert found.longest_run == 1


def test_ties_choose_no_slot() -> None:
    found = only(answers({7: [-1, -1, 1]}))
    assert found.n == 3
    assert found.favoured == wilson(1, 1)
    assert found.changes.value is None
    found = only(answers({7: [-1, -1]}))
    assert (found.slot, found.longest_run, found.run_p_value) == (None, 0, None)


def test_chance_is_not_accused() -> None:
    random = np.random.default_rng(0)
    found = behaviours(answers({who: random.integers(3, size=50).tolist() for who in range(300)},
                               size=3))  # fmt: skip
    for name in ("favoured_p_value", "run_p_value", "in_turns_p_value"):
        small = np.mean([getattr(each, name) < 0.05 for each in found])
        assert small <= 0.075


def test_faster_than_anybody_reads() -> None:
    given = answers({1: [0, 1] * 10}, seconds=3.0, words=200)
    assert only(given).too_fast == wilson(20, 20)
    given = answers({1: [0, 1] * 10}, seconds=30.0, words=200)
    assert only(given).too_fast == wilson(0, 20)
    assert only(answers({1: [0, 1]}, seconds=3.0)).too_fast.n == 0


def test_pace_is_against_the_pool_for_as_much_text() -> None:
    random = np.random.default_rng(1)
    who = np.repeat(np.arange(10), 40)
    words = random.uniform(50, 800, 400)
    seconds = 5 * (words / 100) ** 0.7 * np.exp(random.normal(0, 0.3, 400))
    seconds[who == 3] *= 0.25
    given = Answers(who, random.integers(2, size=400), np.full(400, 2), seconds, words)
    found = behaviours(given)
    assert found[3].pace == pytest.approx(0.25, rel=0.25)
    assert found[3].pace_low < found[3].pace < found[3].pace_high < 0.5  # type: ignore[operator]
    assert all(0.7 < each.pace < 1.4 for each in found if each.annotator_id != 3)  # type: ignore[operator]


def test_nobody_and_nonsense() -> None:
    assert behaviours(answers({})) == ()
    with pytest.raises(Invalid, match="slot"):
        behaviours(answers({1: [2]}))
    with pytest.raises(Invalid, match="negative"):
        behaviours(answers({1: [0]}, seconds=-1.0))
