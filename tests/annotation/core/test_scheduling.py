from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.errors import Invalid
from annotation.core.scheduling import (
    Contender,
    comparison_pairs,
    derive_seed,
    display_order,
    hold_out,
    ranking_sets,
)

SEEDS = st.integers(0, 2**62 - 1)


def contenders(prompts: int, policies: int, samples: int = 1) -> list[Contender]:
    return [
        Contender(1000 * prompt + 10 * policy + sample, prompt, policy)
        for prompt in range(prompts)
        for policy in range(policies)
        for sample in range(samples)
    ]


@given(st.integers(2, 9), st.integers(0, 50), SEEDS)
def test_within_a_block_each_candidate_stands_in_each_slot_once(
    size: int, block: int, seed: int
) -> None:
    orders = [display_order(size=size, index=block * size + i, seed=seed) for i in range(size)]
    for order in orders:
        assert sorted(order) == list(range(size))
    for slot in zip(*orders, strict=True):
        assert sorted(slot) == list(range(size))


@given(st.integers(2, 9), st.integers(0, 20), SEEDS)
def test_each_candidate_follows_each_other_one_equally_often(
    size: int, block: int, seed: int
) -> None:
    blocks = 1 if size % 2 == 0 else 2
    followed = Counter(
        (letters[a], letters[b])
        for k in range(blocks)
        for letters, rows in [_relabelled(size, 2 * block + k, seed)]
        for row in rows
        for a, b in pairwise(row)
    )
    assert set(followed.values()) == {blocks}
    assert len(followed) == size * (size - 1)


def _relabelled(size: int, block: int, seed: int) -> tuple[list[int], list[tuple[int, ...]]]:
    """A block's rows with its shuffled letters undone: the row that starts with 0 names them."""
    rows = [display_order(size=size, index=block * size + i, seed=seed) for i in range(size)]
    return list(range(size)), rows


def test_pairs_are_balanced_but_not_predictable() -> None:
    firsts = [display_order(size=2, index=i, seed=11)[0] for i in range(400)]
    assert sum(firsts) == 200
    blocks = Counter(tuple(firsts[i : i + 2]) for i in range(0, 400, 2))
    assert 60 < blocks[0, 1] < 140


def test_annotators_with_derived_seeds_see_different_orders() -> None:
    starts = Counter(
        display_order(size=2, index=0, seed=derive_seed(5, annotator)) for annotator in range(400)
    )
    assert 150 < starts[0, 1] < 250


def test_a_derived_seed_is_fixed_for_all_time() -> None:
    assert derive_seed(1, 2) != derive_seed(12)
    assert derive_seed(7, "batch", 3) == 4024223267759375
    assert 0 <= derive_seed(-(2**63), "x") < 2**62


def test_one_candidate_has_no_order() -> None:
    with pytest.raises(Invalid):
        display_order(size=1, index=0, seed=1)


def test_all_pairs() -> None:
    pairs = comparison_pairs(contenders(3, 4), per_prompt=None, seed=1)
    expected = {
        frozenset((1000 * p + 10 * a, 1000 * p + 10 * b))
        for p in range(3)
        for a, b in combinations(range(4), 2)
    }
    assert {frozenset(pair) for pair in pairs} == expected
    assert len(pairs) == len(expected)


@settings(max_examples=60)
@given(st.integers(2, 9), st.integers(1, 40), SEEDS)
def test_a_sample_is_connected_balanced_and_repeats_no_pair(
    completions: int, per_prompt: int, seed: int
) -> None:
    pairs = comparison_pairs(contenders(1, completions), per_prompt=per_prompt, seed=seed)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs)
    assert len(pairs) == min(per_prompt, completions * (completions - 1) // 2)
    uses = Counter(completion for pair in pairs for completion in pair)
    shown = [uses[10 * c] for c in range(completions)]
    assert max(shown) - min(shown) <= 2
    if per_prompt >= completions - 1:
        assert _islands(pairs) == 1


def _islands(pairs: list[tuple[int, int]]) -> int:
    islands: list[set[int]] = []
    for pair in pairs:
        touched = [island for island in islands if island & set(pair)]
        islands = [i for i in islands if i not in touched] + [set(pair).union(*touched)]
    return len(islands)


def test_policy_pairs_are_balanced_over_prompts() -> None:
    pairs = comparison_pairs(contenders(60, 4), per_prompt=1, seed=3)
    met = Counter(frozenset(c % 1000 // 10 for c in pair) for pair in pairs)
    assert len(met) == 6
    assert set(met.values()) == {10}


def test_the_canonical_first_place_is_shared() -> None:
    pairs = comparison_pairs(contenders(300, 2), per_prompt=None, seed=3)
    assert 110 < sum(first % 1000 == 0 for first, _ in pairs) < 190


def test_the_same_seed_gives_the_same_pairs_in_any_order_of_input() -> None:
    some = contenders(5, 4, 2)
    again = comparison_pairs(reversed(some), per_prompt=6, seed=9)
    assert comparison_pairs(some, per_prompt=6, seed=9) == again
    assert comparison_pairs(some, per_prompt=6, seed=10) != again


def test_neither_equal_texts_nor_unwanted_policy_mates_are_compared() -> None:
    twins = [Contender(1, 1, 1, "x"), Contender(2, 1, 2, "x"), Contender(3, 1, 2, "y")]
    pairs = {frozenset(p) for p in comparison_pairs(twins, per_prompt=None, seed=1)}
    assert pairs == {frozenset((1, 3)), frozenset((2, 3))}
    across = comparison_pairs(twins, per_prompt=None, seed=1, within_policy=False)
    assert {frozenset(p) for p in across} == {frozenset((1, 3))}


@given(st.integers(2, 12), st.integers(2, 9), st.integers(1, 6), SEEDS)
def test_ranking_sets_use_completions_evenly(
    completions: int, size: int, per_prompt: int, seed: int
) -> None:
    sets = ranking_sets(contenders(2, completions), size=size, per_prompt=per_prompt, seed=seed)
    assert len({frozenset(members) for members in sets}) == len(sets)
    for members in sets:
        assert len(set(members)) == min(size, completions)
    for prompt in range(2):
        uses = Counter(c for members in sets for c in members if c // 1000 == prompt)
        shown = [uses[1000 * prompt + 10 * c] for c in range(completions)]
        assert max(shown) - min(shown) <= 1
        assert sum(shown) > 0


def test_a_ranking_set_takes_each_policy_before_a_second_sample() -> None:
    for members in ranking_sets(contenders(20, 4, 7), size=4, per_prompt=3, seed=2):
        assert len({member % 1000 // 10 for member in members}) == 4


def test_a_lone_completion_is_not_ranked() -> None:
    assert ranking_sets(contenders(3, 1), size=4, per_prompt=2, seed=1) == []


HASHES = [f"{k:064x}" for k in (5, 3, 9, 1, 7, 2, 8, 4, 6, 0)]


def test_the_lowest_hashes_are_held_out() -> None:
    held = hold_out(HASHES, already_held=0, total=10, fraction=0.3)
    assert held == {f"{k:064x}" for k in (0, 1, 2)}


def test_held_out_only_grows_with_the_project() -> None:
    assert hold_out(HASHES, already_held=3, total=20, fraction=0.2) == {f"{0:064x}"}
    assert hold_out(HASHES, already_held=9, total=20, fraction=0.2) == set()


def test_a_small_project_holds_out_two_of_five_and_none_of_four() -> None:
    assert len(hold_out(HASHES[:5], already_held=0, total=5, fraction=0.1)) == 2
    assert hold_out(HASHES[:4], already_held=0, total=4, fraction=0.1) == set()
    assert hold_out(HASHES, already_held=0, total=10, fraction=0.0) == set()


@given(
    st.lists(st.integers(0, 999), unique=True, max_size=60),
    st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]),
    st.integers(1, 9),
)
def test_the_share_is_reached_whatever_the_size_of_the_imports(
    keys: list[int], fraction: float, step: int
) -> None:
    held: set[str] = set()
    hashes = [f"{key:064x}" for key in keys]
    for start in range(0, len(hashes), step):
        total = min(start + step, len(hashes))
        new = hashes[start:total]
        held |= hold_out(new, already_held=len(held), total=total, fraction=fraction)
        assert round(fraction * total) <= len(held) <= max(2, round(fraction * total))
    if fraction == 0:
        assert held == set()
