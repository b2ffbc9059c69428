"""What would the reward model be without one person? Everybody's pull on it, without refitting.

Leaving a person's votes out moves the optimum by about one Newton step with the curvature that is
left: w - H_without^-1 g_without. A few more steps with the same curvature and the true gradient
bring it there for people with many votes too. Tie strength stays as it is, and what rankings and
"both bad" say is taken by its curvature. Source: Beirami et al. (2017), On optimal generalizability
in parametric learning, arXiv:1711.05323, equation 14, for the first step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from rewardmodel.core.head import RewardHead
from rewardmodel.core.likelihood import davidson_slope, davidson_terms
from rewardmodel.core.measures import Figure, log_losses, mean_over_prompts
from rewardmodel.core.pairs import Floats, Votes

STEPS = 6
# So many people's steps are taken at once: more do not fit a cache.
TOGETHER = 16
METHOD = (
    "Newton's steps from the fitted weights for each person left out; held-out votes of that "
    "person are left out too. 95% percentile bootstrap over prompts"
)

Factor = tuple[NDArray[np.floating[Any]], bool]


@dataclass(frozen=True, slots=True)
class Pull:
    """What leaving out one annotator's votes does to the model.

    moved: root mean square change of the held-out pairs' reward differences, as a share of theirs.
    turned: share of these pairs where it then prefers the other response. log_loss: its rise in
    nats on the held-out votes of everybody else; below nought the model is better without.
    """

    annotator: int
    n_votes: int
    moved: float
    turned: float
    log_loss: Figure


def pulls(
    head: RewardHead, features: Floats, train: Votes, test: Votes, *, seed: int,
    most: int | None = None,
) -> tuple[Pull, ...]:  # fmt: skip
    """Who has votes in `train`, the greatest pull first; none without test votes.

    features: (N, D) of the rows that votes name. most: how many are told of, all by default.
    """
    if not len(test):
        return ()
    coordinates = head.coordinates(features)
    people = np.unique(train.annotator)
    weights = weights_without(head, coordinates, train)
    tested = coordinates[test.first] - coordinates[test.second]
    now, then = tested @ head.weights, tested @ weights.T
    loss = log_losses(head.probabilities(now), test)
    away = ((then - now[:, None]) ** 2).mean(axis=0)
    moved = np.sqrt(away / max(float((now**2).mean()), 1e-12))
    found = []
    for at in np.argsort(-moved, kind="stable")[:most].tolist():
        person = int(people[at])
        others = test.annotator != person
        rise = log_losses(head.probabilities(then[:, at]), test) - loss
        found.append(
            Pull(
                annotator=person,
                n_votes=int((train.annotator == person).sum()),
                moved=float(moved[at]),
                turned=float((np.sign(then[:, at]) != np.sign(now)).mean()),
                log_loss=mean_over_prompts(rise[others], test.where(others), seed),
            )
        )
    return tuple(found)


def weights_without(head: RewardHead, coordinates: Floats, train: Votes) -> Floats:
    """(A, k) the head's weights without each annotator's votes, in the order of their ids.

    coordinates: (N, k) of the rows that votes name.
    """
    size, people = len(head.weights), np.unique(train.annotator)
    x = coordinates[train.first] - coordinates[train.second]
    counts = np.zeros((len(train), 3))
    counts[np.arange(len(train)), train.outcome] = train.weight
    terms = davidson_terms(x @ head.weights, head.eta, counts)
    joint = head.covariance if head.joint is None else head.joint
    whole = np.asarray(np.linalg.inv(joint)[:size, :size], dtype=float)
    elsewhere = whole - (x * terms.curvature[:, None]).T @ x
    found = np.zeros((len(people), size))
    for start in range(0, len(people), TOGETHER):
        some = people[start : start + TOGETHER]
        own = train.annotator[:, None] == some
        left = [_left(whole, x[mask], terms.curvature[mask]) for mask in own.T]
        change = _solved(left, x.T @ (terms.by_difference[:, None] * own))
        for _ in range(STEPS - 1):
            then = davidson_slope(x @ (head.weights[:, None] + change), head.eta, counts)
            then[own] = 0.0
            slope = elsewhere @ change + x.T @ (then - terms.by_difference[:, None])
            change = change - _solved(left, slope)
        found[start : start + TOGETHER] = head.weights + change.T
    return found


def _left(whole: Floats, own: Floats, curvature: Floats) -> Factor:
    """Cholesky's factor of the curvature that is left without a person's own rows."""
    return cho_factor(whole - (own * curvature[:, None]).T @ own)


def _solved(factors: Sequence[Factor], right: Floats) -> Floats:
    """(k, a) each column by its own factor."""
    columns = [cho_solve(factor, column) for factor, column in zip(factors, right.T, strict=True)]
    return np.column_stack(columns)
