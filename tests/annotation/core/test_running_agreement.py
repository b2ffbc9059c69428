"""Sums that are kept must say what a full count says, whatever happened in between."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.core.agreement import Agreement, agreement_figures
from annotation.core.coefficients import Level
from annotation.core.errors import Invalid
from annotation.core.ratings import Ratings
from annotation.core.running_agreement import running_agreement, running_from_dict

CATEGORIES = [-1, 0, 1]
NAMES = ("percent", "alpha", "ac", "fleiss", "brennan_prediger")
State = dict[int, dict[int, int]]


def ratings(state: State, *, cluster_size: int = 1) -> Ratings:
    rows = [(u, who, mark) for u, marks in state.items() for who, mark in marks.items()]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    clusters = None if cluster_size == 1 else table[:, 0] // cluster_size
    return Ratings(table[:, 0], table[:, 1], table[:, 2], clusters)


def assert_same(found: Agreement, full: Agreement) -> None:
    for name in NAMES:
        mine, theirs = getattr(found, name), getattr(full, name)
        assert (mine.value is None) == (theirs.value is None)
        assert mine.value is None or mine.value == pytest.approx(theirs.value, abs=1e-9)
        assert mine.value is not None or mine.note
        assert (mine.n_units, mine.n_ratings, mine.n_alone) == (
            theirs.n_units, theirs.n_ratings, theirs.n_alone,
        )  # fmt: skip
    assert found.commonest_share == pytest.approx(full.commonest_share)


changes = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 3), st.sampled_from([None, -1, 0, 1])), max_size=40
)


@settings(max_examples=40)
@given(changes, st.sampled_from(["nominal", "ordinal", "interval"]), st.sampled_from([1, 2]))
def test_any_course_of_judging_ends_where_a_full_count_does(
    course: list[tuple[int, int, int | None]], level: Level, cluster_size: int
) -> None:
    """Judged, amended, quarantined (None): each changes one cluster."""
    state: State = {unit: {} for unit in range(8)}
    running = running_agreement(ratings(state), categories=CATEGORIES, level=level)
    for unit, who, mark in course:
        first = unit // cluster_size * cluster_size
        members = range(first, first + cluster_size)
        before = [list(state[member].values()) for member in members]
        if mark is None:
            state[unit].pop(who, None)
        else:
            state[unit][who] = mark
        after = [list(state[member].values()) for member in members]
        running = running.changed(before=before, after=after)
    kept = running_from_dict(json.loads(json.dumps(running.to_dict())))
    given_ratings = ratings(state, cluster_size=cluster_size)
    annotators = len({who for marks in state.values() for who in marks})
    full = agreement_figures(given_ratings, seed=1, level=level, categories=CATEGORIES, resamples=0)
    found = kept.figures(n_annotators=annotators)
    if annotators > 1 and full.alpha.n_units > 1:
        assert_same(found, full)
    else:
        assert found.alpha.value is None
        assert found.alpha.note
    fresh = running_agreement(given_ratings, categories=CATEGORIES, level=level)
    assert fresh.squares == pytest.approx(kept.squares, abs=1e-9)
    assert fresh.n_clusters == kept.n_clusters


def test_the_linear_interval_is_close_to_the_bootstraps() -> None:
    random = np.random.default_rng(5)
    state: State = {}
    for unit in range(300):
        truth = int(random.integers(-1, 2))
        state[unit] = {
            who: truth if random.random() < 0.6 else int(random.integers(-1, 2)) for who in range(3)
        }
    for cluster_size in (1, 5):
        data = ratings(state, cluster_size=cluster_size)
        full = agreement_figures(data, seed=1, categories=CATEGORIES, resamples=4000)
        found = running_agreement(data, categories=CATEGORIES).figures(n_annotators=3)
        for name in NAMES:
            mine, theirs = getattr(found, name), getattr(full, name)
            assert (mine.low, mine.high) == (
                pytest.approx(theirs.low, abs=0.012), pytest.approx(theirs.high, abs=0.012),
            )  # fmt: skip


def test_unknown_values_and_versions_are_refused() -> None:
    running = running_agreement(ratings({1: {1: 0, 2: 1}}), categories=CATEGORIES)
    with pytest.raises(Invalid, match="The value 7"):
        running.changed(before=[], after=[[7]])
    with pytest.raises(Invalid, match="another version"):
        running_from_dict(running.to_dict() | {"version": 0})
