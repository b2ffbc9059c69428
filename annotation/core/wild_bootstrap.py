"""Few annotators: how large must t be? Asked of the signs of the annotators' own scores.

Under "no effect" an annotator's score is as likely to lean one way as the other. Turning the signs
of whole annotators gives the distribution of t that these annotators, with their unequal numbers of
votes, can produce.

Source: Kline and Santos (2012), A score based approach to wild bootstrap inference, Journal of
Econometric Methods 1(1); Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from annotation.core.clustered_logit import Clustering, LogitFit, fit_logistic

Floats = NDArray[np.float64]

ALL_SIGNS = 11
DRAWS = 1999


def signs_of(clusters: int, *, seed: int) -> Floats:
    """(R, G) signs: all of them where that is few, else drawn; the first row turns nothing."""
    if clusters <= ALL_SIGNS:
        return np.array(list(product([1.0, -1.0], repeat=clusters)))
    drawn = np.random.default_rng(abs(seed)).choice([1.0, -1.0], size=(DRAWS, clusters))
    return np.vstack([np.ones(clusters), drawn])


def wild_t(
    design: Floats,
    outcome: Floats,
    fit: LogitFit,
    column: int,
    people: Clustering,
    *,
    signs: Floats,
    ridge: Floats | None = None,
) -> Floats | None:
    """(R,) sizes of t under "this column has no effect"; None where that model cannot be fitted."""
    others = np.arange(design.shape[1]) != column
    restricted = fit_logistic(
        design[:, others],
        outcome,
        ridge=None if ridge is None else ridge[others],
        start=fit.weights[others],
    )
    if not isinstance(restricted, LogitFit):
        return None
    chances = restricted.chances
    penalty = 0.0 if ridge is None else np.diag(ridge)
    information = (design * (chances * (1.0 - chances))[:, None]).T @ design + penalty
    towards = np.linalg.solve(information, np.eye(design.shape[1])[column])
    pull = people.sums(((design @ towards) * (outcome - chances))[:, None])[:, 0]
    count = len(pull)
    totals = signs @ pull
    spread = (np.sum(pull**2) - totals**2 / count) * count / (count - 1)
    return np.asarray(np.abs(totals) / np.sqrt(np.maximum(spread, 1e-300)))
