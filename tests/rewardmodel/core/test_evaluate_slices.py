"""Slices: the bad one is found and flagged, noise is not, and small ones say so."""

import numpy as np

from rewardmodel.core.evaluate_slices import picks, slices, worst
from rewardmodel.core.measures import decided
from rewardmodel.core.pairs import FIRST, Votes


def world(bad: float, seed: int, prompts: int = 40, n: int = 2000) -> tuple[np.ndarray, Votes]:
    """A model right in 75 % of votes, and in `bad` of them on the first quarter of prompts."""
    random = np.random.default_rng(seed)
    prompt = np.arange(n) % prompts
    outcome = random.integers(0, 2, n)
    is_right = random.random(n) < np.where(prompt < prompts // 4, bad, 0.75)
    first = np.where(is_right == (outcome == FIRST), 0.7, 0.2)
    rows = np.arange(n)
    votes = Votes(2 * rows, 2 * rows + 1, outcome, np.ones(n), prompt, rows % 9)
    return np.column_stack([first, 0.9 - first, np.full(n, 0.1)]), votes


def quarters(votes: Votes, prompts: int = 40) -> dict[str, dict[str, np.ndarray]]:
    size = prompts // 4
    return {"tag": {str(k): votes.prompt // size == k for k in range(4)}}


def test_the_slice_that_is_served_badly_comes_first_and_is_flagged() -> None:
    chances, votes = world(0.5, 1)
    found = slices(chances, votes, quarters(votes), seed=1)
    assert found[0].label == "0"
    assert [each.is_worse for each in found] == [True, False, False, False]
    assert found[0].gap.high < -0.1
    assert worst(found) is found[0]


def test_slices_that_differ_by_chance_are_seldom_flagged() -> None:
    flagged = 0
    for seed in range(40):
        chances, votes = world(0.75, seed, n=600)
        found = slices(chances, votes, quarters(votes), seed=seed)
        flagged += any(each.is_worse for each in found)
    assert flagged <= 5


def test_a_small_slice_says_that_it_is_small() -> None:
    chances, votes = world(0.75, 1)
    known = {"tag": {"rare": np.arange(len(votes)) < 5, "all": np.ones(len(votes), bool)}}
    (found,) = slices(chances, votes, known, seed=1)
    assert found.label == "rare"
    assert found.accuracy is None
    assert found.note.startswith("Too few to say")
    assert worst([found]) is None


def test_picks_of_the_longer_are_compared_on_the_same_pairs() -> None:
    _, votes = world(0.75, 2)
    amounts = np.zeros(2 * len(votes))
    amounts[votes.first] = 10.0  # the first is always longer
    always = np.tile([0.8, 0.1, 0.1], (len(votes), 1))
    found = picks(always, votes, amounts, seed=1)
    share = (votes.outcome[decided(votes)] == FIRST).mean()
    assert found.model.value == 1.0
    assert abs(found.people.value - share) < 1e-12
    assert found.difference.low > 0.4
    assert picks(always, votes, np.ones_like(amounts), seed=1).model.value is None
