import numpy as np
import pytest

from annotation.core.ratings import Ratings
from annotation.core.repeat_agreement import repeat_agreement

Row = tuple[int, int, int]


def ratings(rows: list[Row]) -> Ratings:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Ratings(table[:, 0], table[:, 1], table[:, 2])


def test_each_answer_meets_the_one_before_it() -> None:
    """Annotator 1 wavers once on item 1 (three answers), 2 never; item 9 has no repeat."""
    rows = [(1, 1, 0), (2, 2, 1), (1, 1, 1), (9, 1, 1), (2, 2, 1), (1, 1, 1), (3, 2, 0), (3, 2, 0)]
    found = repeat_agreement(ratings(rows), seed=1)
    assert found.percent.value == pytest.approx(3 / 4)
    observed, chance = 3 / 4, (2 * 1 + 2 * 3) / 16
    assert found.kappa.value == pytest.approx((observed - chance) / (1 - chance))
    assert (found.kappa.n_ratings, found.kappa.n_units, found.kappa.n_annotators) == (4, 3, 2)
    own = {row.annotator_id: row.agreement for row in found.by_annotator}
    assert (own[1].value, own[1].n) == (0.5, 2)
    assert (own[2].value, own[2].n) == (1.0, 2)


def test_steady_people_are_not_certain_to_be() -> None:
    rows = [(unit, 1, unit % 2) for unit in range(30) for _ in range(2)]
    found = repeat_agreement(ratings(rows), seed=1)
    assert found.percent.value == 1
    assert 0.85 < found.percent.low < 0.9
    assert found.kappa.value == 1
    assert found.kappa.low is None


def test_the_interval_holds_the_truth() -> None:
    random = np.random.default_rng(1)
    rows = []
    for unit in range(200):
        mark = int(random.integers(2))
        rows += [
            (unit, unit % 7, mark),
            (unit, unit % 7, mark if random.random() < 0.8 else 1 - mark),
        ]
    found = repeat_agreement(ratings(rows), seed=1)
    assert found.percent.low < 0.8 < found.percent.high
    assert found.percent.high - found.percent.low < 0.15
    assert found.kappa.low < 0.6 < found.kappa.high


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Nobody has judged an item a second time"),
        ([(1, 1, 0), (1, 2, 0)], "Nobody has judged an item a second time"),
        ([(1, 1, 0), (1, 1, 0)], "Only one item"),
    ],
)
def test_no_repeats_are_said_in_words(rows: list[Row], says: str) -> None:
    found = repeat_agreement(ratings(rows), seed=1)
    assert (found.percent.value, found.kappa.value) == (None, None)
    assert says in found.percent.note
