"""Reading judgments: the live ones, one person's history, and the preferences they imply."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db.models import Max, QuerySet, TextField, Value
from django.db.models.functions import Cast

from annotation.core.preferences import Preference, Verdict, all_preferences
from annotation.core.rankings import Groups
from annotation.core.rated_units import Marked
from annotation.models import (
    Batch,
    Candidate,
    Criterion,
    Judgment,
    Project,
    User,
)
from annotation.selectors.prepared import prepared_rows

CHUNK = 5_000
QUARANTINES = """
    SELECT participation.annotator_id, intervention.leaves_out_from
      FROM annotation_intervention intervention
      JOIN annotation_participation participation
        ON participation.id = intervention.participation_id
     WHERE participation.project_id = %(project)s::bigint
       AND intervention.action = 'quarantine'
       AND (intervention.lifted_at IS NULL OR intervention.lifted_at > %(as_of)s::timestamptz)
       AND (%(as_of)s::timestamptz IS NULL OR intervention.created_at <= %(as_of)s::timestamptz)
     ORDER BY intervention.id DESC
"""
_JUDGED = ("pk", "comparison_id", "comparison__prompt_id", "annotator_id")


def live(
    project: Project,
    *,
    include_simulated: bool = False,
    cutoff_id: int | None = None,
    with_quarantined: bool = False,
    with_repeats: bool = False,
    as_of: datetime | None = None,
) -> QuerySet[Judgment]:
    """Each annotator's newest word on each comparison; a reviewer's decision is none of them.

    With `cutoff_id`, as it stood when that judgment was the newest one: later amendments and
    withdrawals do not reach back behind a frozen cutoff. Judgments of quarantined people and second
    answers to hidden repeats are left out unless asked for. Who is quarantined changes with time:
    `as_of` says when (by default now), so that a cutoff with a moment always gives the same.
    """
    judgments = Judgment.objects.filter(comparison__project=project)
    if cutoff_id is None:
        judgments = judgments.filter(superseded_by__isnull=True)
    else:
        judgments = judgments.filter(pk__lte=cutoff_id).exclude(superseded_by__id__lte=cutoff_id)
    return counted(
        judgments, project, include_simulated=include_simulated,
        with_quarantined=with_quarantined, with_repeats=with_repeats, as_of=as_of,
    )  # fmt: skip


def counted(
    judgments: QuerySet[Judgment],
    project: Project,
    *,
    include_simulated: bool = False,
    with_quarantined: bool = False,
    with_repeats: bool = False,
    as_of: datetime | None = None,
) -> QuerySet[Judgment]:
    """Those of the judgments that count, whether or not they are still the newest word."""
    judgments = judgments.filter(is_withdrawal=False, is_adjudication=False)
    if not include_simulated:
        judgments = judgments.exclude(annotator__kind="simulated")
    if not with_repeats:
        judgments = judgments.exclude(comparison__batch__reason=Batch.Reason.REPEAT)
    if not with_quarantined:
        judgments = without_left_out(judgments, project, as_of=as_of)
    return judgments


def without_left_out(
    judgments: QuerySet[Judgment], project: Project, *, as_of: datetime | None = None
) -> QuerySet[Judgment]:
    """The judgments without those that a quarantine leaves out: all of a person, or since a day."""
    wholly: list[int] = []
    for annotator_id, since in quarantines(project, as_of=as_of):
        if since is None:
            wholly.append(annotator_id)
        else:
            judgments = judgments.exclude(annotator=annotator_id, judged_at__gte=since)
    return judgments.exclude(annotator__in=wholly) if wholly else judgments


def quarantines(
    project: Project, *, as_of: datetime | None = None
) -> list[tuple[int, datetime | None]]:
    """Whose judgments are left out, and since when (None: all of them)."""
    asked = {"project": project.pk, "as_of": as_of}
    return [(annotator, since) for annotator, since in prepared_rows(QUARANTINES, asked)]


def latest_judgment_id(project: Project) -> int:
    latest = Judgment.objects.filter(comparison__project=project).aggregate(latest=Max("pk"))
    return latest["latest"] or 0


def judgment_history(annotator: User, *, project: Project | None = None) -> QuerySet[Judgment]:
    """The annotator's own live judgments, newest first, with what a list needs to show.

    Their decisions of disputes are not among them: those are changed where they were made.
    """
    judgments = (
        Judgment.objects.live()
        .filter(annotator=annotator, is_adjudication=False)
        .select_related("comparison__prompt", "comparison__project", "assignment")
        .order_by("-judged_at", "-id")
    )
    return judgments if project is None else judgments.filter(comparison__project=project)


def preferences(
    project: Project,
    *,
    criterion: str = Criterion.OVERALL,
    include_simulated: bool = False,
    cutoff_id: int | None = None,
    with_quarantined: bool = False,
    with_repeats: bool = False,
    as_of: datetime | None = None,
) -> list[Preference]:
    """Every live judgment's implied pairs on one criterion, in order of judgment."""
    judgments = live(
        project, include_simulated=include_simulated, cutoff_id=cutoff_id,
        with_quarantined=with_quarantined, with_repeats=with_repeats, as_of=as_of,
    )  # fmt: skip
    return list(all_preferences(verdicts(judgments, criterion=criterion)))


def with_known_order(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """Those of which it is recorded what was shown where; imported files do not always tell."""
    return judgments.exclude(assignment__display_order=[])


def verdicts(
    judgments: QuerySet[Judgment], *, criterion: str = Criterion.OVERALL
) -> Iterator[Verdict]:
    """The judgments as plain values, in order; those without an answer on the criterion left out.

    Where the display order is not known, the canonical order stands in for it. They are read in
    chunks, so that neither their number nor that of the queries is felt.
    """
    is_overall = criterion == Criterion.OVERALL
    of = "" if is_overall else "answers__"
    asked = judgments if is_overall else judgments.filter(answers__criterion__key=criterion)
    unrated = Value(None, output_field=TextField())
    rows = asked.order_by("pk").values_list(
        *_JUDGED,
        "assignment__display_order",
        Cast(f"{of}groups", TextField()),
        unrated if is_overall else Cast("answers__ratings", TextField()),
        f"{of}strength",
    )
    for row, completion_ids in _with_completions(rows):
        pk, comparison, prompt, annotator, shown, order, ratings, strength = row
        yield Verdict(
            judgment_id=pk,
            comparison_id=comparison,
            prompt_id=prompt,
            completion_ids=completion_ids,
            annotator_id=annotator,
            groups=read_groups(order) or read_ratings_as_groups(ratings),
            display_order=_one_of_each(tuple(shown) or tuple(range(len(completion_ids)))),
            strength=strength,
            criterion=criterion,
        )


def marks(judgments: QuerySet[Judgment], *, criterion: str) -> Iterator[Marked]:
    """What the judgments gave each response on a criterion of 1 to 5, in order."""
    asked = judgments.filter(answers__criterion__key=criterion, answers__ratings__isnull=False)
    rows = asked.order_by("pk").values_list(*_JUDGED, Cast("answers__ratings", TextField()))
    for (pk, comparison, prompt, annotator, ratings), completion_ids in _with_completions(rows):
        yield Marked(
            judgment_id=pk,
            comparison_id=comparison,
            prompt_id=prompt,
            completion_ids=completion_ids,
            annotator_id=annotator,
            marks=read_ratings(ratings),
        )


def _with_completions(
    rows: QuerySet[Judgment, tuple[Any, ...]],
) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
    """Each row, whose second value is its comparison, with the completions by position."""
    known: dict[int, tuple[int, ...]] = {}
    read = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(read, CHUNK)):
        known |= _completions({row[1] for row in chunk} - known.keys())
        for row in chunk:
            yield row, known[row[1]]


def _completions(comparisons: set[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {key: [] for key in comparisons}
    candidates = Candidate.objects.filter(comparison__in=comparisons)
    in_order = candidates.order_by("comparison_id", "position")
    for comparison_id, completion_id in in_order.values_list("comparison_id", "completion_id"):
        found[comparison_id].append(completion_id)
    return {key: tuple(completion_ids) for key, completion_ids in found.items()}


def groups_of_ratings(ratings: list[int]) -> list[list[int]]:
    """Ratings as ordered groups, best first; equal ratings tie."""
    return [
        [position for position, rating in enumerate(ratings) if rating == value]
        for value in sorted(set(ratings), reverse=True)
    ]


@lru_cache(maxsize=4096)
def _one_of_each(order: tuple[int, ...]) -> tuple[int, ...]:
    """Equal orders become one in memory: there are few of them, and many judgments."""
    return order


@lru_cache(maxsize=4096)
def read_groups(written: str | None) -> Groups:
    """Ordered groups from their JSON; the same few come again and again."""
    return tuple(tuple(group) for group in json.loads(written)) if written else ()


@lru_cache(maxsize=4096)
def read_ratings_as_groups(written: str | None) -> Groups:
    return tuple(tuple(group) for group in groups_of_ratings(list(read_ratings(written))))


@lru_cache(maxsize=4096)
def read_ratings(written: str | None) -> tuple[int, ...]:
    return tuple(json.loads(written)) if written else ()
