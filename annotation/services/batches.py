"""Opening work. A person's button and the acquisition loop come in through the same door."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.db.models.functions import MD5

from annotation.core.errors import Conflict, Invalid
from annotation.core.scheduling import (
    Contender,
    canonical_orders,
    comparison_pairs,
    ranking_sets,
)
from annotation.models import (
    Assignment,
    Batch,
    Candidate,
    Comparison,
    ComparisonKind,
    Completion,
    Lane,
    Project,
    User,
)
from annotation.models.project import draw_seed
from annotation.selectors.batch_work import tallies_forget
from annotation.selectors.work import compared_sets
from annotation.services.assignments import assignments_return, database_now
from annotation.services.audit_log import audit_entry_create
from annotation.services.deadlocks import tried_once_more
from annotation.services.lanes import NOT_QUEUED, batch_queue

MOST_JUDGMENTS = 500
ENDLESS = (Batch.Reason.GOLD, Batch.Reason.REPEAT, Batch.Reason.QUALIFICATION)


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
    orders = _canonical_orders(project, selections, batch.seed)
    Candidate.objects.bulk_create(
        Candidate(comparison=comparison, completion_id=completion_id, position=position)
        for comparison, order in zip(comparisons, orders, strict=True)
        for position, completion_id in enumerate(order)
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


@tried_once_more
@transaction.atomic
def batch_state_set(*, actor: User, batch: Batch, state: str) -> Batch:
    """Opens, pauses or closes a batch. Leases of a batch that is not open return at once.

    What somebody is just submitting is left to them. A closed batch opens again with its
    comparisons in the lanes that the project has now.
    """
    if state not in Batch.State.values:
        raise Invalid(f"There is no state “{state}”.", field="state")
    locked = Batch.objects.select_for_update().get(pk=batch.pk)
    if locked.state == state:
        raise Conflict(f"The batch is {locked.get_state_display().lower()} already.")
    was_closed, now = locked.state == Batch.State.CLOSED, database_now()
    locked.state = state
    locked.closed_at = now if state == Batch.State.CLOSED else None
    locked.save(update_fields=["state", "closed_at"])
    if state != Batch.State.OPEN:
        held = Assignment.objects.filter(comparison__batch=locked, state=Assignment.State.LEASED)
        assignments_return(held, Assignment.State.RELEASED, now)
    elif was_closed and locked.reason not in NOT_QUEUED:
        batch_queue(batch=locked)
        lanes_awake(locked.pk)
    tallies_forget(locked.pk)
    _log(actor, locked, state)
    return locked


@transaction.atomic
def batch_rename(*, actor: User, batch: Batch, name: str) -> Batch:
    """Gives a batch another name; people who judge never see it."""
    name = name.replace("\x00", "").strip()[:160]
    if not name:
        raise Invalid("Give the batch a name.", field="name")
    locked = Batch.objects.select_for_update().get(pk=batch.pk)
    before, locked.name = locked.name, name
    locked.save(update_fields=["name"])
    _log(actor, locked, "rename", before=before)
    return locked


@tried_once_more
@transaction.atomic
def batch_extend(
    *, actor: User, batch: Batch, by: int, comparison_ids: Collection[int] | None = None
) -> int:
    """Asks for `by` more judgments of every open comparison, or of those chosen; of how many.

    They can be claimed again at once. Raises Conflict where the batch is closed, Invalid where a
    number or a chosen comparison does not fit.
    """
    locked = Batch.objects.select_for_update().get(pk=batch.pk)
    if locked.state == Batch.State.CLOSED:
        raise Conflict("The batch is closed.", hint="Open it again first.")
    if locked.reason in ENDLESS:
        raise Invalid(f"“{locked.get_reason_display()}” asks for as many judgments as come.")
    if not 1 <= by <= MOST_JUDGMENTS:
        raise Invalid(f"Ask for 1 to {MOST_JUDGMENTS} more judgments.", field="by")
    chosen = locked.comparisons.filter(state=Comparison.State.OPEN)
    if comparison_ids is not None:
        chosen = chosen.filter(pk__in=comparison_ids)
        if chosen.count() != len(set(comparison_ids)):
            raise Invalid("A chosen comparison is not open in this batch.", field="comparisons")
    if chosen.filter(overlap__gt=MOST_JUDGMENTS - by).exists():
        raise Invalid(f"A comparison can have {MOST_JUDGMENTS} judgments at most.", field="by")
    count = chosen.update(overlap=F("overlap") + by)
    lanes_awake(locked.pk)
    tallies_forget(locked.pk)
    _log(actor, locked, "extend", by=by, comparisons=count)
    return count


def lanes_awake(batch_id: int) -> None:
    """Something in the batch is open again: claims need not look at its lanes last."""
    Lane.objects.filter(batch=batch_id, is_drained=True).update(is_drained=False)


def _canonical_orders(
    project: Project, selections: Sequence[Selection], seed: int
) -> list[tuple[int, ...]]:
    """The completions of each selection as they are stored: of pairs, policies stand first alike
    often, so that judges who see the stored order see it balanced."""
    if project.kind == ComparisonKind.RANKING:
        return [selection.completion_ids for selection in selections]
    keys = {key for selection in selections for key in selection.completion_ids}
    policy_of = dict(Completion.objects.filter(pk__in=keys).values_list("pk", "policy_id"))
    pairs = [(policy_of[a], policy_of[b]) for a, b in (s.completion_ids for s in selections)]
    return [
        (selection.completion_ids[first], selection.completion_ids[second])
        for selection, (first, second) in zip(
            selections, canonical_orders(pairs, seed=seed), strict=True
        )
    ]


def _log(actor: User, batch: Batch, act: str, **detail: object) -> None:
    audit_entry_create(
        actor=actor, project=batch.project, action=f"batch.{act}", subject=batch.name,
        detail={"batch": batch.pk, **detail},
    )  # fmt: skip


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
