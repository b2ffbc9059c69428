"""Differences of responses' coordinates, kept as a matrix or worked out where they are needed.

With more pairs than responses it is cheaper to score responses and subtract: (x_a - x_b) . w needs
only X w, and sum c (x_a - x_b)(x_a - x_b)' is X' L X with L the weighted Laplacian of the graph
whose edges are the pairs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rewardmodel.core.pairs import Floats, Ints

Array = NDArray[np.floating[Any]]
ROWS_AT_ONCE = 4_096


class PairRows:
    """The (m, k) differences of rows `first` and `second` (m,) of `responses` (r, k)."""

    # Else numpy would try to multiply with each entry by itself.
    __array_ufunc__ = None

    def __init__(self, responses: Array, first: Ints, second: Ints) -> None:
        self.responses, self.first, self.second = responses, first, second

    @property
    def shape(self) -> tuple[int, int]:
        """(m, k)."""
        return len(self.first), self.responses.shape[1]

    @property
    def size(self) -> int:
        """m k, as of the matrix that this stands for."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the responses."""
        return self.responses.dtype

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: Ints) -> Array:
        """Some of the differences, as a matrix."""
        return np.asarray(self.responses[self.first[rows]] - self.responses[self.second[rows]])

    def __matmul__(self, weights: Array) -> Array:
        """(m,) products with weights (k,)."""
        scores = self.responses @ weights
        return np.asarray(scores[self.first] - scores[self.second])

    def __rmatmul__(self, by_pair: Array) -> Array:
        """(k,) sums of the differences, each as often as `by_pair` (m,) says."""
        size = len(self.responses)
        by_response = np.bincount(self.first, weights=by_pair, minlength=size)
        by_response -= np.bincount(self.second, weights=by_pair, minlength=size)
        return np.asarray(by_response.astype(self.dtype) @ self.responses)

    def gram(self, weight: Floats) -> Floats:
        """(k, k) sum of weight (m,) times each difference's outer product with itself."""
        size = len(self.responses)
        degree = np.bincount(self.first, weights=weight, minlength=size)
        degree += np.bincount(self.second, weights=weight, minlength=size)
        # Half of the Laplacian, one triangle of it: its product and that one's mirror image add up.
        triangle = sparse.csr_array(
            (-weight.astype(self.dtype), (self.first, self.second)), shape=(size, size)
        )
        pulled = triangle @ self.responses
        pulled += (degree / 2).astype(self.dtype)[:, None] * self.responses
        total = (self.responses.T @ pulled).astype(float)
        return np.asarray(total + total.T)


def weighted_gram(rows: Array | PairRows, weight: Floats) -> Floats:
    """rows' diag(weight) rows, (k, k): in blocks that fit a cache, summed in double precision."""
    if isinstance(rows, PairRows):
        return rows.gram(weight)
    total = np.zeros((rows.shape[1], rows.shape[1]))
    root = np.sqrt(weight).astype(rows.dtype)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE] * root[start : start + ROWS_AT_ONCE, None]
        total += block.T @ block
    return total
