"""How near two pairs are: whether the votes on them would tell the same."""

import numpy as np

from rewardmodel.core.beliefs import Array

ROWS_AT_ONCE = 512


class Nearness:
    """For each of m candidates, how many asked or taken pairs it is near to, and how near.

    Similarity of differences x and y is ``2 |x'y| / (|x|^2 + |y|^2)``: 1 where they are the same
    up to the order of the pair, below 1 where direction or size differ.
    """

    def __init__(self, differences: Array, threshold: float, asked: Array | None = None) -> None:
        self.differences, self.threshold = differences, threshold
        self.squares = np.einsum("ij,ij->i", differences, differences)
        self.counts = np.zeros(len(differences), dtype=np.int64)
        self.nearest = np.zeros(len(differences), dtype=differences.dtype)
        if asked is not None:
            for start in range(0, len(asked), ROWS_AT_ONCE):
                self._add(asked[start : start + ROWS_AT_ONCE].astype(differences.dtype))

    def take(self, index: int) -> None:
        """Candidate `index` is asked about now."""
        self._add(self.differences[index : index + 1])

    def _add(self, rows: Array) -> None:
        """rows: (n, k)."""
        squares = np.einsum("ij,ij->i", rows, rows)
        together = np.maximum(self.squares[:, None] + squares, 1e-30)
        similarity = 2 * np.abs(self.differences @ rows.T) / together
        self.counts += (similarity >= self.threshold).sum(axis=1)
        np.maximum(self.nearest, similarity.max(axis=1), out=self.nearest)
