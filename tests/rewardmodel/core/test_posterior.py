"""The posterior of a linear reward: finite differences, closed forms, and brute force."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from rewardmodel.core import posterior
from rewardmodel.core.judged import Judged, evidence_from
from rewardmodel.core.pair_rows import PairRows, weighted_gram
from rewardmodel.core.pairs import FIRST, TIE, Floats, PairCounts, Votes
from rewardmodel.core.plackett_luce import Rankings
from rewardmodel.core.posterior import (
    Evidence,
    Prior,
    descend,
    newton,
    optimum,
    weights_prior,
)

K = 3


def evidence(seed: int = 0) -> Evidence:
    """Pairs, ties called bad or not, and rankings of three, over random coordinates."""
    random = np.random.default_rng(seed)
    coordinates = random.normal(size=(12, K))
    outcome = random.integers(0, 3, 30)
    first = random.integers(0, 6, 30)
    votes = Votes(first, first + 6, outcome, random.random(30) + 0.5, first, np.zeros(30, int))
    bad = np.where(outcome == TIE, random.integers(0, 2, 30), 0).astype(float)
    groups = np.array([[0, 1, 2], [0, 0, 1], [1, 0, 0], [2, 0, 1]])
    items = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 4, 8]])
    rankings = Rankings(items, groups, np.ones(4), np.arange(4), np.zeros(4, int))
    return evidence_from(Judged(votes, bad, [rankings]), coordinates)


def test_derivatives_are_those_of_the_value() -> None:
    found = evidence()
    theta = np.random.default_rng(1).normal(size=K + 3)
    gradient, hessian = found.derivatives(theta)
    assert gradient == pytest.approx(approx_fprime(theta, found.value, 1e-7), abs=1e-5)
    assert found.gradient(theta) == pytest.approx(gradient)
    slopes = [
        (found.gradient(theta + step) - found.gradient(theta - step)) / 2e-5
        for step in 1e-5 * np.eye(len(theta))
    ]
    assert hessian == pytest.approx(np.array(slopes), abs=1e-6)


def test_the_optimum_is_the_one_that_another_method_finds() -> None:
    found, prior = evidence(), weights_prior(np.array([0.5, 1.0, 2.0]), ties=1)
    theta, hessian = optimum(found, prior)
    other = minimize(
        lambda x: found.value(x) + prior.value(x), np.zeros(len(theta)), method="BFGS",
        options={"gtol": 1e-7},
    )  # fmt: skip
    assert theta == pytest.approx(other.x, abs=1e-4)
    assert np.abs(found.gradient(theta) + prior.pull(theta)).max() < 1e-4
    assert hessian == pytest.approx(found.derivatives(theta)[1] + prior.curvature(), abs=1e-3)


def test_laplace_comes_near_the_posterior_by_brute_force() -> None:
    """One weight, sixty votes: moments on a grid, the tie strength integrated out."""
    random = np.random.default_rng(4)
    rows, eta = random.normal(size=(60, 1)), -0.5
    chances = np.exp(posterior_logs(rows[:, 0] * 0.8, eta))
    outcome = (random.random(60)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    counts = np.eye(3)[outcome]
    found = Evidence(rows, counts, np.zeros((0, 1)), np.zeros((0, 2)))
    prior = weights_prior(np.ones(1))
    theta, hessian = optimum(found, prior)
    covariance = np.linalg.inv(hessian)
    grid = np.linspace(-2, 3, 121)
    etas = np.linspace(-3, 2, 101)
    values = np.array([
        [found.value(np.array([w, e, theta[2]])) + w**2 / 2 for e in etas] for w in grid
    ])  # fmt: skip
    density = np.exp(values.min() - values).sum(axis=1)
    density /= density.sum()
    mean = density @ grid
    assert theta[0] == pytest.approx(mean, abs=0.05)
    assert np.sqrt(covariance[0, 0]) == pytest.approx(
        np.sqrt(density @ (grid - mean) ** 2), rel=0.05
    )


def posterior_logs(difference: Floats, eta: float) -> Floats:
    logits = np.stack([difference / 2, -difference / 2, np.full_like(difference, eta)], axis=1)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_many_pairs_in_single_precision_end_where_few_in_double_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(3)
    coordinates = random.normal(size=(800, 6))
    first, second = random.integers(0, 400, 4000), random.integers(400, 800, 4000)
    d = (coordinates[first] - coordinates[second]) @ random.normal(size=6)
    chances = np.exp(posterior_logs(d, -0.5))
    outcome = (random.random(4000)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    pairs = PairCounts(first, second, np.eye(3)[outcome])
    weights, eta, hessian = newton(pairs, coordinates, 1.0)
    monkeypatch.setattr(posterior, "LARGE", 1)
    asked: list[Floats] = []
    value = Evidence.value
    monkeypatch.setattr(Evidence, "value", lambda own, at: asked.append(at) or value(own, at))
    rough, rough_eta, rough_hessian = newton(pairs, coordinates, 1.0)
    assert len(asked) < 20  # it does not look below its own rounding for what is lower still
    assert rough == pytest.approx(weights, abs=1e-3)
    assert rough_eta == pytest.approx(eta, abs=1e-3)
    assert rough_hessian == pytest.approx(hessian, rel=1e-3, abs=1e-1)


def test_the_curvature_of_another_prior_leads_to_the_same_place() -> None:
    found, near = evidence(), weights_prior(np.array([0.5, 1.0, 2.0]), ties=1)
    start = descend(found, weights_prior(np.full(3, 30.0), ties=1), None)
    warm = descend(found, near, start.theta, 1e-9, start.bent)
    assert warm.theta == pytest.approx(optimum(found, near)[0], abs=1e-4)


def test_differences_need_no_matrix() -> None:
    random = np.random.default_rng(2)
    responses, weight, g = random.normal(size=(7, 3)), random.random(20), random.normal(size=20)
    first, second = random.integers(0, 7, 20), random.integers(0, 7, 20)
    dense, rows = responses[first] - responses[second], PairRows(responses, first, second)
    assert rows @ np.array([1.0, -2.0, 0.5]) == pytest.approx(dense @ np.array([1.0, -2.0, 0.5]))
    assert g @ rows == pytest.approx(g @ dense)
    assert weighted_gram(rows, weight) == pytest.approx(weighted_gram(dense, weight))
    assert np.array_equal(rows[np.array([3, 5])], dense[[3, 5]])
    assert (rows.shape, rows.size, len(rows)) == (dense.shape, dense.size, len(dense))


def test_a_prior_may_be_another_posterior() -> None:
    """With a normal likelihood's worth of data in the prior, little data moves it little."""
    found = replace(evidence(), has_virtual=False)
    mean, precision = np.full(K + 3, 0.3), 1e6 * np.eye(K + 3)
    theta, _ = optimum(found, Prior(mean, precision), mean)
    assert theta == pytest.approx(mean, abs=1e-3)


def test_both_bad_lowers_and_mere_ties_raise_the_level() -> None:
    """Item 0 and 1 are always called bad, 2 and 3 never, and everything is tied."""
    coordinates = np.array([[-1.0], [-1.0], [1.0], [1.0]])
    votes = Votes(
        np.tile([0, 2], 20), np.tile([1, 3], 20), np.full(40, TIE), np.ones(40), np.zeros(40, int),
        np.zeros(40, int),
    )  # fmt: skip
    found = evidence_from(Judged(votes, np.tile([1.0, 0.0], 20)), coordinates)
    theta, _ = optimum(found, weights_prior(np.ones(1)))
    assert theta[0] > 1
    assert theta[2] == pytest.approx(0, abs=0.1)
    unknown = evidence_from(Judged(votes, np.full(40, np.nan)), coordinates)
    assert optimum(unknown, weights_prior(np.ones(1)))[0][0] == pytest.approx(0, abs=1e-9)
    assert FIRST == 0
