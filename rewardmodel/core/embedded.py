"""The embedded reward model: a Bayesian linear head for each criterion on frozen features."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.head import RewardHead, head_arrays, head_from, load_head
from rewardmodel.core.likelihood import davidson_log_chances, predictive_chances
from rewardmodel.core.novelty import Novelty, novelty_arrays, novelty_from
from rewardmodel.core.pairs import Floats
from rewardmodel.core.reward_model import Prediction, Responses
from rewardmodel.core.tensor_files import broken, read_tensors, write_tensors

FORMAT = 1
NAME = "embedded"
OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """How an embedded model is fitted; stored with it.

    extras, texts: how many of the last columns of the features are the language model's own figures
    (log-probabilities, length in tokens) and plain facts of the text. uses_text: whether the latter
    count. debiases_length: whether what `length_columns` (from the end) tell is taken out.
    precision and shares name a prior instead of having it chosen.
    """

    dimensions: int = 128
    folds: int = 5
    seed: int = 0
    extras: int = 0
    texts: int = 0
    length_columns: tuple[int, ...] = ()
    uses_text: bool = True
    debiases_length: bool = False
    precision: float | None = None
    shares: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class CriterionHead:
    """A criterion's head, what calibrates it, and what is worth knowing of its fit.

    temperature: reward differences are divided by it before they become chances; eta: the tie
    strength that belongs to it. offsets: heads of groups of annotators, by the group's name.
    course: figures and sentences, JSON-safe.
    """

    head: RewardHead
    temperature: float
    eta: float
    offsets: Mapping[str, RewardHead] = field(default_factory=dict)
    course: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EmbeddedRewardModel:
    """Heads by criterion, "overall" first, on one projection of the features.

    left_out: a sentence for each criterion that has no head.
    """

    heads: Mapping[str, CriterionHead]
    novelty: Novelty
    config: EmbeddedConfig
    left_out: Mapping[str, str] = field(default_factory=dict)
    kind: str = "embedded"

    @property
    def criteria(self) -> tuple[str, ...]:
        """Those that have a head, "overall" first."""
        return tuple(self.heads)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of annotators that have an overall head of their own."""
        return tuple(self.heads[OVERALL].offsets)

    @property
    def temperature(self) -> float:
        """Of the overall head."""
        return self.heads[OVERALL].temperature

    def head(self, criterion: str = OVERALL, group: str | None = None) -> RewardHead:
        """The linear head itself: what acquisition needs. Raises FeaturesInvalid for an unknown
        criterion; a group that does not differ has the shared head."""
        found = self._criterion(criterion)
        return found.head if group is None else found.offsets.get(group, found.head)

    def predict(
        self, responses: Responses, criterion: str = OVERALL, group: str | None = None
    ) -> Prediction:
        """Rewards of the responses. Raises FeaturesInvalid where they were read otherwise."""
        head = self.head(criterion, group)
        if not len(responses):
            return Prediction(np.zeros(0), np.zeros(0), np.zeros(0))
        if not np.isfinite(responses.features).all():
            raise FeaturesInvalid("Some features are not finite numbers. Read them again.")
        coordinates = head.coordinates(responses.features)
        mean, sd = head.score_coordinates(coordinates)
        return Prediction(mean, sd, self.novelty.shares(coordinates))

    def chances(
        self, difference: Floats, criterion: str = OVERALL, sd: Floats | None = None
    ) -> Floats:
        """(n, 3) calibrated chances of first, second and tie for reward differences (n,).

        With their posterior `sd` (n,), averaged over it (the posterior predictive).
        """
        found = self._criterion(criterion)
        scaled = np.asarray(difference, dtype=float) / found.temperature
        if sd is None:
            return np.exp(davidson_log_chances(scaled, found.eta))
        return predictive_chances(scaled, np.asarray(sd) / found.temperature, found.eta)

    def acceptable(self, mean: Floats, criterion: str = OVERALL) -> Floats:
        """(n,) by how much rewards exceed the bar under which a tie is mostly called "both bad"."""
        return np.asarray(mean - self._criterion(criterion).head.bar)

    def save(self, folder: Path, about: Mapping[str, str]) -> str:
        """Writes itself into the folder; the SHA-256 of its arrays."""
        arrays = novelty_arrays(self.novelty)
        for criterion, found in self.heads.items():
            arrays |= _named(f"{criterion}.", found.head)
            for number, head in enumerate(found.offsets.values()):
                arrays |= _named(f"{criterion}.group{number}.", head)
        told = {
            **about, "format": FORMAT, "config": asdict(self.config),
            "left_out": dict(self.left_out),
            "criteria": [
                {
                    "key": key, "temperature": found.temperature, "eta": found.eta,
                    "groups": list(found.offsets), "course": dict(found.course),
                }
                for key, found in self.heads.items()
            ],
        }  # fmt: skip
        digest = write_tensors(folder, NAME, arrays, told)
        (folder / "kind").write_text(f"{self.kind}\n", encoding="utf-8")
        return digest

    def _criterion(self, criterion: str) -> CriterionHead:
        if criterion not in self.heads:
            raise FeaturesInvalid(
                f"This reward model was not trained on “{criterion}”.",
                hint=self.left_out.get(criterion, f"It knows {', '.join(self.heads)}."),
            )
        return self.heads[criterion]


def load_embedded(folder: Path) -> EmbeddedRewardModel:
    """What `save` wrote, or a head of before there were criteria. Raises CheckpointBroken."""
    if not (folder / f"{NAME}.json").exists() and (folder / "head.json").exists():
        return _of_one_head(load_head(folder))
    arrays, told = read_tensors(folder, NAME)
    try:
        return EmbeddedRewardModel(
            heads={each["key"]: _criterion_from(each, arrays) for each in told["criteria"]},
            novelty=novelty_from(arrays),
            config=config_from(told["config"]),
            left_out=told["left_out"],
        )
    except (KeyError, TypeError) as error:
        raise broken(folder, f"{NAME}.json and its arrays do not fit ({error})") from error


def _of_one_head(head: RewardHead) -> EmbeddedRewardModel:
    """Of these it is not known what was usual, so nothing counts as novel."""
    size = len(head.weights)
    nothing = Novelty(np.zeros(size), np.eye(size), np.zeros(0))
    config = EmbeddedConfig(dimensions=size, uses_text=False, precision=head.precision)
    return EmbeddedRewardModel({OVERALL: CriterionHead(head, 1.0, head.eta)}, nothing, config)


def _named(prefix: str, head: RewardHead) -> dict[str, Floats]:
    return {f"{prefix}{name}": array for name, array in head_arrays(head).items()}


def _criterion_from(told: Mapping[str, Any], arrays: Mapping[str, Floats]) -> CriterionHead:
    def head(prefix: str) -> RewardHead:
        own = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        return head_from(own)

    key = told["key"]
    return CriterionHead(
        head=head(f"{key}."),
        temperature=float(told["temperature"]),
        eta=float(told["eta"]),
        offsets={name: head(f"{key}.group{number}.") for number, name in enumerate(told["groups"])},
        course=told["course"],
    )


def config_from(told: Mapping[str, Any]) -> EmbeddedConfig:
    """A config that was stored as JSON; what else is stored beside it is left alone."""
    own = {name: told[name] for name in EmbeddedConfig.__slots__ if name in told}
    for name in ("length_columns", "shares"):
        if own.get(name) is not None:
            own[name] = tuple(own[name])
    return EmbeddedConfig(**own)


def with_precision(model: EmbeddedRewardModel) -> EmbeddedConfig:
    """The model's config with its overall prior named: what a refit to fewer votes uses."""
    head = model.heads[OVERALL].head
    return replace(model.config, precision=head.precision, shares=head.shares)
