"""What every reward model does, whatever it is made of; without torch, so that anybody may ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardmodel.core.pairs import Floats, Ints

Message = Mapping[str, str]

# A response more unusual than this share of the training's responses is called out of distribution.
OUT_OF_DISTRIBUTION = 0.99


@dataclass(frozen=True, slots=True)
class Text:
    """A completion and the conversation that it answers."""

    messages: Sequence[Message]
    text: str


@dataclass(frozen=True, slots=True)
class Responses:
    """N completions in a fixed order: what a model may look at.

    keys: their ids. features: (N, D) frozen features, (N, 0) for a model that reads texts itself.
    lengths: (N,) characters. texts: N, or none for a model that needs none.
    """

    keys: tuple[int, ...]
    features: Floats
    lengths: Ints
    texts: Sequence[Text] = ()

    def __len__(self) -> int:
        return len(self.lengths)

    def at(self, rows: Ints) -> "Responses":
        """Those of these rows (m,)."""
        places = rows.tolist()
        return Responses(
            tuple(self.keys[row] for row in places), self.features[rows], self.lengths[rows],
            [self.texts[row] for row in places] if self.texts else (),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of one criterion: posterior mean and standard deviation (N,) of the reward.

    novelty: (N,) the share, 0 to 1, of the training's responses that are less unusual.
    """

    mean: Floats
    sd: Floats
    novelty: Floats


class RewardModel(Protocol):
    """A fitted reward model. criteria: "overall" first. groups: those with a head of their own."""

    @property
    def kind(self) -> str:
        """ "embedded" or "deep"."""
        ...

    @property
    def criteria(self) -> tuple[str, ...]:
        """What it was trained on, "overall" first."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of annotators with a head of their own."""
        ...

    def predict(self, responses: Responses, criterion: str = "overall") -> Prediction:
        """Rewards of the responses. Raises FeaturesInvalid where the model cannot read them."""
        ...

    def chances(self, difference: Floats, criterion: str = "overall") -> Floats:
        """(n, 3) chances of first, second and tie for reward differences (n,), calibrated."""
        ...

    def save(self, folder: Path, about: Mapping[str, str]) -> str:
        """Writes itself into the folder, with what is said `about` it; the SHA-256 of it."""
        ...
