"""Gold as leads see it: each item with how it is answered, and what could become gold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Prefetch, Q, QuerySet

from annotation.core.errors import NotFound
from annotation.core.intervals import Proportion, wilson
from annotation.core.known_answers import order_in_words
from annotation.core.rankings import Groups
from annotation.models import (
    Batch,
    Candidate,
    Comparison,
    Completion,
    Judgment,
    Project,
    Prompt,
    User,
)
from annotation.selectors.access import projects_led
from annotation.selectors.judgments import live

BROKEN_BELOW = 0.5
SEARCHED = 400


@dataclass(frozen=True, slots=True)
class GoldItem:
    """One gold comparison and how often it is answered as the lead would."""

    comparison: Comparison
    order: str
    right: Proportion

    @property
    def looks_broken(self) -> bool:
        """Most get it wrong beyond chance: more likely the item is unclear than everybody is."""
        return self.right.high is not None and self.right.high < BROKEN_BELOW


@dataclass(frozen=True, slots=True)
class Agreed:
    """A judged comparison, the answer that most gave, and how many of how many gave it."""

    comparison: Comparison
    groups: Groups
    order: str
    share: Proportion


def gold_items(project: Project) -> list[GoldItem]:
    """All gold, what is in use first, what is answered worst at the top."""
    comparisons = gold_comparisons(project).select_related("prompt").prefetch_related(_candidates())
    counts = _right(live(project).filter(comparison__in=comparisons.values("pk")))
    items = [
        _gold_item(comparison, counts.get(comparison.pk, (0, 0))) for comparison in comparisons
    ]
    return sorted(items, key=_worst_first)


def gold_comparisons(project: Project) -> QuerySet[Comparison]:
    """What is or was gold, newest first."""
    return Comparison.objects.filter(
        project=project, batch__reason=Batch.Reason.GOLD, gold_groups__isnull=False
    ).order_by("-pk")


def comparisons_agreed(
    project: Project, *, words: str = "", at_least: float = 0.8, judged: int = 3, most: int = 25
) -> list[Agreed]:
    """Comparisons on which at least so many say so much the same, and whose responses are in no
    gold and no qualification yet; newest first."""
    found = (
        Comparison.objects.filter(project=project, judged__gte=judged, repeat_of__isnull=True)
        .exclude(batch__reason__in=[Batch.Reason.GOLD, Batch.Reason.QUALIFICATION])
        .select_related("prompt")
        .prefetch_related(_candidates())
        .order_by("-pk")
    )
    if words:
        found = found.filter(
            Q(prompt__messages__icontains=words) | Q(candidates__completion__text__icontains=words)
        ).distinct()
    used = known_sets(project)
    chosen = []
    for agreed in _agreed(project, list(found[:SEARCHED])):
        shown = frozenset(c.completion_id for c in agreed.comparison.candidates.all())
        if (agreed.share.value or 0) >= at_least and agreed.share.n >= judged and shown not in used:
            chosen.append(agreed)
    return chosen[:most]


def prompts_to_choose(project: Project, *, words: str = "", most: int = 10) -> QuerySet[Prompt]:
    """Prompts with two responses or more, by words in them, newest first."""
    found = (
        Prompt.objects.filter(project=project)
        .annotate(n_responses=Count("completions", filter=~Q(completions__text="")))
        .filter(n_responses__gte=2)
        .prefetch_related(
            Prefetch(
                "completions",
                queryset=Completion.objects.exclude(text="")
                .select_related("policy")
                .order_by("policy", "sample_index"),
            )
        )
        .order_by("-pk")
    )
    return (found.filter(messages__icontains=words) if words else found)[:most]


def known_sets(project: Project) -> set[frozenset[int]]:
    """The completions of each comparison whose answer is known and in use."""
    shown: dict[int, set[int]] = {}
    rows = Candidate.objects.filter(
        comparison__project=project, comparison__gold_groups__isnull=False, comparison__state="open"
    )
    for comparison, completion in rows.values_list("comparison_id", "completion_id"):
        shown.setdefault(comparison, set()).add(completion)
    return {frozenset(ids) for ids in shown.values()}


def gold_for_lead(*, user: User, comparison_id: int) -> Comparison:
    return _comparison(
        Comparison.objects.filter(batch__reason=Batch.Reason.GOLD, gold_groups__isnull=False),
        user,
        comparison_id,
    )


def comparison_for_lead(*, user: User, comparison_id: int) -> Comparison:
    return _comparison(Comparison.objects.all(), user, comparison_id)


def _comparison(found: QuerySet[Comparison], user: User, comparison_id: int) -> Comparison:
    comparison = (
        found.select_related("project", "prompt")
        .filter(pk=comparison_id, project__in=projects_led(user))
        .first()
    )
    if comparison is None:
        raise NotFound("There is no such comparison for you.")
    return comparison


def _candidates() -> "Prefetch[Any]":
    return Prefetch(
        "candidates",
        queryset=Candidate.objects.select_related("completion__policy").order_by("position"),
    )


def _right(judgments: QuerySet[Judgment]) -> dict[int, tuple[int, int]]:
    """By comparison: how many answered as the lead would, of how many."""
    rows = (
        judgments.order_by()
        .values("comparison")
        .annotate(n=Count("pk"), right=Count("pk", filter=Q(groups=F("comparison__gold_groups"))))
        .values_list("comparison", "right", "n")
    )
    return {comparison: (right, n) for comparison, right, n in rows}


def _gold_item(comparison: Comparison, counted: tuple[int, int]) -> GoldItem:
    return GoldItem(
        comparison, order_in_words(tuples(comparison.gold_groups or [])), wilson(*counted)
    )


def _worst_first(item: GoldItem) -> tuple[bool, float]:
    is_retired = item.comparison.state == Comparison.State.RETIRED
    return is_retired, 1.0 if item.right.high is None else item.right.high


def _agreed(project: Project, comparisons: list[Comparison]) -> Iterator[Agreed]:
    answers: dict[int, Counter[Groups]] = {each.pk: Counter() for each in comparisons}
    rows = live(project, include_simulated=True).filter(comparison__in=comparisons)
    for key, groups in rows.values_list("comparison_id", "groups"):
        answers[key][tuples(groups)] += 1
    for comparison in comparisons:
        if answers[comparison.pk]:
            groups, n = answers[comparison.pk].most_common(1)[0]
            share = wilson(n, answers[comparison.pk].total())
            yield Agreed(comparison, groups, order_in_words(groups), share)


def tuples(groups: list[list[int]]) -> Groups:
    return tuple(tuple(group) for group in groups)
