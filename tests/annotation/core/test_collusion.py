import numpy as np
import pytest

from annotation.core.collusion import NO_MEETINGS, _holm, collusion
from annotation.core.dawid_skene import Consensus, dawid_skene
from annotation.core.labels import NOTHING, labels_from
from annotation.core.ratings import Ratings


def consensus(rows: list[tuple[int, int, int]]) -> Consensus:
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return dawid_skene(labels_from(Ratings(*table.T)))


def crowd(n_items: int, people: int, right: float, seed: int) -> list[tuple[int, int, int]]:
    random = np.random.default_rng(seed)
    truth = random.choice([-1, 1], n_items)
    return [
        (item, who, int(truth[item] if random.random() < right else -truth[item]))
        for item in range(n_items)
        for who in range(people)
    ]


def test_people_who_are_right_are_not_accused() -> None:
    for seed in range(10):
        found = collusion(consensus(crowd(40, 12, 0.92, seed)))
        assert found.pairs == ()
        assert found.groups == ()
        assert found.n_pairs == 66


def test_shared_errors_are() -> None:
    rows = crowd(40, 10, 0.8, 1)
    sheet = np.random.default_rng(5).choice([-1, 1], 40)
    rows += [(item, who, int(sheet[item])) for item in range(40) for who in (20, 21, 22)]
    found = collusion(consensus(rows))
    assert found.groups == ((20, 21, 22),)
    assert {(pair.one, pair.other) for pair in found.pairs} == {(20, 21), (20, 22), (21, 22)}
    assert all(pair.is_duplicate and pair.same == pair.n == 40 for pair in found.pairs)
    assert found.group_of(21) == (20, 21, 22)
    assert found.group_of(3) == ()


def test_who_copies_most_answers_is_alike_but_no_duplicate() -> None:
    rows = crowd(60, 10, 0.75, 2)
    random = np.random.default_rng(9)
    first = random.choice([-1, 1], 60)
    second = np.where(random.random(60) < 0.8, first, -first)
    rows += [(item, 30, int(first[item])) for item in range(60)]
    rows += [(item, 31, int(second[item])) for item in range(60)]
    (pair,) = collusion(consensus(rows)).pairs
    assert (pair.one, pair.other) == (30, 31)
    assert not pair.is_duplicate
    assert pair.expected < 40


def test_chances_are_those_of_everybody_else_written_out() -> None:
    found = consensus(crowd(12, 5, 0.8, 4) + [(i, 8, 1 - 2 * (i % 2)) for i in range(12)]
                      + [(i, 9, 1 - 2 * (i % 2)) for i in range(12)])  # fmt: skip
    (pair,) = [p for p in collusion(found, level=1.1).pairs if (p.one, p.other) == (8, 9)]
    tables, prior = found.confusion, found.prior
    expected = 0.0
    given = np.zeros((12, 7), dtype=int)
    given[found.labels.unit_of, found.labels.annotator_of] = found.labels.value_of
    for item in range(12):
        truth = prior.copy()
        for who in range(5):
            truth *= tables[who, :, given[item, who]]
        truth /= truth.sum()
        expected += sum(truth[c] * float(tables[5, c] @ tables[6, c]) for c in range(2))
    assert pair.expected == pytest.approx(expected)


def test_too_little_is_a_sentence() -> None:
    assert collusion(consensus([])).why_not == NOTHING
    rows = [(item, (item + k) % 30, (item % 2) * 2 - 1) for item in range(60) for k in range(3)]
    assert collusion(consensus(rows)).why_not == NO_MEETINGS


def test_holms_adjustment() -> None:
    assert _holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
