"""What the model would be without one person, against fitting it again without them."""

import numpy as np
import pytest

from rewardmodel.core.head import HeadConfig, fit_head
from rewardmodel.core.likelihood import davidson_slope, davidson_terms
from rewardmodel.core.pairs import Floats, Votes
from rewardmodel.core.people_influence import pulls, weights_without

PEOPLE = 12
HEAD = HeadConfig(dimensions=6, precision=3.0, seed=1)


def crowd(seed: int = 3, n: int = 2_000) -> tuple[Votes, Floats]:
    """Votes by a hidden taste; the last annotator, with a seventh of them, says the opposite."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(300, 6))
    first, second = random.integers(0, 150, n) * 2, random.integers(0, 150, n) * 2 + 1
    who = random.choice(PEOPLE, n, p=[1 / 13] * 11 + [2 / 13])
    lead = (features[first] - features[second]) @ np.array([1.0, -1.0, 0.5, 0.0, 0.0, 0.0])
    lead = np.where(who == PEOPLE - 1, -lead, lead)
    outcome = (random.random(n) > 1 / (1 + np.exp(-lead))).astype(np.int64)
    outcome[random.random(n) < 0.1] = 2
    return Votes(first, second, outcome, np.ones(n), first // 2 % 40, who), features


def test_it_is_as_good_as_fitting_again() -> None:
    votes, features = crowd()
    head = fit_head(votes, features, HEAD)
    near = weights_without(head, head.coordinates(features), votes)
    for person in (0, 5, PEOPLE - 1):
        again = fit_head(votes.where(votes.annotator != person), features, HEAD, start=head)
        moved = np.linalg.norm(again.weights - head.weights)
        assert np.linalg.norm(near[person] - again.weights) < 0.06 * moved


def test_who_votes_against_all_pulls_most_and_does_harm() -> None:
    votes, features = crowd()
    held = votes.prompt >= 30
    head = fit_head(votes.where(~held), features, HEAD)
    first, *others = pulls(head, features, votes.where(~held), votes.where(held), seed=1)
    assert first.annotator == PEOPLE - 1
    assert first.log_loss.is_below
    assert first.log_loss.n_votes == int((held & (votes.annotator != PEOPLE - 1)).sum())
    assert max(each.moved for each in others) < first.moved
    assert sum(each.n_votes for each in (first, *others)) == int((~held).sum())


def test_nothing_is_said_without_a_test() -> None:
    votes, features = crowd()
    head = fit_head(votes, features, HEAD)
    assert pulls(head, features, votes, votes.where(votes.prompt < 0), seed=1) == ()


def test_of_one_person_only_the_prior_is_left() -> None:
    votes, features = crowd(n=200)
    alone = Votes(
        votes.first, votes.second, votes.outcome, votes.weight, votes.prompt,
        np.zeros(len(votes), dtype=np.int64),
    )  # fmt: skip
    head = fit_head(alone, features, HEAD)
    (nothing,) = weights_without(head, head.coordinates(features), alone)
    assert np.linalg.norm(nothing) < 0.05 * np.linalg.norm(head.weights)


def test_slopes_are_those_of_all_terms() -> None:
    random = np.random.default_rng(2)
    difference, counts = random.normal(size=(50, 3)) * 20, random.random((50, 3))
    slopes = davidson_slope(difference, -0.4, counts)
    for column in range(3):
        terms = davidson_terms(difference[:, column], -0.4, counts)
        assert slopes[:, column] == pytest.approx(terms.by_difference)
