"""Comparisons with a known order: for gold and for qualifications, from files and from work."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from annotation.core.errors import FileInvalid, Invalid, RowProblem
from annotation.core.known_answers import KnownAnswer
from annotation.core.rankings import Groups
from annotation.core.records import CompletionRecord
from annotation.models import (
    Batch,
    Candidate,
    Comparison,
    ComparisonKind,
    Completion,
    Project,
)
from annotation.services.content import ContentWriter
from annotation.services.imported_judgments import known_prompts

EXPLANATION_CHARACTERS = 4_000
MOST_SHOWN = 9


@dataclass(frozen=True, slots=True)
class Known:
    """The completions to show, the right order of their positions, and why it is right."""

    prompt_id: int
    completion_ids: tuple[int, ...]
    groups: Groups
    explanation: str = ""
    phase: str | None = None


@transaction.atomic
def known_answers_write(
    *, project: Project, rows: Sequence[tuple[int, KnownAnswer]], name: str
) -> list[Known]:
    """Stores the prompts and completions of (row, answer), those known already once.

    Raises FileInvalid naming the row and field; then nothing was kept.
    """
    _check_kinds(project, rows, name)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    writer = ContentWriter(project)
    prompts = known_prompts(writer, [(number, known.prompt) for number, known in rows], name)
    records = [
        (
            prompt_id,
            CompletionRecord(prompt=known.prompt, policy=each.policy, text=each.text),
        )
        for prompt_id, (_, known) in zip(prompts, rows, strict=True)
        for each in known.completions
    ]
    ids = iter(writer.completions(records))
    found = []
    for prompt_id, (number, known) in zip(prompts, rows, strict=True):
        shown = tuple(next(ids) for _ in known.completions)
        if len(set(shown)) < len(shown):
            problem = RowProblem(number, "completions", "two completions are the same")
            raise FileInvalid(name, [problem])
        found.append(Known(prompt_id, shown, known.groups, known.explanation, known.phase))
    return found


def known_of(comparison: Comparison, groups: Groups, explanation: str) -> Known:
    """The same completions as a comparison that was judged, with an order for them."""
    candidates = comparison.candidates.order_by("position").values_list("completion_id", flat=True)
    return Known(comparison.prompt_id, tuple(candidates), groups, clean_explanation(explanation))


def comparisons_with_known_order(
    *, batch: Batch, known: Sequence[Known], overlap: int
) -> list[Comparison]:
    """A comparison for each; to be called in a transaction. Raises Invalid where one is there."""
    known_checked(batch.project, known)
    _check_new(batch, known)
    comparisons = Comparison.objects.bulk_create(
        Comparison(
            project_id=batch.project_id, batch=batch, prompt_id=each.prompt_id, overlap=overlap,
            kind=_kind(len(each.completion_ids)), gold_groups=[list(g) for g in each.groups],
            gold_reason=clean_explanation(each.explanation),
        )
        for each in known
    )  # fmt: skip
    Candidate.objects.bulk_create(
        Candidate(comparison=comparison, completion_id=completion_id, position=position)
        for comparison, each in zip(comparisons, known, strict=True)
        for position, completion_id in enumerate(each.completion_ids)
    )
    return comparisons


def known_checked(project: Project, known: Sequence[Known]) -> None:
    """Raises Invalid where completions are not of the prompt, or too few or many are shown."""
    wanted = {(key, each.prompt_id) for each in known for key in each.completion_ids}
    found = Completion.objects.filter(
        pk__in={key for key, _ in wanted}, prompt__project=project
    ).values_list("pk", "prompt_id")
    if wanted - set(found):
        raise Invalid("A response does not belong to its prompt in this project.", field="order")
    for each in known:
        size = len(each.completion_ids)
        if project.kind == ComparisonKind.PAIRWISE and size != 2:
            raise Invalid(f"This project shows pairs, not {size} responses.", field="order")
        if not 2 <= size <= MOST_SHOWN:
            raise Invalid(
                f"A ranking shows 2 to {MOST_SHOWN} responses, not {size}.", field="order"
            )


def clean_explanation(text: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > EXPLANATION_CHARACTERS:
        raise Invalid(
            f"Keep the explanation under {EXPLANATION_CHARACTERS:,} characters.",
            field="explanation",
        )
    return text


def _check_kinds(project: Project, rows: Sequence[tuple[int, KnownAnswer]], name: str) -> None:
    """The project shows pairs, or rankings of a size; something else cannot be answered there."""
    problems = [
        RowProblem(number, "completions", f"this project shows pairs, not {len(k.completions)}")
        for number, k in rows
        if project.kind == ComparisonKind.PAIRWISE and len(k.completions) != 2
    ]
    if problems:
        raise FileInvalid(name, problems)


def _check_new(batch: Batch, known: Sequence[Known]) -> None:
    """Nothing is asked twice: the same completions are in the batch once."""
    there: dict[int, set[int]] = {}
    rows = Candidate.objects.filter(comparison__batch=batch, comparison__state="open")
    for comparison, completion in rows.values_list("comparison_id", "completion_id"):
        there.setdefault(comparison, set()).add(completion)
    seen = {frozenset(ids) for ids in there.values()}
    for number, each in enumerate(known, start=1):
        if frozenset(each.completion_ids) in seen:
            raise Invalid(
                f"Number {number} is there already: the same responses to the same prompt.",
                field="completions",
                hint="Leave it out, or retire the earlier one first.",
            )
        seen.add(frozenset(each.completion_ids))


def _kind(size: int) -> str:
    return ComparisonKind.PAIRWISE if size == 2 else ComparisonKind.RANKING
