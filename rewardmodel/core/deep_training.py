"""The loop that trains a reward network: seeded, resumable, stopped by prompts it has not seen.

Every step reads a batch of pairs, both responses of a pair in one pass, and goes against the mean
loss of all votes on them. Several devices share a step's pairs through accelerate; the loss is
divided by a constant, so that how the pairs are dealt out does not weigh them.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from rewardmodel.core.deep_data import (
    DeepVotes,
    Tokens,
    epoch_batches,
    hold_back,
    joined,
    padded,
)
from rewardmodel.core.deep_loss import centring_loss, votes_loss
from rewardmodel.core.deep_memory import enough_memory
from rewardmodel.core.deep_network import Base, RewardNetwork, computes_bf16
from rewardmodel.core.deep_reading import first_head, read_states
from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.deep_state import (
    Standing,
    load_state,
    put_back,
    save_state,
    trained_weights,
)
from rewardmodel.core.errors import NotEnoughData, TrainingFailed
from rewardmodel.core.pairs import TIE, Floats, Ints

LOSSES_KEPT = 1000
TIE_RATE = 1e-2
# Rewards in float32 that are read in two ways differ by rounding; other ones by far more.
SAME = 1e-3
PAIRS_TRIED = 200


@dataclass(frozen=True, slots=True)
class Step:
    """What a watcher is told after a step: where training stands, and the step's mean loss."""

    done: int
    total: int
    loss: float


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of a training: votes trained on and held back, and its course.

    `looks`: (step, log-loss on the held-back votes). `losses`: of the last steps.
    """

    train: DeepVotes
    held_back: DeepVotes
    standing: Standing
    processed_share: float


Watch = Callable[[Step], None]
Told = Callable[[int, int], None]


def train(
    base: Base, votes: DeepVotes, tokens: Sequence[Tokens], config: DeepConfig, *,
    state: Path, watch: Watch = lambda step: None, told: Told = lambda done, total: None,
) -> Trained:  # fmt: skip
    """Trains the base's network in place on votes about rows of `tokens`.

    A training that was killed goes on from what is kept in the folder `state`, and ends with the
    weights that it would have had. `watch` hears of each step and `told` of texts
    read before the first one; both may raise in order to stop. Raises NotEnoughData where
    no vote decides anything, TrainingFailed where the loss is no number or memory runs out.
    """
    if not votes.has_decided:
        raise NotEnoughData(
            "There is no decided vote to learn from: all are ties, or there are none."
        )
    mask = hold_back(votes, config.validation_share, config.seed)
    train_votes, held_back = votes.where(~mask), votes.where(mask)
    with enough_memory(config):
        run = Run(base, train_votes, held_back, tokens, config, state, told)
        run.go(watch)
    return Trained(train_votes, held_back, run.standing, run.processed_share)


class Run:
    """One training with everything that its steps share."""

    def __init__(
        self, base: Base, votes: DeepVotes, held_back: DeepVotes, tokens: Sequence[Tokens],
        config: DeepConfig, state: Path, told: Told = lambda done, total: None,
    ) -> None:  # fmt: skip
        self.config, self.base, self.state = config, base, state
        self.tokens, self.votes, self.held_back = tokens, votes, held_back
        self.accelerator = Accelerator()
        self.network = base.network.to(self.accelerator.device)
        self.network.start_ties(votes.outcome, votes.criterion, votes.weight, config.ties)
        self.optimiser = _optimiser(self.network, config)
        torch.manual_seed(config.seed)
        fingerprint = _fingerprint(votes, held_back, tokens, config, base.source)
        self.standing = load_state(state, fingerprint, self.network, self.optimiser)
        if base.is_new and not self.standing.step:
            self._begin_with_a_fitted_head(told)
        self.model = self.accelerator.prepare_model(self.network)
        pairs, pair_of = votes.pairs
        self.lengths = np.array([len(tokens[a]) + len(tokens[b]) for a, b in pairs])
        self.votes_of = _by_pair(pair_of, len(pairs))
        # The loss of a step is divided by what an average step's votes weigh.
        self.scale = config.pairs_per_step * float(votes.weight.sum()) / len(pairs)
        self.per_epoch = math.ceil(len(pairs) / config.pairs_per_step)
        self.total = self.per_epoch * config.epochs
        self.look_every = max(1, self.per_epoch // config.looks_per_epoch)
        self.read, self.processed = 0, 0
        self.joins = False
        self.joins = self._may_join()

    @property
    def processed_share(self) -> float:
        """Tokens that went through the network, padding included, for each token of the texts.

        Below one where what the texts of a pair begin with was read once.
        """
        return self.processed / self.read if self.read else 1.0

    def _begin_with_a_fitted_head(self, told: Told) -> None:
        """The base's new head is that of a linear reward on its states as they are."""
        votes = self.votes
        rows = np.unique(np.concatenate([votes.first, votes.second]))
        states = read_states(
            self.network, [self.tokens[row] for row in rows], pad_id=self.base.pad_id,
            precision=self.config.precision, told=told,
        )  # fmt: skip
        numbered = replace(
            votes, first=np.searchsorted(rows, votes.first),
            second=np.searchsorted(rows, votes.second),
        )  # fmt: skip
        found = first_head(states, numbered, len(self.network.eta), self.config.seed)
        with torch.no_grad():
            self.network.head.copy_(torch.from_numpy(found))

    def go(self, watch: Watch) -> None:
        """All steps that are left; the best weights are in the network afterwards."""
        standing = self.standing
        for batch in self._batches_left():
            loss = self.step(batch)
            standing.step += 1
            standing.losses = [*standing.losses, loss][-LOSSES_KEPT:]
            self._look_and_save()
            watch(Step(standing.step, self.total, loss))
        if standing.best is not None:
            put_back(self.network, standing.best)
        self.network.eval()

    def _batches_left(self) -> Iterator[Ints]:
        """The batches from where training stands until it is over."""
        while self.standing.step < self.total:
            epoch, place = divmod(self.standing.step, self.per_epoch)
            batches = epoch_batches(
                self.lengths, self.config.pairs_per_step, seed=self.config.seed, epoch=epoch
            )
            for batch in batches[place:]:
                if self.standing.is_over:
                    return
                yield batch

    def step(self, batch: Ints) -> float:
        """One step of AdamW on the pairs of a batch; the mean loss of their votes."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._share_of_rate() * group["peak"]
        mine, is_ours = self._mine(batch)
        total = torch.zeros((), device=self.accelerator.device)
        for start in range(0, len(mine), self.config.pairs_at_once):
            part = mine[start : start + self.config.pairs_at_once]
            is_last = start + self.config.pairs_at_once >= len(mine)
            with self._without_sync(is_last), self._autocast():
                loss = self._loss(part) * is_ours
            self.accelerator.backward(loss * self.accelerator.num_processes)
            total += loss.detach()
        value = float(self.accelerator.reduce(total, reduction="sum"))
        if not math.isfinite(value):
            raise TrainingFailed(
                f"The loss of step {self.standing.step + 1} is no number.",
                hint="Lower the learning rate, or compute in float32 (precision).",
            )
        self.accelerator.clip_grad_norm_(self.network.parameters(), self.config.largest_gradient)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return value

    def _mine(self, batch: Ints) -> tuple[Ints, bool]:
        """This process's pairs, longest first, and whether they count.

        A process for which none is left reads one all the same: devices wait for one another.
        """
        count, rank = self.accelerator.num_processes, self.accelerator.process_index
        mine = batch[rank::count]
        is_ours = len(mine) > 0
        mine = mine if is_ours else batch[:1]
        return mine[np.argsort(-self.lengths[mine], kind="stable")], is_ours

    def _loss(self, pairs: Ints) -> Tensor:
        """Summed losses of the votes on these pairs, divided by the step's constant."""
        table, _ = self.votes.pairs
        difference, total, ids = self._read(self.model, table[pairs])
        self.read += int(self.lengths[pairs].sum())
        self.processed += ids.numel()
        place, number = _gathered(self.votes_of, pairs)
        loss = _weighted_loss(difference, self.network.eta, self.votes, place, number, self.config)
        centre = centring_loss(total, torch.zeros_like(total)).mean(dim=1).sum()
        return loss / self.scale + self.config.centring * centre / self.config.pairs_per_step

    def _read(
        self, network: Callable[..., tuple[Tensor, Tensor]], pairs: Ints
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Differences and sums of rewards (m, criteria) of pairs (m, 2), and the ids read."""
        device, pad_id = self.accelerator.device, self.base.pad_id
        texts = [(self.tokens[a], self.tokens[b]) for a, b in pairs]
        if self.joins and (rows := joined(texts, pad_id)).is_shorter:
            given = (rows.ids, rows.last, rows.places, rows.sees)
            rewards, _ = network(*(part.to(device) for part in given))
            first, second = rewards[:, 0], rewards[:, 1]
            return first - second, first + second, rows.ids
        ids, last = padded([*(a for a, _ in texts), *(b for _, b in texts)], pad_id)
        rewards, _ = network(ids.to(device), last.to(device))
        first, second = rewards.chunk(2)
        return first - second, first + second, ids

    @torch.inference_mode()
    def _may_join(self) -> bool:
        """Whether this network gives the same rewards when both texts of a pair share a row.

        It does where all it does across tokens is attention that heeds a mask; this is tried out.
        """
        network = self.network.eval()
        if getattr(network.plain.config, "_attn_implementation", "") != "sdpa":
            return False
        pair = self._joinable_pair()
        if pair is None:
            return False
        self.joins = True
        together, _, _ = self._read(network, pair)
        self.joins = False
        apart, _, _ = self._read(network, pair)
        return bool((together - apart).abs().max() <= SAME * (1 + apart.abs().max()))

    def _joinable_pair(self) -> Ints | None:
        """A pair (1, 2) that is worth joining, of the shortest ones."""
        table, _ = self.votes.pairs
        for number in np.argsort(self.lengths, kind="stable")[:PAIRS_TRIED]:
            first, second = (self.tokens[row] for row in table[number])
            if joined([(first, second)], self.base.pad_id).is_shorter:
                return table[[number]]
        return None

    def _look_and_save(self) -> None:
        """Looks at the held-back votes when it is time, and saves where training stands."""
        standing, step = self.standing, self.standing.step
        is_last = step == self.total
        is_look = len(self.held_back) > 0 and (step % self.look_every == 0 or is_last)
        if is_look:
            standing.looks.append((step, self._held_back_loss()))
            if standing.looks_since_best() == 0:
                standing.best = trained_weights(self.network)
            standing.is_over = standing.looks_since_best() >= self.config.patience
        if is_last:
            standing.is_over = True
        if step % self.config.save_every == 0 or standing.is_over:
            if self.accelerator.is_main_process:
                save_state(self.state, standing, self.network, self.optimiser)
            self.accelerator.wait_for_everyone()

    @torch.inference_mode()
    def _held_back_loss(self) -> float:
        """Mean log-loss of the held-back votes, in nats a vote."""
        self.network.eval()
        votes, config = self.held_back, self.config
        table, pair_of = votes.pairs
        votes_of = _by_pair(pair_of, len(table))
        lengths = np.array([len(self.tokens[a]) + len(self.tokens[b]) for a, b in table])
        order = np.argsort(-lengths, kind="stable")
        total = 0.0
        for start in range(0, len(order), config.pairs_at_once):
            pairs = order[start : start + config.pairs_at_once]
            with self._autocast():
                difference, _, _ = self._read(self.network, table[pairs])
            place, number = _gathered(votes_of, pairs)
            total += float(
                _weighted_loss(difference, self.network.eta, votes, place, number, config)
            )
        mean = torch.tensor(total / float(votes.weight.sum()), device=self.accelerator.device)
        # Every process has to come to the same decision, to the last bit.
        return float(broadcast(mean))

    def _share_of_rate(self) -> float:
        """Up in a line while warming, then down along a cosine to a tenth."""
        done = self.standing.step
        warm = max(1, round(self.config.warmup_share * self.total))
        if done < warm:
            return (done + 1) / warm
        share = (done - warm) / max(1, self.total - warm)
        return 0.1 + 0.9 * (1 + math.cos(math.pi * share)) / 2

    def _autocast(self) -> AbstractContextManager[object]:
        device = self.accelerator.device
        is_on = computes_bf16(device, self.config.precision)
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_on)

    def _without_sync(self, is_last: bool) -> AbstractContextManager[object]:
        """Devices add up their gradients once a step, not once a part."""
        found: AbstractContextManager[object] = (
            torch.enable_grad() if is_last else self.accelerator.no_sync(self.model)
        )
        return found


def _optimiser(network: RewardNetwork, config: DeepConfig) -> torch.optim.Optimizer:
    """AdamW; the tie parameters, which are few and on a scale of their own, move faster."""
    weights = [w for w in network.parameters() if w.requires_grad and w is not network.eta]
    groups = [
        {"params": weights, "peak": config.rate, "weight_decay": config.weight_decay},
        {"params": [network.eta], "peak": max(config.rate, TIE_RATE), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.rate, fused=True)


def _weighted_loss(
    difference: Tensor, eta: Tensor, votes: DeepVotes, place: Ints, number: Ints,
    config: DeepConfig,
) -> Tensor:  # fmt: skip
    """Weighted sum of the losses of votes `number`, whose pair stands at `place` of (m, c)."""
    device = difference.device
    criterion = torch.from_numpy(votes.criterion[number]).to(device)
    outcome = torch.from_numpy(votes.outcome[number]).to(device)
    weight = torch.from_numpy(votes.weight[number]).to(device, torch.float32)
    strength = torch.from_numpy(votes.strength[number]).to(device, torch.float32)
    margin = strength * config.margin * (outcome != TIE)
    led = difference[torch.from_numpy(place).to(device), criterion]
    losses = votes_loss(led.float(), eta[criterion], outcome, margin, config.ties)
    return (weight * losses).sum()


def _by_pair(pair_of: Ints, pairs: int) -> list[Ints]:
    """The votes of each pair."""
    order = np.argsort(pair_of, kind="stable")
    return np.split(order, np.cumsum(np.bincount(pair_of, minlength=pairs))[:-1])


def _gathered(votes_of: list[Ints], pairs: Ints) -> tuple[Ints, Ints]:
    """For all votes on the pairs: where the vote's pair stands among these, and its number."""
    found = [votes_of[pair] for pair in pairs]
    place = np.repeat(np.arange(len(pairs)), [len(part) for part in found])
    return place, np.concatenate(found)


def _fingerprint(
    votes: DeepVotes, held_back: DeepVotes, tokens: Sequence[Tokens], config: DeepConfig,
    source: str,
) -> str:  # fmt: skip
    digest = hashlib.sha256(repr((sorted(config.to_dict().items()), source)).encode())
    for part in (votes, held_back):
        arrays: tuple[Ints | Floats, ...] = (
            part.first, part.second, part.criterion, part.outcome, part.weight, part.strength
        )  # fmt: skip
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    for row in tokens:
        digest.update(np.array(row.ids, dtype=np.int64).tobytes())
    return digest.hexdigest()
