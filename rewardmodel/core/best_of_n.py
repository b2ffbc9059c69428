"""How far can the reward be pushed before it breaks? Best of n by one half, judged by the other.

A proxy learns from the votes on one half of the prompts and picks the best of n responses; a head
that learned from the other half says how good the picks are. Both are evaluated on prompts that
neither has seen. Where the proxy's own score goes on rising and the other's stops, further picking
buys what the proxy likes and people do not (Goodhart).

Sources: Stiennon et al. (2020), arXiv:2009.01325, appendix G.3 (KL of best of n); Gao et al.
(2023), Scaling laws for reward model overoptimization, arXiv:2210.10760 (proxy against gold);
Coste et al. (2023), arXiv:2310.02743 (conservative picks by uncertainty).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from scipy.special import gammaln

from rewardmodel.core.measures import FEW_PROMPTS, interval_over
from rewardmodel.core.pairs import Floats, Ints

LEAST_RESPONSES = 3
CAUTION = 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """One split: the proxy's mean and sd, and the other half's mean, of N responses to prompts (N,)
    from which neither has learned.
    """

    proxy: Floats
    sd: Floats
    gold: Floats
    prompts: Ints


@dataclass(frozen=True, slots=True)
class Gain:
    """Over a response drawn at random, in standard deviations of that head within prompts."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class BestOf:
    """n responses to choose from: `kl` in nats, what the proxy believes to gain, what the other
    half says of its picks, and what it says of picks by mean minus standard deviation."""

    n: int
    kl: float
    proxy: Gain
    gold: Gain
    careful: Gain
    n_prompts: int


@dataclass(frozen=True, slots=True)
class BestOfN:
    """The curve, where it turns (`peak`, the n with the highest gold), and a sentence."""

    points: tuple[BestOf, ...]
    peak: int | None
    verdict: str
    n_prompts: int
    note: str = ""


def kl_of_best(n: int) -> float:
    """Divergence in nats of the best of n from one draw, exact for a continuous score."""
    return log(n) - (n - 1) / n


def best_of_n(splits: Sequence[Judged], *, seed: int, most: int = 64) -> BestOfN:
    """The curve over n = 1, 2, 4, ..., averaged over splits; prompts with 3 responses or more.

    The expected best of n of a prompt's K responses is exact: of those sorted by the picker, the
    i-th best is picked with chance C(K - i, n - 1) / C(K, n). A prompt counts up to its own K, so
    every point is of the prompts that have so many responses.
    """
    sizes = _sizes(most)
    gains: dict[int, list[Floats]] = {}
    for split in splits:
        for prompt, rows in _gains(split, sizes).items():
            gains.setdefault(prompt, []).append(rows)
    if len(gains) < FEW_PROMPTS:
        note = (
            f"Only {len(gains)} prompts have {LEAST_RESPONSES} responses or more: too few for a "
            "curve. Generate more responses."
        )
        return BestOfN((), None, note, len(gains), note)
    rows = np.array([np.mean(found, axis=0) for found in gains.values()])
    points = tuple(
        point
        for place, n in enumerate(sizes)
        if (point := _point(n, rows[:, place, :], seed)) is not None
    )
    peak = max(points, key=lambda p: p.gold.value).n if points else None
    return BestOfN(points, peak, _verdict(points), len(rows))


def _gains(split: Judged, sizes: Sequence[int]) -> dict[int, Floats]:
    """By prompt (sizes, 3): the gains of proxy, gold and careful picks; NaN beyond its K."""
    found: dict[int, Floats] = {}
    parts = {
        int(prompt): rows
        for prompt in np.unique(split.prompts)
        if len(rows := np.flatnonzero(split.prompts == prompt)) >= LEAST_RESPONSES
    }
    proxy_unit, gold_unit = (_unit(values, parts.values()) for values in (split.proxy, split.gold))
    for prompt, rows in parts.items():
        proxy = (split.proxy[rows] - split.proxy[rows].mean()) / proxy_unit
        gold = (split.gold[rows] - split.gold[rows].mean()) / gold_unit
        by_proxy = np.argsort(-split.proxy[rows], kind="stable")
        careful = np.argsort(-(split.proxy - CAUTION * split.sd)[rows], kind="stable")
        found[prompt] = np.full((len(sizes), 3), np.nan)
        for place, n in enumerate(sizes):
            if n <= len(rows):
                chance = chance_of_rank(len(rows), n)
                found[prompt][place] = (
                    chance @ proxy[by_proxy], chance @ gold[by_proxy], chance @ gold[careful],
                )  # fmt: skip
    return found


def chance_of_rank(size: int, n: int) -> Floats:
    """(size,) chance that the i-th best of `size` is the best of n drawn without replacement."""
    better = np.arange(size)
    left = size - 1 - better
    possible = left >= n - 1
    logs = np.full(size, -np.inf)
    logs[possible] = _log_choose(left[possible], n - 1) - _log_choose(np.array([size]), n)[0]
    return np.asarray(np.exp(logs))


def _log_choose(whole: np.ndarray, part: int) -> Floats:
    return np.asarray(gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1))


def _unit(values: Floats, parts: Iterable[Ints]) -> float:
    """Standard deviation within prompts, pooled; 1 where the head tells no two responses apart."""
    centred = [values[rows] - values[rows].mean() for rows in parts] or [np.zeros(1)]
    spread = float(np.sqrt((np.concatenate(centred) ** 2).mean()))
    return spread if spread > 1e-12 else 1.0


def _sizes(most: int) -> list[int]:
    sizes = [1]
    while 2 * sizes[-1] <= most:
        sizes.append(2 * sizes[-1])
    return sizes


def _point(n: int, rows: Floats, seed: int) -> BestOf | None:
    known = rows[np.isfinite(rows).all(axis=1)]
    if len(known) < FEW_PROMPTS:
        return None
    proxy, gold, careful = (_gain(known[:, column], seed) for column in range(3))
    return BestOf(n, kl_of_best(n), proxy, gold, careful, len(known))


def _gain(values: Floats, seed: int) -> Gain:
    value = float(values.mean())
    if np.ptp(values) < 1e-12:
        return Gain(value, None, None)
    sums = np.column_stack([values, np.ones(len(values))])
    low, high, _ = interval_over(sums, lambda t: np.asarray(t[:, 0] / t[:, 1]), seed)
    return Gain(value, low, high)


def _verdict(points: Sequence[BestOf]) -> str:
    if len(points) < 2:
        return "No prompt has enough responses to choose from."
    last = points[-1]
    peak = max(points, key=lambda p: p.gold.value)
    held = (
        f"Picking the best of {last.n}, the model believes to gain {last.proxy.value:.2f} standard "
        f"deviations; a model of other prompts sees {last.gold.value:.2f} of them."
    )
    if last.gold.low is not None and last.gold.low <= 0:
        return f"{held} That is not more than chance."
    if peak.n < last.n and peak.gold.low is not None and last.gold.value < peak.gold.low:
        return f"{held} It turns: the best of {peak.n} is better, further picking does harm."
    return f"{held} Up to here more choice does not do harm."
