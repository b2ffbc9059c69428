"""Training on several devices: a process for each, which share every step's pairs.

The caller writes what is to be trained into a folder and starts the processes by torchrun, which
accelerate joins. What they leave is the state of a training that is over; the caller takes it up as
it would that of a training that was interrupted.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from rewardmodel.core.deep_data import DeepVotes, Tokens
from rewardmodel.core.deep_network import load_base
from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.deep_training import Step, train
from rewardmodel.core.errors import RewardModelError, TrainingFailed

LAST_LINES = 5


def processes_wanted(config: DeepConfig) -> int:
    """As many as the config names; of 0, one for each accelerator of this host."""
    return config.processes or max(1, torch.cuda.device_count())


def launch(
    votes: DeepVotes, tokens: Sequence[Tokens], config: DeepConfig, *, criteria: int,
    models_dir: Path, state: Path, watch: Callable[[Step], None],
) -> None:  # fmt: skip
    """Trains in processes of their own; their state is in the folder `state` afterwards.

    `watch` may raise in order to stop: the processes are ended. Raises TrainingFailed with what
    they said.
    """
    state.mkdir(parents=True, exist_ok=True)
    arrays = {field.name: getattr(votes, field.name) for field in fields(votes)}
    np.savez(state / "votes.npz", **arrays)
    told = {
        "config": config.to_dict(), "criteria": criteria, "models_dir": str(models_dir),
        "tokens": [[row.ids, row.is_truncated] for row in tokens],
    }  # fmt: skip
    (state / "task.json").write_text(json.dumps(told), encoding="utf-8")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        f"--nproc-per-node={processes_wanted(config)}", "-m", __name__, str(state),
    ]  # fmt: skip
    environment = dict(os.environ)
    if not torch.cuda.is_available():
        environment["ACCELERATE_USE_CPU"] = "true"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as running:
        try:
            said = _follow(running, watch)
        except BaseException:
            running.terminate()
            raise
    if running.returncode:
        lines = said[-LAST_LINES:] or [f"they ended with status {running.returncode}"]
        raise TrainingFailed(f"Training in several processes failed: {' '.join(lines)}")


def _follow(running: "subprocess.Popen[str]", watch: Callable[[Step], None]) -> list[str]:
    """Hands steps to `watch`; what else was said, a refusal in our words in place of all else."""
    said: list[str] = []
    for line in running.stdout or ():
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            said.append(line.strip())
        elif "error" in told:
            raise TrainingFailed(told["error"], hint=told["hint"])
        else:
            watch(Step(**told))
    return said


def main(state: Path) -> None:
    """One of the processes; the first one tells its steps, as JSON."""
    told = json.loads((state / "task.json").read_text(encoding="utf-8"))
    config = DeepConfig.from_dict(told["config"])
    with np.load(state / "votes.npz") as arrays:
        votes = DeepVotes(**{field.name: arrays[field.name] for field in fields(DeepVotes)})
    tokens = [Tokens(tuple(ids), is_truncated) for ids, is_truncated in told["tokens"]]
    is_first = os.environ.get("RANK", "0") == "0"

    def tell(found: dict[str, object]) -> None:
        if is_first:
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()

    try:
        base = load_base(config, criteria=told["criteria"], models_dir=Path(told["models_dir"]))
        train(base, votes, tokens, config, state=state, watch=lambda step: tell(
            {"done": step.done, "total": step.total, "loss": step.loss}
        ))  # fmt: skip
    except RewardModelError as error:
        tell({"error": error.message, "hint": error.hint})
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
