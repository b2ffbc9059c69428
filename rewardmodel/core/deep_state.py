"""Where a training stands, on disk: written whole or not at all, so that a kill loses little."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rewardmodel.core.deep_network import RewardNetwork
from rewardmodel.core.errors import CheckpointBroken

STATE = "state.pt"
FORMAT = 1


@dataclass(slots=True)
class Standing:
    """Steps done, what the looks at the held-back prompts found, and the best weights so far.

    `fingerprint` says what is trained on what and how: a state is taken up only by the same.
    """

    fingerprint: str
    step: int = 0
    looks: list[tuple[int, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    is_over: bool = False

    @property
    def best_loss(self) -> float:
        """The least log-loss on held-back votes; infinite before the first look."""
        return min((loss for _, loss in self.looks), default=float("inf"))

    def looks_since_best(self) -> int:
        """How many looks ago it was best."""
        losses = [loss for _, loss in self.looks]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0


def trained_weights(network: RewardNetwork) -> dict[str, Tensor]:
    """Copies on the CPU of the weights that training changes."""
    return {
        name: weight.detach().cpu().clone()
        for name, weight in network.named_parameters()
        if weight.requires_grad
    }


def put_back(network: RewardNetwork, weights: dict[str, Tensor]) -> None:
    """Sets the weights that `trained_weights` took."""
    own = dict(network.named_parameters())
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)


def save_state(
    folder: Path, standing: Standing, network: RewardNetwork, optimiser: torch.optim.Optimizer
) -> None:
    """Writes the state beside the old one, syncs it to disk and takes the old one's place."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{STATE}.{os.getpid()}"
    whole = {
        "format": FORMAT, "fingerprint": standing.fingerprint, "step": standing.step,
        "looks": standing.looks, "losses": standing.losses, "best": standing.best,
        "is_over": standing.is_over, "weights": trained_weights(network),
        "optimiser": optimiser.state_dict(), "random": _random_states(),
    }  # fmt: skip
    with draft.open("wb") as file:
        torch.save(whole, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / STATE)


def load_state(
    folder: Path, fingerprint: str, network: RewardNetwork, optimiser: torch.optim.Optimizer
) -> Standing:
    """Takes up where a killed training was, or begins where there is nothing of this one."""
    path = folder / STATE
    if not path.is_file():
        return Standing(fingerprint)
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if found.get("format") != FORMAT or found["fingerprint"] != fingerprint:
            return Standing(fingerprint)
        put_back(network, found["weights"])
        optimiser.load_state_dict(found["optimiser"])
        _set_random_states(found["random"])
    except (OSError, RuntimeError, KeyError, ValueError, EOFError) as error:
        raise CheckpointBroken(
            f"The state of the interrupted training in {folder} cannot be read.",
            hint="Remove that folder, then retry: training begins anew.",
        ) from error
    return Standing(
        fingerprint, found["step"], [(int(s), float(x)) for s, x in found["looks"]],
        list(found["losses"]), found["best"], found["is_over"],
    )  # fmt: skip


def _random_states() -> dict[str, Tensor | list[Tensor]]:
    states: dict[str, Tensor | list[Tensor]] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
