import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rewardmodel.core.loss import (
    bradley_terry_loss,
    davidson_loss,
    outcome_log_probs,
    rao_kupper_log_probs,
)

reals = st.floats(-20, 20)


@given(reals, reals, st.floats(-5, 5))
def test_chances_are_davidsons(a: float, b: float, eta: float) -> None:
    """Davidson (1970), equation 2.3, with worths pi = exp(reward) and nu = exp(eta)."""
    first, second, nu = math.exp(a), math.exp(b), math.exp(eta)
    total = first + second + nu * math.sqrt(first * second)
    expected = [first / total, second / total, nu * math.sqrt(first * second) / total]
    found = outcome_log_probs(
        torch.tensor([a - b], dtype=torch.float64), torch.tensor(eta, dtype=torch.float64)
    ).exp()[0]
    assert found.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert float(found.sum()) == pytest.approx(1)


def test_without_ties_it_is_bradley_terry() -> None:
    difference = torch.linspace(-5, 5, 11).double()
    log_p = outcome_log_probs(difference, torch.tensor(-60.0).double())
    assert torch.allclose(log_p[:, 0].exp(), torch.sigmoid(difference))
    counts = torch.zeros(11, 3).double()
    counts[:, 0] = 1
    with_ties = davidson_loss(difference, torch.tensor(-60.0).double(), counts) / 11
    assert float(with_ties) == pytest.approx(
        float(bradley_terry_loss(difference, torch.zeros(11).double()))
    )


def test_the_loss_of_counts_is_that_of_each_vote() -> None:
    difference, eta = torch.tensor([0.3, -1.2]).double(), torch.tensor(0.4).double()
    counts = torch.tensor([[2.0, 1.0, 3.0], [0.0, 4.0, 1.0]]).double()
    log_p = outcome_log_probs(difference, eta)
    one_by_one = -sum(
        float(log_p[pair, outcome]) * float(counts[pair, outcome])
        for pair, outcome in itertools.product(range(2), range(3))
    )
    assert float(davidson_loss(difference, eta, counts)) == pytest.approx(one_by_one)


def test_gradients_are_right() -> None:
    difference = torch.randn(5, dtype=torch.float64, requires_grad=True)
    eta = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    counts = torch.rand(5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda d, e: davidson_loss(d, e, counts), (difference, eta))


def test_a_margin_asks_for_more() -> None:
    chosen, rejected = torch.tensor([2.0]), torch.tensor([1.0])
    assert bradley_terry_loss(chosen, rejected, 0.5) > bradley_terry_loss(chosen, rejected)


@given(reals, reals, st.floats(0.01, 4))
def test_chances_are_rao_and_kuppers(a: float, b: float, threshold: float) -> None:
    """Rao and Kupper (1967), with worths pi = exp(reward) and theta = exp(threshold)."""
    first, second, theta = math.exp(a), math.exp(b), math.exp(threshold)
    wins = first / (first + theta * second)
    loses = second / (second + theta * first)
    tie = first * second * (theta**2 - 1) / (first + theta * second) / (second + theta * first)
    found = rao_kupper_log_probs(
        torch.tensor([a - b], dtype=torch.float64), torch.tensor(threshold, dtype=torch.float64)
    ).exp()[0]
    assert found.tolist() == pytest.approx([wins, loses, tie], rel=1e-7, abs=1e-12)
    assert float(found.sum()) == pytest.approx(1)
