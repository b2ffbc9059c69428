"""Tie likelihoods by brute force, gradients by finite differences, informations by derivatives."""

import math

import numpy as np
import pytest
import torch

from rewardmodel.core.deep_loss import (
    information,
    tie_parameter,
    vote_log_probs,
    votes_loss,
)
from rewardmodel.core.pairs import FIRST, SECOND, TIE

TIES = ["davidson", "rao-kupper"]
DIFFERENCES = torch.tensor([-3.0, -0.4, 0.0, 0.7, 5.0], dtype=torch.float64)
ETA = torch.tensor([-1.0, 0.3, 0.0, 1.2, -0.5], dtype=torch.float64)


def brute_force(difference: float, eta: float, ties: str) -> list[float]:
    """The papers' own formulas, in strengths pi = exp(reward)."""
    first, second = math.exp(difference / 2), math.exp(-difference / 2)
    if ties == "davidson":
        nu = math.exp(eta)
        drawn = nu * math.sqrt(first * second)
        whole = first + second + drawn
        return [first / whole, second / whole, drawn / whole]
    theta = math.exp(math.log1p(math.exp(eta)))
    drawn = first * second * (theta**2 - 1)
    drawn /= (first + theta * second) * (theta * first + second)
    return [first / (first + theta * second), second / (second + theta * first), drawn]


@pytest.mark.parametrize("ties", TIES)
def test_the_chances_are_those_of_the_papers(ties):
    found = vote_log_probs(DIFFERENCES, ETA, ties).exp()
    wanted = [brute_force(float(d), float(e), ties) for d, e in zip(DIFFERENCES, ETA, strict=True)]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10)
    np.testing.assert_allclose(found.sum(dim=1).numpy(), 1.0, rtol=1e-12)


@pytest.mark.parametrize("ties", TIES)
def test_gradients_agree_with_finite_differences(ties):
    outcome = torch.tensor([FIRST, SECOND, TIE, FIRST, TIE])
    margin = torch.tensor([0.5, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)

    def loss(difference, eta):
        return votes_loss(difference, eta, outcome, margin, ties)

    given = (DIFFERENCES.clone().requires_grad_(), ETA.clone().requires_grad_())
    assert torch.autograd.gradcheck(loss, given)


@pytest.mark.parametrize("ties", TIES)
def test_information_is_the_expected_squared_slope(ties):
    d = DIFFERENCES.clone().requires_grad_()
    chances = vote_log_probs(d, ETA, ties).exp().detach()
    wanted = torch.zeros_like(DIFFERENCES)
    for outcome in (FIRST, SECOND, TIE):
        logs = vote_log_probs(d, ETA, ties)[:, outcome]
        (slope,) = torch.autograd.grad(logs.sum(), d)
        wanted += chances[:, outcome] * slope**2
    np.testing.assert_allclose(information(DIFFERENCES, ETA, ties), wanted, rtol=1e-9)


def test_a_margin_takes_from_the_winners_lead_and_not_from_ties():
    d, eta = torch.tensor([1.0, 1.0, 1.0]), torch.zeros(3)
    outcome, margin = torch.tensor([FIRST, SECOND, TIE]), torch.tensor([0.4, 0.4, 0.4])
    found = votes_loss(d, eta, outcome, margin, "davidson")
    lower, higher = (vote_log_probs(torch.tensor([x]), eta[:1], "davidson")[0] for x in (0.6, 1.4))
    tie = vote_log_probs(torch.tensor([1.0]), eta[:1], "davidson")[0, TIE]
    torch.testing.assert_close(found, -torch.stack([lower[FIRST], higher[SECOND], tie]))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("share", [0.02, 1 / 3, 0.9])
def test_the_tie_parameter_gives_equal_rewards_their_share_of_ties(ties, share):
    eta = torch.tensor([tie_parameter(share, ties)], dtype=torch.float64)
    chance = vote_log_probs(torch.zeros(1, dtype=torch.float64), eta, ties)[0, TIE].exp()
    assert float(chance) == pytest.approx(share)


@pytest.mark.parametrize("ties", TIES)
def test_without_ties_both_are_bradley_terry(ties):
    eta = torch.full((5,), -40.0, dtype=torch.float64)
    found = vote_log_probs(DIFFERENCES, eta, ties)[:, FIRST].exp()
    torch.testing.assert_close(found, torch.sigmoid(DIFFERENCES))
