"""Harmless rewording: every word stays, and a pair counts as turned only where its order turns."""

import re

import numpy as np
import pytest

from rewardmodel.core.rewording import consistency, reworded, sample, swap_error

TEXT = '# Eggs\n\n* Boil "hard".\n* Then **cool** them\n\nDone'


def test_every_word_stays_where_it_was() -> None:
    changed = reworded(TEXT)
    assert changed != TEXT
    assert re.findall(r"\w+", changed.replace("_", "")) == re.findall(r"\w+", TEXT)
    assert "- Boil “hard”." in changed
    assert "__cool__" in changed
    assert changed.rstrip().endswith("Done.")
    assert reworded("").strip() == ""


def test_turned_pairs_are_counted() -> None:
    before, others = np.array([1.0, 2.0, 3.0, 0.0]), np.array([0.0, 1.0, 4.0, 1.0])
    after = np.array([1.0, 0.5, 3.1, 0.0])
    found = consistency(before, after, others, 2.0)
    assert (found.flipped.value, found.flipped.n) == (0.25, 4)
    assert found.moved == pytest.approx(0.025)
    assert consistency(before[:0], after[:0], others[:0], 2.0).flipped.value is None


def test_order_is_exact_for_a_model_of_differences_and_not_for_one_that_likes_the_first() -> None:
    def fair(d: np.ndarray) -> np.ndarray:
        p = 1 / (1 + np.exp(-d))
        return np.column_stack([p, 1 - p, 0 * p])

    d = np.random.default_rng(1).normal(size=50)
    assert swap_error(fair, d) < 1e-12
    assert swap_error(lambda x: fair(x + 0.5), d) > 0.05


def test_the_sample_takes_other_prompts_first() -> None:
    places = sample(3, [1, 1, 1, 2, 3], [5, 6, 7, 8, 9], 4)
    assert {[1, 1, 1, 2, 3][at] for at in places} == {1, 2, 3}
    assert len(sample(9, [1, 1, 1], [5, 6, 6], 4)) == 2
