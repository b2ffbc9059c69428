"""Every annotator with every other: agreement and kappa of all pairs at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
from scipy import sparse, special

from annotation.core.coefficients import Floats, Weighting, agreement_weights, kappas
from annotation.core.estimates import NO_OVERLAP, NOTHING, ONE_ANNOTATOR
from annotation.core.ratings import Ints, Ratings, Table, tabulate

LEAST_UNITS = 5
LEAST_FOR_INTERVAL = 10
CHUNK_CELLS = 4_000_000
DENSE_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two annotators on the `n` units that both rated. `note` says why a figure is None.

    agreement: share of these units to which both gave the same value (weighted: nearly the same).
    kappa: Cohen's (weighted) kappa, with an interval by its asymptotic standard error.
    """

    first: int
    second: int
    n: int
    agreement: float | None
    kappa: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class AgreementMatrix:
    """All pairs of A annotators; rows and columns are in the order of `annotator_ids`.

    `n`, shape (A, A), counts the units that two rated; its diagonal, the units of each. A `note`
    that is not empty says why no pair has a figure.
    """

    annotator_ids: tuple[int, ...]
    n: Ints
    least: int
    note: str
    _agreement: Floats = field(repr=False)
    _kappa: Floats = field(repr=False)
    _error: Floats = field(repr=False)
    _reach: float = field(repr=False)

    def pair(self, row: int, column: int) -> PairAgreement:
        """The pair at a row and a column; an annotator with themselves is no pair."""
        figures = (self._agreement, self._kappa, self._error)
        agreement, kappa, error = (float(figure[row, column]) for figure in figures)
        return self._pair((row, column), int(self.n[row, column]), agreement, kappa, error)

    def pairs(self) -> Iterator[PairAgreement]:
        """Each two annotators once, those with a unit in common only."""
        where = np.nonzero(np.triu(self.n, 1))
        figures = (self.n, self._agreement, self._kappa, self._error)
        columns = [part.tolist() for part in where] + [each[where].tolist() for each in figures]
        for first, second, n, agreement, kappa, error in zip(*columns, strict=True):
            yield self._pair((first, second), n, agreement, kappa, error)

    def kappa_grid(self) -> list[list[float | None]]:
        """Rows of kappas for a heat map; None where there is none, and on the diagonal."""
        return [[_number(cell) for cell in row] for row in self._kappa.tolist()]

    def agreement_grid(self) -> list[list[float | None]]:
        """Rows of shares for a heat map; None where there is none, and on the diagonal."""
        return [[_number(cell) for cell in row] for row in self._agreement.tolist()]

    def _pair(
        self, at: tuple[int, int], n: int, agreement: float, kappa: float, error: float
    ) -> PairAgreement:
        known = _number(kappa)
        spread = _number(error) if n >= LEAST_FOR_INTERVAL else None
        low = high = None
        if known is not None and spread:
            low, high = known - self._reach * spread, known + self._reach * spread
        return PairAgreement(
            first=self.annotator_ids[at[0]],
            second=self.annotator_ids[at[1]],
            n=n,
            agreement=_number(agreement),
            kappa=known,
            low=None if low is None else max(-1.0, low),
            high=None if high is None else min(1.0, high),
            note=self._why(n, known, spread),
        )

    def _why(self, n: int, kappa: float | None, error: float | None) -> str:
        if n == 0:
            return "These two have no item in common."
        if n < self.least:
            return f"Too few to say: {n} items in common."
        if kappa is None:
            return "Both gave one and the same value throughout, so chance cannot be told apart."
        return "" if error else "Too few, or too alike, for an interval."


def agreement_matrix(
    ratings: Ratings,
    *,
    weighting: Weighting = "identity",
    categories: Iterable[int] | None = None,
    least: int = LEAST_UNITS,
    confidence: float = 0.95,
) -> AgreementMatrix:
    """All pairs of annotators; figures only for pairs with `least` units in common or more.

    Intervals are asymptotic (from 10 units on) and take units for independent.

    Source: Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72, for the standard error.

    Raises:
        Invalid: where an annotator rated a unit twice, or there are over 20 different values.
    """
    table = tabulate(ratings, categories=categories)
    people, size = len(table.annotators), len(table.values)
    w = agreement_weights(table.values, weighting)
    together = _together(table)
    n = np.zeros((people, people), dtype=np.int64)
    agreement, kappa, error = (np.full((people, people), np.nan) for _ in range(3))
    step = max(1, CHUNK_CELLS // max(people * size * size, 1))
    for start in range(0, people, step):
        rows = slice(start, min(start + step, people))
        tables = _tables(together, rows, people, size)
        count = tables.sum(axis=(1, 2))
        shape = (rows.stop - rows.start, people)
        n[rows] = np.rint(count).astype(np.int64).reshape(shape)
        figures = _figures(tables, w, is_enough=count >= least)
        agreement[rows], kappa[rows], error[rows] = (each.reshape(shape) for each in figures)
    for figure in (agreement, kappa, error):
        np.fill_diagonal(figure, np.nan)
    return AgreementMatrix(
        annotator_ids=tuple(table.annotators.tolist()),
        n=n,
        least=least,
        note=_why_none(n),
        _agreement=agreement,
        _kappa=kappa,
        _error=error,
        _reach=float(special.ndtri((1 + confidence) / 2)),
    )


def kappa_errors(tables: Floats, w: Floats) -> Floats:
    """(R,) asymptotic standard errors of the kappas of (R, C, C) tables; NaN where none."""
    kappa = kappas(tables, w)
    total = np.maximum(tables.sum(axis=(1, 2)), 1)
    p = tables / total[:, None, None]
    rows, columns = p.sum(axis=2), p.sum(axis=1)
    chance = np.einsum("rc,ck,rk->r", rows, w, columns)
    means = (columns @ w.T)[:, :, None] + (rows @ w)[:, None, :]
    terms = w[None] - means * (1 - kappa)[:, None, None]
    variance = (p * terms**2).sum(axis=(1, 2)) - (kappa - chance * (1 - kappa)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.maximum(variance, 0) / total) / np.abs(1 - chance))


def _together(table: Table) -> Floats:
    """(A * C, A * C): how often one's value met another's on a unit.

    Sparse where annotators share few units, else in dense blocks of units: a product of matrices
    is that much faster than its entries one by one.
    """
    size = len(table.values)
    width, n_units = len(table.annotators) * size, len(table.pattern_of_unit)
    given = table.annotator_of * size + table.value_of
    ones = np.ones(len(given), dtype=np.float32)
    marks = sparse.coo_array((ones, (table.unit_of, given)), shape=(n_units, width)).tocsr()
    meetings = float((np.diff(marks.indptr).astype(float) ** 2).sum())
    if meetings * 200 < float(width) ** 2 * n_units:
        return np.asarray((marks.T.tocsr() @ marks).toarray(), dtype=float)
    together = np.zeros((width, width))
    for start in range(0, n_units, DENSE_BLOCK):
        block = marks[start : start + DENSE_BLOCK].toarray()
        together += block.T @ block
    return together


def _tables(together: Floats, rows: slice, people: int, size: int) -> Floats:
    """(rows * A, C, C) tables of each annotator of the rows with everybody."""
    block = together[rows.start * size : rows.stop * size]
    split = block.reshape(-1, size, people, size).transpose(0, 2, 1, 3)
    return split.reshape(-1, size, size)


def _figures(tables: Floats, w: Floats, *, is_enough: Floats) -> tuple[Floats, Floats, Floats]:
    found = tables[is_enough]
    shares, kappa, error = (np.full(len(tables), np.nan) for _ in range(3))
    if len(found):
        shares[is_enough] = np.einsum("rck,ck->r", found, w) / found.sum(axis=(1, 2))
        kappa[is_enough] = kappas(found, w)
        error[is_enough] = kappa_errors(found, w)
    return shares, kappa, error


def _why_none(n: Ints) -> str:
    if len(n) == 0:
        return NOTHING
    if len(n) == 1:
        return ONE_ANNOTATOR
    return "" if np.triu(n, 1).any() else NO_OVERLAP


def _number(value: float) -> float | None:
    return value if isfinite(value) else None
