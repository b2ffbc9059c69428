"""Judgments that were collected elsewhere, as if they had been made here.

Rows about the same completions become one comparison whose overlap is the number of people who
judged it. A person who judged the same completions twice has judged a repeat.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db.models import F
from django.utils import timezone

from annotation.core.errors import FileInvalid, RowProblem
from annotation.core.rankings import Groups
from annotation.core.records import CompletionRecord, JudgmentRecord, PromptReference
from annotation.models import (
    Assignment,
    Batch,
    Candidate,
    Comparison,
    ComparisonKind,
    Judgment,
    Project,
    User,
)
from annotation.models.project import draw_seed
from annotation.services.content import ContentWriter

NAMESPACE = UUID("6f0c2f6e-6f0a-4a6e-8a5c-2f1f3c7f9d11")
Chunk = list[tuple[int, JudgmentRecord]]


@dataclass(frozen=True, slots=True)
class _Vote:
    """One row, its completions by id in the order of the row."""

    row: int
    prompt_id: int
    completion_ids: tuple[int, ...]
    record: JudgmentRecord

    def token(self, project: Project) -> UUID:
        """The same for the same row in any file, so that importing it again adds nothing."""
        r = self.record
        said = (
            project.pk, r.annotator, self.completion_ids, r.groups, r.display_order, r.strength,
            r.both_bad, r.judged_at, r.external_id,
        )  # fmt: skip
        return uuid5(NAMESPACE, repr(said))


@dataclass(frozen=True, slots=True)
class _Place:
    """A vote's comparison, and the canonical position of each completion in it."""

    comparison: Comparison
    position_of: dict[int, int]


def known_prompts(
    writer: ContentWriter, references: Sequence[tuple[int, PromptReference]], name: str
) -> list[int]:
    """Prompt ids of (row, reference); raises FileInvalid where an external id is not known."""
    found = writer.referenced([reference for _, reference in references])
    problems = [
        RowProblem(row, "prompt_id", f"there is no prompt “{reference.external_id}” in the project")
        for (row, reference), key in zip(references, found, strict=True)
        if key is None
    ]
    if problems:
        raise FileInvalid(name, problems, hint="Import the prompts first.")
    return [key for key in found if key is not None]


def judgments_write(
    *,
    project: Project,
    writer: ContentWriter,
    chunks: Iterator[Chunk],
    name: str,
    actor: User | None,
) -> tuple[int, int]:
    """Writes the judgments that are not known yet; (comparisons, judgments) created.

    Runs in the caller's transaction, under the project's lock.
    """
    votes = [vote for chunk in chunks for vote in _votes(writer, chunk, name)]
    people = _people(project, {vote.record.annotator for vote in votes})
    _name_judges(people, votes)
    votes = _unknown(project, votes)
    if not votes:
        return 0, 0
    batch = Batch.objects.create(
        project=project, name=f"Imported from {name}"[:160], reason=Batch.Reason.IMPORTED,
        seed=draw_seed(), opened_by=actor,
    )  # fmt: skip
    places, created = _places(project, batch, votes, people)
    assignments = Assignment.objects.bulk_create(
        _assignment(vote, place, people) for vote, place in zip(votes, places, strict=True)
    )
    Judgment.objects.bulk_create(
        _judgment(vote, place, assignment, vote.token(project))
        for vote, place, assignment in zip(votes, places, assignments, strict=True)
    )
    if not created:
        batch.delete()
    return created, len(votes)


def _votes(writer: ContentWriter, chunk: Chunk, name: str) -> list[_Vote]:
    problems = [
        RowProblem(row, "criterion", "only judgments of the overall criterion can be imported")
        for row, record in chunk
        if record.criterion != "overall"
    ]
    if problems:
        raise FileInvalid(name, problems)
    prompt_ids = known_prompts(writer, [(row, record.prompt) for row, record in chunk], name)
    written = [
        (
            prompt_id,
            CompletionRecord(record.prompt, judged.policy, judged.text, family=judged.family),
        )
        for prompt_id, (_, record) in zip(prompt_ids, chunk, strict=True)
        for judged in record.completions
    ]
    completion_ids = iter(writer.completions(written))
    votes = [
        _Vote(row, prompt_id, tuple(next(completion_ids) for _ in record.completions), record)
        for prompt_id, (row, record) in zip(prompt_ids, chunk, strict=True)
    ]
    same = [
        RowProblem(vote.row, "completions", "the same response of the same policy stands twice")
        for vote in votes
        if len(set(vote.completion_ids)) < len(vote.completion_ids)
    ]
    if same:
        raise FileInvalid(name, same)
    return votes


def _people(project: Project, names: set[str]) -> dict[str, User]:
    """The imported annotators by the name in the file; they cannot sign in."""
    prefix = f"imported/{project.slug}/"
    known = {
        user.username.removeprefix(prefix): user
        for user in User.objects.filter(username__startswith=prefix)
    }
    fresh = [
        User(username=f"{prefix}{name}"[:150], name=name, kind=User.Kind.IMPORTED, password="!")
        for name in sorted(names - known.keys())
    ]
    User.objects.bulk_create(fresh)
    return known | {user.name: user for user in fresh}


def _name_judges(people: dict[str, User], votes: list[_Vote]) -> None:
    """Notes which model judges under a name, which is no person then; a known model is kept."""
    named = {v.record.annotator: v.record.judge_model for v in votes if v.record.judge_model}
    judges = [people[name] for name in sorted(named) if not people[name].judge_model]
    for judge in judges:
        judge.judge_model, judge.kind = named[judge.name], User.Kind.SIMULATED
    User.objects.bulk_update(judges, ["judge_model", "kind"])


def _unknown(project: Project, votes: list[_Vote]) -> list[_Vote]:
    """The votes that neither the database nor an earlier row of the file holds."""
    seen = set(
        Judgment.objects.filter(
            comparison__project=project, source=Judgment.Source.IMPORT
        ).values_list("idempotency_token", flat=True)
    )
    fresh = []
    for vote in votes:
        token = vote.token(project)
        if token not in seen:
            seen.add(token)
            fresh.append(vote)
    return fresh


def _places(
    project: Project, batch: Batch, votes: list[_Vote], people: dict[str, User]
) -> tuple[list[_Place], int]:
    """The comparison of each vote, wide enough for all of them, and how many are new."""
    shelves = _imported_comparisons(project)
    fresh: list[tuple[Comparison, tuple[int, ...]]] = []
    wanted: dict[int, int] = {}
    judged_by: dict[int, set[int]] = {
        id(place): set(place.comparison.assignments.values_list("annotator_id", flat=True))
        for shelf in shelves.values()
        for place in shelf
    }
    chosen = []
    for vote in votes:
        shelf = shelves.setdefault(frozenset(vote.completion_ids), [])
        person = people[vote.record.annotator].pk
        place = next((p for p in shelf if person not in judged_by[id(p)]), None)
        if place is None:
            place = _new_place(project, batch, vote, repeat_of=shelf[0] if shelf else None)
            fresh.append((place.comparison, vote.completion_ids))
            shelf.append(place)
            judged_by[id(place)] = set()
        judged_by[id(place)].add(person)
        wanted[id(place)] = wanted.get(id(place), 0) + 1
        chosen.append(place)
    _store(fresh, chosen, wanted)
    return chosen, len(fresh)


def _imported_comparisons(project: Project) -> dict[frozenset[int], list[_Place]]:
    """Comparisons of earlier imports by their completions, the first before its repeats."""
    shelves: dict[frozenset[int], list[_Place]] = {}
    comparisons = Comparison.objects.filter(
        project=project, batch__reason=Batch.Reason.IMPORTED
    ).prefetch_related("candidates")
    for comparison in comparisons.order_by("pk"):
        position_of = {c.completion_id: c.position for c in comparison.candidates.all()}
        shelves.setdefault(frozenset(position_of), []).append(_Place(comparison, position_of))
    return shelves


def _new_place(project: Project, batch: Batch, vote: _Vote, *, repeat_of: _Place | None) -> _Place:
    comparison = Comparison(
        project=project,
        batch=batch,
        prompt_id=vote.prompt_id,
        kind=ComparisonKind.PAIRWISE if len(vote.completion_ids) == 2 else ComparisonKind.RANKING,
        overlap=0,
        external_id=vote.record.external_id,
        repeat_of=repeat_of.comparison if repeat_of else None,
    )
    return _Place(comparison, {key: index for index, key in enumerate(vote.completion_ids)})


def _store(
    fresh: list[tuple[Comparison, tuple[int, ...]]],
    chosen: list[_Place],
    wanted: dict[int, int],
) -> None:
    """Writes new comparisons, firsts before repeats, and widens those that get more votes."""
    places = {id(place): place for place in chosen}
    for key, count in wanted.items():
        comparison = places[key].comparison
        if comparison._state.adding:
            comparison.overlap = count
        else:
            Comparison.objects.filter(pk=comparison.pk).update(overlap=F("overlap") + count)
    firsts = [comparison for comparison, _ in fresh if comparison.repeat_of is None]
    Comparison.objects.bulk_create(firsts)
    repeats = [comparison for comparison, _ in fresh if comparison.repeat_of is not None]
    for comparison in repeats:
        # Assigning again takes over the id that the first one has by now.
        comparison.repeat_of = comparison.repeat_of
    Comparison.objects.bulk_create(repeats)
    Candidate.objects.bulk_create(
        Candidate(comparison=comparison, completion_id=completion_id, position=position)
        for comparison, completion_ids in fresh
        for position, completion_id in enumerate(completion_ids)
    )


def _positions(vote: _Vote, place: _Place, groups: Groups) -> Groups:
    return tuple(
        tuple(sorted(place.position_of[vote.completion_ids[index]] for index in group))
        for group in groups
    )


def _assignment(vote: _Vote, place: _Place, people: dict[str, User]) -> Assignment:
    """An empty display order says that the file does not tell what was shown where."""
    when = _when(vote)
    order = vote.record.display_order or ()
    return Assignment(
        comparison=place.comparison,
        annotator=people[vote.record.annotator],
        state=Assignment.State.SUBMITTED,
        display_order=[place.position_of[vote.completion_ids[index]] for index in order],
        leased_at=when,
        expires_at=when,
        closed_at=when,
    )


def _judgment(vote: _Vote, place: _Place, assignment: Assignment, token: UUID) -> Judgment:
    record = vote.record
    return Judgment(
        comparison=place.comparison,
        annotator_id=assignment.annotator_id,
        assignment=assignment,
        idempotency_token=token,
        groups=_positions(vote, place, record.groups),
        strength=record.strength,
        both_bad=record.both_bad,
        rationale=record.rationale,
        confidence=record.confidence,
        active_ms=record.active_ms,
        source=Judgment.Source.IMPORT,
        judged_at=_when(vote),
    )


def _when(vote: _Vote) -> datetime:
    return vote.record.judged_at or timezone.now()
