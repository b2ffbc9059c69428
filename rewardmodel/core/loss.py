"""The Bradley-Terry likelihood with ties (Davidson), as a softmax over three outcomes.

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
