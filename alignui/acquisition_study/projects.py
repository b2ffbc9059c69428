"""A project's own labels as a set to replay."""

import numpy as np

from alignui.acquisition_study.coordinates import coordinates
from alignui.acquisition_study.sets import LabelledSet, Pairs, recorded
from alignui.acquisition_study.shipped import PLAIN
from annotation.core.errors import Invalid
from annotation.models import Project
from annotation.selectors import judgments as judgment_selectors
from rewardmodel.core.pairs import FIRST, SECOND, add_up
from rewardmodel.jobs import dataset
from rewardmodel.models import CompletionFeature

FEWEST_PAIRS = 60


def project_set(project: Project) -> LabelledSet:
    """Pairs of which most judgments say who is better, on the features that are cached most.

    Raises Invalid where there are too few, or none has features.
    """
    preferences = judgment_selectors.preferences(
        project, include_simulated=project.learns_from_simulated
    )
    cached = CompletionFeature.objects.filter(completion__prompt__project=project)
    newest = cached.order_by("-id").values_list("extractor", flat=True).first()
    if newest is None:
        raise Invalid(
            "No response of this project has been read yet.", hint=f"alignui train {project.slug}"
        )
    named = {key for p in preferences for key in (p.winner_id, p.loser_id)}
    keys = sorted(dataset.features_known(newest, named))
    inside = set(keys)
    kept = [p for p in preferences if p.winner_id in inside and p.loser_id in inside]
    votes = dataset.votes_of(kept, {key: row for row, key in enumerate(keys)})
    prompt_of = np.zeros(len(keys), dtype=np.int64)
    prompt_of[votes.first] = prompt_of[votes.second] = votes.prompt
    counts = add_up(votes)
    decided = counts.counts[:, FIRST] != counts.counts[:, SECOND]
    if decided.sum() < FEWEST_PAIRS:
        raise Invalid(
            f"Only {int(decided.sum())} pairs of this project have a winner; a replay needs "
            f"{FEWEST_PAIRS}.",
            hint="Try --set pandalm, or a planted set.",
        )
    first, second = counts.first[decided], counts.second[decided]
    won = counts.counts[decided, FIRST] > counts.counts[decided, SECOND]
    pairs = Pairs(
        coordinates(dataset.feature_matrix(newest, keys), prompt_of, plain=PLAIN), first, second,
        np.unique(prompt_of[first], return_inverse=True)[1],
        np.where(won, FIRST, SECOND).astype(np.int64), np.ones(len(first), dtype=bool),
    )  # fmt: skip
    return LabelledSet(
        project.slug, f"What most people said of the pairs of {project}.", recorded(pairs)
    )
