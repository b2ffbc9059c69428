"""Everybody's judgments on one criterion with what tells how they were given, read in bulk."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from annotation.core.quality import Work
from annotation.core.rankings import Groups
from annotation.models import Batch, Comparison, Completion, Criterion, Project
from annotation.selectors.judgments import live, verdicts


@dataclass(frozen=True, slots=True)
class Reading:
    """Which judgments are looked at: up to a cutoff, as of a moment."""

    cutoff_id: int
    as_of: datetime
    include_simulated: bool = False
    with_quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Of each completion its policy, and how many words it has."""

    policies: Mapping[int, int]
    words: Mapping[int, int]


def works(project: Project, criterion: Criterion, reading: Reading, written: Written) -> list[Work]:
    """Each live judgment of people on the criterion once; LLM judges are no people.

    The answer to a hidden repeat stands beside the one to what it repeats, which is the one that
    counts. Gold has a known answer on the criterion `overall` alone. Facts and verdicts are two
    queries; what only one of them has seen was committed between them and is left out.
    """
    is_overall = criterion.key == Criterion.OVERALL
    judgments = live(
        project, cutoff_id=reading.cutoff_id, as_of=reading.as_of, with_repeats=True,
        include_simulated=reading.include_simulated, with_quarantined=reading.with_quarantined,
    ).filter(annotator__judge_model="")  # fmt: skip
    repeats = judgments.filter(comparison__batch__reason=Batch.Reason.REPEAT)
    firsts = judgments.exclude(comparison__batch__reason=Batch.Reason.REPEAT)
    firsts_of = _repeated(project)
    again = {
        (firsts_of[verdict.comparison_id], verdict.annotator_id): verdict.groups
        for verdict in verdicts(repeats, criterion=criterion.key)
        if verdict.comparison_id in firsts_of
    }
    gold = gold_answers(project) if is_overall else {}
    facts = {
        key: (active_ms, judged_at)
        for key, active_ms, judged_at in firsts.values_list("pk", "active_ms", "judged_at")
    }
    found = []
    for verdict in verdicts(firsts, criterion=criterion.key):
        if verdict.judgment_id not in facts:
            continue
        active_ms, judged_at = facts[verdict.judgment_id]
        found.append(
            Work(
                verdict=verdict,
                seconds=None if active_ms is None else active_ms / 1000,
                gold_groups=gold.get(verdict.comparison_id),
                words=float(sum(written.words.get(key, 0) for key in verdict.completion_ids)),
                judged_at=judged_at.timestamp(),
                earlier_groups=again.get((verdict.comparison_id, verdict.annotator_id)),
            )
        )
    return found


def written(project: Project) -> Written:
    """Policies and words of all of the project's completions; texts pass through, a few at once."""
    policies, words = {}, {}
    texts = Completion.objects.filter(prompt__project=project).order_by()
    for key, policy_id, text in texts.values_list("pk", "policy_id", "text").iterator(
        chunk_size=500
    ):
        policies[key], words[key] = policy_id, len(text.split())
    return Written(policies, words)


def gold_answers(project: Project) -> dict[int, Groups]:
    """The known orders of gold that is in use, by comparison."""
    gold = Comparison.objects.filter(
        project=project, gold_groups__isnull=False, state=Comparison.State.OPEN
    )
    return {
        key: tuple(tuple(sorted(group)) for group in groups)
        for key, groups in gold.order_by().values_list("pk", "gold_groups")
        if groups is not None
    }


def _repeated(project: Project) -> dict[int, int]:
    """What each hidden repeat repeats."""
    repeats = Comparison.objects.filter(project=project, repeat_of__isnull=False)
    return dict(repeats.order_by().values_list("pk", "repeat_of_id"))
