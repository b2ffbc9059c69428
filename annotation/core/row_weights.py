"""What the rows of a release are worth: how sure each preference is, and how far its annotator is
to be believed, from all of the release's judgments of one criterion at a time.

The consensus of Dawid and Skene says how likely each response of a pair is the better one; the
chance that an annotator is honest is what their vote is worth. Both are those of people's quality
(`people_quality.trust`), so a release and the page that it can be looked up on say the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from annotation.core.labels import Floats
from annotation.core.people_quality import Trust, trust
from annotation.core.preferences import Preference, Verdict
from annotation.core.quality import Work
from annotation.core.rankings import Groups

OFF, CONSENSUS = "off", "consensus"
DIGITS = 6  # what a machine's arithmetic changes lies behind them

_Pair = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class RowWeights:
    """Weights of people and chances of pairs; without any, every row weighs 1.

    people: by criterion and annotator id. chances: by criterion and two completion ids, the lower
    first, the chances that the first and that the second is the better one; what they leave is the
    chance that neither is. notes: by criterion, why it has none or what to be careful about.
    """

    method: str = OFF
    people: Mapping[tuple[str, int], float] = field(default_factory=dict)
    chances: Mapping[_Pair, tuple[float, float]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def of_person(self, preference: Preference) -> float:
        """The chance that who stated the preference is honest; 1 where nothing tells."""
        found = self.people.get((preference.criterion, preference.annotator_id), 1.0)
        return round(found, DIGITS)

    def probability(self, preference: Preference) -> float | None:
        """The chance that its winner is the better one, by everybody's account."""
        low, high = sorted((preference.winner_id, preference.loser_id))
        found = self.chances.get((preference.criterion, low, high))
        if found is None:
            return None
        return round(found[0 if preference.winner_id == low else 1], DIGITS)


NO_WEIGHTS = RowWeights()


def consensus_weights(
    verdicts: Iterable[Verdict],
    *,
    policies: Mapping[int, int],
    gold: Mapping[int, Groups],
) -> RowWeights:
    """Weights from the verdicts of a release.

    Args:
        policies: by completion id.
        gold: the known orders by comparison id; of the criterion `overall`.
    """
    works: defaultdict[str, list[Work]] = defaultdict(list)
    for verdict in verdicts:
        known = gold.get(verdict.comparison_id) if verdict.criterion == "overall" else None
        works[verdict.criterion].append(Work(verdict, gold_groups=known))
    people: dict[tuple[str, int], float] = {}
    chances: dict[_Pair, tuple[float, float]] = {}
    notes: dict[str, str] = {}
    for criterion, own in works.items():
        told = trust(own, policies=policies)
        for who in {work.verdict.annotator_id for work in own}:
            people[criterion, who] = told.weight(who)
        ids = {work.verdict.comparison_id: work.verdict.completion_ids for work in own}
        chances |= {(criterion, *pair): found for pair, found in _chances(told, ids).items()}
        if note := told.consensus.why_not or told.consensus.note:
            notes[criterion] = note
    return RowWeights(CONSENSUS, people, chances, notes)


def _chances(
    told: Trust, completions: Mapping[int, tuple[int, ...]]
) -> dict[tuple[int, int], tuple[float, float]]:
    """By pair of completions; several comparisons of one pair are evidence on one question."""
    found = told.consensus
    if found.why_not:
        return {}
    tiny = np.finfo(float).tiny
    prior = np.log(np.maximum(found.prior, tiny))
    evidence = np.log(np.maximum(found.probabilities, tiny)) - prior
    gathered: dict[tuple[int, int], Floats] = {}
    priors: dict[tuple[int, int], Floats] = {}
    for row, unit in enumerate(found.labels.units.tolist()):
        comparison_id, i, j = told.pairs[unit]
        first, second = completions[comparison_id][i], completions[comparison_id][j]
        step = 1 if first < second else -1
        key = (min(first, second), max(first, second))
        priors.setdefault(key, prior[::step])
        gathered[key] = gathered.get(key, 0.0) + evidence[row, ::step]
    return {key: _shares(priors[key] + logs) for key, logs in gathered.items()}


def _shares(logs: Floats) -> tuple[float, float]:
    """The chances of the first and of the second; values are -1, maybe 0, and 1."""
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    return float(chances[-1]), float(chances[0])
