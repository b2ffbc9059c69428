"""PandaLM as benchmarks use it; the data ship with `alignui simulate-acquisition`."""

from alignui.acquisition_study.pandalm import (
    FOLDER,
    PandaLM,
    features,
    held_out_prompts,
    load,
    read_rows,
    response_keys,
)

__all__ = [
    "FOLDER", "PandaLM", "features", "held_out_prompts", "load", "read_rows", "response_keys",
]  # fmt: skip
