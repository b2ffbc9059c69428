"""What is weighed against what: pairs, each prompt's best pair, or prompts."""

from dataclasses import dataclass

import numpy as np

from rewardmodel.core.beliefs import Array
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.pool import Function

PAIR, PROMPT, POOL = "pair", "prompt", "pool"


@dataclass(slots=True)
class ByPrompt:
    """Every pair is worth what its prompt's pairs are worth on average; chance decides among them.

    number: (m,) of each pair's prompt, from 0; chance: (m,) below 1.
    """

    function: Function
    number: Ints
    chance: Floats

    def utilities(self) -> Array:
        """(m,) means over each pair's prompt."""
        values = self.function.utilities()
        mean = np.bincount(self.number, weights=values) / np.bincount(self.number)
        return mean[self.number] * (1 + 1e-6 * self.chance)

    def take(self, index: int) -> None:
        """Tells the function below."""
        self.function.take(index)


def by_prompt(function: Function, prompts: Ints, seed: int) -> Function:
    """The function over prompts; prompts: (m,) ids of the pairs' prompts."""
    _, number = np.unique(prompts, return_inverse=True)
    return ByPrompt(function, number, np.random.default_rng([seed, 3]).random(len(prompts)))
