"""Gold: comparisons with a known answer, mixed unrecognised into the work of everybody."""

from collections.abc import Sequence

from django.db import transaction

from annotation.core.errors import Conflict, Invalid
from annotation.core.rankings import Groups
from annotation.models import Assignment, Batch, Comparison, Project, User
from annotation.models.project import draw_seed
from annotation.services.assignments import assignments_return, database_now
from annotation.services.audit_log import audit_entry_create
from annotation.services.known_answers import (
    Known,
    clean_explanation,
    comparisons_with_known_order,
    known_of,
)
from annotation.services.lanes import batch_queue

EVERYBODY = 32_000


@transaction.atomic
def gold_create(*, actor: User, project: Project, known: Sequence[Known]) -> list[Comparison]:
    """Adds gold for everybody to see once. Raises Invalid where there is nothing to add."""
    if not known:
        raise Invalid("There is nothing to add.", hint="Choose comparisons or a file with rows.")
    batch = _batch(actor, project)
    made = comparisons_with_known_order(batch=batch, known=known, overlap=EVERYBODY)
    batch_queue(batch=batch)
    audit_entry_create(
        actor=actor, project=project, action="gold.create", subject=batch.name,
        detail={"comparisons": [comparison.pk for comparison in made]},
    )  # fmt: skip
    return made


@transaction.atomic
def gold_from_comparison(
    *, actor: User, comparison: Comparison, groups: Groups, explanation: str
) -> Comparison:
    """A gold comparison of what a judged one showed; the judged one stays as it is."""
    known = known_of(comparison, groups, explanation)
    return gold_create(actor=actor, project=comparison.project, known=[known])[0]


@transaction.atomic
def gold_change(*, actor: User, comparison: Comparison, explanation: str) -> Comparison:
    """Another explanation. The order stays: people have answered it; retire it to correct it."""
    locked = _locked(comparison)
    locked.gold_reason = clean_explanation(explanation)
    locked.save(update_fields=["gold_reason"])
    audit_entry_create(
        actor=actor, project=locked.project, action="gold.change", subject=str(locked),
        detail={"comparison": locked.pk},
    )  # fmt: skip
    return locked


@transaction.atomic
def gold_retire(*, actor: User, comparison: Comparison, reason: str) -> Comparison:
    """Nobody gets it any more, and it counts in nobody's score; the answers are kept.

    Raises Conflict where it is no gold in use, Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid("Say why it is retired.", field="reason")
    locked = _locked(comparison)
    if locked.state != Comparison.State.OPEN:
        raise Conflict("This item is retired already.")
    leases = Assignment.objects.filter(comparison=locked, state=Assignment.State.LEASED)
    assignments_return(leases, Assignment.State.RELEASED, database_now(), waits=True)
    locked.state = Comparison.State.RETIRED
    locked.save(update_fields=["state"])
    audit_entry_create(
        actor=actor, project=locked.project, action="gold.retire", subject=str(locked),
        detail={"comparison": locked.pk, "reason": reason.strip()[:2_000]},
    )  # fmt: skip
    return locked


def _batch(actor: User, project: Project) -> Batch:
    """The project's batch of gold; one that was closed stays closed."""
    batch = (
        Batch.objects.select_for_update(no_key=True)
        .filter(project=project, reason=Batch.Reason.GOLD)
        .exclude(state=Batch.State.CLOSED)
        .first()
    )
    return batch or Batch.objects.create(
        project=project, name="Gold", reason=Batch.Reason.GOLD, seed=draw_seed(), opened_by=actor
    )


def _locked(comparison: Comparison) -> Comparison:
    """Leases are locked before their comparison everywhere, so the row itself is only read here."""
    found = (
        Comparison.objects.select_related("project")
        .filter(pk=comparison.pk, batch__reason=Batch.Reason.GOLD, gold_groups__isnull=False)
        .first()
    )
    if found is None:
        raise Conflict("This comparison is no gold.")
    return found
