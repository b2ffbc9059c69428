"""The Bradley-Terry likelihood with ties: Davidson's, a softmax over three, and Rao and Kupper's.

With reward difference d and tie strength eta = log(nu), the chances of "first", "second" and "tie"
are proportional to exp(d/2), exp(-d/2) and nu. Without ties this is sigmoid(d).

Source: Davidson (1970), On extending the Bradley-Terry model to accommodate ties in paired
comparison experiments, Journal of the American Statistical Association 65, equation 2.3.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def bradley_terry_loss(chosen: Tensor, rejected: Tensor, margin: Tensor | float = 0.0) -> Tensor:
    """Mean negative log-likelihood of decided pairs; rewards and margin of shape (n,)."""
    return -logsigmoid(chosen - rejected - margin).mean()


def outcome_log_probs(difference: Tensor, eta: Tensor) -> Tensor:
    """Log-probabilities (n, 3) of first, second and tie for reward differences (n,)."""
    logits = torch.stack([difference / 2, -difference / 2, eta.expand_as(difference)], dim=1)
    return logits.log_softmax(dim=1)


def davidson_loss(difference: Tensor, eta: Tensor, counts: Tensor) -> Tensor:
    """Summed negative log-likelihood of weighted outcome counts (n, 3)."""
    return -(counts * outcome_log_probs(difference, eta)).sum()


def rao_kupper_log_probs(difference: Tensor, threshold: Tensor) -> Tensor:
    """Log-probabilities (n, 3) of first, second and tie by the model of Rao and Kupper.

    With threshold t > 0, the log of their theta, first wins with chance sigmoid(d - t) and second
    with sigmoid(-d - t); the rest are ties, which are likelier the nearer the two are. Unlike
    Davidson's, its ties come from a difference too small to be felt.

    Source: Rao and Kupper (1967), Ties in paired-comparison experiments: a generalization of the
    Bradley-Terry model, Journal of the American Statistical Association 62, equations 2.1 to 2.3.
    """
    threshold = threshold.expand_as(difference)
    first, second = logsigmoid(difference - threshold), logsigmoid(-difference - threshold)
    # 1 - s(d - t) - s(-d - t) = (e^2t - 1) s(d - t) s(-d - t)
    tie = torch.log(torch.expm1(2 * threshold)) + first + second
    return torch.stack([first, second, tie], dim=1)
