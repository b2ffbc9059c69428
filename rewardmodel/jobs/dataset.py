"""From tables to arrays: judged pairs, cached features, lengths."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db.models.functions import Length

from annotation.core.preferences import Preference
from annotation.models import Completion, Project, Prompt
from annotation.selectors import judgments as judgment_selectors
from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints, Votes
from rewardmodel.models import CompletionFeature


@dataclass(frozen=True, slots=True)
class Dataset:
    """Votes over the rows of one feature matrix.

    keys: the completion of each row. features: (N, D). lengths: (N,) characters.
    """

    keys: tuple[int, ...]
    features: Floats
    lengths: Ints
    train: Votes
    held_out: Votes
    n_judgments: int
    n_preferences: int


def load(
    project: Project,
    *,
    extractor: str,
    cutoff_id: int,
    include_simulated: bool,
    as_of: datetime | None = None,
) -> Dataset:
    """The project's judged pairs as they stood at the cutoff, split by prompt.

    Who is quarantined is asked as of `as_of`, so that a training can be repeated as it was.
    """
    preferences = judgment_selectors.preferences(
        project, include_simulated=include_simulated, cutoff_id=cutoff_id, as_of=as_of
    )
    keys = tuple(sorted({key for p in preferences for key in (p.winner_id, p.loser_id)}))
    votes = votes_of(preferences, {key: row for row, key in enumerate(keys)})
    held = np.array(
        sorted(
            Prompt.objects.filter(project=project, is_held_out=True).values_list("pk", flat=True)
        ),
        dtype=np.int64,
    )
    is_held_out = np.isin(votes.prompt, held)
    return Dataset(
        keys=keys,
        features=feature_matrix(extractor, keys),
        lengths=text_lengths(keys),
        train=votes.where(~is_held_out),
        held_out=votes.where(is_held_out),
        n_judgments=len({p.judgment_id for p in preferences}),
        n_preferences=len(preferences),
    )


def votes_of(preferences: Sequence[Preference], row_of: dict[int, int]) -> Votes:
    """Preferences as votes; of each pair the completion that is older comes first."""

    def outcome(p: Preference) -> int:
        if p.is_tie:
            return TIE
        return FIRST if p.winner_id < p.loser_id else SECOND

    rows = [
        (
            row_of[min(p.winner_id, p.loser_id)],
            row_of[max(p.winner_id, p.loser_id)],
            outcome(p),
            p.prompt_id,
            p.annotator_id,
        )
        for p in preferences
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    weight = np.array([p.weight for p in preferences], dtype=float)
    return Votes(table[:, 0], table[:, 1], table[:, 2], weight, table[:, 3], table[:, 4])


def policy_votes(preferences: Sequence[Preference]) -> Votes:
    """The same votes, between the policies that wrote the completions."""
    keys = {key for p in preferences for key in (p.winner_id, p.loser_id)}
    policy_of = dict(Completion.objects.filter(pk__in=keys).values_list("pk", "policy_id"))
    return votes_of(preferences, policy_of)


def feature_matrix(extractor: str, keys: Sequence[int]) -> Floats:
    """(N, D) cached features in the order of `keys`. Raises FeaturesInvalid if one is missing."""
    stored = dict(
        CompletionFeature.objects.filter(extractor=extractor, completion_id__in=keys).values_list(
            "completion_id", "vector"
        )
    )
    missing = [key for key in keys if key not in stored]
    if missing:
        raise FeaturesInvalid(f"{len(missing)} completions have no features of {extractor} yet.")
    rows = [np.frombuffer(stored[key], dtype="<f4") for key in keys]
    return np.stack(rows).astype(float) if rows else np.zeros((0, 0))


def text_lengths(keys: Iterable[int]) -> Ints:
    """(N,) characters of the completions, in the order of `keys`."""
    found = dict(
        Completion.objects.filter(pk__in=list(keys))
        .annotate(characters=Length("text"))
        .values_list("pk", "characters")
    )
    return np.array([found[key] for key in keys], dtype=np.int64)
