import numpy as np
import pytest
from scipy.special import expit

from annotation.core.clustered_logit import clustering, fit_logistic
from annotation.core.wild_bootstrap import signs_of, wild_t


def test_few_signs_are_all_there_and_many_are_drawn() -> None:
    assert len({tuple(row) for row in signs_of(6, seed=0)}) == 64
    drawn = signs_of(15, seed=0)
    assert drawn.shape == (2000, 15)
    assert np.all(drawn[0] == 1)
    assert np.all(drawn == signs_of(15, seed=0))


def test_of_an_intercept_alone_it_is_the_sign_test_of_sums() -> None:
    # Without a bias each person's votes for the first, less half of all, are as likely turned.
    random = np.random.default_rng(0)
    who = np.repeat(np.arange(8), random.integers(5, 40, 8))
    won = (random.random(len(who)) < 0.6).astype(float)
    design = np.column_stack([np.ones(len(who)), random.normal(size=len(who))])
    fit = fit_logistic(design, won)
    signs = signs_of(8, seed=0)
    t = wild_t(design, won, fit, 0, clustering(who), signs=signs)
    alone = fit_logistic(design[:, 1:], won)
    weight = alone.chances * (1 - alone.chances)
    towards = design @ np.linalg.solve((design * weight[:, None]).T @ design, [1.0, 0.0])
    pull = np.array([(towards * (won - alone.chances))[who == k].sum() for k in range(8)])
    for row in (0, 17, 200):
        turned = signs[row] * pull
        error = np.std(turned, ddof=1) * np.sqrt(8)
        assert t[row] == pytest.approx(abs(turned.sum()) / error)


def test_a_null_model_that_cannot_be_fitted_says_so() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=200)
    design = np.column_stack([np.ones(200), x])
    won = (random.random(200) < expit(x)).astype(float)
    fit = fit_logistic(design, won)
    who = np.arange(200) % 8
    decided = (x > 0).astype(float)
    signs = signs_of(8, seed=0)
    assert wild_t(design, decided, fit, 0, clustering(who), signs=signs) is None
