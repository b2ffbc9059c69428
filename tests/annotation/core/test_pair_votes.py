import numpy as np

from annotation.core.pair_votes import pair_votes
from annotation.core.preferences import Verdict


def verdict(number: int, person: int, completions: tuple[int, ...], groups: object) -> Verdict:
    return Verdict(number, 100 + number, 1, completions, person, groups, (0, 1))  # type: ignore[arg-type]


def test_a_pair_is_one_item_whichever_way_round_comparisons_hold_it() -> None:
    votes = pair_votes(
        [
            verdict(1, 7, (10, 20), ((0,), (1,))),
            verdict(2, 8, (20, 10), ((0,), (1,))),
            verdict(3, 9, (20, 10), ((0, 1),)),
        ]
    )
    assert votes.first.tolist() == [10]
    assert votes.second.tolist() == [20]
    assert votes.comparisons.tolist() == [101]
    assert votes.answers.values.tolist() == [1.0, 0.0, 0.5]


def test_of_two_answers_to_a_pair_the_newest_counts() -> None:
    votes = pair_votes(
        [verdict(1, 7, (10, 20), ((0,), (1,))), verdict(2, 7, (20, 10), ((0,), (1,)))]
    )
    assert votes.answers.values.tolist() == [0.0]
    assert votes.n_annotators == 1


def test_a_ranking_is_the_pairs_that_it_implies() -> None:
    votes = pair_votes([verdict(1, 7, (10, 20, 30, 40), ((2,), (0, 1), (3,)))])
    assert len(votes.first) == 6
    told = dict(zip(zip(votes.first, votes.second, strict=True), votes.answers.values, strict=True))
    assert told[10, 30] == 0
    assert told[10, 20] == 0.5
    assert told[30, 40] == 1
    assert np.all(votes.weights == 0.5)


def test_nothing_is_nothing() -> None:
    votes = pair_votes([])
    assert len(votes.answers.items) == len(votes.first) == votes.n_annotators == 0
