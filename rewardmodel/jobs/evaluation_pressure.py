"""What becomes of a reward under pressure: picking by it, rewording, and a world that moves."""

from dataclasses import asdict
from typing import Any

import numpy as np

from annotation.models import Completion
from rewardmodel.core import best_of_n as pressing
from rewardmodel.core import rewording, shift
from rewardmodel.core.errors import NotEnoughData, RewardModelError
from rewardmodel.core.pairs import Floats, Ints
from rewardmodel.core.reward_model import Responses, Text
from rewardmodel.jobs import evaluation_facts
from rewardmodel.jobs.evaluation_facts import ResponseFacts
from rewardmodel.jobs.evaluation_subject import Predicted, Reader, Subject

REWORDED = 20
ENOUGH_UNSEEN = 30
NO_REFIT = "Left out: fitting this model again for each half would take too long."
NOT_READ = (
    "Left out of trainings by schedule, so that the loop stays quick. Train by hand to measure it."
)


def best_of_n(subject: Subject, whole: Responses, prompts: Ints) -> dict[str, Any]:
    """Proxy and judge learn from parts of the prompts that share none; picks on all others.

    prompts: (N,) of the whole responses. Where enough of them have no vote in training, those are
    picked from and the others halved; else the prompts take turns in three parts.
    """
    if subject.refit is None:
        return {"points": [], "note": NO_REFIT}
    try:
        splits = [
            _judged(subject, whole, prompts, proxy, gold)
            for proxy, gold in _parts(subject, prompts)
        ]
    except NotEnoughData as error:
        return {"points": [], "note": error.message}
    return asdict(pressing.best_of_n(splits, seed=subject.seed))


def swap_and_rewording(subject: Subject, mean: Floats, read: Reader | None) -> dict[str, Any]:
    """Is it the same whichever is shown first, and whatever a reader would not mind?

    mean: (N,) rewards of the judged responses.
    """
    votes = subject.held_out if len(subject.held_out) else subject.train
    difference = mean[votes.first] - mean[votes.second]
    found: dict[str, Any] = {
        "swap": rewording.swap_error(subject.model.chances, difference),
        "n_swapped": len(votes),
    }
    if read is None:
        return found | {"note": NOT_READ}
    firsts = [subject.responses.keys[row] for row in votes.first.tolist()]
    places = rewording.sample(REWORDED, votes.prompt.tolist(), firsts, subject.seed)
    if not places:
        return found | {"note": "There is no vote to try it on."}
    rows, others = votes.first[places], votes.second[places]
    texts = _texts([subject.responses.keys[row] for row in rows.tolist()])
    changed = [Text(each.messages, rewording.reworded(each.text)) for each in texts]
    try:
        after = subject.model.predict(_as_read(subject, rows, changed, read)).mean
    except RewardModelError as error:
        return found | {"note": error.message}
    result = rewording.consistency(mean[rows], after, mean[others], float(mean.std()))
    return found | {"rewording": asdict(result)}


def drift(
    subject: Subject, tested: Predicted, facts: ResponseFacts, novelty: Floats
) -> dict[str, Any]:
    """The newest batches against those before them; novelty: (N,) of the judged responses."""
    found, batch_of = evaluation_facts.batches(subject.project, facts, tested.votes)
    shifts = shift.shifts(
        found, subject.responses.features, facts.prompts,
        novelty,
        probabilities=tested.after, votes=tested.votes, batch_of=batch_of, seed=subject.seed,
    )  # fmt: skip
    return {"shifts": [asdict(each) for each in shifts], "has_drift": shift.has_drift(shifts)}


def _parts(subject: Subject, prompts: Ints) -> list[tuple[Ints, Ints]]:
    """Prompts of proxy and judge, several times."""
    voted = np.unique(subject.train.prompt)
    np.random.default_rng([abs(subject.seed), 7]).shuffle(voted)
    unseen, counts = np.unique(prompts[~np.isin(prompts, voted)], return_counts=True)
    if (counts >= pressing.LEAST_RESPONSES).sum() >= ENOUGH_UNSEEN and len(unseen):
        one, other = np.array_split(voted, 2)
        return [(one, other), (other, one)]
    thirds = np.array_split(voted, 3)
    return [(thirds[at], thirds[(at + 1) % 3]) for at in range(3)]


def _judged(
    subject: Subject, whole: Responses, prompts: Ints, proxy: Ints, gold: Ints
) -> pressing.Judged:
    if subject.refit is None:
        raise NotEnoughData(NO_REFIT)
    votes = subject.train
    rest = np.flatnonzero(~np.isin(prompts, np.concatenate([proxy, gold])))
    asked = whole.at(rest)
    one = subject.refit(votes.where(np.isin(votes.prompt, proxy))).predict(asked)
    other = subject.refit(votes.where(np.isin(votes.prompt, gold))).predict(asked)
    return pressing.Judged(one.mean, one.sd, other.mean, prompts[rest])


def _texts(keys: list[int]) -> list[Text]:
    rows = {
        each.pk: Text(each.prompt.messages, each.text)
        for each in Completion.objects.filter(pk__in=keys).select_related("prompt").defer("html")
    }
    return [rows[key] for key in keys]


def _as_read(subject: Subject, rows: Ints, texts: list[Text], read: Reader) -> Responses:
    keys = tuple(subject.responses.keys[row] for row in rows.tolist())
    lengths = np.array([len(each.text) for each in texts], dtype=np.int64)
    features = read(texts) if subject.extractor else np.zeros((len(texts), 0))
    return Responses(keys, features, lengths, texts)
