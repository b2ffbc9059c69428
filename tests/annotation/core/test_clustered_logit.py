"""The fit against a general optimiser, its covariance against the formulas written out in full."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from annotation.core.clustered_logit import (
    LogitFit,
    Separation,
    cluster_robust,
    fit_logistic,
    groupings,
    independent_columns,
)


def votes(seed: int, *, people: int = 12, p: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unequal numbers of votes of people who differ, in the order of the people."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), random.integers(3, 40, people))
    design = np.column_stack([np.ones(len(who)), random.normal(size=(len(who), p - 1))])
    logits = design @ random.normal(0, 0.4, p) + random.normal(0, 0.5, people)[who]
    return design, (random.random(len(who)) < expit(logits)).astype(float), who


def power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """Of a symmetric matrix, nought where an eigenvalue is nought."""
    values, axes = np.linalg.eigh(matrix)
    safe = np.where(values > 1e-8, values, 1.0)
    return (axes * np.where(values > 1e-8, safe**exponent, 0.0)) @ axes.T


def written_out(
    design: np.ndarray, outcome: np.ndarray, fit: LogitFit, who: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CR2 and its degrees of freedom with (n, n) matrices, as Pustejovsky and Tipton print them."""
    weight = fit.chances * (1 - fit.chances)
    z = design * np.sqrt(weight)[:, None]
    residual = (outcome - fit.chances) / np.sqrt(weight)
    hat = z @ fit.inverse @ z.T
    rest = np.eye(len(z)) - hat
    of = [np.flatnonzero(who == person) for person in np.unique(who)]
    adjust = [power(rest[np.ix_(rows, rows)], -0.5) for rows in of]
    pulls = [
        fit.inverse @ z[rows].T @ a @ residual[rows] for rows, a in zip(of, adjust, strict=True)
    ]
    covariance = sum(np.outer(pull, pull) for pull in pulls)
    df = []
    for unit in np.eye(design.shape[1]):
        columns = [
            rest[:, rows] @ a @ z[rows] @ fit.inverse @ unit
            for rows, a in zip(of, adjust, strict=True)
        ]
        gram = np.array(columns) @ np.array(columns).T
        df.append(np.trace(gram) ** 2 / np.sum(gram**2))
    return covariance, np.array(df)


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_the_maximum_of_the_likelihood(seed: int) -> None:
    design, outcome, _ = votes(seed)
    ridge = np.array([0.0, 0.0, 0.7, 0.7])
    fit = fit_logistic(design, outcome, ridge=ridge)

    def loss(weights: np.ndarray) -> float:
        chances = expit(design @ weights)
        likelihood = outcome @ np.log(chances) + (1 - outcome) @ np.log1p(-chances)
        return -likelihood + 0.5 * ridge @ weights**2

    best = minimize(loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13,
                    "maxiter": 5000, "maxfev": 5000})  # fmt: skip
    assert fit.weights == pytest.approx(best.x, abs=1e-6)
    weight = fit.chances * (1 - fit.chances)
    information = sum(w * np.outer(x, x) for w, x in zip(weight, design, strict=True))
    assert fit.inverse == pytest.approx(np.linalg.inv(information + np.diag(ridge)), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_covariance_is_the_sandwich_written_out(seed: int) -> None:
    design, outcome, who = votes(seed)
    fit = fit_logistic(design, outcome)
    robust = cluster_robust(design, outcome, fit, groupings(who))
    covariance, df = written_out(design, outcome, fit, who)
    assert robust.covariance == pytest.approx(covariance, rel=1e-9, abs=1e-14)
    assert robust.df == pytest.approx(df, rel=1e-8)


def test_a_person_who_alone_tells_a_covariate_is_no_news_of_people() -> None:
    design, outcome, who = votes(1)
    design[:, 3] = np.where(who == 2, design[:, 3], 0.0)
    fit = fit_logistic(design, outcome)
    robust = cluster_robust(design, outcome, fit, groupings(who))
    covariance, df = written_out(design, outcome, fit, who)
    assert robust.covariance[:3, :3] == pytest.approx(covariance[:3, :3], rel=1e-5)
    assert robust.df[:3] == pytest.approx(df[:3], rel=1e-3)
    assert robust.df[3] == 1
    assert robust.is_shared.tolist() == [True, True, True, False]


def test_of_one_vote_each_it_is_the_textbook_variance() -> None:
    outcome = (np.arange(60) < 36).astype(float)
    fit = fit_logistic(np.ones((60, 1)), outcome)
    robust = cluster_robust(np.ones((60, 1)), outcome, fit, groupings(np.arange(60)))
    assert robust.covariance[0, 0] == pytest.approx(0.24 / 59 / 0.24**2)
    assert robust.df[0] == pytest.approx(59)


def test_items_add_what_their_votes_have_in_common() -> None:
    design, outcome, who = votes(5, people=30)
    fit = fit_logistic(design, outcome)
    items = np.random.default_rng(0).integers(0, 25, len(who))
    alone = cluster_robust(design, outcome, fit, groupings(who))
    both = cluster_robust(design, outcome, fit, groupings(who, items))
    scores = design * (outcome - fit.chances)[:, None] @ fit.inverse

    def between(codes: list) -> np.ndarray:
        sums = [scores[[c == code for c in codes]].sum(axis=0) for code in set(codes)]
        return sum(np.outer(s, s) for s in sums)

    more = between(list(items)) * 25 / 24 - between(list(zip(who, items, strict=True)))
    values, axes = np.linalg.eigh(more)
    expected = alone.covariance + (axes * np.maximum(values, 0)) @ axes.T
    assert both.covariance == pytest.approx(expected, rel=1e-9, abs=1e-14)
    assert np.all(both.df <= 24)


def test_many_people_get_the_plain_sandwich(monkeypatch: pytest.MonkeyPatch) -> None:
    design, outcome, who = votes(3, people=300)
    fit = fit_logistic(design, outcome)
    exact = cluster_robust(design, outcome, fit, groupings(who))
    monkeypatch.setattr("annotation.core.clustered_logit.CR2_BUDGET", 0)
    plain = cluster_robust(design, outcome, fit, groupings(who))
    assert (exact.formula, plain.formula) == ("CR2", "CR1")
    assert plain.errors == pytest.approx(exact.errors, rel=0.02)
    assert np.all(plain.df == 299)


def test_one_person_has_no_variance_between_people() -> None:
    design, outcome, who = votes(3, people=1)
    fit = fit_logistic(design[:, :1], outcome)
    with pytest.raises(ValueError, match="two clusters"):
        cluster_robust(design[:, :1], outcome, fit, groupings(who))


def test_separation_names_the_columns_that_separate() -> None:
    design, outcome, _ = votes(2)
    design[:, 2] = (outcome - 0.5) * (np.arange(len(outcome)) % 3 == 0)
    found = fit_logistic(design, outcome)
    assert isinstance(found, Separation)
    assert found.columns.tolist() == [2]
    together = design.copy()
    together[:, 2] = 2 * outcome - 1 - design[:, 1]
    found = fit_logistic(together, outcome)
    assert isinstance(found, Separation)
    assert found.columns.tolist() == [1, 2]


def test_sums_of_earlier_columns_are_left_out() -> None:
    design, _, _ = votes(2)
    wide = np.column_stack([design, design[:, 1] - 2 * design[:, 2], design[:, 3] ** 2])
    kept, made_of = independent_columns(wide)
    assert kept.tolist() == [0, 1, 2, 3, 5]
    assert {column: parts.tolist() for column, parts in made_of.items()} == {4: [1, 2]}


def test_blocks_are_not_shuffled_by_names_of_people() -> None:
    design, outcome, who = votes(6)
    fit = fit_logistic(design, outcome)
    names = np.sort(np.random.default_rng(1).choice(10**9, 12, replace=False))
    one = cluster_robust(design, outcome, fit, groupings(who))
    other = cluster_robust(design, outcome, fit, groupings(names[who]))
    assert other.covariance == pytest.approx(one.covariance)
