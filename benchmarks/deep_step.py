"""Training steps in a process of their own, by AlignUI or by TRL: seconds of each, as JSON.

Reads its task as JSON from standard input: `who` ("ours" or "trl"), `model` (a folder), `rows`
(prompt, chosen, rejected), `steps`, `max_tokens`, `precision`, `checkpointing`. Every step reads
the same batch, all rows; the first one is not timed.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main() -> None:
    task = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        found = {"ours": ours, "trl": trl}[task["who"]](task, Path(folder))
    print(json.dumps(found))


def ours(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    import numpy as np

    from rewardmodel.core.deep_data import DeepVotes, Reader
    from rewardmodel.core.deep_network import load_base
    from rewardmodel.core.deep_settings import DeepConfig
    from rewardmodel.core.deep_training import Run
    from rewardmodel.core.reward_model import Text

    n = len(task["rows"])
    config = DeepConfig(
        reference=task["model"], method="full", max_tokens=task["max_tokens"], pairs_per_step=n,
        pairs_at_once=n, precision=task["precision"], validation_share=0.0,
        gradient_checkpointing=task["checkpointing"], epochs=task["steps"] + 1,
    )  # fmt: skip
    base = load_base(config, criteria=1, models_dir=folder)
    reader = Reader(base.tokenizer, config.max_tokens)
    tokens = [
        reader.read(Text([{"role": "user", "content": row["prompt"]}], row[side]))
        for row in task["rows"]
        for side in ("chosen", "rejected")
    ]
    zeros = np.zeros(n, dtype=np.int64)
    votes = DeepVotes(
        np.arange(n) * 2, np.arange(n) * 2 + 1, zeros, zeros, np.ones(n), zeros, np.arange(n)
    )
    nothing = votes.where(np.zeros(n, dtype=bool))
    run = Run(base, votes, nothing, tokens, config, folder / "state")
    seconds = []
    for _ in range(task["steps"] + 1):
        started = time.perf_counter()
        run.step(np.arange(n))
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": seconds[1:], "tokens": sum(len(row) for row in tokens),
        "processed": round(run.processed / (task["steps"] + 1)), **_device(base.network),
    }  # fmt: skip


def trl(task: dict[str, Any], folder: Path) -> dict[str, Any]:
    import datasets
    import transformers
    from trl import RewardConfig, RewardTrainer

    class Clock(transformers.TrainerCallback):
        def __init__(self) -> None:
            self.started, self.seconds = 0.0, []

        def on_step_begin(self, *given: Any, **named: Any) -> None:
            self.started = time.perf_counter()

        def on_step_end(self, *given: Any, **named: Any) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    rows = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": [{"role": "assistant", "content": row["chosen"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
        }
        for row in task["rows"]
    ]  # fmt: skip
    clock, steps = Clock(), task["steps"] + 1
    arguments = RewardConfig(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=len(rows),
        max_length=task["max_tokens"], report_to="none", save_strategy="no", disable_tqdm=True,
        bf16=task["precision"] == "bfloat16", gradient_checkpointing=task["checkpointing"],
        logging_strategy="no", dataloader_pin_memory=False, use_cpu=not on_gpu(),
    )  # fmt: skip
    trainer = RewardTrainer(
        model=task["model"], args=arguments, train_dataset=datasets.Dataset.from_list(rows),
        callbacks=[clock],
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.train()
    return {
        "seconds": clock.seconds[1:], "tokens": int(batch["attention_mask"].sum()),
        "processed": batch["input_ids"].numel(), **_device(trainer.model),
    }  # fmt: skip


def _device(network: Any) -> dict[str, Any]:
    import torch

    return {
        "device": torch.cuda.get_device_name() if on_gpu() else "cpu",
        # Looking up an embedding is no arithmetic.
        "parameters": sum(
            w.numel() for name, w in network.named_parameters() if "embed" not in name
        ),
        "torch": torch.__version__,
    }


def on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    main()
