"""Ratings whose units can be found again, and the slices of them."""

from datetime import date

import numpy as np
import pytest

from annotation.core.agreement import unit_agreement
from annotation.core.preferences import Verdict
from annotation.core.rated_units import (
    Marked,
    comparison_agreement,
    comparisons_of,
    most_shared,
    rated_marks,
    rated_pairs,
)
from annotation.core.rating_slices import by_code, by_members, by_pair, by_tag, by_time
from annotation.core.ratings import Ratings, ratings_from

A_WINS, B_WINS, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)


def verdict(judgment, comparison, annotator, groups, *, strength=None, completions=(10, 11)):
    order = tuple(range(len(completions)))
    return Verdict(
        judgment, comparison, comparison, completions, annotator, groups, order, strength
    )


PANEL = [
    verdict(1, 7, 1, A_WINS, strength=3),
    verdict(2, 7, 2, B_WINS),
    verdict(3, 8, 1, A_WINS, completions=(20, 21)),
    verdict(4, 8, 2, A_WINS, strength=2, completions=(20, 21)),
    verdict(5, 8, 3, TIE, completions=(20, 21)),
    verdict(6, 9, 3, A_WINS, completions=(30, 31)),
]


def test_pairs_are_those_that_agreement_has_always_counted() -> None:
    found, known = rated_pairs(PANEL).ratings, ratings_from(PANEL)
    assert found.values.tolist() == known.values.tolist()
    assert found.annotators.tolist() == known.annotators.tolist()
    assert found.clusters.tolist() == known.clusters.tolist()
    _, places = np.unique(found.units, return_inverse=True)
    assert places.tolist() == known.units.tolist()


def test_grades_are_signed_steps_and_a_tie_is_none() -> None:
    assert rated_pairs(PANEL, is_graded=True).ratings.values.tolist() == [3, -1, 1, 2, 0, 1]


def test_a_unit_tells_its_comparison_and_its_completions() -> None:
    ranking = verdict(9, 5, 1, ((2,), (0, 1)), completions=(40, 41, 42))
    found = rated_pairs([ranking])
    assert comparisons_of(found.ratings.units).tolist() == [5, 5, 5]
    assert list(zip(found.first, found.second, strict=True)) == [(40, 41), (40, 42), (41, 42)]
    assert found.ratings.values.tolist() == [0, -1, -1]


def test_a_repeat_is_of_the_units_that_it_repeats() -> None:
    again = [verdict(1, 7, 1, A_WINS), verdict(2, 77, 1, B_WINS)]
    assert len(set(rated_pairs(again, roots={77: 7}).ratings.units.tolist())) == 1
    assert len(set(rated_pairs(again).ratings.units.tolist())) == 2


def test_marks_are_of_responses() -> None:
    found = rated_marks(
        [Marked(1, 7, 7, (10, 11), 1, (5, 2)), Marked(2, 7, 7, (10, 11), 2, (4, 2))]
    )
    assert found.ratings.values.tolist() == [5, 2, 4, 2]
    assert found.first.tolist() == found.second.tolist() == [10, 11, 10, 11]
    assert [each.agreement for each in comparison_agreement(found)] == [0.5]


def test_the_most_contested_comparison_comes_first() -> None:
    found = comparison_agreement(rated_pairs(PANEL))
    assert [(each.comparison_id, each.judges, each.n) for each in found] == [(7, 2, 1), (8, 3, 3)]
    assert [each.agreement for each in found] == [0, pytest.approx(1 / 3)]
    units = unit_agreement(rated_pairs(PANEL).ratings)
    assert [unit.agreement for unit in units] == [each.agreement for each in found]


def test_nothing_has_no_comparisons_and_no_slices() -> None:
    nothing = rated_pairs([])
    assert comparison_agreement(nothing) == ()
    assert by_time(nothing, np.array([], dtype=np.int64)).slices == ()
    assert by_pair(nothing, {}, {}).slices == ()
    assert most_shared(nothing.ratings, 3).tolist() == []


def test_what_is_shared_is_what_can_be_compared() -> None:
    shared = rated_pairs(PANEL).shared()
    assert (shared.n_comparisons, shared.n_judgments, len(shared.ratings.units)) == (2, 5, 5)
    assert rated_pairs([]).shared().n_comparisons == 0


def test_those_who_share_most_are_chosen() -> None:
    units, people = np.array([1, 1, 2, 2, 3, 3, 4]), np.array([1, 2, 1, 2, 1, 3, 4])
    ratings = Ratings(units, people, np.zeros(7, dtype=np.int64))
    assert most_shared(ratings, 2).tolist() == [1, 2]
    assert most_shared(ratings, 9).tolist() == [1, 2, 3, 4]


def test_slices_stand_by_size_and_the_smallest_are_counted() -> None:
    found = by_code(np.array([1, 2, 2, 3, 3, 3, 9]), {1: "one", 2: "two", 3: "three"}, most=2)
    assert [(each.key, each.label, int(each.kept.sum())) for each in found.slices] == [
        ("3", "three", 3), ("2", "two", 2),
    ]  # fmt: skip
    assert found.n_more == 1


def test_slices_of_members_may_overlap() -> None:
    found = by_members(
        np.array([1, 1, 2, 3]), {"a": ("A", [1, 2]), "b": ("B", [2]), "c": ("C", [])}
    )
    assert [(each.label, each.kept.tolist()) for each in found.slices] == [
        ("A", [True, True, True, False]), ("B", [False, False, True, False]),
    ]  # fmt: skip


def test_tags_and_pairs_of_policies() -> None:
    rated = rated_pairs(PANEL)
    tags = by_tag(rated.comparisons, {7: ("maths", "hard"), 8: ("hard",), 9: ()})
    assert [(each.label, int(each.kept.sum())) for each in tags.slices] == [
        ("hard", 5),
        ("maths", 2),
    ]
    policies = {10: 1, 11: 2, 20: 2, 21: 1, 30: 1, 31: 3}
    pairs = by_pair(rated, policies, {1: "terse", 2: "wordy", 3: "other"})
    assert [(each.key, each.label, int(each.kept.sum())) for each in pairs.slices] == [
        ("1-2", "terse / wordy", 5), ("1-3", "terse / other", 1),
    ]  # fmt: skip


def test_time_keeps_a_comparison_together_and_is_in_order() -> None:
    rated = rated_pairs(PANEL)
    start = date(2026, 3, 2).toordinal()
    days = np.array([start, start + 8, start, start, start + 1, start + 8])
    weeks = by_time(rated, days)
    assert [(each.label, each.kept.tolist()) for each in weeks.slices] == [
        ("2026-W10", [False, False, True, True, True, False]),
        ("2026-W11", [True, True, False, False, False, True]),
    ]  # fmt: skip
    months = by_time(rated, days + np.array([0, 200, 0, 0, 0, 0]))
    assert [each.label for each in months.slices] == ["2026-03", "2026-09"]
    assert (by_time(rated, days, most=1).slices[0].label, by_time(rated, days, most=1).n_more) == (
        "2026-W11", 1,
    )  # fmt: skip
