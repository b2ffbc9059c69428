"""How labels are asked for in a replay."""

from dataclasses import dataclass, field

from rewardmodel.core.selection import Limits


@dataclass(frozen=True, slots=True)
class Protocol:
    """budget: labels in all; start: drawn at random first; control_share: of every later batch."""

    budget: int = 400
    batch: int = 10
    start: int = 20
    control_share: float = 0.1
    limits: Limits = field(default_factory=Limits)
