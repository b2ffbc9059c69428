"""Deep training: full fine-tuning of SmolLM2 by AlignUI and by TRL's RewardTrainer, step by step.

Both read the same batch of PandaLM pairs at every step, with AdamW, the same longest text and the
same precision, in processes of their own that take turns; the first step of each is not timed.
Tokens are those of both texts of each pair, padding left out. TRL is measured as it comes, which
saves memory by computing activations twice, and without that; the goal is the faster of the two. It
runs where `trl` is importable, or where ALIGNUI_TRL_PYTHON names a Python that has it. `--short`
takes a tiny random network. On a GPU, the share of its peak that the step's arithmetic reaches is
measured too: 6 operations for each parameter but the embeddings, and each token that went through
the network; attention's own are left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figures import Figure, of_samples

PAIRS, MAX_TOKENS, ROUNDS, STEPS = 2, 512, 2, 2
ON_GPU_PAIRS = 32
# Dense bfloat16 operations a second, from the makers' data sheets.
PEAKS = {
    "A100": 312e12, "H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "L4": 121e12,
    "L40S": 362e12, "A10": 125e12, "RTX 4090": 165e12,
}  # fmt: skip


def measure(*, short: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="alignui-bench-") as folder:
        model = _tiny(Path(folder)) if short else _smollm2()
        task = {
            "model": model, "rows": _rows(2 if short else PAIRS), "max_tokens": MAX_TOKENS,
            "steps": 1 if short else STEPS, "checkpointing": False,
        }  # fmt: skip
        precisions = ("float32",) if short else ("float32", "bfloat16")
        figures = []
        for precision in precisions:
            figures.append(_compared({**task, "precision": precision}, 1 if short else ROUNDS))
        return figures + _on_gpu({**task, "precision": "bfloat16"})


def _compared(task: dict[str, Any], rounds: int) -> Figure:
    """Ours, and TRL's two ways where there is TRL, taking turns."""
    ways: dict[str, dict[str, Any]] = {"ours": {**task, "who": "ours"}}
    if _has_trl():
        ways["TRL"] = {**task, "who": "trl"}
        if rounds > 1:
            ways["TRL by default"] = {**task, "who": "trl", "checkpointing": True}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name] = _step(way)
            seconds[name] += found[name]["seconds"]
    tokens = found["ours"]["tokens"]
    rates = {name: [tokens / each for each in timed] for name, timed in seconds.items()}
    peers = {name: median(timed) for name, timed in rates.items() if name != "ours"}
    best = max(peers, key=lambda name: peers[name], default="")
    ours = rates["ours"]
    lines = [
        f"{name}: {median(rates[name]):,.1f} tokens/s, {each['tokens']:,} tokens a step of which "
        f"{each['processed']:,} went through the network, torch {each['torch']}"
        for name, each in found.items()
    ]
    where = "" if peers else " (TRL is not installed)"
    return Figure(
        f"training step, {len(task['rows'])} pairs, {task['precision']}{where}",
        median(ours), "tokens/s", goal=peers.get(best), better="higher",
        baseline=peers.get(best), baseline_name=best, n=len(ours), min=min(ours), max=max(ours),
        detail="\n".join(lines),
    )  # fmt: skip


def _on_gpu(task: dict[str, Any]) -> list[Figure]:
    """The share of its peak, where this machine has a GPU whose peak is known."""
    if not _has_gpu():
        return []
    found = _step({**task, "who": "ours", "rows": _rows(ON_GPU_PAIRS), "steps": 5})
    peak = next((peak for name, peak in PEAKS.items() if name in found["device"]), None)
    if peak is None:
        return []
    operations = 6 * found["parameters"] * found["processed"]
    shares = [operations / each / peak for each in found["seconds"]]
    name = f"share of the peak of {found['device']}, {ON_GPU_PAIRS} pairs, bfloat16"
    return [of_samples(name, shares, "share", better="higher")]


def _step(task: dict[str, Any]) -> dict[str, Any]:
    python = _trl_python() if task["who"] == "trl" else sys.executable
    root = Path(__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1"}
    finished = subprocess.run(
        [python, "-W", "ignore", str(root / "benchmarks" / "deep_step.py")],
        input=json.dumps(task), capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if finished.returncode:
        raise RuntimeError(f"{task['who']} failed:\n{finished.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return found


def _trl_python() -> str:
    return os.environ.get("ALIGNUI_TRL_PYTHON") or sys.executable


def _has_trl() -> bool:
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('trl') is None)"
    return subprocess.run([_trl_python(), "-c", code], check=False).returncode == 0


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _rows(count: int) -> list[dict[str, str]]:
    """Pairs of PandaLM on one prompt each, evenly over the set, the better response first."""
    from benchmarks import pandalm

    data = pandalm.load()
    votes = data.majority
    decided = [n for n in range(len(votes)) if votes.outcome[n] != 2]
    found = []
    for number in decided[:: len(decided) // count][:count]:
        pair = (int(votes.first[number]), int(votes.second[number]))
        chosen, rejected = pair if votes.outcome[number] == 0 else pair[::-1]
        found.append(
            {"prompt": data.prompts[chosen], "chosen": data.responses[chosen],
             "rejected": data.responses[rejected]}
        )  # fmt: skip
    return found


def _smollm2() -> str:
    from alignui.embedded import paths
    from rewardmodel.core.language_model import SMOLLM2, local_source

    cache = Path(os.environ.get("ALIGNUI_MODELS_CACHE") or paths.var_dir())
    return str(local_source(SMOLLM2, models_dir=cache / "models"))


def _tiny(folder: Path) -> str:
    """A random network of two layers, with a tokenizer of one token for each byte."""
    from tests.rewardmodel.core.conftest import tiny_network, tiny_tokenizer

    network = tiny_network()
    network.config.max_position_embeddings = 4096
    network.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return str(folder)
