"""What a reward network makes of texts: their final states, and a head fitted to these.

Before a network is trained, its new head is fitted to the states as they are: training then begins
where frozen features end, and its first steps do not spoil these for the sake of a random head
(Kumar et al. 2022, Fine-tuning can distort pretrained features, arXiv:2202.10054).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from rewardmodel.core.deep_data import DeepVotes, Tokens, in_length_order, padded
from rewardmodel.core.deep_network import RewardNetwork, computes_bf16
from rewardmodel.core.deep_settings import Precision
from rewardmodel.core.errors import FeaturesInvalid, NotEnoughData
from rewardmodel.core.head import HeadConfig, fit_head
from rewardmodel.core.pairs import Floats, Votes

TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 65536}


@torch.inference_mode()
def read_states(
    network: RewardNetwork, tokens: Sequence[Tokens], *, pad_id: int, precision: Precision,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:  # fmt: skip
    """(N, H) final states, read in groups of like length.

    `told` hears how many of how many were read, and may raise in order to stop. Raises
    FeaturesInvalid where a state is no number.
    """
    network.eval()
    device = network.eta.device
    found = np.zeros((len(tokens), network.head.shape[1]))
    is_bf16 = computes_bf16(device, precision)
    budget, done = TOKENS_AT_ONCE.get(device.type, TOKENS_AT_ONCE["cpu"]), 0
    for rows in in_length_order([len(row) for row in tokens], budget):
        ids, last = padded([tokens[row] for row in rows], pad_id)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_bf16):
            _, final = network(ids.to(device), last.to(device))
        found[rows] = final.double().cpu().numpy()
        done += len(rows)
        told(done, len(tokens))
    if not np.isfinite(found).all():
        raise FeaturesInvalid("The reward network gives states that are not finite numbers.")
    return found


def first_head(states: Floats, votes: DeepVotes, criteria: int, seed: int) -> Floats:
    """(criteria, H) weights of linear rewards on states (N, H), by the votes; zero without any.

    All of them are at right angles to the mean state, so that rewards begin around zero.
    """
    weights = np.zeros((criteria, states.shape[1]))
    mean = states.mean(axis=0)
    away = mean / max(float(np.linalg.norm(mean)), 1e-12)
    turned = states - np.outer(states @ away, away)
    for index in range(criteria):
        mine = votes.where(votes.criterion == index)
        given = Votes(
            mine.first, mine.second, mine.outcome, mine.weight, mine.prompt,
            np.zeros(len(mine), dtype=np.int64),
        )  # fmt: skip
        try:
            head = fit_head(given, turned, HeadConfig(seed=seed))
        except NotEnoughData:
            continue
        found = (head.projection.axes / head.projection.scale[:, None]) @ head.weights
        weights[index] = found - (found @ away) * away
    return weights
