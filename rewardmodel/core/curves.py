"""How many labels one way of asking saves against another, from their learning curves."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from rewardmodel.core.pairs import Floats, Ints

RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Saved:
    """Share of labels saved, its 95 % interval, and what chance against chance seems to save.

    null_high: the 95th percentile of random against random. Negative: so many more are needed.
    """

    value: float
    low: float
    high: float
    null_high: float

    @property
    def is_real(self) -> bool:
        """Whether it is more than chance seems to save, and surely more than nothing."""
        return self.low > 0 and self.value > self.null_high


def share_saved(labels: Ints, asked: Floats, random: Floats) -> float:
    """The share of labels with which `asked` reaches the loss that `random` ends with.

    labels: (b,), at which the losses (b,) were measured; curves are made to fall (isotonic
    regression), because more labels do not hurt but for noise. Where the loss is never reached, it
    is minus the share with which `random` reaches what `asked` ends with.
    """
    asked, random = _falling(asked), _falling(random)
    if asked[-1] <= random[-1]:
        return float(1 - _reached(labels, asked, random[-1]) / labels[-1])
    return float(_reached(labels, random, asked[-1]) / labels[-1] - 1)


def saved(
    labels: Ints, asked: Floats, chance: Floats, *, seed: int, together: int = 1,
    resamples: int = RESAMPLES,
) -> Saved:  # fmt: skip
    """Of losses (s, b) over s seeds; interval by bootstrap over seeds, which are drawn in pairs.

    chance: (r, s, b), r replays of random on the same splits. Their mean is the yardstick. For the
    null the mean of each `together` of them (as many replays as `asked` is the mean of) is held
    against the mean of the others.
    """
    seeds, replays = len(asked), len(chance)
    draws = np.random.default_rng(seed).integers(0, seeds, size=(resamples, seeds))
    yardstick = chance.mean(axis=0)
    drawn = [share_saved(labels, asked[d].mean(axis=0), yardstick[d].mean(axis=0)) for d in draws]
    groups = np.split(np.arange(replays), range(together, replays, together))
    null = [
        share_saved(labels, one[d].mean(axis=0), others[d].mean(axis=0))
        for group in (groups if len(groups) > 1 else [])
        for one in [chance[group].mean(axis=0)]
        for others in [np.delete(chance, group, axis=0).mean(axis=0)]
        for d in draws[: max(50, resamples // len(groups))]
    ]
    value = share_saved(labels, asked.mean(axis=0), yardstick.mean(axis=0))
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    return Saved(
        value, min(low, value), max(high, value), float(np.quantile(null, 0.95)) if null else 0.0
    )


def _falling(losses: Floats) -> Floats:
    return np.asarray(isotonic_regression(losses, increasing=False).x)


def _reached(labels: Ints, losses: Floats, level: float) -> float:
    """Labels at which a falling curve first is at the level, between measurements by a line."""
    at = int(np.argmax(losses <= level))
    if at == 0:
        return float(labels[0])
    above, below = losses[at - 1], losses[at]
    share = (above - level) / (above - below)
    return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))
