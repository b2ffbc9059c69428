"""Which policy wins for everybody, and which for each group: Borda beside Copeland."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.core.collective_choice import collective_choice, steadiness, wins_by_person
from annotation.core.pair_votes import PairVotes
from annotation.models import Policy, Project
from annotation.selectors.pluralism import Grouping
from annotation.selectors.self_descriptions import OTHERS

SHOWN = 60

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Policies:
    """The options, and the place of each pair's sides among them."""

    ids: tuple[int, ...]
    names: Mapping[int, str]
    first: Ints
    second: Ints


def choices(
    votes: PairVotes,
    policy_of: Mapping[int, int],
    groupings: Sequence[Grouping],
    camp_of: Mapping[int, str],
    *,
    project: Project,
    seed: int,
) -> list[dict[str, object]]:
    """Everybody first, then the groups of each grouping, then the camps of the opinion map.

    Of those who did not name a value nothing is told: they are a group of no kind.
    """
    if not len(votes.answers.items):
        return []
    options = _policies(votes, policy_of, project)
    people = votes.answers.annotators
    everybody = np.ones(len(people), dtype=np.bool_)
    found = [_choice(votes, options, everybody, seed) | {"attribute": "", "value": "", "group": ""}]
    for attribute, value, group, members in _groups(groupings, camp_of):
        of_group = np.isin(people, members)
        named = {"attribute": attribute, "value": value, "group": group}
        found.append(_choice(votes, options, of_group, seed) | named)
    return found


def _groups(
    groupings: Sequence[Grouping], camp_of: Mapping[int, str]
) -> Iterator[tuple[str, str, str, list[int]]]:
    for grouping in groupings:
        for name in (name for name, _ in grouping.groups if name != OTHERS):
            members = [person for person, label in grouping.label_of.items() if label == name]
            yield grouping.attribute, grouping.value, name, members
    for camp in sorted(set(camp_of.values())):
        yield "camp", "", camp, [person for person, label in camp_of.items() if label == camp]


def _policies(votes: PairVotes, policy_of: Mapping[int, int], project: Project) -> _Policies:
    sides = [
        np.array([policy_of[int(completion)] for completion in side], dtype=np.int64)
        for side in (votes.first, votes.second)
    ]
    ids = np.unique(np.concatenate(sides))
    names = {policy.pk: str(policy) for policy in Policy.objects.filter(project=project)}
    first, second = (np.searchsorted(ids, side) for side in sides)
    return _Policies(tuple(ids.tolist()), names, first, second)


def _choice(
    votes: PairVotes, options: _Policies, kept: NDArray[np.bool_], seed: int
) -> dict[str, object]:
    answers = votes.answers
    kept = kept & (options.first != options.second)[answers.items]
    items = answers.items[kept]
    first, second = options.first[items], options.second[items]
    met = np.unique(np.concatenate([first, second]))
    by_person = wins_by_person(
        answers.annotators[kept], np.searchsorted(met, first), np.searchsorted(met, second),
        answers.values[kept], votes.weights[kept], n_options=len(met),
    )  # fmt: skip
    ids = tuple(options.ids[i] for i in met)
    wins = np.asarray(by_person.sum(axis=0), dtype=np.float64).reshape(len(ids), len(ids))
    choice = collective_choice(ids, wins, names=options.names)
    steady = steadiness(by_person, seed=seed)
    rows = []
    for standing in choice.standings[:SHOWN]:
        at = ids.index(standing.option)
        rows.append(
            {
                "policy": standing.option,
                "name": options.names[standing.option],
                "borda": standing.borda,
                "low": min(steady.borda[at][0], standing.borda) if steady else None,
                "high": max(steady.borda[at][1], standing.borda) if steady else None,
                "copeland": standing.copeland,
                "wins_borda": steady.wins_borda[at] if steady else None,
                "wins_copeland": steady.wins_copeland[at] if steady else None,
                "n": standing.n,
            }
        )
    return {
        "n_annotators": len(np.unique(answers.annotators[kept])),
        "n_options": len(ids),
        "borda": list(choice.borda),
        "copeland": list(choice.copeland),
        "condorcet": choice.condorcet,
        "has_cycle": choice.has_cycle,
        "is_split": choice.is_split,
        "split_share": steady.is_split if steady else None,
        "is_complete": choice.is_complete,
        "verdict": choice.verdict,
        "standings": rows,
    }
