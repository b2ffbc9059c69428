"""What a measurement of agreement rests on: which judgments count, and what is known of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.core.preferences import Verdict
from annotation.core.rated_units import NO_ROOTS, Marked, Rated, outcomes, rated_marks, rated_pairs
from annotation.core.ratings import Ints
from annotation.models import (
    Batch,
    Comparison,
    Completion,
    Criterion,
    Judgment,
    Policy,
    Pool,
    Project,
    Prompt,
    User,
)
from annotation.selectors.judgments import (
    counted,
    latest_judgment_id,
    live,
    marks,
    read_groups,
    read_ratings,
    read_ratings_as_groups,
    verdicts,
)

MARKS = (1, 2, 3, 4, 5)

Answers = tuple[Verdict | Marked, ...]


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Which of a project's judgments count: those up to one, as people stood at a moment.

    LLM judges are not among the annotators, unless nobody else judges: they are compared with them.
    """

    project: Project
    judgment_id: int
    as_of: datetime
    with_quarantined: bool = False
    with_judges: bool = False

    def judgments(self, *, with_repeats: bool = False) -> QuerySet[Judgment]:
        """The same ones whenever they are asked for, whatever happened in between."""
        found = live(
            self.project,
            include_simulated=self.includes_simulated,
            cutoff_id=self.judgment_id,
            with_quarantined=self.with_quarantined,
            with_repeats=with_repeats,
            as_of=self.as_of,
        )
        return self.narrowed(found, with_repeats=with_repeats)

    @property
    def includes_simulated(self) -> bool:
        """LLM judges come as simulated annotators, and are told apart from the others of them."""
        return self.project.learns_from_simulated or self.with_judges

    def narrowed(
        self, judgments: QuerySet[Judgment], *, with_repeats: bool = False
    ) -> QuerySet[Judgment]:
        """Those of people, or of judges too; without second answers, imported ones as well."""
        if not with_repeats:
            judgments = judgments.filter(comparison__repeat_of__isnull=True)
        if not self.with_judges:
            return of_people(judgments)
        if self.project.learns_from_simulated:
            return judgments
        return judgments.exclude(annotator__kind=User.Kind.SIMULATED, annotator__judge_model="")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of judgments and of what they judged, for slices.

    Shapes for J judgments in the order of their ids: judgments, batches, prompts, days (J,), where
    a day is the ordinal of the date. `pools` has the members of each, and `names` what to call
    things, by kind and id.
    """

    judgments: Ints
    batches: Ints
    prompts: Ints
    days: Ints
    languages: Mapping[int, str]
    tags: Mapping[int, tuple[str, ...]]
    policies: Mapping[int, int]
    pools: Mapping[int, frozenset[int]]
    names: Mapping[str, Mapping[int, str]]


def cutoff_now(project: Project, *, with_quarantined: bool = False) -> Cutoff:
    return Cutoff(
        project, latest_judgment_id(project), timezone.now(), with_quarantined,
        with_judges=not has_people(project),
    )  # fmt: skip


def has_people(project: Project) -> bool:
    """Whether anybody judged who is no LLM judge."""
    return of_people(Judgment.objects.filter(comparison__project=project)).exists()


def of_people(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    return judgments.filter(annotator__judge_model="")


@dataclass(frozen=True, slots=True)
class Said:
    """One judgment's values for the units of a comparison, and at which of two cutoffs it held."""

    comparison_id: int
    annotator_id: int
    values: tuple[tuple[tuple[int, int], int], ...]
    held_before: bool
    holds_now: bool


def said_between(
    cutoff: Cutoff, upto_id: int, criterion: Criterion, comparisons: Sequence[int]
) -> list[Said]:
    """What was said of the comparisons that held up to an earlier judgment, or holds up to this.

    One query, of the few columns that sums need.
    """
    given = Judgment.objects.filter(comparison__in=comparisons, pk__lte=cutoff.judgment_id)
    judgments = counted(
        given.exclude(superseded_by__id__lte=upto_id),
        cutoff.project,
        include_simulated=cutoff.includes_simulated,
        with_quarantined=cutoff.with_quarantined,
        as_of=cutoff.as_of,
    )
    judgments = cutoff.narrowed(judgments)
    of = "" if criterion.key == Criterion.OVERALL else "answers__"
    if of:
        judgments = judgments.filter(answers__criterion=criterion)
    ratings = Cast("answers__ratings", TextField()) if of else Value(None, TextField())
    rows = judgments.order_by().values_list(
        "pk", "comparison_id", "annotator_id", "superseded_by__id",
        Cast(f"{of}groups", TextField()), ratings,
    )  # fmt: skip
    return [
        Said(
            comparison_id=comparison,
            annotator_id=annotator,
            values=_values(criterion, groups, ratings),
            held_before=pk <= upto_id,
            holds_now=later is None or later > cutoff.judgment_id,
        )
        for pk, comparison, annotator, later, groups, ratings in rows
    ]


def _values(
    criterion: Criterion, groups: str | None, ratings: str | None
) -> tuple[tuple[tuple[int, int], int], ...]:
    if is_marked(criterion):
        return tuple(((i, i), mark) for i, mark in enumerate(read_ratings(ratings)))
    order = read_groups(groups) or read_ratings_as_groups(ratings)
    return tuple(((i, j), outcome) for i, j, outcome in outcomes(order))


def is_marked(criterion: Criterion) -> bool:
    """Whether each response got marks of its own, instead of an order."""
    return criterion.scale == Criterion.Scale.RATING


def answers(judgments: QuerySet[Judgment], criterion: Criterion) -> Answers:
    """What the judgments say on one criterion: orders, or marks of each response."""
    if is_marked(criterion):
        return tuple(marks(judgments, criterion=criterion.key))
    return tuple(verdicts(judgments, criterion=criterion.key))


def rated_answers(
    given: Answers, *, is_graded: bool = False, roots: Mapping[int, int] = NO_ROOTS
) -> Rated:
    """Answers as ratings: marks of responses, or outcomes of pairs."""
    marked = [each for each in given if isinstance(each, Marked)]
    if marked:
        return rated_marks(marked, roots=roots)
    orders = (each for each in given if isinstance(each, Verdict))
    return rated_pairs(orders, is_graded=is_graded, roots=roots)


def rated(judgments: QuerySet[Judgment], criterion: Criterion) -> Rated:
    return rated_answers(answers(judgments, criterion))


def repeat_roots(project: Project) -> dict[int, int]:
    """The comparison that each hidden repeat repeats."""
    repeats = Comparison.objects.filter(project=project, repeat_of__isnull=False)
    pairs = repeats.values_list("pk", "repeat_of")
    return {pk: first for pk, first in pairs if first is not None}


def with_their_repeats(cutoff: Cutoff, roots: Mapping[int, int]) -> QuerySet[Judgment]:
    """The judgments of comparisons that were repeated, first answers and second."""
    return cutoff.judgments(with_repeats=True).filter(
        Q(comparison__in=list(roots)) | Q(comparison__in=set(roots.values()))
    )


def judge_models(project: Project) -> dict[int, str]:
    """The LLM judges who judged, and of which model each is."""
    judges = User.objects.exclude(judge_model="").filter(
        Exists(Judgment.objects.filter(annotator=OuterRef("pk"), comparison__project=project))
    )
    return dict(judges.values_list("pk", "judge_model"))


def names_of(ids: Sequence[int], *, by_name: bool) -> list[str]:
    """What to call annotators, in their order; who may not know people sees pseudonyms."""
    found = User.objects.in_bulk(list(ids))
    people = [found.get(each) for each in ids]
    if by_name:
        return [str(each) if each else _("somebody") for each in people]
    return [each.pseudonym[:8] if each else _("somebody") for each in people]


def facts(cutoff: Cutoff) -> Facts:
    """Read once for a whole measurement, in a handful of queries."""
    project = cutoff.project
    columns = ("pk", "comparison__batch_id", "comparison__prompt_id", "judged_at")
    rows = [
        (pk, batch, prompt, judged_at.toordinal())
        for pk, batch, prompt, judged_at in cutoff.judgments()
        .order_by("pk")
        .values_list(*columns)
        .iterator(chunk_size=5_000)
    ]
    judgments, batches, prompts, days = np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()
    described = Prompt.objects.filter(project=project).values_list("pk", "language", "tags")
    languages, tags = {}, {}
    for pk, language, own in described.iterator():
        languages[pk], tags[pk] = language, tuple(own)
    return Facts(
        judgments=judgments,
        batches=batches,
        prompts=prompts,
        days=days,
        languages=languages,
        tags=tags,
        policies=dict(
            Completion.objects.filter(prompt__project=project).values_list("pk", "policy_id")
        ),
        pools=_members(project),
        names=_names(project),
    )


def facts_of(known: Facts, judgments: Ints) -> Facts:
    """The same of some of the judgments, in the order of `judgments`."""
    at = np.searchsorted(known.judgments, judgments)
    return replace(
        known,
        judgments=judgments,
        batches=known.batches[at],
        prompts=known.prompts[at],
        days=known.days[at],
    )


def _members(project: Project) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for pool, user in project.pools.values_list("pk", "memberships__user"):
        found.setdefault(pool, set()).add(user)
    return {pool: frozenset(members - {None}) for pool, members in found.items()}


def _names(project: Project) -> dict[str, dict[int, str]]:
    return {
        "batch": dict(Batch.objects.filter(project=project).values_list("pk", "name")),
        "pool": dict(Pool.objects.filter(projects=project).values_list("pk", "name")),
        "policy": {each.pk: str(each) for each in Policy.objects.filter(project=project)},
    }
