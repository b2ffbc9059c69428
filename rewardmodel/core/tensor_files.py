"""Arrays and what is said about them: a safetensors file and a JSON file that belong together."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from rewardmodel.core.errors import CheckpointBroken
from rewardmodel.core.pairs import Floats


def write_tensors(
    folder: Path, name: str, arrays: Mapping[str, Floats], about: Mapping[str, object]
) -> str:
    """Writes NAME.safetensors and NAME.json, which names the former's SHA-256; that is returned.

    Each file appears whole or not at all, the JSON last: a kill leaves nothing that could be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = save({key: np.ascontiguousarray(value) for key, value in arrays.items()})
    digest = hashlib.sha256(content).hexdigest()
    told = json.dumps({**about, "sha256": digest}, indent=2) + "\n"
    _replace(folder / f"{name}.safetensors", content)
    _replace(folder / f"{name}.json", told.encode())
    return digest


def read_tensors(folder: Path, name: str) -> tuple[dict[str, Floats], dict[str, Any]]:
    """What `write_tensors` wrote. Raises CheckpointBroken where files are missing, broken or mixed.

    Files of before the JSON named a SHA-256 are taken as they are.
    """
    path = folder / f"{name}.safetensors"
    try:
        about: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        arrays: dict[str, Floats] = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise broken(folder, str(error)) from error
    if about.get("sha256", digest) != digest:
        raise broken(folder, f"{path.name} is not the file that {name}.json describes")
    return arrays, about


def broken(folder: Path, why: str) -> CheckpointBroken:
    """The error, with what to do."""
    return CheckpointBroken(
        f"The checkpoint in {folder.name} cannot be read: {why.rstrip('.')}.",
        hint="Train again, or restore the backup of var/checkpoints.",
    )


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
