"""What is evaluated: a model with its votes, its predictions, and the one in use beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db.models.functions import Length
from numpy.typing import NDArray

from annotation.models import Project
from rewardmodel.core.errors import RewardModelError
from rewardmodel.core.pairs import Floats, Votes
from rewardmodel.core.reward_model import Responses, RewardModel, Text
from rewardmodel.jobs import dataset
from rewardmodel.models import Checkpoint, CompletionFeature

HELD_OUT = "held_out"
MOST_RESPONSES = 20_000

Refit = Callable[[Votes], RewardModel]
Reader = Callable[[Sequence[Text]], Floats]


@dataclass(frozen=True, slots=True)
class Subject:
    """A fitted model and all that it is measured by.

    responses: the completions that the votes name by row. refit: fits another of the same kind to
    other votes on these rows; None where that takes too long. criteria: held-out votes by the
    criterion's key. extractor: names the cached features, "" for a model that reads texts itself.
    kept: what `everything` has read.
    """

    project: Project
    model: RewardModel
    responses: Responses
    train: Votes
    held_out: Votes
    seed: int
    extractor: str = ""
    refit: Refit | None = None
    criteria: Mapping[str, Votes] = field(default_factory=dict)
    kept: list[Responses] = field(default_factory=list, compare=False, repr=False)

    @property
    def temperature(self) -> float | None:
        """What the model divides reward differences by to be calibrated; None where it has none."""
        return temperature_of(self.model)


@dataclass(slots=True)
class Predicted:
    """Chances (n, 3) that were given to n votes, before and after the temperature."""

    votes: Votes
    before: Floats
    after: Floats

    @classmethod
    def empty(cls, votes: Votes) -> "Predicted":
        """Nothing known: every outcome as likely as any other."""
        shape = (len(votes), 3)
        return cls(votes, np.full(shape, 1 / 3), np.full(shape, 1 / 3))

    def fill(self, mask: NDArray[np.bool_], part: "Predicted") -> None:
        """Takes over predictions of the votes under the mask."""
        self.before[mask], self.after[mask] = part.before, part.after


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The checkpoint in use, and its chances (n, 3) of the held-out votes or why there are none."""

    checkpoint: int
    probabilities: Floats | None
    unknown: str = ""


def temperature_of(model: RewardModel) -> float | None:
    """The temperature of a model's overall head, where it has one."""
    found = getattr(model, "temperature", None)
    return float(found) if isinstance(found, int | float) else None


def predicted(
    model: RewardModel, responses: Responses, votes: Votes, criterion: str = "overall"
) -> Predicted:
    """The model's chances of the votes' outcomes; only what they name is read."""
    if not len(votes):
        return Predicted.empty(votes)
    rows, place = np.unique(np.concatenate([votes.first, votes.second]), return_inverse=True)
    mean = model.predict(responses.at(rows), criterion).mean[place]
    difference = mean[: len(votes)] - mean[len(votes) :]
    temperature = temperature_of(model)
    after = model.chances(difference, criterion)
    before = after
    if temperature is not None:
        before = model.chances(difference * temperature, criterion)
    return Predicted(votes, before, after)


def incumbent_of(
    subject: Subject, checkpoint: Checkpoint | None, load: Callable[[Checkpoint], RewardModel]
) -> Incumbent | None:
    """The one in use, on the same held-out votes; None where none is in use.

    Features of another reader are taken from the cache where they are still there.
    """
    if checkpoint is None:
        return None
    try:
        model = load(checkpoint)
        responses = _read_for(subject, checkpoint)
        chances = predicted(model, responses, subject.held_out).after
    except RewardModelError as error:
        return Incumbent(checkpoint.pk, None, error.message)
    return Incumbent(checkpoint.pk, chances)


def everything(subject: Subject) -> Responses:
    """All of the project's responses that have features, read once; the judged ones for a deep
    model."""
    if not subject.extractor:
        return subject.responses
    if not subject.kept:
        known = CompletionFeature.objects.filter(
            completion__prompt__project=subject.project, extractor=subject.extractor
        ).order_by("completion")
        rows = known.annotate(characters=Length("completion__text")).values_list(
            "completion_id", "vector", "characters"
        )[:MOST_RESPONSES]
        keys, vectors, characters = zip(*rows, strict=True) if rows else ((), (), ())
        features = dataset.matrix_of(subject.extractor, keys, vectors)
        subject.kept.append(Responses(keys, features, np.array(characters, dtype=np.int64)))
    return subject.kept[0]


def _read_for(subject: Subject, checkpoint: Checkpoint) -> Responses:
    same = subject.responses
    if checkpoint.extractor == subject.extractor:
        return same
    features = dataset.feature_matrix(checkpoint.extractor, same.keys)
    return Responses(same.keys, features, same.lengths, same.texts)
