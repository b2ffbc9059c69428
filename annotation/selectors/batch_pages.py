"""A batch's comparisons, page by page: each page begins where the last one ended.

Nothing is counted and nothing skipped over, so the thousandth page costs what the first one does.
"""

from collections.abc import Sequence

from django.core.cache import cache
from django.db.models import Exists, F, Min, OuterRef, Prefetch, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.models import Assignment, Batch, Candidate, Comparison, Dispute

PAGE_SIZE = 50
WHO_WROTE = Prefetch(
    "candidates",
    queryset=Candidate.objects.select_related("completion__policy").order_by("position"),
)
SHOWS: dict[str, str | Promise] = {
    "all": _("All"),
    "waiting": _("With room for a judge"),
    "out": _("Out now"),
    "done": _("Done"),
    "disputed": _("Disputed"),
    "retired": _("Retired"),
}


def comparisons_page(
    batch: Batch, which: str, after: int | None = None
) -> tuple[Sequence[Comparison], int | None]:
    """Up to a page of comparisons after an id, and the id after which the next page begins."""
    found = (
        _which(batch, which)
        .filter(pk__gt=_begins(batch) - 1 if after is None else after)
        .annotate(leased=F("taken") - F("judged"))
        .select_related("prompt")
        .prefetch_related(WHO_WROTE)
        .order_by("pk")
    )
    rows = list(found[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].pk if more else None


def _which(batch: Batch, which: str) -> QuerySet[Comparison]:
    found = batch.comparisons.all()
    if which == "waiting":
        return found.filter(state=Comparison.State.OPEN, taken__lt=F("overlap"))
    if which == "done":
        return found.filter(state=Comparison.State.OPEN, judged__gte=F("overlap"))
    if which == "retired":
        return found.filter(state=Comparison.State.RETIRED)
    if which == "out":
        leased = Assignment.objects.filter(
            state=Assignment.State.LEASED, purpose=Assignment.Purpose.JUDGE
        )
        return found.filter(pk__in=leased.values("comparison"))
    if which == "disputed":
        waiting = Dispute.objects.filter(
            project=batch.project_id, state=Dispute.State.OPEN, comparison=OuterRef("pk")
        )
        return found.filter(Q(Exists(waiting)))
    return found


def _begins(batch: Batch) -> int:
    """The batch's first id. Its comparisons were made together, so a page found by id starts
    there instead of walking through those of older batches."""
    key = f"batch-begins/{batch.pk}"
    known: int | None = cache.get(key)
    if known is None:
        # Of an expression there is no index: the batch's own is read, not the table up to there.
        first = batch.comparisons.aggregate(first=Min(F("pk") + 0))["first"]
        known = int(first or 0)
        if known:
            cache.set(key, known, None)
    return known
