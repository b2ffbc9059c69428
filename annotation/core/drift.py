"""Do people change as a project goes on? Cumulative sums of how each departs from themselves.

Each annotator is compared with their own average, so that people coming and going is no drift.
Under "no drift" an annotator's own path is as likely as its mirror image; turning whole paths over
says how far the sum of all would stray by chance, however alike one person's votes are.

Sources: Page (1954), Continuous inspection schemes, Biometrika 41; Ploberger and Krämer (1992), The
CUSUM test with OLS residuals, Econometrica 60; signs of clusters: Liu (1988), Annals of
Statistics 16.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotation.core.clustered_logit import Clustering, clustering

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_ANNOTATORS = 6
FEWEST_VOTES = 40
POINTS = 100


@dataclass(frozen=True, slots=True)
class DriftPoint:
    """The path at a time: the sum so far, in votes; chance keeps it within `band` as a whole."""

    time: float
    sum: float
    band: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether a figure drifts within people; None where it cannot be told.

    change, low, high: the later half of the votes minus the earlier one, within people.
    turned_at: the time at which the path is furthest out; only where drift was found.
    """

    n: int
    n_annotators: int
    p_value: float | None
    change: float | None
    low: float | None
    high: float | None
    turned_at: float | None
    path: tuple[DriftPoint, ...]
    verdict: str


def drift(
    values: Floats,
    annotators: Ints,
    times: Floats,
    *,
    what: str,
    rate: float = 0.05,
    confidence: float = 0.95,
    seed: int = 0,
    draws: int = 1999,
    unit: str = "points",
) -> Drift:
    """Drift of (n,) `values`: 1 and 0 (went for the first, say), or any score; `what` names it.

    `times` order the votes; equal ones are one moment. `unit` is what a hundredth of the values is
    called: of logarithms, log points.
    """
    people = clustering(annotators)
    reason = _reason(values, people, times)
    if reason:
        return Drift(len(values), len(people), None, None, None, None, None, (), reason)
    own = values - _means(values, people)[people.codes]
    moments, at = _moments(times)
    cells = np.bincount(people.codes * len(moments) + at, weights=own,
                        minlength=len(people) * len(moments))  # fmt: skip
    paths = np.cumsum(cells.reshape(len(people), len(moments)), axis=1)
    total = paths.sum(axis=0)
    signs = np.random.default_rng(abs(seed)).choice([-1.0, 1.0], size=(draws, len(people)))
    furthest = np.abs(signs @ paths).max(axis=1)
    p_value = float((1 + np.sum(furthest >= np.abs(total).max())) / (1 + draws))
    band = float(np.quantile(furthest, 1 - rate))
    change, error, df = _later(own, people, times)
    reach = float(stdtrit(df, 0.5 + confidence / 2)) * error
    found = p_value <= rate
    turned_at = float(moments[np.abs(total).argmax()]) if found else None
    return Drift(
        n=len(values),
        n_annotators=len(people),
        p_value=p_value,
        change=change,
        low=change - reach,
        high=change + reach,
        turned_at=turned_at,
        path=tuple(
            DriftPoint(float(time), float(height), band)
            for time, height in zip(moments, total, strict=True)
        ),
        verdict=_verdict(what, unit, (change, reach), p_value, is_found=found),
    )


def _reason(values: Floats, people: Clustering, times: Floats) -> str:
    if len(values) < FEWEST_VOTES or len(people) < FEWEST_ANNOTATORS:
        return (
            f"{len(values):,} votes by {len(people)} annotators are too few to tell of drift: "
            f"at least {FEWEST_VOTES} by {FEWEST_ANNOTATORS} are needed."
        )
    if np.all(values == values[0]):
        return "All votes say the same, so there is no drift in them."
    if np.all(times == times[0]):
        return "All votes were given at one moment, so there is no drift to look for."
    later = times > np.median(times)
    counts = people.sums(np.column_stack([later, ~later]).astype(np.float64))
    if np.count_nonzero(counts.min(axis=1)) < FEWEST_ANNOTATORS:
        return (
            "Too few annotators voted both early and late, so a change in people cannot be told "
            "from a change of people."
        )
    return ""


def _means(values: Floats, people: Clustering) -> Floats:
    return people.sums(values[:, None])[:, 0] / np.bincount(people.codes)


def _moments(times: Floats) -> tuple[Floats, Ints]:
    """At most a hundred moments with about as many votes each, and the moment of every vote."""
    edges = np.unique(np.quantile(times, np.linspace(0, 1, POINTS + 1)[1:], method="higher"))
    return edges, np.searchsorted(edges, times)


def _later(own: Floats, people: Clustering, times: Floats) -> tuple[float, float, float]:
    """Later minus earlier votes within people; cluster-robust error, degrees of freedom."""
    later = (times > np.median(times)).astype(np.float64)
    centred = later - _means(later, people)[people.codes]
    size = float(centred @ centred)
    change = float(centred @ own) / size
    pulls = people.sums((centred * (own - change * centred))[:, None])[:, 0] / size
    weights = people.sums((centred**2)[:, None])[:, 0] / size
    df = max(1 / float(np.sum(weights**2)) - 1, 1.0)
    spread = float(np.sum((pulls / np.sqrt(np.maximum(1 - weights, 0.05))) ** 2))
    return change, sqrt(spread), df


def _verdict(
    what: str, unit: str, change_and_reach: tuple[float, float], p_value: float, *, is_found: bool
) -> str:
    change, reach = change_and_reach
    figures = (
        f"{100 * change:+.1f} {unit} [{100 * (change - reach):+.1f}, "
        f"{100 * (change + reach):+.1f}] in the later half"
    )
    if is_found:
        return f"People change as the project goes on: {what}, {figures} (p = {p_value:.3f})."
    return f"No drift found: {what}, {figures}."
