from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.preferences import Verdict, all_preferences, preferences_from
from annotation.core.rankings import ranks

PAIR = Verdict(
    judgment_id=7,
    comparison_id=70,
    prompt_id=3,
    completion_ids=(101, 102),
    annotator_id=5,
    groups=((1,), (0,)),
    display_order=(1, 0),
    strength=2,
    criterion="helpful",
)
FOUR = replace(
    PAIR, completion_ids=(11, 12, 13, 14), groups=((2,), (0, 3), (1,)), display_order=(3, 2, 1, 0)
)


def test_a_pair_gives_one_preference_with_all_its_provenance() -> None:
    (preference,) = preferences_from(PAIR)
    assert (preference.winner_id, preference.loser_id) == (102, 101)
    assert preference.shown_first == 102
    assert (preference.is_tie, preference.weight, preference.strength) == (False, 1.0, 2)
    assert (preference.prompt_id, preference.annotator_id) == (3, 5)
    assert (preference.criterion, preference.judgment_id) == ("helpful", 7)


def test_a_tie_has_no_strength() -> None:
    (preference,) = preferences_from(replace(PAIR, groups=((0, 1),), display_order=(0, 1)))
    assert preference.is_tie
    assert preference.strength is None
    assert preference.shown_first == 101


def test_a_ranking_of_four() -> None:
    pairs = {(p.winner_id, p.loser_id): p for p in preferences_from(FOUR)}
    assert set(pairs) == {(11, 12), (13, 11), (11, 14), (13, 12), (14, 12), (13, 14)}
    assert [pair for pair, p in pairs.items() if p.is_tie] == [(11, 14)]
    assert pairs[11, 14].shown_first == 14
    assert pairs[13, 12].shown_first == 13
    assert {p.strength for p in pairs.values()} == {None}


@given(st.permutations(range(5)), st.integers(2, 5))
def test_weights_of_one_judgment_sum_to_its_decisions(order: list[int], size: int) -> None:
    kept = [position for position in order if position < size]
    verdict = replace(
        PAIR,
        completion_ids=tuple(range(100, 100 + size)),
        groups=tuple((position,) for position in kept),
        display_order=tuple(kept),
    )
    preferences = preferences_from(verdict)
    assert sum(p.weight for p in preferences) == pytest.approx(size - 1)
    place = ranks(verdict.groups)
    assert all(place[p.winner_id - 100] < place[p.loser_id - 100] for p in preferences)
    assert all(p.shown_first == p.winner_id for p in preferences)


def test_many_verdicts_keep_their_order() -> None:
    judgments = [p.judgment_id for p in all_preferences([replace(FOUR, judgment_id=1), PAIR])]
    assert judgments == [1] * 6 + [7]
