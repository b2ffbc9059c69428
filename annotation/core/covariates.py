"""What besides quality may move a vote, as columns of one model.

Each covariate says how what was shown first differs from what was shown second, so that a positive
effect favours the response that has more of it. Swapping the sides of a vote turns every sign
and nothing else. Differences are divided by their root mean square, never centred.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.str_]

Kind = Literal[
    "position",
    "length",
    "lists",
    "headings",
    "bold",
    "code",
    "refusal",
    "sycophancy",
    "reading_time",
    "reading_speed",
    "session",
    "time_of_day",
    "trend",
    "anchoring",
    "criteria_order",
    "identity",
    "own_family",
    "group",
    "nuisance",
]

SMALLEST_GROUP = 5
ONE_HAS_IT = "where one response has it and the other has not"
TYPICAL = "for a difference of typical size"


@dataclass(frozen=True, slots=True)
class Covariate:
    """One column of the model: (n,) `values`; what is unknown counts as no difference.

    key: unique in a model, like "length" or "length × session".
    favours, opposes: what a positive and a negative effect prefer, to follow "prefer".
    per: what one unit is, to follow the effect's size.
    attribute, group: of the kind "group" only, whose preference is compared with the others'.
    is_nuisance: kept in the model to keep others honest, never reported.
    """

    key: str
    kind: Kind
    favours: str
    opposes: str
    per: str
    values: Floats
    n_unknown: int = 0
    attribute: str = ""
    group: str = ""
    is_nuisance: bool = False

    @property
    def is_interaction(self) -> bool:
        """Whether it asks how much more another covariate does; it has no share of its own."""
        return "×" in self.key


@dataclass(frozen=True, slots=True)
class Context:
    """Something about the moment or the person, the same for both sides: (n,) standard scores."""

    key: str
    kind: Kind
    when: str
    values: Floats
    n_unknown: int


def position(n: int, known: Flags | None = None) -> Covariate:
    """The intercept: what standing first does; nought where it is not `known` what stood first."""
    first, second = "the response shown first", "the response shown second"
    values = np.ones(n) if known is None else known.astype(np.float64)
    n_unknown = n - int(values.sum())
    return Covariate("position", "position", first, second, "", values, n_unknown)


def relative_difference(
    kind: Kind, first: Floats, second: Floats, *, favours: str, opposes: str
) -> Covariate:
    """(a - b) / (a + b) over its root mean square; nought where both are nought.

    Source: Chiang et al. (2024), style control in Chatbot Arena, for the form of the difference.
    """
    total = first + second
    unknown = ~np.isfinite(total)
    relative = np.divide(first - second, total, out=np.zeros(len(first)), where=total > 0)
    size = float(np.sqrt(np.mean(relative**2))) if len(relative) else 0.0
    scaled = relative / size if size > 0 else relative
    return Covariate(kind, kind, favours, opposes, TYPICAL, scaled, int(unknown.sum()))


def presence_difference(
    kind: Kind, first: Floats, second: Floats, *, favours: str, opposes: str
) -> Covariate:
    """1 where only the first has it, -1 where only the second has, 0 where both or neither."""
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    unknown = ~np.isfinite(difference)
    values = np.where(unknown, 0.0, difference)
    return Covariate(kind, kind, favours, opposes, ONE_HAS_IT, values, int(unknown.sum()))


def context(key: str, kind: Kind, when: str, values: Floats) -> Context:
    """Standard scores of what is known; nought, which is average, where it is not."""
    known = np.isfinite(values)
    centred = np.where(known, values - (values[known].mean() if known.any() else 0.0), 0.0)
    size = float(np.sqrt(np.mean(centred[known] ** 2))) if known.any() else 0.0
    scaled = centred / size if size > 1e-9 else np.zeros(len(values))
    return Context(key, kind, when, scaled, int((~known).sum()))


def interaction(covariate: Covariate, moment: Context) -> Covariate:
    """How much more the covariate does, one standard deviation up in the context."""
    return Covariate(
        key=f"{covariate.key} × {moment.key}",
        kind=moment.kind,
        favours=f"{covariate.favours} more {moment.when}",
        opposes=f"{covariate.favours} less {moment.when}",
        per="for each standard deviation",
        values=covariate.values * moment.values,
        n_unknown=max(covariate.n_unknown, moment.n_unknown),
    )


def carried_over(
    kind: Kind, towards: Floats, is_seen: Flags, *, favours: str, opposes: str
) -> tuple[Covariate, Covariate]:
    """What seeing it adds, and as a nuisance the same thing unseen, which quality alone explains.

    A suggestion that is often right goes with votes also where it is hidden; only the difference
    between shown and hidden (at random) is anchoring. The order of criteria likewise.
    """
    unknown = ~np.isfinite(towards)
    towards = np.where(unknown, 0.0, towards)
    seen = Covariate(
        key=kind,
        kind=kind,
        favours=favours,
        opposes=opposes,
        per="against where it was not seen",
        values=towards * is_seen,
        n_unknown=int(unknown.sum()),
    )
    unseen = replace(seen, key=f"{kind}, unseen", kind="nuisance", values=towards, is_nuisance=True)
    return unseen, seen


def own_family(judges: Labels, first: Labels, second: Labels) -> Covariate:
    """Does a model that judges prefer its own family more than people and other judges do?"""
    is_judge = judges != ""
    return presence_difference(
        "own_family",
        ((first == judges) & is_judge).astype(np.float64),
        ((second == judges) & is_judge).astype(np.float64),
        favours="the response of the judge's own family",
        opposes="the response of another family",
    )


def group_interactions(
    covariate: Covariate,
    attribute: str,
    labels: Labels,
    annotators: Ints,
    *,
    smallest: int = SMALLEST_GROUP,
) -> list[Covariate]:
    """What each group does beyond the largest one; groups of fewer than `smallest` are not shown.

    Annotators of small groups, and those who gave none, are taken out of the comparison together.
    """
    of = np.unique(annotators, return_index=True)[1]
    names, sizes = np.unique(labels[of], return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    shown = [str(names[i]) for i in order if names[i] != "" and sizes[i] >= smallest]
    if len(shown) < 2:
        return []
    rest = ~np.isin(labels, shown)
    columns = [
        _of_group(covariate, attribute, name, shown[0], labels == name) for name in shown[1:]
    ]
    if rest.any():
        unseen = _of_group(covariate, attribute, "", shown[0], rest)
        columns.append(replace(unseen, kind="nuisance", is_nuisance=True))
    return columns


def _of_group(
    covariate: Covariate, attribute: str, name: str, reference: str, is_member: Flags
) -> Covariate:
    who = f"among annotators of the group “{name}” ({attribute}) than among “{reference}”"
    return Covariate(
        key=f"{covariate.key} × {attribute}={name}",
        kind="group",
        favours=f"{covariate.favours} more {who}",
        opposes=f"{covariate.favours} less {who}",
        per=covariate.per,
        values=covariate.values * is_member,
        n_unknown=covariate.n_unknown,
        attribute=attribute,
        group=name,
    )
