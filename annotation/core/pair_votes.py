"""What people say of pairs of responses, whichever comparison they met them in.

An item is a pair of completions. Its first side is the completion of the lower id, so that two
comparisons that hold the pair in different orders ask one and the same thing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.core.answer_pairs import Answers
from annotation.core.preferences import Verdict
from annotation.core.rankings import implied_pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairVotes:
    """Answers to `items`, 1 for the first side, and what holds of each pair.

    An answer's item is the place of its pair in `first` and `second` (completions) and in
    `comparisons`, the first one that asked for it. (n,) `weights` say how much of a decision each
    answer is: a pair's is one, those that an order of k implies are 2/k each.
    """

    answers: Answers
    weights: Floats
    first: Ints
    second: Ints
    comparisons: Ints

    @property
    def n_annotators(self) -> int:
        """How many people gave these votes."""
        return len(np.unique(self.answers.annotators))


def pair_votes(verdicts: Iterable[Verdict]) -> PairVotes:
    """Of a person who answered a pair twice, the newest answer; verdicts come oldest first."""
    place: dict[tuple[int, int], int] = {}
    comparisons: list[int] = []
    rows: list[tuple[int, int, float, float]] = []
    for verdict in verdicts:
        ids = verdict.completion_ids
        for i, j, outcome in implied_pairs(verdict.groups):
            is_turned = ids[i] > ids[j]
            pair = (ids[j], ids[i]) if is_turned else (ids[i], ids[j])
            item = place.setdefault(pair, len(place))
            if item == len(comparisons):
                comparisons.append(verdict.comparison_id)
            value = (1 + (-outcome if is_turned else outcome)) / 2
            rows.append((item, verdict.annotator_id, value, 2 / len(ids)))
    return _newest(np.array(rows).reshape(-1, 4), list(place), comparisons)


def _newest(rows: Floats, pairs: list[tuple[int, int]], comparisons: list[int]) -> PairVotes:
    items, people = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    _, who = np.unique(people, return_inverse=True)
    cells = items * (who.max(initial=0) + 1) + who
    _, from_the_end = np.unique(cells[::-1], return_index=True)
    kept = np.sort(len(cells) - 1 - from_the_end)
    sides = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return PairVotes(
        answers=Answers(items[kept], people[kept], rows[kept, 2]),
        weights=rows[kept, 3],
        first=sides[:, 0],
        second=sides[:, 1],
        comparisons=np.array(comparisons, dtype=np.int64),
    )
