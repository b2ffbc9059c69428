"""A project's standings, and what they will be, as a round that narrows them gets to know."""

import numpy as np
import pytest

from annotation.models import Completion, Project
from rewardmodel.core.pool import Pool
from rewardmodel.jobs import foresight
from rewardmodel.jobs.pool import ground
from rewardmodel.selectors import uncompared_pairs
from tests.pool_cast import pool_project

pytestmark = pytest.mark.django_db


def narrowed(project: Project) -> tuple[int, Pool]:
    pairs = uncompared_pairs(project)
    keys = {key for pair in pairs for key in (pair.first_id, pair.second_id)}
    return len(keys), foresight.with_standings(project, ground(project, None, pairs).pool, pairs)


def test_responses_that_were_judged_and_those_of_the_pool_are_foreseen_together(
    db: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = pool_project("Pool", policies=4, noise=0.5, held_out_fraction=0.0)
    count, pool = narrowed(project)
    standings = pool.standings
    assert standings is not None
    found = standings.foresight
    assert found is not None
    assert pool.policies is not None
    assert pool.first is not None
    known = dict(Completion.objects.filter(prompt__project=project).values_list("pk", "policy_id"))
    assert count <= len(found.policy) <= len(known)
    assert (standings.policies[found.policy[pool.first]] == pool.policies[:, 0]).all()
    assert np.isfinite(found.ranking).all()
    # Whoever is ahead by the votes so far is not foreseen to end last.
    assert np.corrcoef(found.ranking, standings.strengths)[0, 1] > 0
    monkeypatch.setattr(foresight, "MOST_RESPONSES", 3)
    _, pool = narrowed(project)
    assert pool.standings is not None
    assert pool.standings.foresight is None
