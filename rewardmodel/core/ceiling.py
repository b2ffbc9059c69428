"""How far can a model get? As far as people agree with one another on the same pairs.

A vote is predicted in two ways that leave its annotator out: by one other annotator of the same
pair, drawn at random (what one person can do), and by the majority of all others (what a crowd
can do). A model that equals the first is as good as asking one more person; the second is the
ceiling, up to the noise of small majorities.
"""

from dataclasses import dataclass

import numpy as np

from rewardmodel.core.measures import Figure, credit, mean_over_prompts, right
from rewardmodel.core.pairs import FIRST, TIE, Floats, Votes

METHOD = (
    "Each decided vote on a pair that others judged too is predicted by the others; a tie among "
    "them counts one half. 95% bootstrap over prompts, paired where two are compared"
)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Accuracy over the same decided votes; `against_*` are the model minus people, paired."""

    one_person: Figure
    majority: Figure
    model: Figure
    against_person: Figure
    against_majority: Figure
    method: str = METHOD


def ceiling(probabilities: Floats, votes: Votes, *, seed: int) -> Ceiling:
    """People and model on the decided votes whose pair somebody else decided or tied as well.

    probabilities: (n, 3), the model's chances for the n votes, which may be of both orders.
    """
    person, crowd, told = leave_one_out(votes)
    some = told & (votes.outcome != TIE)
    part = votes.where(some)
    mine = right(probabilities[some], part)
    return Ceiling(
        one_person=mean_over_prompts(person[some], part, seed),
        majority=mean_over_prompts(crowd[some], part, seed),
        model=mean_over_prompts(mine, part, seed),
        against_person=mean_over_prompts(mine - person[some], part, seed),
        against_majority=mean_over_prompts(mine - crowd[some], part, seed),
    )


def leave_one_out(votes: Votes) -> tuple[Floats, Floats, np.ndarray]:
    """(n,) chance that one other agrees, credit of the others' majority, and whether others are.

    Votes of one annotator on one pair (a repeat, a ranking's two readings) are left out together,
    so nobody agrees with themselves.
    """
    swap = votes.first > votes.second
    flipped = np.where(votes.outcome == TIE, TIE, np.where(swap, 1 - votes.outcome, votes.outcome))
    ordered = Votes(
        np.where(swap, votes.second, votes.first), np.where(swap, votes.first, votes.second),
        flipped, np.ones(len(votes)), votes.prompt, votes.annotator,
    )  # fmt: skip
    whole = _counts_of_each(ordered)
    own = _counts_of_each(ordered, by_annotator=True)
    others = whole - own
    total = others.sum(axis=1)
    some = total > 0
    rows = np.arange(len(votes))
    tied = others[:, TIE] / 2
    person = (others[rows, flipped] + np.where(flipped == TIE, 0.0, tied)) / np.maximum(total, 1)
    crowd = credit(others[:, 0] - others[:, 1], flipped == FIRST)
    return person, crowd, some


def _counts_of_each(votes: Votes, *, by_annotator: bool = False) -> Floats:
    """(n, 3) outcomes of each vote's pair, all annotators' or its own annotator's."""
    keys = np.column_stack(
        [votes.first, votes.second, votes.annotator if by_annotator else np.zeros(len(votes))]
    )
    if not len(votes):
        return np.zeros((0, 3))
    _, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    size = int(group.max()) + 1
    counts = np.bincount(group * 3 + votes.outcome, minlength=3 * size).reshape(size, 3)
    return np.asarray(counts[group], dtype=float)
