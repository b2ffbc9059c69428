import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.rankings import (
    Groups,
    Outcome,
    as_canonical,
    as_shown,
    implied_pairs,
    is_tie,
    pairwise_groups,
    parse_groups,
    ranks,
    strict_winner,
)


@st.composite
def weak_orders(draw: st.DrawFn) -> Groups:
    """Any weak order of 2 to 9 candidates: a rank for each, then grouped."""
    drawn = draw(st.lists(st.integers(0, 8), min_size=2, max_size=9))
    return tuple(
        tuple(position for position, rank in enumerate(drawn) if rank == level)
        for level in sorted(set(drawn))
    )


@given(weak_orders())
def test_a_weak_order_survives_reading(groups: Groups) -> None:
    size = sum(map(len, groups))
    untidy = [list(reversed(group)) for group in groups]
    assert parse_groups(untidy, size) == groups


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "list of groups"),
        ([], "list of groups"),
        ("01", "list of groups"),
        ({"0": 1}, "list of groups"),
        ([[0, 1], []], "at least one"),
        ([0, 1], "at least one"),
        ([[0], [1.0]], "whole number"),
        ([[0], [True]], "whole number"),
        ([[0], ["1"]], "whole number"),
        ([[0], [2]], "no candidate 2"),
        ([[0], [-1]], "no candidate -1"),
        ([[0], [0, 1]], "0 appears more than once"),
        ([[0]], "1 is not placed"),
    ],
)
def test_anything_but_a_partition_is_refused_in_words(value: object, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        parse_groups(value, 2)
    assert refused.value.field == "groups"
    assert refused.value.hint


def test_pairs() -> None:
    assert pairwise_groups(0) == ((0,), (1,))
    assert pairwise_groups(1) == ((1,), (0,))
    assert pairwise_groups(None) == ((0, 1),)


def test_ranks_are_competition_ranks() -> None:
    assert ranks(((2,), (0, 3), (1,))) == (2, 4, 1, 2)


@given(weak_orders())
def test_a_rank_counts_the_strictly_better(groups: Groups) -> None:
    beaten_by = [0] * sum(map(len, groups))
    for i, j, outcome in implied_pairs(groups):
        beaten_by[i] += outcome is Outcome.WORSE
        beaten_by[j] += outcome is Outcome.BETTER
    assert ranks(groups) == tuple(1 + better for better in beaten_by)


def test_implied_pairs_of_a_ranking_with_a_tie() -> None:
    assert list(implied_pairs(((1,), (0, 2)))) == [
        (0, 1, Outcome.WORSE),
        (0, 2, Outcome.TIED),
        (1, 2, Outcome.BETTER),
    ]


@given(weak_orders())
def test_winner_and_tie_exclude_each_other(groups: Groups) -> None:
    winner = strict_winner(groups)
    assert is_tie(groups) == (len(set(ranks(groups))) == 1)
    assert not (is_tie(groups) and winner is not None)
    if winner is not None:
        assert [p for p, rank in enumerate(ranks(groups)) if rank == 1] == [winner]


@given(weak_orders(), st.randoms(use_true_random=False))
def test_slots_and_positions_translate_both_ways(groups: Groups, random) -> None:
    order = list(range(sum(map(len, groups))))
    random.shuffle(order)
    assert as_canonical(as_shown(groups, order), order) == groups


def test_the_first_slot_means_the_candidate_that_stood_there() -> None:
    assert as_canonical(((0,), (1,)), display_order=(1, 0)) == ((1,), (0,))
    assert as_canonical(((0,), (1,), (2,)), display_order=(2, 0, 1)) == ((2,), (0,), (1,))
