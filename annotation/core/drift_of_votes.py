"""Three figures of votes that may drift as a project goes on: the side, the length, the speed."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from annotation.core.drift import Drift, drift
from annotation.core.text_features import TextFeatures
from annotation.core.vote_facts import VoteFacts

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WHAT = {
    "position": "going for the response shown first",
    "length": "going for the longer response",
    "speed": "reading speed, words a second",
}


def drift_of_votes(facts: VoteFacts, times: Floats, *, seed: int = 0) -> Mapping[str, Drift]:
    """Drift of the share of votes for the first, and for the longer, and of the speed of reading.

    `times` are NaN where unknown; such votes, and those that say nothing of a figure, stay out.
    """
    n = len(facts.first_won)
    won = facts.first_won
    known = np.ones(n, dtype=np.bool_) if facts.order_known is None else facts.order_known
    found = {"position": _of(facts, times, won.astype(np.float64), known, "position", seed)}
    if facts.first_features is None or facts.second_features is None:
        return found
    lengths = facts.first_features[:, 0], facts.second_features[:, 0]
    longer = ((lengths[0] > lengths[1]) == won).astype(np.float64)
    found["length"] = _of(facts, times, longer, lengths[0] != lengths[1], "length", seed)
    words = (facts.first_features + facts.second_features)[:, TextFeatures._fields.index("words")]
    seconds = np.full(n, np.nan) if facts.seconds is None else facts.seconds
    told = np.isfinite(seconds) & (seconds > 0) & (words > 0)
    speed = np.log(np.where(told, words, 1.0)) - np.log(np.where(told, seconds, 1.0))
    found["speed"] = _of(facts, times, speed, told, "speed", seed)
    return found


def _of(facts: VoteFacts, times: Floats, values: Floats, told: Flags, key: str, seed: int) -> Drift:
    kept = told & np.isfinite(times)
    unit = "log points" if key == "speed" else "points"
    return drift(
        values[kept], facts.annotators[kept], times[kept], what=WHAT[key], seed=seed, unit=unit
    )
