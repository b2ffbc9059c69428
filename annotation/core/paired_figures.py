"""Figures that are always shown side by side, and grids of figures between people."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from annotation.core.figures import Interval


@dataclass(frozen=True, slots=True)
class Pair:
    """Alpha and AC of the same judgments. Where there is too little to say, `is_too_few`."""

    label: str
    alpha: Interval
    ac: Interval
    n: int
    words: str = ""
    href: str = ""
    is_too_few: bool = False


@dataclass(frozen=True, slots=True)
class Tie:
    """What two people, at places of a list, have in common: `n` items, and a kappa if there is."""

    first: int
    second: int
    n: int
    agreement: float | None
    kappa: float | None
    low: float | None = None
    high: float | None = None


def together_first(n_people: int, ties: Sequence[Tie]) -> list[int]:
    """Places of people in the order of their mean kappa with others, those without one last."""
    kappas: dict[int, list[float]] = {}
    for tie in ties:
        if tie.kappa is not None:
            kappas.setdefault(tie.first, []).append(tie.kappa)
            kappas.setdefault(tie.second, []).append(tie.kappa)
    means = {at: fmean(own) for at, own in kappas.items()}
    return sorted(range(n_people), key=lambda at: (at not in means, -means.get(at, 0.0), at))
