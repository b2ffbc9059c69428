"""What a training is worth, measured on prompts from which it did not learn; and may it be used?

The held-out prompts speak where there are enough of them. Else every vote is predicted by a model
that did not learn from its prompt (folds), which `where` says beside the figures.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rewardmodel.core import calibration, ceiling, evaluate, evaluate_slices, look_of_reward
from rewardmodel.core.errors import NotEnoughData
from rewardmodel.core.head import prompt_folds
from rewardmodel.core.measures import FEW_PROMPTS
from rewardmodel.core.pairs import TIE, Floats, Votes
from rewardmodel.core.promotion import Promotion, decide
from rewardmodel.core.reward_model import OUT_OF_DISTRIBUTION, Prediction, Responses
from rewardmodel.jobs import evaluation_facts
from rewardmodel.jobs.evaluation_facts import ResponseFacts
from rewardmodel.jobs.evaluation_people import people
from rewardmodel.jobs.evaluation_pressure import best_of_n, drift, swap_and_rewording
from rewardmodel.jobs.evaluation_subject import (
    HELD_OUT,
    Incumbent,
    Predicted,
    Reader,
    Subject,
    everything,
    predicted,
)

FOLDS = 5
FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)


def metrics(
    subject: Subject, incumbent: Incumbent | None = None, *, read: Reader | None = None,
    decision: Promotion | None = None,
) -> dict[str, object]:  # fmt: skip
    """Everything that is measured of a training, JSON-safe, each figure with interval and n.

    read: gives features of texts that are not stored, to see what harmless rewording does; None
    where nothing can be read now. decision: the gate's, where it is known.
    """
    held_out = predicted(subject.model, subject.responses, subject.held_out)
    folds = _folds(subject)
    tested = held_out if _is_enough(subject.held_out) else folds or held_out
    rates = evaluate.outcome_rates(subject.train)
    seen = _seen(subject)
    facts = seen.facts
    return {
        "where": HELD_OUT if tested is held_out else "folds",
        "held_out": _evaluation(subject, held_out, rates).to_dict(),
        "cross_validation": _crossed(subject, folds).to_dict(),
        "learning_curve": _learning_curve(subject),
        "ceiling": _ceiling(subject, tested),
        "previous": _previous(subject, incumbent, decision),
        "calibration": _calibration(subject, tested),
        **_slices(subject, tested, facts),
        "look": _look(subject, tested, seen),
        "best_of_n": best_of_n(subject, seen.whole, seen.of_whole.prompts),
        "consistency": swap_and_rewording(subject, seen.own.mean, read),
        "drift": drift(subject, tested, facts, seen.own.novelty),
        "out_of_distribution": _novel(seen),
        "criteria": _criteria(subject),
        "groups": list(subject.model.groups),
        "people": people(subject),
        "n_train_votes": len(subject.train),
        "n_held_out_votes": len(subject.held_out),
    }


def gate(subject: Subject, incumbent: Incumbent | None) -> Promotion:
    """Whether the model may go into use: see `rewardmodel.core.promotion`."""
    mine = predicted(subject.model, subject.responses, subject.held_out).after
    theirs = None if incumbent is None else incumbent.probabilities
    masks = {
        f"{dimension}: {label}": mask
        for dimension, labels in evaluation_facts.groups(subject.project, subject.held_out).items()
        for label, mask in labels.items()
    }
    return decide(
        mine, theirs, subject.held_out, seed=subject.seed, groups=masks,
        unknown="" if incumbent is None else incumbent.unknown,
    )  # fmt: skip


def _is_enough(votes: Votes) -> bool:
    return len(np.unique(votes.prompt[votes.outcome != TIE])) >= FEW_PROMPTS


def _folds(subject: Subject) -> Predicted | None:
    """Every training vote predicted by a model that never saw its prompt; None without refits."""
    votes = subject.train
    if subject.refit is None or len(np.unique(votes.prompt)) < 2:
        return None
    found = Predicted.empty(votes)
    for mask in prompt_folds(votes.prompt, FOLDS, subject.seed + 1):
        try:
            model = subject.refit(votes.where(~mask))
        except NotEnoughData:
            continue
        found.fill(mask, predicted(model, subject.responses, votes.where(mask)))
    return found


def _evaluation(subject: Subject, tested: Predicted, rates: Floats | None) -> evaluate.Evaluation:
    return evaluate.evaluate(
        tested.after, tested.votes, subject.responses.lengths, seed=subject.seed, base_rates=rates
    )


def _crossed(subject: Subject, folds: Predicted | None) -> evaluate.Evaluation:
    if folds is None:
        nobody = subject.train.where(np.zeros(len(subject.train), dtype=bool))
        return _evaluation(subject, Predicted.empty(nobody), None)
    return _evaluation(subject, folds, evaluate.outcome_rates(subject.train))


def _learning_curve(subject: Subject) -> list[dict[str, Any]]:
    """Quality on the held-out votes after random shares of the training votes, nested."""
    train, test = subject.train, subject.held_out
    if subject.refit is None or not len(test):
        return []
    order = np.random.default_rng(subject.seed).permutation(len(train))
    points = []
    for fraction in FRACTIONS:
        mask = np.zeros(len(train), dtype=bool)
        mask[order[: max(1, round(fraction * len(train)))]] = True
        try:
            model = subject.model if fraction == 1.0 else subject.refit(train.where(mask))
        except NotEnoughData:
            continue
        found = _evaluation(subject, predicted(model, subject.responses, test), None)
        points.append(asdict(evaluate.CurvePoint(int(mask.sum()), found.accuracy, found.log_loss)))
    return points


def _ceiling(subject: Subject, tested: Predicted) -> dict[str, Any]:
    """Of people only: LLM judges agree with themselves, which is no ceiling."""
    mask = evaluation_facts.of_people(tested.votes)
    found = ceiling.ceiling(tested.after[mask], tested.votes.where(mask), seed=subject.seed)
    return asdict(found)


def _previous(
    subject: Subject, incumbent: Incumbent | None, decision: Promotion | None
) -> dict[str, Any] | None:
    if incumbent is None:
        return None
    base: dict[str, Any] = {"checkpoint": incumbent.checkpoint, "unknown": incumbent.unknown}
    change = (decision or gate(subject, incumbent)).change
    return base | (change.to_dict() if change is not None else {})


def _calibration(subject: Subject, tested: Predicted) -> dict[str, Any]:
    before = calibration.reliability(tested.before, tested.votes, seed=subject.seed)
    after = calibration.reliability(tested.after, tested.votes, seed=subject.seed)
    note = "" if subject.temperature is not None else "This model has no temperature of its own."
    return asdict(calibration.Calibration(before, after, subject.temperature, note))


def _slices(subject: Subject, tested: Predicted, facts: ResponseFacts) -> dict[str, Any]:
    known = evaluation_facts.dimensions(subject.project, tested.votes, facts)
    found = evaluate_slices.slices(tested.after, tested.votes, known, seed=subject.seed)
    worst = evaluate_slices.worst(found)
    return {
        "slices": [asdict(each) for each in found],
        "worst_slice": None if worst is None else asdict(worst),
    }


@dataclass(frozen=True, slots=True)
class _Seen:
    """The judged responses, and the whole of them, each looked at and predicted once."""

    facts: ResponseFacts
    own: Prediction
    whole: Responses
    of_whole: ResponseFacts
    predicted: Prediction


def _seen(subject: Subject) -> _Seen:
    whole, own = everything(subject), subject.model.predict(subject.responses)
    if whole is subject.responses:
        facts = evaluation_facts.response_facts(whole.keys)
        return _Seen(facts, own, whole, facts, own)
    judged = subject.responses.keys
    known = evaluation_facts.response_facts(tuple(sorted({*whole.keys, *judged})))
    return _Seen(known.of(judged), own, whole, known.of(whole.keys), subject.model.predict(whole))


def _look(subject: Subject, tested: Predicted, seen: _Seen) -> dict[str, Any]:
    """Correlation of the reward with length and format, and how often either decides."""
    found = look_of_reward.correlations(
        seen.predicted.mean, seen.of_whole.prompts, seen.of_whole.looks, seed=subject.seed
    )
    length = seen.facts.looks["length"]
    picks = evaluate_slices.picks(tested.after, tested.votes, length, seed=subject.seed)
    return {"correlations": [asdict(each) for each in found], "picks": asdict(picks)}


def _novel(seen: _Seen) -> dict[str, Any]:
    """How many of the project's responses lie outside what was learned from."""
    novelty = seen.predicted.novelty
    outside = novelty > OUT_OF_DISTRIBUTION
    order = np.argsort(-novelty, kind="stable")[:10]
    return {
        "n": len(seen.whole),
        "outside": int(outside.sum()),
        "threshold": OUT_OF_DISTRIBUTION,
        "furthest": [seen.whole.keys[at] for at in order.tolist() if outside[at]],
    }


def _criteria(subject: Subject) -> list[dict[str, Any]]:
    """Each criterion's own head on the held-out prompts; one that nobody judged says so."""
    found = []
    for criterion in subject.project.criteria.all():
        votes = subject.criteria.get(criterion.key)
        row: dict[str, Any] = {"key": criterion.key, "name": criterion.name}
        if criterion.key not in subject.model.criteria:
            row["note"] = "It has no head of its own: nobody has judged it, or too few have."
        elif votes is not None:
            tested = predicted(subject.model, subject.responses, votes, criterion.key)
            row["evaluation"] = _evaluation(subject, tested, None).to_dict()
        found.append(row)
    return found
