"""Logistic regression whose errors allow for votes of one person (and on one item) being alike.

The covariance is CR2: the scores of each cluster are corrected for what fitting takes out of them,
and each coefficient gets its own degrees of freedom, so that few or unequal clusters do not
pass for many. All of it is done with (p, p) matrices of the clusters, never with (n, n) ones.

Sources: Bell and McCaffrey (2002), Survey Methodology 28(2); Pustejovsky and Tipton (2018), Journal
of Business & Economic Statistics 36(4), for CR2 and Satterthwaite's degrees of freedom; Cameron,
Gelbach and Miller (2011), Journal of Business & Economic Statistics 29(2), for two clusterings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import expit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

SEPARATED = 15.0
ALONE = 1e-8
SMALL = 0.5
COLLINEAR = 1e-7
MOST_STEPS = 60
CR2_BUDGET = 2e9


@dataclass(frozen=True, slots=True)
class LogitFit:
    """Maximum likelihood: (p,) weights, (n,) chances and the (p, p) inverse information."""

    weights: Floats
    chances: Floats
    inverse: Floats


@dataclass(frozen=True, slots=True)
class Separation:
    """No finite maximum: these columns, in this (p,) direction, foretell votes without error."""

    columns: Ints
    direction: Floats


@dataclass(frozen=True, slots=True)
class Robust:
    """(p, p) covariance of the weights, (p,) degrees of freedom, and by which formula.

    is_shared: (p,), False where one annotator alone tells a coefficient, whose error is then void.
    """

    covariance: Floats
    df: Floats
    is_shared: Flags
    formula: str

    @property
    def errors(self) -> Floats:
        return np.asarray(np.sqrt(np.maximum(np.diag(self.covariance), 0.0)))


@dataclass(frozen=True, slots=True)
class Clustering:
    """The cluster of each row, (n,) from 0 to `count` - 1; none is empty."""

    codes: Ints
    count: int

    def __len__(self) -> int:
        return self.count

    def sums(self, scores: Floats) -> Floats:
        """(G, p) sums of (n, p) scores."""
        columns = [np.bincount(self.codes, weights=column) for column in scores.T]
        return np.array(columns, dtype=np.float64).T

    def slices(self) -> list[slice]:
        """Where each cluster stands; for rows in the order of their clusters."""
        ends = np.cumsum(np.bincount(self.codes)).tolist()
        return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, slots=True)
class Groupings:
    """Votes by person, by item, and by the cells of both; no items where they do not matter."""

    people: Clustering
    items: Clustering | None = None
    cells: Clustering | None = None

    def beyond_people(self, scores: Floats) -> Floats:
        """(p, p): what items add to the variance of the summed scores beyond people's own."""
        width = scores.shape[1]
        if self.items is None or self.cells is None:
            return np.zeros((width, width))
        by_item, by_cell = self.items.sums(scores), self.cells.sums(scores)
        count = len(self.items)
        return np.asarray(by_item.T @ by_item * count / (count - 1) - by_cell.T @ by_cell)


def fit_logistic(
    design: Floats, outcome: Floats, *, ridge: Floats | None = None, start: Floats | None = None
) -> LogitFit | Separation:
    """Newton's method from `start` (or nought), halving steps that overshoot.

    The information is renewed only while steps shrink slowly: near the maximum an old one does.

    Args:
        design: (n, p) of full column rank (see `independent_columns`).
        outcome: (n,) of 0 and 1.
        ridge: (p,) precision of a normal prior around nought; 0 leaves a column to the data.
    """
    penalty = np.zeros(design.shape[1]) if ridge is None else ridge
    weights = np.zeros(design.shape[1]) if start is None else start
    logits = design @ weights
    loss, before = _loss(logits, outcome, weights, penalty), np.inf
    factor, is_stale = None, True
    for _ in range(MOST_STEPS):
        chances = expit(logits)
        score = design.T @ (outcome - chances) - penalty * weights
        if is_stale:
            factor = _factor(_information(design, chances, penalty))
        if factor is None:
            return _separation(weights)
        step = linalg.cho_solve(factor, score, check_finite=False)
        length = float(np.abs(step).max())
        if length < 1e-10:
            information = _information(design, chances, penalty)
            return LogitFit(weights, chances, np.asarray(np.linalg.inv(information), np.float64))
        is_stale, before = length > 0.1 * before, length
        turned = design @ step
        for _ in range(30):
            tried = _loss(logits + turned, outcome, weights + step, penalty)
            if tried <= loss + 1e-12 * abs(loss):
                break
            step, turned, is_stale = step / 2, turned / 2, True
        weights, logits, loss = weights + step, logits + turned, tried
        if np.abs(weights).max() > SEPARATED:
            return _separation(step)
    return _separation(step)


def independent_columns(design: Floats) -> tuple[Ints, dict[int, Ints]]:
    """The columns to keep, earlier ones first, and for each one left out those that make it up.

    A column left out is, within rounding, a weighted sum of the columns kept.
    """
    norms = np.sqrt(np.einsum("ij,ij->j", design, design))
    unit = design / np.where(norms > 0, norms, 1.0)
    gram = unit.T @ unit
    if np.all(norms > 0) and np.linalg.eigvalsh(gram)[0] > COLLINEAR:
        return np.arange(design.shape[1]), {}
    kept: list[int] = []
    made_of: dict[int, Ints] = {}
    for column in range(design.shape[1]):
        loads = np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, column])
        if gram[column, column] - gram[kept, column] @ loads > COLLINEAR:
            kept.append(column)
        else:
            made_of[column] = np.array(kept, dtype=np.int64)[np.abs(loads) > 0.1]
    return np.array(kept, dtype=np.int64), made_of


def clustering(names: Ints) -> Clustering:
    """Clusters in the order of their names."""
    found, codes = np.unique(names, return_inverse=True)
    return Clustering(codes, len(found))


def groupings(annotators: Ints, items: Ints | None = None) -> Groupings:
    """Votes by annotator and, where `items` are given, by item and by both."""
    people = clustering(annotators)
    if items is None:
        return Groupings(people)
    by_item = clustering(items)
    if len(by_item) < 2:
        return Groupings(people)
    return Groupings(people, by_item, clustering(people.codes * len(by_item) + by_item.codes))


def cluster_robust(design: Floats, outcome: Floats, fit: LogitFit, groups: Groupings) -> Robust:
    """The covariance of the weights, robust to votes being alike within annotators and items.

    Rows stand in the order of their annotators.

    Items only ever add variance: what votes on one item have in common beyond one person's.

    Raises:
        ValueError: of fewer than two annotators, between whom nothing varies.
    """
    people = groups.people
    if len(people) < 2:
        raise ValueError("Cluster-robust errors need two clusters or more.")
    scores = design * (outcome - fit.chances)[:, None]
    if len(people) * design.shape[1] ** 3 <= CR2_BUDGET:
        robust = _bias_reduced(design, fit, people, people.sums(scores))
    else:
        robust = _bias_left(people, people.sums(scores), fit.inverse)
    if groups.items is None:
        return robust
    more = positive_part(groups.beyond_people((fit.inverse @ scores.T).T))
    df = np.minimum(robust.df, len(groups.items) - 1.0)
    formula = f"{robust.formula}, two-way"
    return Robust(robust.covariance + more, df, robust.is_shared, formula)


def positive_part(matrix: Floats) -> Floats:
    """The nearest matrix that is nowhere negative, as a variance must be."""
    sizes, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(sizes, 0.0)) @ axes.T)


def _loss(logits: Floats, outcome: Floats, weights: Floats, penalty: Floats) -> float:
    misfit = np.logaddexp(0.0, logits).sum() - logits @ outcome
    return float(misfit + 0.5 * np.sum(penalty * weights**2))


def _factor(information: Floats) -> tuple[Floats, bool] | None:
    try:
        factor, is_lower = linalg.cho_factor(information, check_finite=False)
    except linalg.LinAlgError:
        return None
    return factor, bool(is_lower)


def _information(design: Floats, chances: Floats, penalty: Floats) -> Floats:
    scaled = design * np.sqrt(chances * (1.0 - chances))[:, None]
    information = scaled.T @ scaled
    information[np.diag_indices_from(information)] += penalty
    return np.asarray(information)


def _separation(growing: Floats) -> Separation:
    """Near separation a Newton step goes on along the separating direction, and only there."""
    size = np.abs(growing)
    is_part = size > 0.2 * size.max()
    return Separation(np.flatnonzero(is_part), np.where(is_part, growing, 0.0))


def _bias_left(people: Clustering, sums: Floats, inverse: Floats) -> Robust:
    """CR1, where there are so many annotators that the correction of CR2 changes nothing."""
    spread, count = sums @ inverse, len(people)
    df, is_shared = np.full(len(inverse), count - 1.0), np.ones(len(inverse), dtype=np.bool_)
    return Robust(spread.T @ spread * count / (count - 1), df, is_shared, "CR1")


def _bias_reduced(design: Floats, fit: LogitFit, people: Clustering, sums: Floats) -> Robust:
    """CR2 of the (G, p) sums of scores.

    With Z = W^(1/2) X, M the inverse information and B = Z_g M^(1/2), the correction
    (I - B B')^(-1/2) of a cluster's residuals meets only Z_g', and
    B' (I - B B')^(-1/2) = (I - B'B)^(-1/2) B'. So S_g = B'B, (p, p), is all that is needed.
    """
    root = _root(fit.inverse)
    scaled = design * np.sqrt(fit.chances * (1.0 - fit.chances))[:, None]
    blocks = np.stack([scaled[rows].T @ scaled[rows] for rows in people.slices()])
    shares = root @ blocks @ root
    lift = _inverse_roots_of_rest(shares)
    spread = np.einsum("gij,gj->gi", lift, sums @ root) @ root
    lifted = lift @ root
    shift = shares @ lifted
    squared = np.einsum("gik,gik->gk", lifted, shift)
    df, expected = _satterthwaite(squared, shift)
    is_shared = expected > 0.5 * np.diag(fit.inverse)
    return Robust(spread.T @ spread, np.where(is_shared, df, 1.0), is_shared, "CR2")


def _inverse_roots_of_rest(shares: Floats) -> Floats:
    """(G, p, p): (I - S)^(-1/2) of each S, nought where a cluster alone tells a direction.

    Small S by the iteration of Newton and Schulz, which is all products; others by eigenvalues.
    """
    size = np.sqrt(np.einsum("gij,gij->g", shares, shares))
    is_small = size < SMALL
    roots = np.empty_like(shares)
    identity = np.eye(shares.shape[1])
    forth, back = identity - shares[is_small], np.broadcast_to(identity, shares[is_small].shape)
    for _ in range(12 if is_small.any() else 0):
        both = back @ forth
        towards = 1.5 * identity - 0.5 * both
        forth, back = forth @ towards, towards @ back
        if np.abs(both - identity).max() < 1e-6:  # what is left shrinks as its square
            break
    roots[is_small] = back
    values, axes = np.linalg.eigh(shares[~is_small])
    rest = 1.0 - values
    bent = np.where(rest > ALONE, 1.0 / np.sqrt(np.maximum(rest, ALONE)), 0.0)
    roots[~is_small] = (axes * bent[:, None, :]) @ np.swapaxes(axes, 1, 2)
    return roots


def _satterthwaite(squared: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """(p,) degrees of freedom and (p,) expected variances if votes were independent.

    The variance of coefficient k is a quadratic form whose matrix has the entries
    [g = h] squared[g, k] - shift[g, :, k] . shift[h, :, k]; its trace, squared, over the sum of
    its squared entries.
    """
    by_column = np.ascontiguousarray(np.moveaxis(shift, 2, 0))
    overlap = np.einsum("kgi,kgi->gk", by_column, by_column)
    crossed = np.swapaxes(by_column, 1, 2) @ by_column
    trace = (squared - overlap).sum(axis=0)
    entries = (squared**2 - 2 * squared * overlap).sum(axis=0) + (crossed**2).sum(axis=(1, 2))
    return np.maximum(trace**2 / np.maximum(entries, 1e-300), 1.0), trace


def _root(matrix: Floats) -> Floats:
    sizes, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.sqrt(np.maximum(sizes, 0.0))) @ axes.T)
