"""What a reward network is trained on: votes on differences of rewards, ties and margins included.

Davidson (1970), JASA 65, equation 2.3: first, second and tie in proportion exp(d/2), exp(-d/2), nu.
Rao and Kupper (1967), JASA 62, equation 2.2: with a threshold kappa > 0, first sigmoid(d - kappa),
second sigmoid(-d - kappa), tie the rest, exp(2 kappa) - 1 times the product of these two.
Both give sigmoid(d) where ties do not occur (nu = 0, kappa = 0).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from rewardmodel.core.deep_settings import Ties
from rewardmodel.core.loss import outcome_log_probs, rao_kupper_log_probs
from rewardmodel.core.pairs import FIRST, SECOND


def vote_log_probs(difference: Tensor, eta: Tensor, ties: Ties) -> Tensor:
    """Log-probabilities (n, 3) of first, second, tie; differences and tie parameters (n,)."""
    if ties == "davidson":
        return outcome_log_probs(difference, eta)
    return rao_kupper_log_probs(difference, softplus(eta))


def votes_loss(
    difference: Tensor, eta: Tensor, outcome: Tensor, margin: Tensor, ties: Ties
) -> Tensor:
    """Negative log-likelihood (n,) of each vote.

    difference: (n,) reward of the first less that of the second. margin: (n,) >= 0, taken off
    the winner's lead before it is judged (Touvron et al. 2023, arXiv:2307.09288, equation 2); a
    tie has none.
    """
    sign = (outcome == FIRST).to(difference.dtype) - (outcome == SECOND).to(difference.dtype)
    logs = vote_log_probs(difference - sign * margin, eta, ties)
    return -logs.gather(1, outcome[:, None]).squeeze(1)


def centring_loss(first: Tensor, second: Tensor) -> Tensor:
    """Squared sums of the pairs' rewards, of any shape: least where rewards are around zero."""
    return (first + second) ** 2


def information(difference: Tensor, eta: Tensor, ties: Ties) -> Tensor:
    """(n,) what one vote is expected to tell of the difference: the Fisher information at it."""
    p = vote_log_probs(difference, eta, ties).exp()
    if ties == "davidson":
        lead = p[:, FIRST] - p[:, SECOND]
        slopes = torch.stack([(1 - lead) / 2, (-1 - lead) / 2, -lead / 2], dim=1)
    else:
        first, second = p[:, FIRST], p[:, SECOND]
        slopes = torch.stack([1 - first, second - 1, second - first], dim=1)
    return (p * slopes**2).sum(dim=1)


def tie_parameter(share: float, ties: Ties) -> float:
    """The eta at which two equal rewards tie with the chance `share`, 0 < share < 1.

    Davidson: nu / (2 + nu) = share. Rao-Kupper: tanh(kappa / 2) = share.
    """
    if ties == "davidson":
        return math.log(2 * share / (1 - share))
    return math.log(math.expm1(2 * math.atanh(share)))
