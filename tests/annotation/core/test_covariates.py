from dataclasses import replace

import numpy as np
import pytest

from annotation.core.covariates import (
    carried_over,
    context,
    group_interactions,
    interaction,
    own_family,
    position,
    presence_difference,
    relative_difference,
)
from annotation.core.vote_facts import VoteFacts, covariates_of
from benchmarks.planted_votes import planted_votes

SIDES = {"favours": "more", "opposes": "less"}


def test_a_relative_difference_is_of_unit_size_and_not_centred() -> None:
    first, second = np.array([10.0, 30, 0, 5]), np.array([30.0, 10, 0, np.nan])
    found = relative_difference("length", first, second, **SIDES)
    assert found.values == pytest.approx(np.array([-0.5, 0.5, 0, 0]) / np.sqrt(0.5 / 4))
    assert found.n_unknown == 1


def test_nothing_anywhere_is_no_difference() -> None:
    zeros = np.zeros(3)
    assert relative_difference("lists", zeros, zeros, **SIDES).values.tolist() == [0, 0, 0]
    assert relative_difference("lists", zeros[:0], zeros[:0], **SIDES).values.tolist() == []


def test_presence_is_told_by_sign_and_the_unknown_by_count() -> None:
    found = presence_difference(
        "refusal", np.array([1.0, 0, 1, np.nan]), np.array([0.0, 1, 1, 1]), **SIDES
    )
    assert found.values.tolist() == [1, -1, 0, 0]
    assert found.n_unknown == 1


def test_a_context_is_a_standard_score_and_average_where_unknown() -> None:
    found = context("hour", "session", "later", np.array([1.0, 3.0, np.nan]))
    assert found.values.tolist() == [-1, 1, 0]
    assert context("hour", "session", "later", np.full(2, np.nan)).values.tolist() == [0, 0]
    assert context("hour", "session", "later", np.full(2, 7.0)).values.tolist() == [0, 0]


def test_an_interaction_multiplies_and_says_so() -> None:
    late = context("session", "session", "later in a sitting", np.array([0.0, 2.0]))
    found = interaction(position(2), late)
    assert found.values.tolist() == [-1, 1]
    assert found.favours == "the response shown first more later in a sitting"
    assert found.is_interaction


def test_only_what_was_seen_carries_over() -> None:
    unseen, seen = carried_over(
        "anchoring", np.array([1.0, -1, 1, np.nan]), np.array([True, True, False, True]), **SIDES
    )
    assert unseen.is_nuisance
    assert unseen.values.tolist() == [1, -1, 1, 0]
    assert seen.values.tolist() == [1, -1, 0, 0]
    assert (seen.key, seen.n_unknown) == ("anchoring", 1)


def test_people_have_no_family_of_models() -> None:
    found = own_family(
        np.array(["north", "north", ""]),
        np.array(["north", "south", "north"]),
        np.array(["south", "north", "south"]),
    )
    assert found.values.tolist() == [1, -1, 0]


def test_a_group_is_compared_with_the_largest_and_small_ones_are_not_shown() -> None:
    who = np.arange(22)
    labels = np.array(["big"] * 10 + ["mid"] * 5 + ["few"] * 4 + [""] * 3)
    shown, rest = group_interactions(position(22), "age", labels, who)
    assert (shown.group, shown.attribute) == ("mid", "age")
    assert "“mid” (age) than among “big”" in shown.favours
    assert shown.values.tolist() == (labels == "mid").astype(float).tolist()
    assert rest.is_nuisance
    assert rest.values.sum() == 7
    assert "few" not in f"{shown} {rest}"
    assert group_interactions(position(22), "age", labels, who // 2) == []


def test_facts_make_only_the_covariates_they_allow() -> None:
    bare = VoteFacts(np.ones(4, dtype=bool), np.arange(4))
    assert [each.key for each in covariates_of(bare)] == ["position"]
    timed = replace(bare, seconds=np.array([1.0, 2, 3, 0]), days=np.arange(4.0))
    assert [each.key for each in covariates_of(timed)] == [
        "position", "position × reading time", "position × trend",
    ]  # fmt: skip


def test_keys_are_unique() -> None:
    keys = [each.key for each in planted_votes(0, truth={}, annotators=30, each=5).covariates]
    assert len(keys) == len(set(keys))
