"""What besides quality moves the votes? One model of everything at once, and a plain answer each.

A vote is a Bradley-Terry comparison: the log-odds that the response shown first wins are the sum of
the covariates' effects and, where policies are known, of the difference of their strengths (with a
weak normal prior). An effect is what a covariate does *beside* all the others, averaged over
annotators.

Sources: Bradley and Terry (1952), Biometrika 39; Davidson and Beaver (1977), Biometrics 33, for
order effects in it; Zeger, Liang and Albert (1988), Biometrics 44, for population averages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from annotation.core.audit import benjamini_hochberg
from annotation.core.bias_design import Settled, settled
from annotation.core.bias_shares import differing, raw_shares
from annotation.core.bias_verdicts import (
    Cluster,
    Estimate,
    Status,
    judged,
    status_of,
    told_by_one,
)
from annotation.core.clustered_logit import LogitFit, Robust, cluster_robust
from annotation.core.clustered_share import ClusteredShare
from annotation.core.covariates import Covariate, Kind
from annotation.core.power import detectable, threshold_of_next
from annotation.core.vote_facts import VoteFacts, covariates_of
from annotation.core.wild_bootstrap import signs_of, wild_t

Floats = NDArray[np.float64]

FEW_ANNOTATORS = 20
FEWEST_TO_TURN = 6


@dataclass(frozen=True, slots=True)
class Effect:
    """One covariate's answer.

    status: "found" and "hint" (sure by itself, not among so many audits); "none_found" where a
        relevant effect would have shown, "unclear" where it might not; "untold" where the votes
        cannot say, and `verdict` says why.
    estimate: None where it cannot be told, or where votes follow it without exception (then
        `share` says so, and the status may be "found").
    share: without the model, the share of votes won by the response that has more, of those that
        differ; None of interactions.
    n, n_annotators: votes in which it differs, and by how many people; `n_unknown` counts as
        no difference.
    favours, opposes: what a positive and a negative effect favour, `per` what unit.
    attribute, group: of the kind "group", whose preference is compared with the largest group's.
    """

    key: str
    kind: Kind
    attribute: str
    group: str
    favours: str
    opposes: str
    per: str
    status: Status
    estimate: Estimate | None
    p_value: float | None
    p_adjusted: float | None
    share: ClusteredShare | None
    n: int
    n_annotators: int
    n_unknown: int
    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class BiasModel:
    """All effects, in the order of their covariates; `method` says how they were found."""

    effects: tuple[Effect, ...]
    n: int
    n_annotators: int
    n_policies: int
    method: str
    note: str

    def __getitem__(self, key: str) -> Effect:
        return next(effect for effect in self.effects if effect.key == key)

    @property
    def found(self) -> tuple[Effect, ...]:
        """What was found, the largest first."""
        found = [effect for effect in self.effects if effect.status == "found"]
        return tuple(sorted(found, key=_size, reverse=True))


@dataclass(frozen=True, slots=True)
class Rules:
    """How sure is sure: false discovery rate, confidence of intervals, power promised, seed."""

    rate: float = 0.05
    confidence: float = 0.95
    power: float = 0.95
    seed: int = 0


def bias_model(
    facts: VoteFacts, covariates: Sequence[Covariate] | None = None, *, rules: Rules | None = None
) -> BiasModel:
    """Every effect of the covariates (all that the facts allow) on decided votes.

    Errors are CR2 with Satterthwaite's degrees of freedom by annotator, with items' variance added
    where `facts.items` is given; of 6 to 19 annotators the interval comes from turning the signs
    of their scores. P-values are adjusted over all effects (Benjamini and Hochberg).
    """
    columns = covariates_of(facts) if covariates is None else tuple(covariates)
    return bias_models([(facts, columns)], rules=rules)[0]


def bias_models(
    asked: Sequence[tuple[VoteFacts, Sequence[Covariate]]], *, rules: Rules | None = None
) -> list[BiasModel]:
    """Several models as one family of audits: p-values are adjusted over the effects of all."""
    rules = rules or Rules()
    fits = [_fit(facts, columns, rules) for facts, columns in asked]
    p_values = [_p_value(fit.model, fit.fitted, index) for fit in fits for index in fit.shown]
    adjusted = benjamini_hochberg(p_values)
    told = iter(zip(p_values, adjusted, strict=True))
    family = _Family(
        alpha=threshold_of_next(adjusted, rate=rules.rate),
        n_audits=sum(p is not None for p in p_values),
        rules=rules,
    )
    return [_bias_model(fit, [next(told) for _ in fit.shown], family) for fit in fits]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fitted model before its effects are judged; `shown` are the covariates to report."""

    facts: VoteFacts
    columns: Sequence[Covariate]
    model: Settled
    fitted: "dict[int, _Figures]"
    shares: dict[int, ClusteredShare]

    @property
    def shown(self) -> list[int]:
        """The covariates that are reported, by index; the others only take their share."""
        return [index for index, column in enumerate(self.columns) if not column.is_nuisance]


@dataclass(frozen=True, slots=True)
class _Family:
    """Audits that are adjusted together."""

    alpha: float
    n_audits: int
    rules: Rules


def _fit(facts: VoteFacts, columns: Sequence[Covariate], rules: Rules) -> _Fit:
    model = settled(facts, columns)
    shares = raw_shares(facts, columns, confidence=rules.confidence)
    fitted = _figures(model, rules, facts.cluster)
    return _Fit(facts, columns, model, fitted, shares | model.shares)


def _bias_model(
    fit: _Fit, told: Sequence[tuple[float | None, float | None]], family: _Family
) -> BiasModel:
    facts, rules = fit.facts, family.rules
    counts = differing(facts, fit.columns)
    effects = [
        _effect(
            fit.columns[index],
            _estimate(fit.fitted[index], family.alpha, rules) if index in fit.fitted else None,
            _Tested(p_value, p_adjusted, family.n_audits, rules, facts.cluster),
            reason=fit.model.reasons.get(index, ""),
            share=fit.shares.get(index),
            counts=counts[index],
            note=_beside(fit.model.stands_for.get(index, [])),
        )
        for index, (p_value, p_adjusted) in zip(fit.shown, told, strict=True)
    ]
    clusters = len(np.unique(facts.annotators))
    return BiasModel(
        effects=tuple(effects),
        n=len(facts.first_won),
        n_annotators=clusters,
        n_policies=fit.model.n_policies,
        method=_method(fit.model, clusters, facts.cluster),
        note=_note(clusters, facts.cluster),
    )


@dataclass(frozen=True, slots=True)
class _Figures:
    """A fitted effect before it is judged; `critical` is the t that the interval reaches to."""

    log_odds: float
    error: float
    df: float
    critical: float
    p_value: float
    least_p: float
    shift: float
    shift_error: float
    slope: float


def _figures(model: Settled, rules: Rules, cluster: Cluster) -> dict[int, _Figures]:
    """By covariate, what the fit says; those that one person alone tells get their reason."""
    if model.fit is None or model.groups is None:
        return {}
    robust = cluster_robust(model.design, model.outcome, model.fit, model.groups)
    k = len(model.columns)
    weights, errors, df = model.fit.weights[:k], robust.errors[:k], robust.df[:k]
    t = np.abs(weights) / np.maximum(errors, 1e-300)
    p_values = np.asarray(2 * stdtr(df, -t), dtype=np.float64)
    critical = np.asarray(stdtrit(df, 0.5 + rules.confidence / 2), dtype=np.float64)
    least = np.zeros(k)
    if FEWEST_TO_TURN <= len(model.groups.people) < FEW_ANNOTATORS:
        p_values, critical, least = _turned(model, model.fit, t, p_values, critical, rules)
    shifts, shift_errors, slope = _marginal(model, model.fit, robust)
    alone = {int(index): told_by_one(cluster) for index in model.columns[~robust.is_shared[:k]]}
    model.reasons.update(alone)
    return {
        int(index): _Figures(
            log_odds=float(weights[at]),
            error=float(errors[at]),
            df=float(df[at]),
            critical=float(critical[at]),
            p_value=float(p_values[at]),
            least_p=float(least[at]),
            shift=float(shifts[at]),
            shift_error=float(shift_errors[at]),
            slope=slope,
        )
        for at, index in enumerate(model.columns)
        if robust.is_shared[at]
    }


def _turned(
    model: Settled, fit: LogitFit, t: Floats, p_values: Floats, critical: Floats, rules: Rules
) -> tuple[Floats, Floats, Floats]:
    """p, critical t and the least p there can be, from turned signs; never bolder than t's own."""
    assert model.groups is not None
    people = model.groups.people
    signs = signs_of(len(people), seed=rules.seed)
    least = np.full(len(t), 2 / len(signs))
    for column in range(len(t)):
        null = wild_t(
            model.design, model.outcome, fit, column, people, signs=signs, ridge=model.ridge
        )
        if null is None:
            continue
        share = float(np.mean(null >= t[column] * (1 - 1e-9)))
        p_values[column] = max(p_values[column], share, least[column])
        reach = float(np.quantile(null, rules.confidence, method="higher"))
        critical[column] = max(critical[column], reach)
    return p_values, critical, least


def _marginal(model: Settled, fit: LogitFit, robust: Robust) -> tuple[Floats, Floats, float]:
    """Average marginal effects, their errors by the delta method, and the average slope.

    Of column k: the mean of p (1 - p) beta_k over the votes, p their fitted chances.
    """
    spread = fit.chances * (1.0 - fit.chances)
    slope = float(spread.mean())
    curve = (spread * (1.0 - 2.0 * fit.chances)) @ model.design / len(spread)
    k = len(model.columns)
    gradient = fit.weights[:k, None] * curve
    gradient[np.arange(k), np.arange(k)] += slope
    variance = np.einsum("ki,ij,kj->k", gradient, robust.covariance, gradient, optimize=True)
    return fit.weights[:k] * slope, np.sqrt(np.maximum(variance, 0.0)), slope


def _p_value(model: Settled, fitted: dict[int, _Figures], index: int) -> float | None:
    if index in fitted:
        return fitted[index].p_value
    return model.shares[index].p_value if index in model.shares else None


@dataclass(frozen=True, slots=True)
class _Tested:
    """A p-value among the others."""

    p_value: float | None
    p_adjusted: float | None
    n_audits: int
    rules: Rules
    cluster: Cluster

    @property
    def is_found(self) -> bool:
        """Whether it holds at the false discovery rate."""
        return self.p_adjusted is not None and self.p_adjusted <= self.rules.rate


def _effect(
    covariate: Covariate,
    estimate: Estimate | None,
    tested: _Tested,
    *,
    reason: str,
    share: ClusteredShare | None,
    counts: tuple[int, int],
    note: str,
) -> Effect:
    status: Status = "found" if tested.is_found else "untold"
    verdict = reason
    if estimate is not None and tested.p_value is not None and tested.p_adjusted is not None:
        rules = tested.rules
        status = status_of(estimate, tested.p_value, tested.p_adjusted, rate=rules.rate)
        verdict = judged(
            covariate, estimate, status,
            power=rules.power, n_audits=tested.n_audits, cluster=tested.cluster,
        )  # fmt: skip
    return Effect(
        key=covariate.key,
        kind=covariate.kind,
        attribute=covariate.attribute,
        group=covariate.group,
        favours=covariate.favours,
        opposes=covariate.opposes,
        per=covariate.per,
        status=status,
        estimate=estimate,
        p_value=tested.p_value,
        p_adjusted=tested.p_adjusted,
        share=None if covariate.is_interaction else share,
        n=counts[0],
        n_annotators=counts[1],
        n_unknown=covariate.n_unknown,
        verdict=verdict,
        note=note,
    )


def _estimate(figures: _Figures, alpha: float, rules: Rules) -> Estimate:
    reach, shift_reach = figures.critical * figures.error, figures.critical * figures.shift_error
    least = _least(figures, alpha, rules.power)
    return Estimate(
        log_odds=figures.log_odds,
        low=figures.log_odds - reach,
        high=figures.log_odds + reach,
        shift=figures.shift,
        shift_low=max(figures.shift - shift_reach, -1.0),
        shift_high=min(figures.shift + shift_reach, 1.0),
        df=figures.df,
        detectable=least,
        detectable_shift=None if least is None else min(least * figures.slope, 1.0),
    )


def _size(effect: Effect) -> float:
    return 1.0 if effect.estimate is None else abs(effect.estimate.shift)


def _least(figures: _Figures, alpha: float, power: float) -> float | None:
    """The smallest log-odds found; None where turned signs cannot give so small a p-value."""
    if figures.least_p > alpha:
        return None
    wider = figures.critical / float(stdtrit(figures.df, 0.975)) if figures.least_p else 1.0
    return detectable(figures.error * wider, figures.df, alpha=alpha, power=power)


def _beside(names: list[str]) -> str:
    return f"It stands for {', '.join(names)} too: no vote tells them apart." if names else ""


def _method(model: Settled, n_clusters: int, cluster: Cluster) -> str:
    if model.fit is None:
        return "Nothing could be fitted"
    beside = f", {model.n_policies} policies' strengths beside" if model.n_policies else ""
    few = FEWEST_TO_TURN <= n_clusters < FEW_ANNOTATORS
    errors = f"signs of {cluster}s' scores turned (wild bootstrap)" if few else "t intervals"
    return (
        f"Logistic Bradley-Terry model of {len(model.columns)} covariates{beside}; "
        f"cluster-robust by {cluster} (CR2, Satterthwaite), {errors}; Benjamini-Hochberg"
    )


def _note(n_clusters: int, cluster: Cluster) -> str:
    if not 1 < n_clusters < FEW_ANNOTATORS:
        return ""
    those = "people" if cluster == "annotator" else f"{cluster}s"
    return f"Only {n_clusters} {cluster}s: intervals are rough, and tell of these {those}."
