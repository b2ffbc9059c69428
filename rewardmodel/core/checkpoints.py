"""Reading a checkpoint back, whatever kind of reward model it holds."""

from importlib import import_module
from pathlib import Path

from rewardmodel.core.embedded import load_embedded
from rewardmodel.core.errors import CheckpointBroken
from rewardmodel.core.reward_model import RewardModel

EMBEDDED, DEEP = "embedded", "deep"


def checkpoint_kind(folder: Path) -> str:
    """What the folder says of itself; folders of before there were kinds hold a frozen head."""
    try:
        return (folder / "kind").read_text("utf-8").strip()
    except OSError:
        return EMBEDDED


def load_reward_model(folder: Path) -> RewardModel:
    """The reward model that was saved there. Raises CheckpointBroken where it cannot be read."""
    kind = checkpoint_kind(folder)
    if kind == EMBEDDED:
        return load_embedded(folder)
    if kind == DEEP:
        # A deep model needs transformers, which few readers of an embedded one have loaded.
        found: RewardModel = import_module("rewardmodel.core.deep").load_deep(folder)
        return found
    raise CheckpointBroken(
        f"The checkpoint in {folder.name} is of an unknown kind, “{kind[:40]}”.",
        hint="It was written by a newer version; upgrade, or train again.",
    )
