"""What may be asked about, and what a function that chooses from it looks like."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rewardmodel.core.beliefs import Array, Beliefs
from rewardmodel.core.foresight import Foresight
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.unusual import NARROW, length_limit


@dataclass(frozen=True, slots=True)
class Standings:
    """What is believed of policies: strengths (p,) with covariance (p, p), eta the tie strength.

    policies: (p,) ids in this order. foresight: of the ranking that the whole pool would give; its
    responses are the pool's, in their order, and perhaps more.
    """

    policies: Ints
    strengths: Floats
    covariance: Floats
    eta: float
    foresight: Foresight | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """m pairs that may be asked about.

    differences: (m, k) coordinates of the first minus the second. prompts: (m,) ids.
    responses: (r, k) coordinates of single responses; first, second: (m,) rows of it.
    policies: (m, 2) ids of who wrote the two. targets: (t, k) differences that the model will have
    to predict; the pool's own where None. seconds: (m,) what a judgment is expected to take.
    known: mean and variance (m,) of the reward differences, once they have been worked out.
    fence: beyond which a difference is unusually large, as in `unusual`. longest: its length, once
    worked out for the whole pool.
    """

    differences: Array
    prompts: Ints
    responses: Array | None = None
    first: Ints | None = None
    second: Ints | None = None
    policies: Ints | None = None
    standings: Standings | None = None
    targets: Array | None = None
    seconds: Array | None = None
    known: tuple[Array, Array] | None = None
    fence: float = NARROW
    longest: float | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    def moments(self, beliefs: Beliefs) -> tuple[Array, Array]:
        """Mean and variance (m,) of the reward differences."""
        return self.known or beliefs.moments(self.differences)

    def weighed(self, beliefs: Beliefs) -> "Pool":
        """The same, with moments and fence worked out once for every function."""
        longest = length_limit(self.lengths(), self.fence)
        return replace(self, known=self.moments(beliefs), longest=longest)

    def lengths(self) -> Array:
        """(m,) of the differences."""
        return np.asarray(np.linalg.norm(self.differences, axis=1))

    def is_ordinary(self, differences: Array | None = None) -> NDArray[np.bool_]:
        """(m,) whether the pool's differences are within its fence, or (t,) whether others are."""
        longest = self.longest
        if longest is None:
            longest = length_limit(self.lengths(), self.fence)
        size = self.lengths() if differences is None else np.linalg.norm(differences, axis=1)
        return np.asarray(size <= longest)

    def at(self, rows: Ints) -> "Pool":
        """The pairs in these rows; responses, standings and targets stay whole."""

        def part(array: Array | None) -> Array | None:
            """These rows, where there is such an array."""
            return None if array is None else array[rows]

        return replace(
            self,
            differences=self.differences[rows],
            prompts=self.prompts[rows],
            first=part(self.first),
            second=part(self.second),
            policies=part(self.policies),
            targets=self.differences if self.targets is None else self.targets,
            seconds=part(self.seconds),
            known=None if self.known is None else (self.known[0][rows], self.known[1][rows]),
        )


class Function(Protocol):
    """A function at work on a pool: what each pair is worth, given those taken so far."""

    def utilities(self) -> Array:
        """(m,), not negative: the more, the better."""
        ...

    def take(self, index: int) -> None:
        """Pair `index` is in the batch now."""
        ...


@dataclass(slots=True)
class Fixed:
    """Utilities (m,) that do not depend on what else is in the batch."""

    values: Array

    def utilities(self) -> Array:
        """(m,) as they were given."""
        return self.values

    def take(self, index: int) -> None:
        """Changes nothing."""
        return


def random_draws(size: int, seed: int) -> Floats:
    """(size,) uniform draws: the baseline that every function has to beat."""
    return np.random.default_rng(seed).random(size)
