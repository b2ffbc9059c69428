"""What a judgment is expected to take."""

import numpy as np

from rewardmodel.core.pairs import Floats, Ints

# Some 250 English words a minute, where nobody has been timed yet.
CHARACTERS_PER_SECOND = 23.0
FEWEST_TIMED = 20
OVERHEAD_SECONDS = 4.0


def reading_speed(characters: Floats, seconds: Floats) -> float:
    """Characters read a second, the median over timed judgments (n,); a usual one of too few."""
    timed = (seconds > 0) & (characters > 0)
    if timed.sum() < FEWEST_TIMED:
        return CHARACTERS_PER_SECOND
    return float(np.median(characters[timed] / seconds[timed]))


def expected_seconds(characters: Ints, speed: float) -> Floats:
    """(m,) seconds for pairs of so many characters: a moment to decide, and the reading."""
    return np.asarray(OVERHEAD_SECONDS + characters / max(speed, 1e-6))
