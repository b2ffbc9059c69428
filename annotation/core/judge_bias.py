"""What besides quality moves the votes of one LLM judge?

A judge is one annotator, however many votes it gives, so its votes are gathered by prompt: what is
found holds of other prompts, not of other judges. Beside its own votes alone nothing tells a
preference for its own family from these policies being better. That is asked in a second model,
which takes the policies' strengths from the votes of people too: does the judge go for its family
more often than people do?

Source of the second question: Panickssery, Bowman and Feng (2024), LLM evaluators recognize and
favor their own generations, NeurIPS 37.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotation.core.bias_model import FEWEST_TO_TURN, BiasModel, Rules, bias_models
from annotation.core.bias_verdicts import Cluster
from annotation.core.covariates import Covariate
from annotation.core.vote_facts import VoteFacts, covariates_of

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)

ASKED = ("position", "length", "lists", "headings", "bold", "code", "refusal")
FAMILY = "own_family"


@dataclass(frozen=True, slots=True)
class Placed:
    """The facts of n votes and, (n,), on which prompt and in which comparison each was given."""

    facts: VoteFacts
    prompts: Ints
    comparisons: Ints

    def of(self, cluster: Cluster) -> Ints:
        """(n,) the cluster of each vote: its prompt, or its comparison."""
        return self.prompts if cluster == "prompt" else self.comparisons

    def where(self, kept: Flags) -> "Placed":
        """Some of the votes, with what a model of judges asks for."""
        facts = self.facts
        some = VoteFacts(
            first_won=facts.first_won[kept],
            annotators=facts.annotators[kept],
            order_known=None if facts.order_known is None else facts.order_known[kept],
            first_policies=None if facts.first_policies is None else facts.first_policies[kept],
            second_policies=None if facts.second_policies is None else facts.second_policies[kept],
            first_features=None if facts.first_features is None else facts.first_features[kept],
            second_features=None if facts.second_features is None else facts.second_features[kept],
        )
        return Placed(some, self.prompts[kept], self.comparisons[kept])


@dataclass(frozen=True, slots=True)
class JudgeBias:
    """Two models as one family of audits, their covariates, and what their clusters are.

    alone: of the judge's votes. beside: of those and of people's on the same prompts, the judge's
    first; its one effect is that of the judge's own family.
    """

    alone: BiasModel
    asked: tuple[Covariate, ...]
    beside: BiasModel
    family: Covariate
    cluster: Cluster


def judge_bias(judge: Placed, people: Placed, *, rules: Rules | None = None) -> JudgeBias:
    """Every effect on one judge's votes, p-values adjusted over them (Benjamini and Hochberg).

    Clusters are prompts, of fewer than six prompts comparisons.
    """
    is_enough = len(np.unique(judge.prompts)) >= FEWEST_TO_TURN
    cluster: Cluster = "prompt" if is_enough else "comparison"
    facts = replace(judge.facts, annotators=judge.of(cluster), items=None, cluster=cluster)
    asked = tuple(each for each in covariates_of(facts, group_features=()) if each.key in ASKED)
    both = _together(judge, _on_the_same(judge, people), cluster)
    columns = _apart(both, n_judge=len(facts.first_won))
    alone, beside = bias_models([(facts, asked), (both, columns)], rules=rules)
    return JudgeBias(alone, asked, beside, columns[-1], cluster)


def _on_the_same(judge: Placed, people: Placed) -> Placed:
    """People's votes on the judge's prompts: theirs on others tell of other responses."""
    kept = np.isin(people.prompts, judge.prompts)
    if people.facts.judge_families is not None:
        kept &= people.facts.judge_families == ""
    return people.where(kept)


def _together(judge: Placed, people: Placed, cluster: Cluster) -> VoteFacts:
    """The judge's votes and people's after them, by prompt; votes of one person are alike too."""
    ours, theirs = judge.facts, people.facts
    n = len(theirs.first_won)
    nobody = np.full(n, "", dtype=np.str_)
    single = -1 - np.arange(len(ours.first_won), dtype=np.int64)
    families = (ours.judge_families, ours.first_families, ours.second_families)
    by, first, second = (
        None if each is None else np.concatenate([each, nobody]) for each in families
    )
    return VoteFacts(
        first_won=np.concatenate([ours.first_won, theirs.first_won]),
        annotators=np.concatenate([judge.of(cluster), people.of(cluster)]),
        items=np.concatenate([single, theirs.annotators]),
        order_known=_joined(ours.order_known, theirs.order_known),
        first_policies=_joined(ours.first_policies, theirs.first_policies),
        second_policies=_joined(ours.second_policies, theirs.second_policies),
        first_features=_joined(ours.first_features, theirs.first_features),
        second_features=_joined(ours.second_features, theirs.second_features),
        judge_families=by,
        first_families=first,
        second_families=second,
        cluster=cluster,
    )


def _joined(ours: NDArray[T] | None, theirs: NDArray[T] | None) -> NDArray[T] | None:
    return None if ours is None or theirs is None else np.concatenate([ours, theirs])


def _apart(both: VoteFacts, *, n_judge: int) -> tuple[Covariate, ...]:
    """Each covariate once for the judge and once for people, and the judge's own family last."""
    plain = covariates_of(both, group_features=())
    is_judge = np.arange(len(both.first_won)) < n_judge
    sides = ((" of the judge", is_judge), (" of people", ~is_judge))
    nuisances: Sequence[Covariate] = [
        replace(each, key=each.key + who, is_nuisance=True, values=each.values * side)
        for each in plain
        if each.key in ASKED
        for who, side in sides
    ]
    family = next(each for each in plain if each.key == FAMILY)
    return (*nuisances, family)
