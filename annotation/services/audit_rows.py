"""Audits as rows of snapshots: one for each effect, each comparison of groups and each drift."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from annotation.core.audit import benjamini_hochberg
from annotation.core.bias_model import BiasModel, Effect
from annotation.core.bias_verdicts import RELEVANT_SHIFT
from annotation.core.covariates import Covariate
from annotation.core.drift import Drift
from annotation.core.groups import GroupComparison
from annotation.models import BiasAudit

RATE = 0.05
EXAMPLES = 200
GROUP, DRIFT = "group", "drift"
FIGURES = (
    "log_odds", "low", "high", "odds_ratio", "odds_low", "odds_high", "shift", "shift_low",
    "shift_high", "df", "detectable", "detectable_shift",
)  # fmt: skip

# What an audit needs that a project may not have; said in place of its effect.
UNAUDITED = {
    "sycophancy": "No prompt says which side its user takes: tag prompts with user_stance and "
    "response_stances in their metadata.",
    "anchoring": "No comparison came with a suggestion, so nobody could be anchored to one.",
    "own_family": "No language model is among those who judged: imported judgments may name one "
    "as judge_model.",
    "criteria_order": "Everybody is asked for the overall preference first, so no answer before "
    "it can colour it. Criteria asked after it are not part of this audit.",
    "reading_time": "No judgment says how long it took.",
    "reading_speed": "No judgment says how long it took.",
    "session": "No judgment says when it was given, so no place in a sitting is known.",
    "time_of_day": "No judgment says at what hour of the annotator's day it was given.",
    "trend": "No judgment says when it was given.",
    "group": "No two groups of at least five annotators each described themselves.",
}


def effect_rows(
    model: BiasModel, covariates: Sequence[Covariate], judgments: NDArray[np.int64], *, seed: int
) -> list[BiasAudit]:
    """One row for each effect of the model, with the judgments that show most of it."""
    by_key = {covariate.key: covariate for covariate in covariates}
    return [
        _effect_row(effect, model, _examples(by_key[effect.key], judgments, seed=seed))
        for effect in model.effects
    ]


def unaudited_rows(model: BiasModel, *, without: Sequence[str] = ()) -> list[BiasAudit]:
    """What could not be audited, and why; `without` what is audited elsewhere."""
    audited = {*without, *(effect.kind for effect in model.effects)}
    return [
        _row(kind, kind, BiasAudit.Status.UNTOLD, method=model.method, detail={"verdict": why})
        for kind, why in UNAUDITED.items()
        if kind not in audited
    ]


def group_rows(comparisons: Sequence[GroupComparison]) -> list[BiasAudit]:
    """One row for each attribute; its estimate is how much less the group that agrees least with
    the others does so than among itself."""
    overall = benjamini_hochberg([each.p_value for each in comparisons])
    rows = []
    for each, p_adjusted in zip(comparisons, overall, strict=True):
        gap = each.worst.gap if each.worst else None
        rows.append(
            _row(
                f"groups:{each.attribute}", GROUP, _group_status(each, p_adjusted),
                figures=(gap.value, gap.low, gap.high) if gap else None,
                p_value=each.p_value,
                n=sum(group.n for group in each.groups),
                n_annotators=sum(group.n_annotators for group in each.groups),
                method=each.method,
                detail=asdict(each) | {"p_adjusted": p_adjusted},
            )
        )  # fmt: skip
    return rows


def drift_rows(drifts: Mapping[str, Drift]) -> list[BiasAudit]:
    """One row for each figure: the later half of the votes less the earlier, within people."""
    adjusted = benjamini_hochberg([each.p_value for each in drifts.values()])
    return [
        _row(
            f"drift:{key}", DRIFT, _drift_status(each, p_adjusted),
            figures=_three(each.change, each.low, each.high),
            p_value=each.p_value, n=each.n, n_annotators=each.n_annotators,
            method="CUSUM of departures from each annotator's own mean; paths turned over by "
            "annotator; Benjamini-Hochberg",
            detail=asdict(each) | {"p_adjusted": p_adjusted},
        )
        for (key, each), p_adjusted in zip(drifts.items(), adjusted, strict=True)
    ]  # fmt: skip


def _effect_row(effect: Effect, model: BiasModel, examples: list[int]) -> BiasAudit:
    told = effect.estimate
    detail = asdict(effect) | {"votes": examples, "about": model.note}
    del detail["estimate"]
    detail |= {name: getattr(told, name, None) for name in FIGURES}
    return _row(
        effect.key, effect.kind, effect.status,
        figures=_three(told.shift, told.shift_low, told.shift_high) if told else None,
        p_value=effect.p_value, n=effect.n, n_annotators=effect.n_annotators,
        method=model.method, note=" ".join(filter(None, [effect.note, model.note])), detail=detail,
    )  # fmt: skip


def _row(
    bias: str,
    kind: str,
    status: str,
    *,
    figures: tuple[float, float, float] | None = None,
    p_value: float | None = None,
    n: int = 0,
    n_annotators: int = 0,
    method: str = "",
    note: str = "",
    detail: Mapping[str, object],
) -> BiasAudit:
    estimate, low, high = figures or (None, None, None)
    return BiasAudit(
        bias=bias[:160], kind=kind, status=status, estimate=estimate, low=low, high=high,
        p_value=p_value, n_judgments=n, n_annotators=n_annotators, method=method[:200], note=note,
        detail=plain(detail),
    )  # fmt: skip


def _examples(covariate: Covariate, judgments: NDArray[np.int64], *, seed: int) -> list[int]:
    """Judgments in which it differs most, equal ones at random; none of a group, whose members
    they would name."""
    if covariate.kind == GROUP:
        return []
    shuffled = np.random.default_rng(abs(seed)).permutation(len(judgments))
    size = np.abs(covariate.values[shuffled])
    largest = shuffled[np.argsort(-size, kind="stable")][: np.count_nonzero(size)]
    return list(dict.fromkeys(judgments[largest[: 4 * EXAMPLES]].tolist()))[:EXAMPLES]


def _group_status(each: GroupComparison, p_adjusted: float | None) -> str:
    """Found where agreement parts by group, or some group answers unlike the others."""
    if each.p_value is None and not each.groups:
        return BiasAudit.Status.UNTOLD
    groups = [p for g in each.groups for p in (g.offset_p_adjusted, g.gap_p_adjusted)]
    raw = [each.p_value, *(p for g in each.groups for p in (g.offset_p, g.gap_p))]
    if _any_below([p_adjusted, *groups]):
        return BiasAudit.Status.FOUND
    if _any_below(raw):
        return BiasAudit.Status.HINT
    reach = max((max(abs(g.offset.low), abs(g.offset.high)) for g in each.groups if g.offset),
                default=1.0)  # fmt: skip
    return _none_found(reach)


def _drift_status(each: Drift, p_adjusted: float | None) -> str:
    if each.p_value is None or each.low is None or each.high is None:
        return BiasAudit.Status.UNTOLD
    if _any_below([p_adjusted]):
        return BiasAudit.Status.FOUND
    if _any_below([each.p_value]):
        return BiasAudit.Status.HINT
    return _none_found(max(abs(each.low), abs(each.high)))


def _none_found(reach: float) -> str:
    """None found only where the whole interval lies below what would matter."""
    is_small = reach <= RELEVANT_SHIFT
    return BiasAudit.Status.NONE_FOUND if is_small else BiasAudit.Status.UNCLEAR


def _any_below(p_values: Iterable[float | None]) -> bool:
    return any(p is not None and p <= RATE for p in p_values)


def _three(
    value: float | None, low: float | None, high: float | None
) -> tuple[float, float, float] | None:
    if value is None or low is None or high is None:
        return None
    return (value, low, high) if all(map(isfinite, (value, low, high))) else None


def plain(value: object) -> object:
    """The value as JSON holds it: no figure that is not a number, no numpy."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
