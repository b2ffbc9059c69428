"""Opening work. A person's button and the acquisition loop come in through the same door."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import MD5
from django.utils import timezone

from annotation.core.errors import Conflict, Invalid
from annotation.core.scheduling import Contender, comparison_pairs, ranking_sets
from annotation.models import (
    Assignment,
    Batch,
    Candidate,
    Comparison,
    ComparisonKind,
    Completion,
    Project,
    User,
)
from annotation.models.project import draw_seed
from annotation.selectors.work import compared_sets
from annotation.services.audit_log import audit_entry_create
from annotation.services.lanes import NOT_QUEUED, batch_queue


@dataclass(frozen=True, slots=True)
class Selection:
    """The completions to show together, and how much their comparison is expected to tell."""

    prompt_id: int
    completion_ids: tuple[int, ...]
    utility: float = 0.0


@transaction.atomic
def batch_open(
    *,
    actor: User | None,
    project: Project,
    name: str,
    reason: str,
    selections: Sequence[Selection],
    overlap: int | None = None,
    seed: int | None = None,
) -> Batch:
    """Opens one comparison per selection.

    Raises Invalid when there is nothing to open or a selection's completions do not belong to
    its prompt and project, or their number does not fit the project.
    """
    if not selections:
        raise Invalid(
            "There is nothing left to compare.",
            hint="Generate or import more completions first.",
        )
    _check_selections(project, selections)
    batch = Batch.objects.create(
        project=project, name=name, reason=reason, opened_by=actor,
        seed=draw_seed() if seed is None else seed,
    )  # fmt: skip
    comparisons = Comparison.objects.bulk_create(
        Comparison(
            project=project, batch=batch, prompt_id=selection.prompt_id,
            kind=project.kind, overlap=overlap or project.overlap,
            utility=selection.utility,
        )
        for selection in selections
    )  # fmt: skip
    Candidate.objects.bulk_create(
        Candidate(comparison=comparison, completion_id=completion_id, position=position)
        for comparison, selection in zip(comparisons, selections, strict=True)
        for position, completion_id in enumerate(selection.completion_ids)
    )
    if reason not in NOT_QUEUED:
        batch_queue(batch=batch)
    audit_entry_create(
        actor=actor, project=project, action="batch.open", subject=name,
        detail={"reason": reason, "comparisons": len(comparisons), "batch": batch.pk},
    )  # fmt: skip
    return batch


def selections_sample(
    *, project: Project, per_prompt: int, seed: int, prompt_ids: Collection[int] | None = None
) -> list[Selection]:
    """Comparisons to open: balanced over completions and policies, none that was shown before."""
    completions = Completion.objects.filter(prompt__project=project).exclude(text="")
    if prompt_ids is not None:
        completions = completions.filter(prompt_id__in=prompt_ids)
    rows = completions.annotate(digest=MD5("text")).values_list(
        "pk", "prompt_id", "policy_id", "digest"
    )
    contenders = [Contender(*row) for row in rows]
    prompt_of = {contender.completion_id: contender.prompt_id for contender in contenders}
    if project.kind == ComparisonKind.RANKING:
        size = project.candidates
        sets = ranking_sets(contenders, size=size, per_prompt=per_prompt, seed=seed)
        return _unshown(project, sets, prompt_of, per_prompt)
    pairs = comparison_pairs(contenders, per_prompt=None, seed=seed)
    return _unshown(project, pairs, prompt_of, per_prompt)


def _unshown(
    project: Project,
    sets: Sequence[tuple[int, ...]],
    prompt_of: Mapping[int, int],
    per_prompt: int,
) -> list[Selection]:
    shown = compared_sets(project)
    taken: Counter[int] = Counter()
    chosen = []
    for ids in sets:
        prompt_id = prompt_of[ids[0]]
        if frozenset(ids) not in shown and taken[prompt_id] < per_prompt:
            taken[prompt_id] += 1
            chosen.append(Selection(prompt_id, ids))
    return chosen


@transaction.atomic
def batch_state_set(*, actor: User, batch: Batch, state: str) -> Batch:
    """Opens, pauses or closes a batch. Leases of a batch that is not open return at once."""
    if state not in Batch.State.values:
        raise Invalid(f"There is no state “{state}”.", field="state")
    locked = Batch.objects.select_for_update().get(pk=batch.pk)
    if locked.state == state:
        raise Conflict(f"The batch is {locked.get_state_display().lower()} already.")
    locked.state = state
    locked.closed_at = timezone.now() if state == Batch.State.CLOSED else None
    locked.save(update_fields=["state", "closed_at"])
    if state != Batch.State.OPEN:
        Assignment.objects.filter(comparison__batch=locked, state=Assignment.State.LEASED).update(
            state=Assignment.State.RELEASED, closed_at=timezone.now()
        )
    audit_entry_create(
        actor=actor, project=locked.project, action=f"batch.{state}", subject=locked.name
    )
    return locked


def _check_selections(project: Project, selections: Iterable[Selection]) -> None:
    wanted = {(key, s.prompt_id) for s in selections for key in s.completion_ids}
    found = set(
        Completion.objects.filter(
            pk__in={key for key, _ in wanted}, prompt__project=project
        ).values_list("pk", "prompt_id")
    )
    if wanted - found:
        raise Invalid("A selected completion does not belong to its prompt in this project.")
    for selection in selections:
        size = len(set(selection.completion_ids))
        if size != len(selection.completion_ids):
            raise Invalid("A comparison cannot show the same completion twice.")
        if project.kind == ComparisonKind.PAIRWISE and size != 2:
            raise Invalid(f"A pairwise comparison shows 2 completions, not {size}.")
        if not 2 <= size <= 9:
            raise Invalid(f"A ranking shows 2 to 9 completions, not {size}.")
