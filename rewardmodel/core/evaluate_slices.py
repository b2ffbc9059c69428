"""Where is a reward model good, and whom does it serve worst? The same votes, slice by slice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from annotation.core.audit import benjamini_hochberg
from rewardmodel.core.measures import (
    FEW_PROMPTS,
    Figure,
    chance_of_first,
    decided,
    interval_over,
    linear_error,
    log_losses,
    mean_over_prompts,
    right,
)
from rewardmodel.core.pairs import FIRST, Floats, Votes

SMALLEST = 20
RATE = 0.05
MOST_SLICES = 40

Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: accuracy over its decided votes, log-loss over all, and how it differs from the
    votes outside it (accuracy inside minus outside, `gap`).

    Where it has fewer than 20 decided votes or 5 prompts, `note` says that these are too few, and
    there are no figures. `confidence` is how sure the model was on average that its favourite
    wins: a slice that is hard for people too has a low one. `is_worse`: the gap lies below nought
    after Benjamini and Hochberg's correction over all slices.
    """

    dimension: str
    label: str
    n_votes: int
    n_prompts: int
    accuracy: Figure | None = None
    log_loss: Figure | None = None
    gap: Figure | None = None
    p: float | None = None
    p_adjusted: float | None = None
    confidence: float | None = None
    is_worse: bool = False
    note: str = ""


def slices(
    probabilities: Floats, votes: Votes, dimensions: Mapping[str, Masks], *, seed: int
) -> tuple[Slice, ...]:
    """All slices of n votes, those with figures first and the worst of these first.

    probabilities: (n, 3). dimensions: by name, by label, which votes (n,) belong; of each
    dimension the largest 40 slices are looked at. A slice that holds all votes is left out.
    """
    found = [
        _slice(dimension, label, mask, probabilities, votes, seed)
        for dimension, masks in dimensions.items()
        for label, mask in _largest(masks)
        if mask.any() and not mask.all()
    ]
    adjusted = benjamini_hochberg([each.p for each in found])
    told = [
        replace(
            each,
            p_adjusted=q,
            is_worse=bool(
                q is not None and q <= RATE and each.gap is not None and (each.gap.value or 0) < 0
            ),
        )
        for each, q in zip(found, adjusted, strict=True)
    ]
    return tuple(sorted(told, key=_order))


def worst(found: Iterable[Slice], dimension: str | None = None) -> Slice | None:
    """The slice with the lowest accuracy, of one dimension or of all; None without figures."""
    known = [
        each
        for each in found
        if each.accuracy is not None
        and each.accuracy.value is not None
        and dimension in (None, each.dimension)
    ]
    return min(known, key=lambda each: each.accuracy.value or 0.0 if each.accuracy else 1.0,
               default=None)  # fmt: skip


def _largest(masks: Masks) -> list[tuple[str, NDArray[np.bool_]]]:
    return sorted(masks.items(), key=lambda pair: (-int(pair[1].sum()), pair[0]))[:MOST_SLICES]


def _order(each: Slice) -> tuple[bool, float, str]:
    value = each.accuracy.value if each.accuracy is not None else None
    return (value is None, value or 0.0, each.label)


def _slice(
    dimension: str, label: str, mask: NDArray[np.bool_], probabilities: Floats, votes: Votes,
    seed: int,
) -> Slice:  # fmt: skip
    some = decided(votes)
    inside = mask & some
    part = votes.where(inside)
    n_prompts = len(np.unique(part.prompt))
    base = Slice(dimension, label, len(part), n_prompts)
    if len(part) < SMALLEST or n_prompts < FEW_PROMPTS:
        note = f"Too few to say: {len(part)} decided votes on {n_prompts} prompts."
        return replace(base, note=note)
    found_right = right(probabilities, votes)
    gap, p = gap_over_prompts(found_right[some], mask[some], votes.where(some), seed)
    chance = chance_of_first(probabilities[inside])
    return replace(
        base,
        accuracy=mean_over_prompts(found_right[inside], part, seed),
        log_loss=mean_over_prompts(
            log_losses(probabilities[mask], votes.where(mask)), votes.where(mask), seed
        ),
        gap=gap,
        p=p,
        confidence=float(np.maximum(chance, 1 - chance).mean()),
    )


def gap_over_prompts(
    values: Floats, mask: NDArray[np.bool_], votes: Votes, seed: int
) -> tuple[Figure, float | None]:
    """Mean of (n,) values inside the mask minus outside; interval and two-sided p over prompts.

    The p-value is that of Student's t with one degree of freedom less than prompts, by each
    prompt's influence on the gap: few prompts prove little.
    """
    prompts, prompt_of = np.unique(votes.prompt, return_inverse=True)
    sums = np.column_stack(
        [
            np.bincount(prompt_of, weights=weight, minlength=len(prompts))
            for weight in (values * mask, mask, values * ~mask, ~mask)
        ]
    ).astype(float)
    size = len(prompts)
    if size < FEW_PROMPTS or not mask.any() or mask.all():
        return Figure(None, None, None, int(mask.sum()), size, "Nothing beside it."), None
    value, error = linear_error(sums, _gaps)
    low, high, note = interval_over(sums, _gaps, seed)
    if low is None or high is None:
        return Figure(value, None, None, int(mask.sum()), size, note), None
    p = float(2 * stdtr(size - 1, -abs(value) / error)) if error > 0 else None
    figure = Figure(value, min(low, value), max(high, value), int(mask.sum()), size, note)
    return figure, p


def _gaps(totals: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(totals[:, 0] / totals[:, 1] - totals[:, 2] / totals[:, 3])


def picks(probabilities: Floats, votes: Votes, amounts: Floats, *, seed: int) -> "Picks":
    """How often model and people prefer the response with more of something, on the same votes.

    amounts: (N,) of each row that the votes name; pairs that have equally much are left out.
    """
    differ = decided(votes) & (amounts[votes.first] != amounts[votes.second])
    part = votes.where(differ)
    more_first = amounts[part.first] > amounts[part.second]
    favours = probabilities[differ, 0] - probabilities[differ, 1]
    model = np.where(favours == 0, 0.5, (favours > 0) == more_first).astype(float)
    people = ((part.outcome == FIRST) == more_first).astype(float)
    return Picks(
        model=mean_over_prompts(model, part, seed),
        people=mean_over_prompts(people, part, seed),
        difference=mean_over_prompts(model - people, part, seed),
    )


@dataclass(frozen=True, slots=True)
class Picks:
    """Shares of decided votes for the response with more; `difference` is the model minus people.

    A model that is surer than the noise of people makes of itself picks the usual side more often
    than people do; the figure to watch is a difference far above that.
    """

    model: Figure
    people: Figure
    difference: Figure
