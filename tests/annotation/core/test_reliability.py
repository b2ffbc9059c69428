import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.dawid_skene import Consensus, dawid_skene
from annotation.core.errors import Invalid
from annotation.core.labels import Labels, labels_from
from annotation.core.pair_mixture import COIN, FLIPPED, HONEST
from annotation.core.ratings import Ratings
from annotation.core.reliability import GRID, reliability


def labels(rows: list[tuple[int, int, int]], **more: object) -> Labels:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return labels_from(Ratings(*table.T), **more)  # type: ignore[arg-type]


def crowd(accuracies: list[float], n_items: int, *, seed: int = 0) -> Consensus:
    random = np.random.default_rng(seed)
    truth = random.choice([-1, 1], n_items)
    rows = [
        (item, who, int(truth[item] if random.random() < right else -truth[item]))
        for item in range(n_items)
        for who, right in enumerate(accuracies)
    ]
    return dawid_skene(labels(rows))


def test_the_interval_is_the_posterior_s_written_out() -> None:
    found = crowd([0.9, 0.8, 0.7, 0.85, 0.6], 40, seed=3)
    told = reliability(found)
    left = found.left_out()
    for who in range(5):
        rows = np.flatnonzero(found.labels.annotator_of == who)
        p = left[rows, found.labels.value_of[rows]]
        weight = np.prod(GRID[:, None] * p + (1 - GRID[:, None]) * (1 - p), axis=1)
        weight /= weight.sum()
        assert told.value[who] == pytest.approx(weight @ GRID, abs=1e-3)
        inside = weight[(told.low[who] <= GRID) & (told.high[who] >= GRID)].sum()
        assert 0.94 < inside < 0.98


def test_intervals_cover_what_was_planted() -> None:
    random = np.random.default_rng(7)
    covered = []
    for seed in range(12):
        chances = random.uniform(0.6, 0.95, 9)
        told = reliability(crowd(chances.tolist(), 60, seed=seed))
        covered += ((told.low <= chances) & (chances <= told.high)).tolist()
    assert 0.88 < np.mean(covered) <= 1.0


def test_kinds_are_told_apart() -> None:
    told = reliability(crowd([0.9, 0.85, 0.8, 0.9, 0.85, 0.9, 0.5, 0.1], 60, seed=1))
    assert told.classes.argmax(axis=1).tolist() == [HONEST] * 6 + [COIN, FLIPPED]
    assert told.chance == 0.5
    assert told.proportion(7).high < 0.3  # type: ignore[operator]


def test_a_coin_of_slots_needs_the_slots() -> None:
    """Somebody right in 3 of 4 whose answers all point to one slot is a coin."""
    random = np.random.default_rng(0)
    truth = random.choice([-1, 1], 40)
    slot = np.where(random.random(40) < 0.7, truth, -truth)
    rows = [(item, who, int(truth[item])) for item in range(40) for who in range(4)]
    rows += [(item, 4, int(slot[item])) for item in range(40)]
    found = dawid_skene(labels(rows))
    slots = np.array([1 if row[2] == slot[row[0]] else 2 for row in rows])
    assert reliability(found, slots=slots).classes[4, COIN] > 0.99
    assert reliability(found).classes[4, COIN] < reliability(found, slots=slots).classes[4, COIN]


def test_calling_ties_more_or_less_often_than_others_makes_no_coin() -> None:
    random = np.random.default_rng(3)
    truth = random.choice([-1, 1], 80)
    habits = [0.3, 0.3, 0.3, 0.3, 0.7, 0.0, 1.0]
    rows = [
        (item, who, 0 if random.random() < ties else
         int(truth[item] if random.random() < 0.9 else -truth[item]))
        for item in range(80) for who, ties in enumerate(habits)
    ]  # fmt: skip
    told = reliability(dawid_skene(labels(rows)))
    assert told.classes[:6, HONEST].min() > 0.9
    assert told.is_told.tolist() == [True] * 6 + [False]
    assert told.value[:6] == pytest.approx(0.9, abs=0.12)


def test_of_whom_nothing_speaks_nothing_is_told() -> None:
    rows = [(item, who, (item % 2) * 2 - 1) for item in range(10) for who in range(4)]
    told = reliability(dawid_skene(labels([*rows, (99, 9, 1)])))
    assert told.is_told.tolist() == [True] * 4 + [False]
    assert told.proportion(4).value is None
    assert told.classes[4] == pytest.approx(told.share)


def test_two_who_only_meet_each_other_are_not_told_unless_gold_speaks() -> None:
    rows = [(item, who, (item % 2) * 2 - 1) for item in range(10) for who in range(3)]
    rows += [(100 + item, 10 + who, 1 if who else -1) for item in range(10) for who in range(2)]
    assert reliability(dawid_skene(labels(rows))).is_told.tolist() == [True] * 3 + [False] * 2
    told = reliability(dawid_skene(labels(rows, known=dict.fromkeys(range(100, 110), 1))))
    assert told.is_told.all()
    assert told.value[3] < 0.2 < 0.8 < told.value[4]


def test_nothing_judged_is_a_sentence() -> None:
    told = reliability(dawid_skene(labels([])))
    assert told.why_not
    assert len(told.value) == 0


def test_slots_are_one_for_each_label() -> None:
    with pytest.raises(Invalid, match="one for each label"):
        reliability(crowd([0.9, 0.8, 0.7], 10), slots=np.zeros(3, dtype=np.int64))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(-1, 1)), max_size=30))
def test_what_is_told_is_finite(rows: list[tuple[int, int, int]]) -> None:
    distinct = {(item, who): value for item, who, value in rows}
    told = reliability(dawid_skene(labels([(*key, value) for key, value in distinct.items()])))
    assert told.classes.sum(axis=1) == pytest.approx(1)
    shares = [told.proportion(place) for place in range(len(told.annotators))]
    assert all(
        each.value is None or 0 <= each.low <= each.value <= each.high <= 1  # type: ignore[operator]
        for each in shares
    )
