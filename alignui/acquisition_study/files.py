"""A file of labelled pairs as a set to replay."""

import gzip
import json
from pathlib import Path

import numpy as np

from alignui.acquisition_study.coordinates import coordinates
from alignui.acquisition_study.sets import LabelledSet, Pairs, recorded
from annotation.core.errors import Invalid


def given_set(path: Path) -> LabelledSet:
    """A JSONL file of pairs: `prompt`, `features_1`, `features_2` (numbers) and `winner` (1 or 2).

    Raises Invalid that names the line which is wrong.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.") from error
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    names: dict[str, int] = {}
    features: list[list[float]] = []
    rows: list[tuple[int, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        prompt, winner, pair = _read(path.name, number, line)
        if len({len(each) for each in (*pair, *features[:1])}) > 1:
            raise Invalid(f"Line {number} of {path.name}: features differ in how many they are.")
        features += pair
        rows.append((names.setdefault(prompt, len(names)), winner - 1))
    if len(names) < 2:
        raise Invalid(f"{path.name} needs pairs of two prompts at least.")
    table, at = np.array(rows, dtype=np.int64), 2 * np.arange(len(rows))
    pairs = Pairs(
        coordinates(np.array(features), np.repeat(table[:, 0], 2)), at, at + 1, table[:, 0],
        table[:, 1],
        np.ones(len(rows), dtype=bool),
    )  # fmt: skip
    return LabelledSet(path.stem, f"The pairs of {path.name}.", recorded(pairs))


def _read(name: str, number: int, line: str) -> tuple[str, int, list[list[float]]]:
    """Prompt, winner and both responses' features of one line."""
    try:
        row = json.loads(line)
        pair = [[float(value) for value in row[f"features_{side}"]] for side in (1, 2)]
        prompt, winner = str(row["prompt"]), int(row["winner"])
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"Line {number} of {name} cannot be read: {error}.") from error
    if winner not in (1, 2):
        raise Invalid(f"Line {number} of {name}: the winner is 1 or 2.")
    return prompt, winner, pair
