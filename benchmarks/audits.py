"""Bias audits: are planted biases found, is nothing found that is not there, and how fast?

No database: the statistics alone, on 20,000 votes of 200 people whose sides differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats

from annotation.core.bias_model import BiasModel, bias_model
from benchmarks.figures import Figure, of_samples, seconds
from benchmarks.planted_votes import ATTENUATION, PUBLISHED, Planted, planted_votes

POWER_GOAL = 0.95
SECONDS_GOAL = 0.1
REPEATS = 15


@dataclass(slots=True)
class Tally:
    """Counts over many data sets."""

    found: dict[str, int] = field(default_factory=dict)
    detectable: dict[str, list[float]] = field(default_factory=dict)
    promised: int = 0
    kept: int = 0
    false_shares: list[float] = field(default_factory=list)
    null_effects: int = 0
    null_outside: int = 0
    naive_positions: int = 0

    def add(self, planted: Planted) -> None:
        model = bias_model(planted.facts, planted.covariates)
        wrong = [each.key for each in model.found if each.key not in planted.truth]
        self.false_shares.append(len(wrong) / max(len(model.found), 1))
        self.naive_positions += _naive_position(planted) < 0.05
        self._nulls(model, planted.truth)
        for key, size in planted.truth.items():
            estimate = model[key].estimate
            if estimate is None or estimate.detectable is None:
                continue
            is_found = model[key].status == "found" and estimate.log_odds * size > 0
            self.found[key] = self.found.get(key, 0) + is_found
            self.detectable.setdefault(key, []).append(estimate.detectable)
            if abs(size) * ATTENUATION >= estimate.detectable:
                self.promised += 1
                self.kept += is_found

    def _nulls(self, model: BiasModel, truth: Mapping[str, float]) -> None:
        for effect in model.effects:
            if effect.key not in truth and effect.estimate is not None:
                self.null_effects += 1
                self.null_outside += not effect.estimate.low <= 0 <= effect.estimate.high


def measure(*, short: bool) -> list[Figure]:
    sets = 20 if short else 200
    planted, nothing = Tally(), Tally()
    for seed in range(sets):
        planted.add(planted_votes(seed, truth=PUBLISHED))
        nothing.add(planted_votes(10_000 + seed, truth={}))
    n = {"n": sets}
    alarms = float(np.mean([share > 0 for share in nothing.false_shares]))
    return [
        of_samples("27 covariates of 20,000 votes audited", _times(alone=True), "s",
                   goal=SECONDS_GOAL),
        of_samples("the same beside 12 policies, and votes on one item alike", _times(alone=False),
                   "s"),
        Figure("found where the detectable effect promises it, share", planted.kept
               / max(planted.promised, 1), "", goal=POWER_GOAL, better="higher",
               n=planted.promised),
        Figure("false among the found, mean share", float(np.mean(planted.false_shares)), "",
               goal=0.05, **n),
        Figure("data sets with nothing planted where something is found, share", alarms, "",
               goal=_upper(0.05, sets), baseline=nothing.naive_positions / sets,
               baseline_name="position alone by errors that take votes for independent", **n),
        Figure("intervals that hold the truth where nothing was planted, share",
               1 - nothing.null_outside / max(nothing.null_effects, 1), "",
               n=nothing.null_effects),
        *[
            Figure(f"found: {key}, planted {size:+.2f}, detectable "
                   f"{np.mean(planted.detectable[key]):.2f}", planted.found[key] / sets, "", **n)
            for key, size in PUBLISHED.items()
        ],
    ]  # fmt: skip


def _times(*, alone: bool) -> list[float]:
    planted = planted_votes(0, truth=PUBLISHED)
    facts = planted.facts
    if alone:
        facts = replace(facts, items=None, first_policies=None, second_policies=None)
    return [seconds(lambda: bias_model(facts, planted.covariates)) for _ in range(REPEATS)]


def _upper(share: float, n: int) -> float:
    """A true rate of `share` stays below this in 99 of 100 runs of `n` data sets."""
    return float(stats.binom.ppf(0.99, n, share)) / n


def _naive_position(planted: Planted) -> float:
    won = planted.facts.first_won
    return float(stats.binomtest(int(won.sum()), len(won)).pvalue)
