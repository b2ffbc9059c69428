"""Everything that a project knows of its votes, read in bulk: what audits of bias rest on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotation.core.answer_pairs import Answers
from annotation.core.model_families import family_of
from annotation.core.scheduling import derive_seed
from annotation.core.vote_facts import VoteFacts
from annotation.models import Completion, Flag, Judgment, Policy, Project, User
from annotation.selectors.completion_features import completion_features, features_rows
from annotation.selectors.self_descriptions import annotator_groups
from annotation.selectors.stances import agreeing
from annotation.selectors.vote_moments import days_since_first, local_hours, sitting_places
from annotation.selectors.vote_pairs import VotePairs, vote_pairs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Labels = NDArray[np.str_]

FEWEST_PROMPTS = 30
MOST_VOTES = 200_000


@dataclass(frozen=True, slots=True)
class Votes:
    """The decided votes of a project, and all answers, ties among them.

    facts: of n decided votes. judgments, prompts, comparisons: (n,) ids. times: (n,) seconds since
    1970 or NaN. answers: on pairs of responses, 1 where the longer one is preferred, 0.5 a tie (of
    two that are equally long, the one written earlier counts as the longer). answer_groups: by
    attribute, the label of each answer's annotator, "" where they gave none. n_prompts: on how
    many prompts the decided votes are. n_decided: how many there are; of more than 200,000 the
    facts hold so many, drawn by the project's seed.
    """

    facts: VoteFacts
    judgments: Ints
    prompts: Ints
    comparisons: Ints
    times: Floats
    answers: Answers
    answer_groups: Mapping[str, Labels]
    n_prompts: int
    n_decided: int

    @property
    def drawn_note(self) -> str:
        n = len(self.judgments)
        if n == self.n_decided:
            return ""
        return f"These are {n:,} of {self.n_decided:,} votes, drawn at random."

    @property
    def note(self) -> str:
        """What few prompts do not allow to say, and that not all votes were looked at."""
        parts = [self.drawn_note] if self.drawn_note else []
        if 0 < self.n_prompts < FEWEST_PROMPTS:
            prompts = "1 prompt" if self.n_prompts == 1 else f"{self.n_prompts} prompts"
            parts.append(f"The votes are on {prompts}: this tells of these, not of others.")
        return " ".join(parts)


def votes(project: Project, judgments: QuerySet[Judgment], *, with_groups: bool = True) -> Votes:
    """What is known of these judgments' votes; without groups where self-descriptions stay out."""
    pairs = vote_pairs(judgments)
    features = completion_features(
        project, np.unique(np.concatenate([pairs.first, pairs.second])).tolist()
    )
    first, second = (features_rows(features, side) for side in (pairs.first, pairs.second))
    decided = _drawn(pairs.won != 0.5, seed=derive_seed(project.seed, "audited votes"))
    at = pairs.judgment[decided]
    groups = _groups(pairs) if with_groups else {}
    facts = VoteFacts(
        first_won=pairs.won[decided] == 1,
        annotators=pairs.judged.annotators[at],
        items=_items(pairs, at),
        order_known=pairs.order_known[decided],
        first_features=first[decided],
        second_features=second[decided],
        groups={name: labels[decided] for name, labels in groups.items()} or None,
        **_of_moments(project, pairs, at),
        **_of_responses(project, pairs, decided),
    )
    return Votes(
        facts=facts,
        judgments=pairs.judged.ids[at],
        prompts=pairs.judged.prompts[at],
        comparisons=pairs.judged.comparisons[at],
        times=pairs.judged.times[at],
        answers=_answers(pairs, first[:, 0], second[:, 0]),
        answer_groups=groups,
        n_prompts=len(np.unique(pairs.judged.prompts[at])),
        n_decided=int(np.count_nonzero(pairs.won != 0.5)),
    )


def _drawn(decided: Flags, *, seed: int) -> Flags:
    """Of very many votes a sample: what it would leave unfound is too small to matter."""
    places = np.flatnonzero(decided)
    if len(places) <= MOST_VOTES:
        return decided
    found = np.zeros(len(decided), dtype=np.bool_)
    found[np.random.default_rng(seed).choice(places, MOST_VOTES, replace=False)] = True
    return found


def _items(pairs: VotePairs, at: Ints) -> Ints:
    """Prompts, whose votes are alike because their responses stand in several comparisons; of too
    few of them the comparisons, so that what is said holds of these prompts alone."""
    prompts = pairs.judged.prompts[at]
    is_enough = len(np.unique(prompts)) >= FEWEST_PROMPTS
    return prompts if is_enough else pairs.judged.comparisons[at]


def _of_moments(project: Project, pairs: VotePairs, at: Ints) -> dict[str, Any]:
    judged = pairs.judged
    return {
        "seconds": _if_any(judged.seconds[at]),
        "session_place": _if_any(sitting_places(judged)[at]),
        "hours": _if_any(local_hours(project, judged)[at]),
        "days": _if_any(days_since_first(judged)[at]),
    }


def _of_responses(project: Project, pairs: VotePairs, decided: Flags) -> dict[str, Any]:
    first, second = pairs.first[decided], pairs.second[decided]
    policy_of = dict(
        Completion.objects.filter(prompt__project=project).values_list("pk", "policy_id")
    )
    leaking = np.fromiter(_leaking(project), dtype=np.int64)
    found: dict[str, Any] = {
        "first_policies": _looked_up(policy_of, first),
        "second_policies": _looked_up(policy_of, second),
        "first_leaks": np.isin(first, leaking),
        "second_leaks": np.isin(second, leaking),
    }
    sides = agreeing(project)
    if sides:
        found["first_agrees"] = _known_or_not(sides, first)
        found["second_agrees"] = _known_or_not(sides, second)
    if pairs.has_suggestions:
        found["suggested"] = pairs.suggested[decided]
        found["suggestion_shown"] = pairs.judged.shown[pairs.judgment[decided]]
    return found | _of_families(project, pairs, decided, policy_of)


def _of_families(
    project: Project, pairs: VotePairs, decided: Flags, policy_of: Mapping[int, int]
) -> dict[str, Any]:
    """Families of models, where a model was among those who judged."""
    annotators = pairs.judged.annotators[pairs.judgment[decided]]
    judges = dict(
        User.objects.filter(pk__in=np.unique(annotators).tolist())
        .exclude(judge_model="")
        .values_list("pk", "judge_model")
    )
    if not judges:
        return {}
    of_judge = {user: family_of(model) for user, model in judges.items()}
    of_policy = {policy.pk: policy_family(policy) for policy in project.policies.all()}
    of_response = {pk: of_policy[policy] for pk, policy in policy_of.items()}
    return {
        "judge_families": _labels(of_judge, annotators),
        "first_families": _labels(of_response, pairs.first[decided]),
        "second_families": _labels(of_response, pairs.second[decided]),
    }


def policy_family(policy: Policy) -> str:
    """What its lead wrote, under the names that judges' models get; else told by its name."""
    return family_of(policy.family or policy.model or policy.name)


def _leaking(project: Project) -> QuerySet[Flag, int | None]:
    """Responses that say who wrote them, whatever somebody answered to the flag."""
    found = Flag.objects.filter(
        project=project, kind=Flag.Kind.IDENTIFIES, completion__isnull=False, raised_by=None
    )
    return found.values_list("completion_id", flat=True)


def _groups(pairs: VotePairs) -> dict[str, Labels]:
    """By attribute, the label of each pair's annotator."""
    annotators = pairs.judged.annotators
    found = annotator_groups(np.unique(annotators).tolist())
    return {name: _labels(labels, annotators)[pairs.judgment] for name, labels in found.items()}


def _answers(pairs: VotePairs, first_length: Floats, second_length: Floats) -> Answers:
    level = first_length == second_length
    is_first = (first_length > second_length) | (level & (pairs.first < pairs.second))
    longer = np.where(is_first, pairs.won, 1 - pairs.won)
    return Answers(pairs.items, pairs.judged.annotators[pairs.judgment], longer)


def _if_any(values: Floats) -> Floats | None:
    return values if np.isfinite(values).any() else None


def _looked_up(known: Mapping[int, int], ids: Ints) -> Ints:
    return np.array([known[int(pk)] for pk in ids], dtype=np.int64)


def _known_or_not(known: Mapping[int, bool], ids: Ints) -> Floats:
    return np.array([known.get(int(pk), np.nan) for pk in ids], dtype=np.float64)


def _labels(known: Mapping[int, str], ids: Ints) -> Labels:
    return np.array([known.get(int(pk), "") for pk in ids], dtype=np.str_)
