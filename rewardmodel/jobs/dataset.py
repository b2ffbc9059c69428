"""From tables to arrays: what people judged by criterion, cached features, lengths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from django.db.models.functions import Length

from annotation.core.preferences import Preference, Verdict, all_preferences
from annotation.core.row_weights import NO_WEIGHTS, RowWeights, consensus_weights
from annotation.models import Completion, Criterion, Membership, Project, Prompt
from annotation.selectors import judgments as judgment_selectors
from annotation.selectors.people_works import gold_answers
from rewardmodel.core.errors import FeaturesInvalid
from rewardmodel.core.judged import Judged, judged_hash
from rewardmodel.core.pairs import FIRST, SECOND, TIE, Floats, Ints, Votes
from rewardmodel.core.plackett_luce import Rankings
from rewardmodel.core.reward_model import Responses
from rewardmodel.models import CompletionFeature


@dataclass(frozen=True, slots=True)
class CriterionData:
    """One criterion over the rows of the responses.

    judged: of training prompts, pairs and rankings apart. train, held_out: every implied pair as a
    vote; strengths: (n,) of the training's, 0 where it was not said.
    """

    judged: Judged
    train: Votes
    held_out: Votes
    strengths: Ints


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything that a training looks at. criteria: "overall" first.

    groups: ids of the annotators of each pool, where there is more than one. preferences: overall,
    of all prompts. n_unread: responses that were judged and could not be read. weights_note: why
    people weigh alike, or a warning.
    """

    responses: Responses
    criteria: Mapping[str, CriterionData]
    groups: Mapping[str, Ints]
    preferences: Sequence[Preference]
    n_judgments: int
    n_unread: int = 0
    weights_note: str = ""

    @property
    def train(self) -> Votes:
        """The overall votes on training prompts."""
        return self.criteria[Criterion.OVERALL].train

    @property
    def held_out(self) -> Votes:
        """The overall votes on prompts that no training sees."""
        return self.criteria[Criterion.OVERALL].held_out

    @property
    def judged(self) -> dict[str, Judged]:
        """What heads are fitted to."""
        return {key: found.judged for key, found in self.criteria.items()}

    def part(self, votes: Votes) -> Judged:
        """Some of the overall training votes; where they are all of their prompts' votes, rankings
        and both-bad come with them."""
        prompts = np.unique(votes.prompt)
        if int(np.isin(self.train.prompt, prompts).sum()) != len(votes):
            return Judged(votes)
        judged = self.criteria[Criterion.OVERALL].judged
        return judged.where(np.isin(judged.votes.prompt, prompts), prompts)

    def hash(self) -> str:
        """SHA-256 over all of it."""
        return judged_hash(self.judged, self.responses.keys, self.responses.features, self.groups)


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Which judgments count: up to an id, and who was quarantined at a moment."""

    cutoff_id: int
    include_simulated: bool
    as_of: datetime | None = None


def load(
    project: Project, *, extractor: str, cutoff: Cutoff, weighs_annotators: bool = False
) -> Dataset:
    """The project's judgments as they stood at the cutoff, split by prompt.

    extractor: whose cached features count; "" for a model that reads texts itself. A judged
    response without features is left out with its judgments. With `weighs_annotators` a judgment
    counts as much as the chance that its annotator judges at all, from the training prompts alone.
    """
    held = frozenset(
        Prompt.objects.filter(project=project, is_held_out=True).values_list("pk", flat=True)
    )
    verdicts = _verdicts(project, cutoff)
    named = {key for own in verdicts.values() for v in own for key in v.completion_ids}
    keys = tuple(sorted(named & features_known(extractor, named) if extractor else named))
    weights = _weights(project, verdicts, held) if weighs_annotators else NO_WEIGHTS
    both_bad = _both_bad(project, cutoff)
    table = _Table({key: row for row, key in enumerate(keys)}, held, weights, both_bad)
    overall = [v for v in verdicts[Criterion.OVERALL] if set(v.completion_ids) <= set(keys)]
    return Dataset(
        responses=responses(extractor, keys),
        criteria={key: table.criterion(own, key) for key, own in verdicts.items()},
        groups=_pools(project),
        preferences=list(all_preferences(verdicts[Criterion.OVERALL])),
        n_judgments=len(overall),
        n_unread=len(named) - len(keys),
        weights_note=weights.notes.get(Criterion.OVERALL, ""),
    )


def responses(extractor: str, keys: Sequence[int]) -> Responses:
    """What a model that reads by this extractor looks at; no features for none."""
    features = feature_matrix(extractor, keys) if extractor else np.zeros((len(keys), 0))
    return Responses(tuple(keys), features, text_lengths(keys))


def votes_of(preferences: Sequence[Preference], row_of: Mapping[int, int]) -> Votes:
    """Preferences as votes; of each pair the completion that is older comes first."""

    def outcome(p: Preference) -> int:
        if p.is_tie:
            return TIE
        return FIRST if p.winner_id < p.loser_id else SECOND

    rows = [
        (
            row_of[min(p.winner_id, p.loser_id)],
            row_of[max(p.winner_id, p.loser_id)],
            outcome(p),
            p.prompt_id,
            p.annotator_id,
        )
        for p in preferences
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    weight = np.array([p.weight for p in preferences], dtype=float)
    return Votes(table[:, 0], table[:, 1], table[:, 2], weight, table[:, 3], table[:, 4])


def policy_votes(preferences: Sequence[Preference]) -> Votes:
    """The same votes, between the policies that wrote the completions."""
    keys = {key for p in preferences for key in (p.winner_id, p.loser_id)}
    policy_of = dict(Completion.objects.filter(pk__in=keys).values_list("pk", "policy_id"))
    return votes_of(preferences, policy_of)


def feature_matrix(extractor: str, keys: Sequence[int]) -> Floats:
    """(N, D) cached features in the order of `keys`.

    Raises FeaturesInvalid where some are missing, differ in width or are no numbers.
    """
    found = CompletionFeature.objects.filter(extractor=extractor, completion_id__in=keys)
    stored = dict(found.values_list("completion_id", "vector"))
    missing = [key for key in keys if key not in stored]
    if missing:
        raise FeaturesInvalid(f"{len(missing)} completions have no features of {extractor} yet.")
    return matrix_of(extractor, keys, [bytes(stored[key]) for key in keys])


def matrix_of(extractor: str, keys: Sequence[int], vectors: Sequence[bytes]) -> Floats:
    """(N, D) of the features as they are stored; raises what `feature_matrix` raises."""
    if len({len(vector) for vector in vectors}) > 1:
        raise FeaturesInvalid(
            f"Cached features of {extractor} differ in width.",
            hint="They were read by different models; delete them, and they are read again.",
        )
    rows = np.frombuffer(b"".join(vectors), dtype="<f4")
    table = rows.reshape(len(keys), -1).astype(float) if len(keys) else np.zeros((0, 0))
    broken = ~np.isfinite(table).all(axis=1)
    if broken.any():
        raise FeaturesInvalid(
            f"Cached features of {int(broken.sum())} completions are no numbers, such as of "
            f"completion {np.array(keys)[broken][0]}.",
            hint="Delete them, and they are read again.",
        )
    return table


def features_known(extractor: str, keys: Iterable[int]) -> set[int]:
    """Those of the completions that have cached features."""
    found = CompletionFeature.objects.filter(extractor=extractor, completion_id__in=list(keys))
    return set(found.values_list("completion_id", flat=True))


def text_lengths(keys: Iterable[int]) -> Ints:
    """(N,) characters of the completions, in the order of `keys`."""
    found = dict(
        Completion.objects.filter(pk__in=list(keys))
        .annotate(characters=Length("text"))
        .values_list("pk", "characters")
    )
    return np.array([found[key] for key in keys], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Table:
    """What turns verdicts into arrays: rows of completions, held-out prompts, people's weights."""

    row_of: Mapping[int, int]
    held: frozenset[int]
    weights: RowWeights
    both_bad: Mapping[int, bool]

    def criterion(self, verdicts: Sequence[Verdict], key: str) -> CriterionData:
        """All of a criterion's verdicts whose completions have a row."""
        known = [v for v in verdicts if all(c in self.row_of for c in v.completion_ids)]
        seen = [v for v in known if v.prompt_id not in self.held]
        unseen = [v for v in known if v.prompt_id in self.held]
        preferences = [
            replace(p, weight=p.weight * self.weights.of_person(p)) for p in all_preferences(seen)
        ]
        train = votes_of(preferences, self.row_of)
        return CriterionData(
            judged=self._judged(seen, preferences, train, with_bad=key == Criterion.OVERALL),
            train=train,
            held_out=votes_of(list(all_preferences(unseen)), self.row_of),
            strengths=np.array([p.strength or 0 for p in preferences], dtype=np.int64),
        )

    def _judged(
        self, verdicts: Sequence[Verdict], preferences: Sequence[Preference], train: Votes,
        *, with_bad: bool,
    ) -> Judged:  # fmt: skip
        """Pairs as votes; rankings of more than two apart, by size."""
        by_size: defaultdict[int, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            by_size[len(verdict.completion_ids)].append(verdict)
        pairs = {verdict.judgment_id for verdict in by_size.pop(2, [])}
        of_pair = np.array([p.judgment_id in pairs for p in preferences], dtype=bool)
        known = [self.both_bad.get(p.judgment_id) for p in preferences] if with_bad else []
        bad = np.array([np.nan if each is None else float(each) for each in known])
        return Judged(
            train.where(of_pair),
            bad[of_pair] if with_bad else None,
            [self._rankings(by_size[size]) for size in sorted(by_size)],
        )

    def _rankings(self, verdicts: Sequence[Verdict]) -> Rankings:
        """Of one size."""
        places = np.zeros((len(verdicts), len(verdicts[0].completion_ids)), dtype=np.int64)
        for row, verdict in enumerate(verdicts):
            for place, group in enumerate(verdict.groups):
                places[row, list(group)] = place
        weight = [self.weights.people.get((v.criterion, v.annotator_id), 1.0) for v in verdicts]
        items = [[self.row_of[key] for key in v.completion_ids] for v in verdicts]
        return Rankings(
            np.array(items, dtype=np.int64), places, np.array(weight),
            np.array([v.prompt_id for v in verdicts], dtype=np.int64),
            np.array([v.annotator_id for v in verdicts], dtype=np.int64),
        )  # fmt: skip


def _verdicts(project: Project, cutoff: Cutoff) -> dict[str, list[Verdict]]:
    """By criterion, "overall" first; a criterion that nobody judged has none."""
    live = judgment_selectors.live(
        project, include_simulated=cutoff.include_simulated, cutoff_id=cutoff.cutoff_id,
        as_of=cutoff.as_of,
    )  # fmt: skip
    keys = project.criteria.order_by("position").values_list("key", flat=True)
    return {key: list(judgment_selectors.verdicts(live, criterion=key)) for key in keys}


def _both_bad(project: Project, cutoff: Cutoff) -> dict[int, bool]:
    """By judgment: whether it said that all are bad. Nothing where that could not be said."""
    if not project.allow_both_bad:
        return {}
    live = judgment_selectors.live(
        project, include_simulated=cutoff.include_simulated, cutoff_id=cutoff.cutoff_id,
        as_of=cutoff.as_of,
    )  # fmt: skip
    return dict(live.values_list("pk", "both_bad"))


def _weights(
    project: Project, verdicts: Mapping[str, Sequence[Verdict]], held: frozenset[int]
) -> RowWeights:
    """What each annotator's word is worth, by their answers to training prompts."""
    own = [v for found in verdicts.values() for v in found if v.prompt_id not in held]
    keys = {key for verdict in own for key in verdict.completion_ids}
    policies = dict(Completion.objects.filter(pk__in=keys).values_list("pk", "policy_id"))
    return consensus_weights(own, policies=policies, gold=gold_answers(project))


def _pools(project: Project) -> dict[str, Ints]:
    """The members of each of the project's pools; none where there is one pool or none."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    members = Membership.objects.filter(pool__in=project.pools.all()).order_by("pool", "user")
    for name, user in members.values_list("pool__name", "user"):
        found[name].append(user)
    if len(found) < 2:
        return {}
    return {name: np.array(sorted(set(users)), dtype=np.int64) for name, users in found.items()}
