"""LLM judges with planted habits: what is found of them, and what cannot be."""

import numpy as np
import pytest
from scipy.special import expit

from annotation.core.judge_bias import JudgeBias, Placed, judge_bias
from annotation.core.vote_facts import VoteFacts

STRENGTHS = np.array([1.0, 0.4, 0.0, -0.5])
FAMILIES = np.array(["acme", "acme", "bee", "cee"])


def placed(
    random: np.random.Generator,
    annotators: np.ndarray,
    *,
    prompts: int,
    side: float = 0.0,
    own: float = 0.0,
    judge: str = "",
) -> Placed:
    """Votes on pairs of four policies, whose strengths differ a little from prompt to prompt."""
    n = len(annotators)
    where = random.integers(prompts, size=n)
    first = random.integers(4, size=n)
    second = (first + random.integers(1, 4, size=n)) % 4
    of_prompt = STRENGTHS + random.normal(0, 0.3, size=(prompts, 4))
    gap = of_prompt[where, first] - of_prompt[where, second]
    family = (FAMILIES[first] == "acme").astype(float) - (FAMILIES[second] == "acme")
    facts = VoteFacts(
        first_won=random.random(n) < expit(gap + side + own * family),
        annotators=annotators,
        items=where * 100 + first * 10 + second,
        first_policies=first,
        second_policies=second,
        judge_families=np.full(n, judge) if judge else None,
        first_families=FAMILIES[first] if judge else None,
        second_families=FAMILIES[second] if judge else None,
    )
    return Placed(facts, where, facts.items)


def audited(
    *, side: float = 0.0, own: float = 0.0, prompts: int = 40, people: int = 30, seed: int = 0
) -> JudgeBias:
    random = np.random.default_rng(seed)
    workers = np.repeat(np.arange(people, dtype=np.int64), 60)
    return judge_bias(
        placed(random, np.full(1200, 99), prompts=prompts, side=side, own=own, judge="acme"),
        placed(random, workers, prompts=prompts),
    )


def test_a_planted_side_and_family_are_found_with_their_sizes() -> None:
    found = audited(side=0.6, own=0.8)
    side, family = found.alone["position"], found.beside["own_family"]
    assert found.cluster == "prompt"
    assert side.status == family.status == "found"
    assert side.estimate.low < 0.6 < side.estimate.high
    assert family.estimate.low < 0.8 < family.estimate.high
    assert [effect.key for effect in found.beside.effects] == ["own_family"]
    assert "by prompt" in found.alone.method
    assert "annotator" not in found.alone.method + family.verdict + side.verdict


def test_being_of_a_good_family_is_no_preference_for_it() -> None:
    """The judge's family wins most of its votes, as it wins most of people's."""
    p_values = []
    for seed in range(60):
        found = audited(seed=seed)
        family = found.beside["own_family"]
        assert family.share.value > 0.6
        p_values += [found.alone["position"].p_value, family.p_value]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1


def test_without_people_a_family_cannot_be_told_from_its_policies() -> None:
    family = audited(own=0.8, people=0).beside["own_family"]
    assert family.status == "untold"
    assert "which policy wrote the responses" in family.verdict


@pytest.mark.parametrize(("prompts", "cluster"), [(12, "prompt"), (5, "comparison")])
def test_of_few_prompts_signs_are_turned_and_of_fewest_comparisons_stand_in(
    prompts: int, cluster: str
) -> None:
    found = audited(side=0.8, prompts=prompts)
    assert found.cluster == cluster
    assert found.alone["position"].status == "found"
    assert ("wild bootstrap" in found.alone.method) == (cluster == "prompt")
    assert f"by {cluster}" in found.alone.method


def test_of_one_prompt_and_one_pair_nothing_is_told() -> None:
    random = np.random.default_rng(1)
    judge = placed(random, np.full(40, 9), prompts=3, judge="acme")
    alike = Placed(judge.facts, np.zeros(40, dtype=np.int64), np.zeros(40, dtype=np.int64))
    nobody = placed(random, np.zeros(0, dtype=np.int64), prompts=3)
    found = judge_bias(alike, nobody)
    assert found.alone["position"].status == "untold"
    assert "on one comparison" in found.alone["position"].verdict
