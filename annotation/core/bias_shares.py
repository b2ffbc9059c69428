"""Without a model: of the votes that differ in something, how many go to the side with more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.core.clustered_logit import Clustering, Groupings, groupings
from annotation.core.clustered_share import ClusteredShare, one_sided_share, share_of
from annotation.core.covariates import Covariate
from annotation.core.vote_facts import VoteFacts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def differing(facts: VoteFacts, covariates: Sequence[Covariate]) -> list[tuple[int, int]]:
    """For each covariate, in how many votes it differs, and of how many annotators."""
    if len(facts.first_won) == 0:
        return [(0, 0)] * len(covariates)
    people = groupings(facts.annotators).people
    by_person = people.sums(np.array([each.values != 0 for each in covariates]).T)
    votes, voters = by_person.sum(axis=0), np.count_nonzero(by_person, axis=0)
    return [(int(n), int(who)) for n, who in zip(votes, voters, strict=True)]


def raw_shares(
    facts: VoteFacts, covariates: Sequence[Covariate], *, confidence: float
) -> dict[int, ClusteredShare]:
    """By covariate (interactions apart), the share won by the response that has more."""
    plain = [index for index, each in enumerate(covariates) if not each.is_interaction]
    if len(facts.first_won) == 0 or not plain:
        return {}
    groups = groupings(facts.annotators, facts.items)
    signs = np.sign(np.array([covariates[index].values for index in plain])).T
    differs = np.abs(signs)
    won = differs * (0.5 + signs * (facts.first_won[:, None] - 0.5))
    n = differs.sum(axis=0)
    shares = np.divide(won.sum(axis=0), n, out=np.full(len(n), 0.5), where=n > 0)
    variances = _variances(won - shares * differs, groups) / np.maximum(n, 1) ** 2
    voters = np.count_nonzero(groups.people.sums(differs), axis=0)
    items = voters if groups.items is None else np.count_nonzero(groups.items.sums(differs), axis=0)
    found: dict[int, ClusteredShare] = {}
    for at, index in enumerate(plain):
        share, votes, who = float(shares[at]), int(n[at]), int(voters[at])
        fewest = min(who, int(items[at]))
        if votes and share in {0.0, 1.0}:
            found[index] = one_sided_share(share, votes, who, confidence)
        elif votes:
            found[index] = share_of(
                share,
                float(variances[at]),
                n=votes,
                n_annotators=who,
                df=fewest - 1 if fewest > 1 else max(votes - 1, 1),
                confidence=confidence,
            )
    return found


def _variances(residuals: Floats, groups: Groupings) -> Floats:
    """(q,) variances of the summed (n, q) residuals by annotator, items adding to it."""
    variance = _between(residuals, groups.people)
    if groups.items is None or groups.cells is None:
        return variance
    more = _between(residuals, groups.items) - np.sum(groups.cells.sums(residuals) ** 2, axis=0)
    return np.asarray(variance + np.maximum(more, 0.0))


def _between(residuals: Floats, clusters: Clustering) -> Floats:
    count = len(clusters)
    if count < 2:
        return np.asarray(np.sum(residuals**2, axis=0))
    return np.asarray(np.sum(clusters.sums(residuals) ** 2, axis=0) * count / (count - 1))
