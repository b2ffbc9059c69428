"""From covariates to a model that can be fitted: what cannot be told is set aside, with the reason.

Separation is taken to its limit. As the odds of a covariate grow without end, the votes where it
differs carry no news of the rest; so the column and these votes leave together, and the rest is
fitted on what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.core import bias_verdicts
from annotation.core.clustered_logit import (
    Groupings,
    LogitFit,
    Separation,
    fit_logistic,
    groupings,
    independent_columns,
)
from annotation.core.clustered_share import ClusteredShare, one_sided_share
from annotation.core.covariates import Covariate
from annotation.core.vote_facts import VoteFacts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_VOTES = 20
MOST_POLICIES = 100
PRIOR_SD = 2.0
ALONE = 1e-9


@dataclass(slots=True)
class Settled:
    """A fitted model, or none, and what it leaves out.

    columns: which covariate each of the first columns of `design` is; strengths of policies follow.
    reasons: covariate to the sentence that says why it has no effect to show.
    shares: of the covariates that decide votes without exception.
    stands_for: covariate to names of those that cannot be told apart from it.
    """

    columns: Ints
    design: Floats
    outcome: Floats
    ridge: Floats
    groups: Groupings | None
    fit: LogitFit | None = None
    reasons: dict[int, str] = field(default_factory=dict)
    shares: dict[int, ClusteredShare] = field(default_factory=dict)
    stands_for: dict[int, list[str]] = field(default_factory=dict)
    n_policies: int = 0


def settled(facts: VoteFacts, covariates: Sequence[Covariate]) -> Settled:
    """The largest model of these covariates that the votes can tell, fitted."""
    rows = np.argsort(facts.annotators, kind="stable")
    model = Settled(np.arange(0), np.empty((0, 0)), np.empty(0), np.empty(0), None)
    if _refused_whole(model, facts, covariates):
        return model
    active = _that_vary(model, facts, covariates, rows)
    strengths = _strengths(facts)
    active = _beside_policies(model, covariates, active, rows, strengths)
    while len(active):
        values = _columns([covariates[index].values for index in active], rows)
        kept = _independent(model, covariates, active, values)
        active, values = active[kept], values if len(kept) == len(active) else values[:, kept]
        _lay_out(model, facts, rows, active, np.hstack([values, _columns(strengths, rows)]))
        fit = fit_logistic(model.design, model.outcome, ridge=model.ridge)
        if isinstance(fit, LogitFit):
            model.fit = fit
            return model
        active, rows = _without(model, facts, covariates, rows, fit)
    return model


def _columns(values: Sequence[Floats] | Floats, rows: Ints) -> Floats:
    """(m, k) of some rows, each column in one piece of memory."""
    taken = np.empty((len(values), len(rows)))
    for at, column in enumerate(values):
        np.take(column, rows, out=taken[at])
    return taken.T


def _refused_whole(model: Settled, facts: VoteFacts, covariates: Sequence[Covariate]) -> bool:
    n = len(facts.first_won)
    if n and len(np.unique(facts.annotators)) > 1:
        return False
    reason = bias_verdicts.one_cluster(n, facts.cluster) if n else bias_verdicts.no_votes()
    model.reasons.update(dict.fromkeys(range(len(covariates)), reason))
    return True


def _that_vary(
    model: Settled, facts: VoteFacts, covariates: Sequence[Covariate], rows: Ints
) -> Ints:
    """The covariates that differ in enough votes of enough people; the reason for the others."""
    kept = []
    annotators = facts.annotators[rows]
    for index, covariate in enumerate(covariates):
        differs = covariate.values[rows] != 0
        n = int(np.count_nonzero(differs))
        if n >= FEWEST_VOTES and _more_than_one(annotators[differs]):
            kept.append(index)
        elif n == 0:
            model.reasons[index] = bias_verdicts.constant(covariate)
        else:
            people = len(np.unique(annotators[differs]))
            model.reasons[index] = bias_verdicts.too_few(
                n, people, least=FEWEST_VOTES, cluster=facts.cluster
            )
    return np.array(kept, dtype=np.int64)


def _more_than_one(annotators: Ints) -> bool:
    return bool((annotators != annotators[0]).any())


def _independent(
    model: Settled, covariates: Sequence[Covariate], active: Ints, values: Floats
) -> Ints:
    kept, made_of = independent_columns(values)
    for column, parts in made_of.items():
        index = int(active[column])
        names = [covariates[active[part]].key for part in parts]
        model.reasons[index] = bias_verdicts.collinear(names)
        for part in parts:
            same = model.stands_for.setdefault(int(active[part]), [])
            same.append(covariates[index].key)
    return kept


def _beside_policies(
    model: Settled, covariates: Sequence[Covariate], active: Ints, rows: Ints, strengths: Floats
) -> Ints:
    """The covariates of which something is left once the policies are known: a baseline that is
    always shown first makes position and its strength one and the same."""
    if len(strengths) == 0:
        return active
    policies = _columns(strengths, rows)
    inverse = np.linalg.pinv(policies.T @ policies, hermitian=True)
    kept = []
    for index in active:
        values = covariates[index].values[rows]
        shared = policies.T @ values
        if values @ values - shared @ inverse @ shared > ALONE * (values @ values):
            kept.append(index)
        else:
            model.reasons[int(index)] = bias_verdicts.told_by_policies()
    return np.array(kept, dtype=np.int64)


def _lay_out(model: Settled, facts: VoteFacts, rows: Ints, active: Ints, design: Floats) -> None:
    model.columns, model.n_policies = active, design.shape[1] - len(active)
    model.design = design
    model.outcome = facts.first_won[rows].astype(np.float64)
    model.ridge = np.repeat([0.0, PRIOR_SD**-2], [len(active), model.n_policies])
    items = None if facts.items is None else facts.items[rows]
    model.groups = groupings(facts.annotators[rows], items)


def _strengths(facts: VoteFacts) -> Floats:
    """(P, n): 1 for the policy shown first, -1 for the second; the most frequent policies only."""
    first, second = facts.first_policies, facts.second_policies
    if first is None or second is None:
        return np.empty((0, len(facts.first_won)))
    names, counts = np.unique(np.concatenate([first, second]), return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")[:MOST_POLICIES]]
    is_first, is_second = first == kept[:, None], second == kept[:, None]
    return np.asarray(is_first.astype(np.float64) - is_second.astype(np.float64), np.float64)


def _without(
    model: Settled,
    facts: VoteFacts,
    covariates: Sequence[Covariate],
    rows: Ints,
    found: Separation,
) -> tuple[Ints, Ints]:
    """What is left to fit without the columns that separate, and the votes left for it."""
    active = model.columns
    columns = found.columns[found.columns < len(active)]
    gone = active[columns] if len(columns) else active
    left = np.setdiff1d(active, gone)
    for index in gone:
        _explain_separation(model, facts, covariates[index], int(index), rows)
    pull = np.abs(model.design[:, columns] @ found.direction[columns])
    rows = rows[pull <= 0.05 * pull.max(initial=0.0)]
    names = [covariates[index].key for index in gone]
    still = Settled(model.columns, model.design, model.outcome, model.ridge, None)
    kept = _that_vary(still, facts, covariates, rows) if len(rows) else rows
    for index in np.setdiff1d(left, kept):
        model.reasons[int(index)] = bias_verdicts.nothing_left(names)
    return np.intersect1d(left, kept), rows


def _explain_separation(
    model: Settled, facts: VoteFacts, covariate: Covariate, index: int, rows: Ints
) -> None:
    differs = rows[covariate.values[rows] != 0]
    won = facts.first_won[differs] == (covariate.values[differs] > 0)
    share = float(won.mean()) if len(won) else 0.5
    if share in {0.0, 1.0}:
        people = len(np.unique(facts.annotators[differs]))
        model.shares[index] = one_sided_share(share, len(won), people, 0.95)
        model.reasons[index] = bias_verdicts.separated(covariate, len(won), share)
    else:
        model.reasons[index] = bias_verdicts.separated(covariate, len(won), None)
