"""What is known of votes and responses beside their features: prompts, people, batches, looks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotation.core.text_features import text_features
from annotation.models import Batch, Candidate, Completion, Policy, Project, Prompt, User
from annotation.selectors.pluralism import groupings
from rewardmodel.core import shift
from rewardmodel.core.evaluate_slices import MOST_SLICES
from rewardmodel.core.pairs import Floats, Ints, Votes

SMALLEST_GROUP = 5
ARM_PROMPTS = 10
# Acquisition chooses what is unlike the rest on purpose; its control arm stands for the world.
LEFT_OUT = (
    Batch.Reason.GOLD, Batch.Reason.QUALIFICATION, Batch.Reason.REPEAT, Batch.Reason.ACQUISITION,
)  # fmt: skip
AT_RANDOM = (Batch.Reason.CONTROL, Batch.Reason.EVALUATION)
LOOKS = {
    "characters": "length",
    "list_items": "list items",
    "headings": "headings",
    "bold": "bold",
    "code": "code",
}

Mask = NDArray[np.bool_]
Masks = Mapping[str, Mask]


@dataclass(frozen=True, slots=True)
class ResponseFacts:
    """Of N completions, in the order of `keys`: prompt, policy, and counts of their looks."""

    keys: tuple[int, ...]
    prompts: Ints
    policies: tuple[str, ...]
    looks: Mapping[str, Floats]

    def of(self, keys: Sequence[int]) -> "ResponseFacts":
        """Of some of the completions, in the order of `keys`."""
        row_of = {key: row for row, key in enumerate(self.keys)}
        rows = np.array([row_of[key] for key in keys], dtype=np.int64)
        return ResponseFacts(
            tuple(keys),
            self.prompts[rows],
            tuple(self.policies[row] for row in rows.tolist()),
            {words: counts[rows] for words, counts in self.looks.items()},
        )


def response_facts(keys: Sequence[int]) -> ResponseFacts:
    """Reads the texts once and counts what catches the eye."""
    stored = Completion.objects.filter(pk__in=keys)
    columns = stored.values_list("pk", "prompt_id", "policy_id", "text")
    rows = {key: (prompt, policy, text) for key, prompt, policy, text in columns}
    found = [rows[key] for key in keys]
    names = {
        policy.pk: str(policy)
        for policy in Policy.objects.filter(pk__in={policy for _, policy, _ in found})
    }
    counts = [text_features(text, reads_refusal=False) for _, _, text in found]
    return ResponseFacts(
        tuple(keys),
        np.array([prompt for prompt, _, _ in found], dtype=np.int64),
        tuple(names[policy] for _, policy, _ in found),
        {
            words: np.array([float(getattr(count, name)) for count in counts])
            for name, words in LOOKS.items()
        },
    )


def dimensions(project: Project, votes: Votes, facts: ResponseFacts) -> dict[str, Masks]:
    """By dimension and label, which of the votes belong to it; votes name rows of the facts.

    Groups of annotators are those of five people or more among these voters, as everywhere.
    """
    found: dict[str, Masks] = {
        "tag": _tags(votes),
        "language": _languages(votes),
        "policies": _policy_pairs(votes, facts),
    }
    return {name: masks for name, masks in (found | groups(project, votes)).items() if masks}


def groups(project: Project, votes: Votes) -> dict[str, Masks]:
    """Groups of annotators by what they said of themselves, their pools and their languages."""
    people = np.unique(votes.annotator)
    human = set(_people(people))
    found: dict[str, Masks] = {}
    for grouping in groupings(project, sorted(human)):
        masks = {}
        for label, _size in grouping.groups:
            members = [key for key, name in grouping.label_of.items() if name == label]
            mask = np.isin(votes.annotator, members)
            if len(np.unique(votes.annotator[mask])) >= SMALLEST_GROUP:
                masks[label] = mask
        name = f"{grouping.attribute}: {grouping.value}" if grouping.value else grouping.attribute
        found[name] = masks
    return found


def of_people(votes: Votes) -> Mask:
    """(n,) which votes are people's; LLM judges and simulated annotators are no people."""
    return np.isin(votes.annotator, _people(np.unique(votes.annotator)))


def batches(project: Project, facts: ResponseFacts, votes: Votes) -> tuple[list[shift.Batch], Ints]:
    """The batches whose comparisons show these responses, oldest first; the batch of each vote.

    A pair that several batches show belongs to the first of them; what is not found gets -1.
    What rounds draw at random is little: batches of it that follow one another are taken together
    until they have ten prompts, under the key and name of the last of them.
    """
    row_of = {key: row for row, key in enumerate(facts.keys)}
    shown: dict[int, set[int]] = {}
    together: dict[int, tuple[int, list[int]]] = {}
    about: dict[int, tuple[str, str]] = {}
    for batch, name, reason, comparison, completion in _candidates(project):
        row = row_of.get(completion)
        if row is not None:
            about[batch] = name, reason
            shown.setdefault(batch, set()).add(row)
            together.setdefault(comparison, (batch, []))[1].append(row)
    arms = {key for key, (_name, reason) in about.items() if reason in AT_RANDOM}
    merged = _merged(shown, arms, facts.prompts)
    found: dict[int, set[int]] = {}
    for key, rows in shown.items():
        found.setdefault(merged[key], set()).update(rows)
    listed = [
        shift.Batch(key, about[key][0], np.array(sorted(rows), dtype=np.int64))
        for key, rows in sorted(found.items())
    ]
    first = _first_batches(together.values())
    pairs = zip(votes.first.tolist(), votes.second.tolist(), strict=True)
    of_vote = [merged.get(first.get(frozenset(pair), -1), -1) for pair in pairs]
    return listed, np.array(of_vote, dtype=np.int64)


def _candidates(project: Project) -> Iterator[tuple[int, str, str, int, int]]:
    """Batch with its name and reason, comparison, completion; in order of batches."""
    return (
        Candidate.objects.filter(comparison__project=project)
        .exclude(comparison__batch__reason__in=LEFT_OUT)
        .order_by("comparison__batch_id", "comparison_id")
        .values_list("comparison__batch_id", "comparison__batch__name",
                     "comparison__batch__reason", "comparison_id", "completion_id")
        .iterator(chunk_size=5_000)
    )  # fmt: skip


def _first_batches(comparisons: Iterable[tuple[int, list[int]]]) -> dict[frozenset[int], int]:
    """The first batch in which each pair of rows stood together."""
    first: dict[frozenset[int], int] = {}
    for batch, rows in comparisons:
        for pair in combinations(rows, 2):
            first.setdefault(frozenset(pair), batch)
    return first


def _merged(shown: Mapping[int, set[int]], arms: set[int], prompts: Ints) -> dict[int, int]:
    """Of each batch the key that it goes by; what is left over joins the arms before it."""
    names = {key: key for key in shown}
    waiting: list[int] = []
    before: list[int] = []
    for key in sorted(arms):
        waiting.append(key)
        rows = sorted(set().union(*(shown[each] for each in waiting)))
        if len(np.unique(prompts[rows])) >= ARM_PROMPTS:
            names |= dict.fromkeys(waiting, key)
            before, waiting = waiting, []
    if waiting:
        names |= dict.fromkeys([*before, *waiting], waiting[-1])
    return names


def _people(keys: NDArray[np.int64]) -> list[int]:
    return list(
        User.objects.filter(pk__in=keys.tolist(), judge_model="")
        .exclude(kind=User.Kind.SIMULATED)
        .values_list("pk", flat=True)
    )


def _tags(votes: Votes) -> Masks:
    prompts = Prompt.objects.filter(pk__in=np.unique(votes.prompt).tolist())
    by_tag: dict[str, list[int]] = {}
    for key, tags in prompts.values_list("pk", "tags"):
        for tag in tags:
            by_tag.setdefault(tag, []).append(key)
    return {tag: np.isin(votes.prompt, keys) for tag, keys in by_tag.items()}


def _languages(votes: Votes) -> Masks:
    prompts = Prompt.objects.filter(pk__in=np.unique(votes.prompt).tolist())
    by_language: dict[str, list[int]] = {}
    for key, language in prompts.values_list("pk", "language"):
        if language:
            by_language.setdefault(language, []).append(key)
    return {name: np.isin(votes.prompt, keys) for name, keys in by_language.items()}


def _policy_pairs(votes: Votes, facts: ResponseFacts) -> Masks:
    """The commonest pairs of policies; there may be thousands of others with a vote or two."""
    names = [
        " / ".join(sorted((facts.policies[one], facts.policies[other])))
        for one, other in zip(votes.first.tolist(), votes.second.tolist(), strict=True)
    ]
    labels, label_of, counts = np.unique(
        np.array(names, dtype=str), return_inverse=True, return_counts=True
    )
    common = np.argsort(-counts, kind="stable")[:MOST_SLICES]
    return {str(labels[at]): label_of == at for at in common.tolist()}
