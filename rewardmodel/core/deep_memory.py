"""Running out of memory, in words that name what to lower."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rewardmodel.core.deep_settings import DeepConfig
from rewardmodel.core.errors import TrainingFailed


@contextmanager
def enough_memory(config: DeepConfig) -> Iterator[None]:
    """Turns running out of memory into words."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _no_memory(config) from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise _no_memory(config) from error
        raise


def _no_memory(config: DeepConfig) -> TrainingFailed:
    return TrainingFailed(
        f"There is no memory for {config.pairs_at_once} pairs of up to {config.max_tokens} tokens.",
        hint="Lower pairs_at_once or max_tokens, choose gradient_checkpointing, or train by LoRA.",
    )
