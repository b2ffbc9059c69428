"""Files of a release: each appears complete under its name, or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.core.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it stands on disk."""

    path: Path
    rows: int
    byte_size: int
    sha256: str


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Written:
    """Write one JSON object per line; the file appears complete under its name, or not at all.

    Raises:
        Unavailable: where the disk is full or the folder cannot be written; nothing is left behind.
    """
    return _write(path, (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows))


def write_text(path: Path, text: str) -> Written:
    """Write a text file (a dataset card) in the same way; `rows` counts its lines."""
    return _write(path, text.rstrip("\n").split("\n"))


def _write(path: Path, lines: Iterable[str]) -> Written:
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        written = _write_and_sync(handle, lines, path)
        part.replace(path)
        _sync_folder(path.parent)
        return written
    except OSError as failed:
        raise Unavailable(
            f"The file {path.name} could not be written: {failed.strerror or failed}.",
            hint="Nothing of it was kept. Make room or choose another folder, and try again.",
        ) from failed
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _write_and_sync(handle: int, lines: Iterable[str], path: Path) -> Written:
    digest, rows, byte_size = hashlib.sha256(), 0, 0
    with os.fdopen(handle, "wb") as file:
        for line in lines:
            data = line.encode() + b"\n"
            file.write(data)
            digest.update(data)
            rows, byte_size = rows + 1, byte_size + len(data)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o644)
    return Written(path, rows, byte_size, digest.hexdigest())


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
