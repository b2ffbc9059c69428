"""Suggested answers: what a model proposes, shown to some who judge and hidden from others."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from annotation.core.errors import Conflict, Invalid
from annotation.core.rankings import parse_groups
from annotation.models import Batch, Comparison, User
from annotation.services.audit_log import audit_entry_create


@transaction.atomic
def suggestions_set(
    *, actor: User, batch: Batch, by: str, suggestions: Mapping[int, Sequence[Sequence[int]]]
) -> int:
    """Gives comparisons of a batch an answer to suggest: groups of positions, best first.

    Who then sees it is drawn for each annotator (`Project.suggestion_share`). Nobody may have taken
    the comparison yet, lest some have judged before there was anything to see. Raises Invalid,
    naming the comparison, and Conflict; then nothing is changed.
    """
    if not by.strip():
        raise Invalid("Say who suggests.", field="by", hint="For instance a model's name.")
    found = {
        each.pk: each
        for each in Comparison.objects.select_for_update(no_key=True)
        .filter(batch=batch, pk__in=suggestions)
        .prefetch_related("candidates")
        .order_by("pk")
    }
    for key, groups in suggestions.items():
        comparison = found.get(key)
        if comparison is None:
            raise Invalid(
                f"Comparison {key} is not in this batch.", field="suggestions",
                hint="Take the ids from the batch's comparisons.",
            )  # fmt: skip
        if comparison.taken:
            raise Conflict(
                f"Somebody has comparison {key} already.",
                hint="Suggest before a batch is opened to people, or leave this one out.",
            )
        order = parse_groups(groups, len(comparison.candidates.all()))
        comparison.suggestion = [list(group) for group in order]
        comparison.suggestion_by = by.strip()[:120]
    Comparison.objects.bulk_update(found.values(), ["suggestion", "suggestion_by"], batch_size=500)
    audit_entry_create(
        actor=actor, project=batch.project, action="batch.suggest", subject=batch.name,
        detail={"by": by.strip(), "comparisons": len(found)},
    )  # fmt: skip
    return len(found)
