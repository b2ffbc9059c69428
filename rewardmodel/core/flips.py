"""How many votes go the other way whatever the rewards, by votes that no model has learned from.

A model that is sure of a pair expects people to agree; where a share of them errs, a vote on that
pair is worth less than the model thinks. Only votes on held-out prompts can tell the two apart.
"""

from dataclasses import asdict, dataclass

import numpy as np

from rewardmodel.core.beliefs import FLIP_RATES, Beliefs, flip_likelihoods
from rewardmodel.core.pairs import Floats, Votes

# With fewer the interval is wider than half of the grid, and nothing would be learned from it.
FEWEST_VOTES, FEWEST_PROMPTS = 200, 20
RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Flips:
    """The likeliest share of flipped votes (0 to 0.4) with its 95 % interval over prompts.

    value, low and high are None where there are too few votes. n_votes, n_prompts: held-out ones.
    """

    value: float | None
    low: float | None
    high: float | None
    n_votes: int
    n_prompts: int
    seed: int

    @property
    def believed(self) -> float:
        """What choosing reckons with: the estimate where there surely are flips, otherwise none."""
        return self.value if self.value and self.low else 0.0

    def to_dict(self) -> dict[str, float | int | None]:
        """For a round's record."""
        return {**asdict(self), "believed": self.believed}


def measure_flips(beliefs: Beliefs, differences: Floats, votes: Votes, *, seed: int) -> Flips:
    """By maximum likelihood on a grid; percentile bootstrap over prompts (Efron, 1979).

    differences: (n, k) coordinates of each vote's first less its second, on prompts that the
    beliefs were not fitted to.
    """
    prompts, number = np.unique(votes.prompt, return_inverse=True)
    if len(votes) < FEWEST_VOTES or len(prompts) < FEWEST_PROMPTS:
        return Flips(None, None, None, len(votes), len(prompts), seed)
    by_prompt = np.zeros((len(prompts), len(FLIP_RATES)))
    np.add.at(by_prompt, number, flip_likelihoods(beliefs, differences, votes).T)
    shares = np.full(len(prompts), 1 / len(prompts))
    draws = np.random.default_rng(seed).multinomial(len(prompts), shares, RESAMPLES)
    drawn = FLIP_RATES[np.argmax(draws @ by_prompt, axis=1)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = FLIP_RATES[int(np.argmax(by_prompt.sum(axis=0)))]
    return Flips(float(value), float(low), float(high), len(votes), len(prompts), seed)
