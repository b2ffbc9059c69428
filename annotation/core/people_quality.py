"""Everything that judgments tell of the people who gave them, in one call.

Pairs and rankings alike: a ranking is its implied pairs, each weighing 2/k. A unit is a pair of
candidates of one comparison; its values are -1, 0 and 1 (the second is better, neither, the first).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.core.behaviour import NEITHER, Answers, Behaviour, behaviours
from annotation.core.bradley_terry import PairVotes, pair_votes_from
from annotation.core.collusion import AlikePair, Collusion, collusion
from annotation.core.dawid_skene import Consensus, dawid_skene
from annotation.core.errors import Invalid
from annotation.core.intervals import Proportion, wilson
from annotation.core.labels import Floats, Labels, labels_from
from annotation.core.pair_mixture import COIN, FLIPPED, HONEST, PairMixture, pair_mixture
from annotation.core.preferences import all_preferences
from annotation.core.quality import AnnotatorFigures, Work, annotator_figures
from annotation.core.rankings import Outcome, implied_pairs, strict_winner
from annotation.core.ratings import Ints, Ratings
from annotation.core.recommendations import UNTOLD, Findings, Recommendation, recommendation
from annotation.core.reliability import Reliability, reliability


@dataclass(frozen=True, slots=True)
class Kind:
    """Chances that somebody is honest, a coin, or flipped.

    `told_by` is "consensus" (others' answers to the same items and gold) or "strengths" (of what
    was compared, where items are not shared).
    """

    honest: float
    coin: float
    flipped: float
    told_by: str


@dataclass(frozen=True, slots=True)
class PersonQuality:
    """One annotator: figures, agreement left one out, gold and repeats each with an interval.

    reliability: the chance that a preference for one of a pair is right; weight: what a vote is
    worth to a consensus or an export, the chance that they are honest (1 where nothing tells).
    """

    annotator_id: int
    figures: AnnotatorFigures
    reliability: Proportion
    kind: Kind | None
    repeats: Proportion
    behaviour: Behaviour
    alike: tuple[AlikePair, ...]
    recommendation: Recommendation
    weight: float

    @property
    def severity(self) -> int:
        """For lists, the worst first: by what is recommended, then by how far below certainty even
        the favourable end of their reliability is, in thousandths."""
        high = self.reliability.high
        short = 0 if high is None else round(1000 * (1 - high))
        return 2000 * int(self.recommendation.action) + short


@dataclass(frozen=True, slots=True)
class PairConsensus:
    """What most likely holds of one pair of a comparison, and how sure that is.

    `first` and `second` are positions in the comparison, first < second; `outcome` is the first's.
    """

    comparison_id: int
    first: int
    second: int
    outcome: Outcome
    probability: float
    n: int


@dataclass(frozen=True, slots=True)
class PeopleQuality:
    """The report. `people` are in the order of their ids; `note` is what to be careful about."""

    people: tuple[PersonQuality, ...]
    consensus: Consensus
    pairs: tuple[tuple[int, int, int], ...]
    votes: PairVotes
    mixture: PairMixture
    collusion: Collusion
    note: str = ""

    def pair_consensus(self) -> Iterator[PairConsensus]:
        """What holds of each pair; nothing where nothing can be told."""
        found = self.consensus
        if found.why_not:
            return
        best = found.probabilities.argmax(axis=1)
        sizes = found.labels.per_unit
        for row, unit in enumerate(found.labels.units.tolist()):
            comparison_id, first, second = self.pairs[unit]
            yield PairConsensus(
                comparison_id, first, second, Outcome(int(found.labels.values[best[row]])),
                float(found.probabilities[row, best[row]]), int(sizes[row]),
            )  # fmt: skip


def people_quality(
    works: Iterable[Work],
    *,
    policies: Mapping[int, int] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> PeopleQuality:
    """The quality of everybody's live judgments on one criterion.

    Args:
        works: each comparison once per annotator; an earlier answer to a comparison shown twice
            goes into `earlier_groups`.
        policies: policy by completion id; strengths are then of policies, which recur far more.
        seed: for drawing items where there are too many to look at.

    Raises:
        Invalid: where an annotator judged a comparison twice.
    """
    rows = list(works)
    figures = annotator_figures(rows, confidence=confidence)
    told = trust(rows, policies=policies, confidence=confidence)
    alike = collusion(told.consensus, seed=seed)
    seen = {each.annotator_id: each for each in behaviours(_answers(rows), confidence=confidence)}
    repeats = _repeats(rows, confidence)
    pairs_of = _pairs_of(alike)
    people = tuple(_person(row, told, repeats, seen, pairs_of) for row in figures)
    found, mixture = told.consensus, told.mixture
    notes = (found.why_not, found.note, mixture.note, alike.note)
    note = " ".join(dict.fromkeys(filter(None, notes)))
    return PeopleQuality(people, found, told.pairs, told.votes, mixture, alike, note)


@dataclass(frozen=True, slots=True)
class Trust:
    """What most likely holds of each pair of candidates, and how far everybody is to be believed.

    `pairs` names the units of `consensus`: comparison and two positions.
    """

    consensus: Consensus
    pairs: tuple[tuple[int, int, int], ...]
    votes: PairVotes
    reliability: Reliability
    mixture: PairMixture

    def kind(self, annotator_id: int) -> Kind | None:
        """By the consensus where it tells, by strengths where only they do."""
        told, mixture = self.reliability, self.mixture
        place = _place(told.annotators, annotator_id)
        if place is not None and told.is_told[place]:
            return _as_kind(told.classes[place], "consensus")
        place = _place(mixture.annotators, annotator_id)
        if mixture.why_not or place is None or not mixture.is_checked[place]:
            return None
        return _as_kind(mixture.classes[place], "strengths")

    def weight(self, annotator_id: int) -> float:
        """What a vote of theirs is worth: the chance that they are honest (1 if untold)."""
        kind = self.kind(annotator_id)
        return 1.0 if kind is None else kind.honest


def trust(
    works: Iterable[Work],
    *,
    policies: Mapping[int, int] | None = None,
    confidence: float = 0.95,
) -> Trust:
    """Consensus, reliability and kinds of everybody, without what else a report says of them."""
    rows = list(works)
    table = _tabulate(rows)
    found = dawid_skene(table.labels)
    told = reliability(found, slots=table.slots, weights=table.weights, confidence=confidence)
    votes = _votes(rows, policies)
    return Trust(found, table.pairs, votes, told, pair_mixture(votes))


@dataclass(frozen=True, slots=True)
class _Table:
    """Labels of implied pairs; slots (n,) 1 the earlier won, 2 the later, 0 neither."""

    labels: Labels
    slots: Ints
    weights: Floats
    pairs: tuple[tuple[int, int, int], ...]


def _tabulate(works: Sequence[Work]) -> _Table:
    keys: dict[tuple[int, int, int], int] = {}
    known: dict[int, int] = {}
    rows, weights = [], []
    for work in works:
        verdict = work.verdict
        slot_of = {position: slot for slot, position in enumerate(verdict.display_order)}
        for i, j, outcome in implied_pairs(verdict.groups):
            unit = keys.setdefault((verdict.comparison_id, i, j), len(keys))
            is_earlier = (outcome is Outcome.BETTER) == (slot_of[i] < slot_of[j])
            slot = 0 if outcome is Outcome.TIED else 1 if is_earlier else 2
            rows.append((unit, verdict.annotator_id, int(outcome), slot))
            weights.append(2 / len(verdict.completion_ids))
        if work.gold_groups is not None:
            for i, j, outcome in implied_pairs(work.gold_groups):
                known[keys[verdict.comparison_id, i, j]] = int(outcome)
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    has_ties = not table[:, 2].all() or 0 in known.values()
    values = [-1, 0, 1] if has_ties else [-1, 1]
    ratings = Ratings(table[:, 0], table[:, 1], table[:, 2])
    labels = labels_from(ratings, values=values if rows else None, known=known)
    return _Table(labels, table[:, 3], np.array(weights, dtype=float), tuple(keys))


def _votes(works: Sequence[Work], policies: Mapping[int, int] | None) -> PairVotes:
    preferences = all_preferences(work.verdict for work in works)
    try:
        return pair_votes_from(preferences, policies=policies)
    except KeyError as error:
        raise Invalid(
            f"The policy of completion {error} is not named.",
            hint="Name the policy of every completion.",
        ) from error


def _answers(works: Sequence[Work]) -> Answers:
    ordered = sorted(works, key=lambda work: (work.judged_at is None, work.judged_at or 0.0))
    nan = float("nan")
    rows = []
    for work in ordered:
        winner = strict_winner(work.verdict.groups)
        slot = NEITHER if winner is None else work.verdict.display_order.index(winner)
        rows.append((work.verdict.annotator_id, slot, len(work.verdict.display_order)))
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    seconds = np.array([nan if w.seconds is None else w.seconds for w in ordered], dtype=float)
    words = np.array([nan if w.words is None else w.words for w in ordered], dtype=float)
    return Answers(table[:, 0], table[:, 1], table[:, 2], seconds, words)


def _repeats(works: Sequence[Work], confidence: float) -> dict[int, Proportion]:
    again: dict[int, list[bool]] = {}
    for work in works:
        if work.earlier_groups is not None:
            is_same = work.earlier_groups == work.verdict.groups
            again.setdefault(work.verdict.annotator_id, []).append(is_same)
    return {
        who: wilson(float(sum(same)), len(same), confidence=confidence)
        for who, same in again.items()
    }


def _pairs_of(alike: Collusion) -> dict[int, list[AlikePair]]:
    found: dict[int, list[AlikePair]] = {}
    for pair in alike.pairs:
        for who in (pair.one, pair.other):
            found.setdefault(who, []).append(pair)
    return found


def _place(ids: Ints, annotator_id: int) -> int | None:
    place = int(np.searchsorted(ids, annotator_id))
    return place if place < len(ids) and ids[place] == annotator_id else None


def _as_kind(classes: Floats, told_by: str) -> Kind:
    honest, coin, flipped = (float(classes[each]) for each in (HONEST, COIN, FLIPPED))
    return Kind(honest, coin, flipped, told_by)


def _person(
    figures: AnnotatorFigures,
    told: Trust,
    repeats: Mapping[int, Proportion],
    seen: Mapping[int, Behaviour],
    pairs_of: Mapping[int, Sequence[AlikePair]],
) -> PersonQuality:
    who = figures.annotator_id
    kind = told.kind(who)
    share = told.reliability.proportion(int(np.searchsorted(told.reliability.annotators, who)))
    pairs = tuple(pairs_of.get(who, ()))
    findings = Findings(
        annotator_id=who,
        reliability=share,
        gold=figures.gold,
        repeats=repeats.get(who, UNTOLD),
        n_told=0 if kind is None else share.n if kind.told_by == "consensus" else figures.n,
        honest=None if kind is None else kind.honest,
        coin=None if kind is None else kind.coin,
        flipped=None if kind is None else kind.flipped,
        ties=figures.ties,
        behaviour=seen[who],
        alike=pairs,
    )
    return PersonQuality(
        annotator_id=who,
        figures=figures,
        reliability=share,
        kind=kind,
        repeats=findings.repeats,
        behaviour=seen[who],
        alike=pairs,
        recommendation=recommendation(findings),
        weight=told.weight(who),
    )
