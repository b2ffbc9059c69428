"""Whose votes move the reward model, and whether it would be better without them."""

from dataclasses import asdict
from typing import Any

import numpy as np

from rewardmodel.core import people_influence
from rewardmodel.core.embedded import EmbeddedRewardModel
from rewardmodel.jobs import evaluation_facts
from rewardmodel.jobs.evaluation_subject import Subject

KEPT = 30


def people(subject: Subject) -> dict[str, Any] | None:
    """The 30 people with the greatest pull; None of a model whose fit is no single optimum.

    LLM judges are no people, and are left out of the list.
    """
    if not isinstance(subject.model, EmbeddedRewardModel):
        return None
    train, held_out = (
        votes.where(evaluation_facts.of_people(votes))
        for votes in (subject.train, subject.held_out)
    )
    features = subject.responses.features
    found = people_influence.pulls(
        subject.model.head(), features, train, held_out, seed=subject.seed, most=KEPT
    )
    return {
        "n_people": len(np.unique(train.annotator)) if found else 0,
        "method": people_influence.METHOD,
        "pulls": [asdict(each) for each in found],
    }
