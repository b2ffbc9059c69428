"""What would the reward model be without one person? Everybody's pull on it, without refitting.

Leaving a person's votes out moves the optimum by about one Newton step with the curvature that is
left: w - H_without^-1 g_without. A few more steps with the same curvature and the true gradient
bring it there for people with many votes too. Tie strength stays as it is, and what rankings and
"both bad" say is taken by its curvature. Source: Beirami et al. (2017), On optimal generalizability
in parametric learning, arXiv:1711.05323, equation 14, for the first step.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from rewardmodel.core.head import RewardHead
from rewardmodel.core.likelihood import davidson_terms
from rewardmodel.core.measures import Figure, log_losses, mean_over_prompts
from rewardmodel.core.pairs import Floats, Votes

STEPS = 6
METHOD = (
    "Newton's steps from the fitted weights for each person left out; held-out votes of that "
    "person are left out too. 95% percentile bootstrap over prompts"
)


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
    head: RewardHead, features: Floats, train: Votes, test: Votes, *, seed: int
) -> tuple[Pull, ...]:
    """Everybody who has votes in `train`, the greatest pull first; none without test votes.

    features: (N, D) of the rows that votes name.
    """
    if not len(test):
        return ()
    coordinates = head.coordinates(features)
    people = np.unique(train.annotator)
    weights = weights_without(head, coordinates, train)
    tested = coordinates[test.first] - coordinates[test.second]
    now = tested @ head.weights
    loss = log_losses(head.probabilities(now), test)
    found = []
    for person, weight in zip(people.tolist(), weights, strict=True):
        then = tested @ weight
        others = test.annotator != person
        rise = log_losses(head.probabilities(then), test) - loss
        found.append(
            Pull(
                annotator=person,
                n_votes=int((train.annotator == person).sum()),
                moved=float(np.sqrt(((then - now) ** 2).mean() / max((now**2).mean(), 1e-12))),
                turned=float((np.sign(then) != np.sign(now)).mean()),
                log_loss=mean_over_prompts(rise[others], test.where(others), seed),
            )
        )
    return tuple(sorted(found, key=lambda pull: (-pull.moved, pull.annotator)))


def weights_without(head: RewardHead, coordinates: Floats, train: Votes) -> Floats:
    """(A, k) the head's weights without each annotator's votes, in the order of their ids.

    coordinates: (N, k) of the rows that votes name.
    """
    size, people = len(head.weights), np.unique(train.annotator)
    x = coordinates[train.first] - coordinates[train.second]
    counts = np.zeros((len(train), 3))
    counts[np.arange(len(train)), train.outcome] = train.weight
    terms = davidson_terms(x @ head.weights, head.eta, counts)
    whole = np.linalg.inv(head.covariance if head.joint is None else head.joint)[:size, :size]
    elsewhere = whole - (x * terms.curvature[:, None]).T @ x
    found = []
    for person in people:
        own = train.annotator == person
        left = cho_factor(whole - (x[own] * terms.curvature[own][:, None]).T @ x[own])
        change = cho_solve(left, x[own].T @ terms.by_difference[own])
        for _ in range(STEPS - 1):
            then = davidson_terms(x @ (head.weights + change), head.eta, counts).by_difference
            slope = elsewhere @ change + x.T @ (np.where(own, 0.0, then) - terms.by_difference)
            change = change - cho_solve(left, slope)
        found.append(head.weights + change)
    return np.array(found).reshape(-1, size)
