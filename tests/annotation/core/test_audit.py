"""Shares of votes and their intervals; p-values among many."""

import numpy as np
import pytest
from scipy.special import expit

from annotation.core.audit import benjamini_hochberg
from annotation.core.bias_model import bias_model
from annotation.core.clustered_share import ClusteredShare
from annotation.core.vote_facts import VoteFacts


def share_of_first(
    won: np.ndarray, who: np.ndarray, items: np.ndarray | None = None
) -> ClusteredShare:
    share = bias_model(VoteFacts(won, who, items))["position"].share
    assert share is not None
    return share


def planted(seed: int, *, annotators: int, each: int, between: float, position: float) -> tuple:
    """Votes of people whose position habits vary by `between` (standard deviation, log-odds)."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(annotators), each)
    habit = position + random.normal(0, between, annotators)[who]
    return random.random(len(who)) < expit(habit), who


def test_one_vote_each_is_the_textbook_variance() -> None:
    share = share_of_first(np.arange(60) < 36, np.arange(60))
    error = np.sqrt(0.6 * 0.4 / 59) / (0.6 * 0.4)
    reach = 2.0009953780882674 * error
    assert share.log_odds.value == pytest.approx(np.log(1.5))
    assert share.log_odds.high - share.log_odds.value == pytest.approx(reach)
    assert (share.low, share.high) == pytest.approx(
        (expit(np.log(1.5) - reach), expit(np.log(1.5) + reach))
    )


def test_the_interval_equals_a_bootstrap_of_annotators() -> None:
    won, who = planted(3, annotators=120, each=40, between=0.8, position=0.2)
    share = share_of_first(won, who)
    random = np.random.default_rng(1)
    by_person = won.reshape(120, -1)
    drawn = [by_person[random.integers(120, size=120)].mean() for _ in range(3000)]
    assert (share.low, share.high) == pytest.approx(
        tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.006
    )


def test_votes_on_one_item_are_alike_too() -> None:
    items, who = np.arange(900) % 12, np.repeat(np.arange(30), 30)
    won = (items % 2 == 0) ^ (np.random.default_rng(4).random(900) < 0.15)
    by_person, by_both = share_of_first(won, who), share_of_first(won, who, items)
    assert by_both.value == by_person.value
    assert by_both.high - by_both.low > 3 * (by_person.high - by_person.low)


def test_all_votes_one_way_count_each_annotator_once() -> None:
    share = share_of_first(np.ones(600, dtype=bool), np.arange(600) % 3)
    assert (share.value, share.p_value) == (1, 0.25)
    assert share.low < 0.5
    assert share.log_odds.value is None
    assert "one vote" in share.note


def test_benjamini_and_hochbergs_own_example() -> None:
    # The 15 p-values of their section 3.1: at q = 0.05 the four smallest are rejected.
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
        0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
    ]  # fmt: skip
    adjusted = benjamini_hochberg(published)
    assert [q <= 0.05 for q in adjusted] == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_audits_that_could_not_be_made_are_no_tests() -> None:
    assert benjamini_hochberg([0.04, None, 0.5]) == (0.08, None, 0.5)
    assert benjamini_hochberg([None]) == (None,)
    assert benjamini_hochberg([]) == ()
