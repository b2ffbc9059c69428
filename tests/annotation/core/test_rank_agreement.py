"""Coefficients of orders against scipy and against every way to break ties."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from annotation.core.errors import Invalid
from annotation.core.preferences import Verdict
from annotation.core.rank_agreement import (
    kendall_tau_b,
    kendall_w,
    pair_agreement,
    rank_agreement,
    rank_biased_overlap,
)
from annotation.core.rankings import Groups, ranks


@st.composite
def orders(draw: st.DrawFn, size: int | None = None) -> Groups:
    size = size or draw(st.integers(2, 6))
    marks = draw(st.lists(st.integers(0, size - 1), min_size=size, max_size=size))
    return tuple(
        tuple(at for at in range(size) if marks[at] == mark) for mark in sorted(set(marks))
    )


two_orders = st.integers(2, 6).flatmap(lambda size: st.tuples(orders(size), orders(size)))


@settings(max_examples=100)
@given(two_orders)
def test_tau_b_is_scipys(pair: tuple[Groups, Groups]) -> None:
    theirs = stats.kendalltau(*map(ranks, pair), variant="b").statistic
    found = kendall_tau_b(*pair)
    assert found == (None if np.isnan(theirs) else pytest.approx(theirs, abs=1e-9))


@settings(max_examples=60)
@given(st.integers(3, 6).flatmap(lambda k: st.lists(orders(k), min_size=3, max_size=6)))
def test_w_is_friedmans_statistic_over_its_maximum(judged: list[Groups]) -> None:
    found = kendall_w(judged)
    m, k = len(judged), sum(map(len, judged[0]))
    columns = list(zip(*map(ranks, judged), strict=True))
    if found is None:
        assert all(len(groups) == 1 for groups in judged)
        return
    theirs = stats.friedmanchisquare(*columns).statistic / (m * (k - 1))
    assert found == pytest.approx(theirs, abs=1e-9)


def expected_overlap(first: Groups, second: Groups, depth: int) -> float:
    """The mean overlap of the first `depth` over all ways to break both orders' ties."""

    def broken(groups: Groups) -> list[tuple[int, ...]]:
        parts = product(*(list(permutations(group)) for group in groups))
        return [tuple(x for group in part for x in group) for part in parts]

    shared = [len(set(a[:depth]) & set(b[:depth])) for a in broken(first) for b in broken(second)]
    return sum(shared) / len(shared)


@settings(max_examples=30)
@given(st.integers(2, 4).flatmap(lambda size: st.tuples(orders(size), orders(size))))
def test_overlap_breaks_ties_in_every_way(pair: tuple[Groups, Groups]) -> None:
    first, second = pair
    size, p = sum(map(len, first)), 0.8

    def agreement(depth: int) -> float:
        # Of two orders drawn alike, Σ c² is the overlap of two independent breakings of one.
        own = [expected_overlap(groups, groups, depth) for groups in pair]
        return expected_overlap(first, second, depth) / np.sqrt(own[0] * own[1])

    tail = sum(p**depth * agreement(depth) for depth in range(1, size + 1))
    expected = p**size + (1 - p) / p * tail
    assert rank_biased_overlap(first, second, p) == pytest.approx(expected, abs=1e-9)
    assert rank_biased_overlap(first, first, p) == pytest.approx(1)
    assert rank_biased_overlap(first, second, p) == rank_biased_overlap(second, first, p)


def test_overlap_minds_the_top() -> None:
    best, top, bottom = ((0,), (1,), (2,), (3,)), ((1,), (0,), (2,), (3,)), ((0,), (1,), (3,), (2,))
    assert rank_biased_overlap(best, top) < rank_biased_overlap(best, bottom) < 1


def test_pairs_by_hand() -> None:
    assert pair_agreement(((0,), (1,), (2,)), ((0,), (2,), (1,))) == pytest.approx(2 / 3)
    assert pair_agreement(((0, 1),), ((0,), (1,))) == 0


def verdict(comparison: int, annotator: int, groups: Groups, prompt: int | None = None) -> Verdict:
    size = sum(map(len, groups))
    return Verdict(
        judgment_id=100 * comparison + annotator,
        comparison_id=comparison,
        prompt_id=comparison if prompt is None else prompt,
        completion_ids=tuple(range(size)),
        annotator_id=annotator,
        groups=groups,
        display_order=tuple(range(size)),
    )


def test_comparisons_count_alike_however_many_judged_them() -> None:
    up, down = ((0,), (1,), (2,)), ((2,), (1,), (0,))
    rows = [verdict(1, who, up) for who in range(8)]
    rows += [verdict(2, 0, up), verdict(2, 1, down), verdict(3, 5, up)]
    found = rank_agreement(rows, seed=1)
    assert found.tau.value == pytest.approx(0)
    assert found.w.value == pytest.approx(1 / 2)
    assert (found.tau.n_units, found.tau.n_ratings, found.tau.n_alone) == (2, 10, 1)
    assert "rough" in found.tau.note


def test_the_interval_is_over_prompts_where_asked() -> None:
    random = np.random.default_rng(3)
    rows = []
    for comparison in range(120):
        is_easy = (comparison // 6) % 2
        for who in range(3):
            order = (0, 1, 2) if is_easy else tuple(random.permutation(3).tolist())
            groups = tuple((int(at),) for at in order)
            rows.append(verdict(comparison, who, groups, prompt=comparison // 6))
    apart = rank_agreement(rows, seed=1).tau
    together = rank_agreement(rows, seed=1, by_prompt=True).tau
    assert apart.value == pytest.approx(together.value)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    assert "over prompts" in together.method


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "Nothing has been judged"),
        ([verdict(1, 1, ((0,), (1,))), verdict(2, 1, ((0,), (1,)))], "Only one annotator"),
        ([verdict(1, 1, ((0,), (1,))), verdict(2, 2, ((0,), (1,)))], "No item has been judged"),
        ([verdict(c, w, ((0, 1),)) for c in (1, 2) for w in (1, 2)], "ties all candidates"),
    ],
)
def test_what_cannot_be_told_is_said_in_words(rows: list[Verdict], says: str) -> None:
    found = rank_agreement(rows, seed=1)
    assert found.tau.value is None
    assert found.w.value is None
    assert says in found.tau.note


def test_bad_orders_are_refused() -> None:
    with pytest.raises(Invalid, match="different numbers"):
        kendall_tau_b(((0,), (1,)), ((0,), (1,), (2,)))
    with pytest.raises(Invalid, match="twice"):
        rank_agreement([verdict(1, 1, ((0, 1),)), verdict(1, 1, ((0, 1),))], seed=1)
