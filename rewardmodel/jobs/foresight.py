"""What a project's leaderboard will be once its pool is judged: for the pairs that narrow it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from annotation.core.preferences import Preference
from annotation.models import Completion, Project
from annotation.selectors import judgments as judgment_selectors
from rewardmodel.core.foresight import Slate, foresee, response_strengths
from rewardmodel.core.pairs import Ints, PairCounts, Votes, add_up
from rewardmodel.core.pool import Pool, Standings
from rewardmodel.core.posterior import newton
from rewardmodel.jobs import dataset
from rewardmodel.selectors import Pair

# Beyond so many responses their joint posterior takes too long; policies are then weighed alone.
MOST_RESPONSES = 1_500
STANDINGS_PRECISION = 0.1


def with_standings(project: Project, pool: Pool, pairs: Sequence[Pair]) -> Pool:
    """The pool with who wrote what, the policies' standings, and what these will be."""
    keys = sorted({key for pair in pairs for key in (pair.first_id, pair.second_id)})
    policy_of = _policies(keys)
    policies = np.array(
        [[policy_of[p.first_id], policy_of[p.second_id]] for p in pairs], dtype=np.int64
    )
    preferences = judgment_selectors.preferences(
        project, include_simulated=project.learns_from_simulated
    )
    found = _foreseen(preferences, pool, _standings(preferences, policies), keys)
    return replace(pool, policies=policies, standings=found)


def _standings(preferences: Sequence[Preference], policies: Ints) -> Standings:
    """What is said of the policies (p,), each weakly held to be an average one."""
    votes = dataset.policy_votes(preferences)
    known = np.unique(policies)
    at = np.isin(votes.first, known) & np.isin(votes.second, known) & (votes.first != votes.second)
    votes = votes.where(at)
    numbered = Votes(
        np.searchsorted(known, votes.first), np.searchsorted(known, votes.second), votes.outcome,
        votes.weight, votes.prompt, votes.annotator,
    )  # fmt: skip
    strengths, eta, hessian = newton(add_up(numbered), np.eye(len(known)), STANDINGS_PRECISION)
    covariance = np.linalg.inv(hessian)[:-1, :-1]
    return Standings(known, strengths, np.asarray(covariance, dtype=np.float64), eta)


def _policies(keys: Sequence[int]) -> dict[int, int]:
    return dict(Completion.objects.filter(pk__in=keys).values_list("pk", "policy_id"))


def _foreseen(
    preferences: Sequence[Preference], pool: Pool, found: Standings, keys: Sequence[int]
) -> Standings:
    """With foresight where the responses are not too many; every pair of the pool gets one vote."""
    if pool.first is None or pool.second is None:
        return found
    responses, votes = _votes(preferences, found, keys)
    if len(responses) > MOST_RESPONSES:
        return found
    slate = Slate(
        np.concatenate([votes.first, pool.first]),
        np.concatenate([votes.second, pool.second]),
        np.searchsorted(found.policies, list(responses.values())),
        len(found.policies),
        np.concatenate([votes.counts, np.zeros((len(pool), 3))]),
        np.concatenate([np.zeros(len(votes.first)), np.ones(len(pool))]),
    )
    foresight = foresee(slate, response_strengths(slate), STANDINGS_PRECISION)
    return replace(found, foresight=foresight)


def _votes(
    preferences: Sequence[Preference], found: Standings, keys: Sequence[int]
) -> tuple[Mapping[int, int], PairCounts]:
    """Responses with their policies, the pool's `keys` first, and what was voted on them.

    Those of policies that the pool knows nothing of are left out.
    """
    judged = {key for p in preferences for key in (p.winner_id, p.loser_id)}
    known = {int(policy) for policy in found.policies}
    policy_of = _policies([*keys, *judged])
    ordered = [*keys, *sorted(judged.difference(keys))]
    responses = {key: policy_of[key] for key in ordered if policy_of[key] in known}
    row_of = {key: row for row, key in enumerate(responses)}
    kept = [p for p in preferences if p.winner_id in row_of and p.loser_id in row_of]
    return responses, add_up(dataset.votes_of(kept, row_of))
