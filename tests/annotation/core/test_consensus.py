from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.core.consensus import leading_share
from annotation.core.rankings import Groups

FIRST, SECOND, TIE = ((0,), (1,)), ((1,), (0,)), ((0, 1),)


@st.composite
def many_orders(draw: st.DrawFn) -> list[Groups]:
    size = draw(st.integers(2, 5))
    ranks = st.lists(st.integers(0, 4), min_size=size, max_size=size)
    return [
        tuple(
            tuple(position for position, rank in enumerate(drawn) if rank == level)
            for level in sorted(set(drawn))
        )
        for drawn in draw(st.lists(ranks, min_size=1, max_size=7))
    ]


@pytest.mark.parametrize(
    ("given_answers", "share"),
    [
        ([FIRST], 1),
        ([FIRST, FIRST, SECOND], Fraction(2, 3)),
        ([FIRST, SECOND, TIE], Fraction(1, 3)),
        ([TIE, [[1, 0]]], 1),
        # Two orders of three that differ in one neighbouring pair: (1 + 1 + 1/2) / 3.
        ([((0,), (1,), (2,)), ((0,), (2,), (1,))], Fraction(5, 6)),
        # Reversed: every pair is split in half.
        ([((0,), (1,), (2,)), ((2,), (1,), (0,))], Fraction(1, 2)),
    ],
)
def test_the_share_of_the_most_common_answer(given_answers: list[Groups], share: float) -> None:
    assert leading_share(given_answers) == pytest.approx(float(share))


def test_of_no_judgments_there_is_no_share() -> None:
    with pytest.raises(ValueError, match="no judgments"):
        leading_share([])


@given(many_orders())
def test_it_is_the_mean_over_pairs_of_the_largest_count(orders: list[Groups]) -> None:
    """Counted another way: by comparing the index of each candidate's group."""
    placed = [{p: i for i, group in enumerate(order) for p in group} for order in orders]
    shares = []
    for a, b in combinations(range(len(placed[0])), 2):
        signs = [(at[a] > at[b]) - (at[a] < at[b]) for at in placed]
        shares.append(max(map(signs.count, (-1, 0, 1))) / len(signs))
    assert leading_share(orders) == pytest.approx(sum(shares) / len(shares))
    assert leading_share(orders * 2) == pytest.approx(leading_share(orders))
    assert 1 / len(orders) <= leading_share(orders) + 1e-12 <= 1 + 1e-9
