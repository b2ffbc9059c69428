"""One's own judgments, found again by what was read, written and answered."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone

from annotation.core.rankings import Groups
from annotation.models import Candidate, Flag, Judgment, Project, Rewrite, Span, User
from annotation.selectors.judgments import judgment_history

# An answer may be taken back for so long; the lead's answer to a gold item is shown afterwards.
FEEDBACK_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; empty fields ask for nothing. Dates are whole days, both counted."""

    words: str = ""
    project: str = ""
    since: date | None = None
    until: date | None = None
    answer: str = ""


ANSWERS: dict[str, Callable[[User], Q]] = {
    "preferred": lambda user: Q(groups__1__isnull=False),
    "tie": lambda user: Q(groups__1__isnull=True, both_bad=False),
    "both_bad": lambda user: Q(both_bad=True),
    "reasoned": lambda user: ~Q(rationale=""),
    "marked": lambda user: Q(Exists(Span.objects.filter(judgment=OuterRef("pk")))),
    "rewritten": lambda user: Q(Exists(Rewrite.objects.filter(judgment=OuterRef("pk")))),
    "flagged": lambda user: Q(
        Exists(Flag.objects.filter(comparison=OuterRef("comparison"), raised_by=user))
    ),
    "changed": lambda user: Q(revision__gt=0),
    "gold": lambda user: Q(
        comparison__gold_groups__isnull=False, comparison__project__shows_gold=True
    ),
}


def projects_judged(annotator: User) -> QuerySet[Project]:
    """The projects in which the annotator has judged anything."""
    judged = Judgment.objects.filter(annotator=annotator, comparison__project=OuterRef("pk"))
    return Project.objects.filter(Exists(judged)).order_by("name")


def history(annotator: User, wanted: Wanted) -> QuerySet[Judgment]:
    """The annotator's live judgments that fit, newest first, with all that a row shows.

    Words are looked for in the conversation, the responses, and what the annotator wrote.
    """
    found = judgment_history(annotator).select_related("rewrite")
    if wanted.words:
        found = _mentioning(found, wanted.words)
    if wanted.project:
        found = found.filter(comparison__project__slug=wanted.project)
    if wanted.since:
        found = found.filter(judged_at__gte=_midnight(wanted.since))
    if wanted.until:
        found = found.filter(judged_at__lt=_midnight(wanted.until + timedelta(days=1)))
    if wanted.answer in ANSWERS:
        found = found.filter(ANSWERS[wanted.answer](annotator))
    own_flags = Flag.objects.filter(raised_by=annotator).order_by("pk")
    return found.prefetch_related("spans", Prefetch("comparison__flags", queryset=own_flags))


def gold_shown(judgment: Judgment, now: datetime) -> Groups | None:
    """The lead's answer to a gold item, where the project shows it and no undo is left."""
    comparison = judgment.comparison
    is_over = now - judgment.created_at > FEEDBACK_AFTER
    if not comparison.project.shows_gold or comparison.gold_groups is None or not is_over:
        return None
    return tuple(map(tuple, comparison.gold_groups))


def _mentioning(judgments: QuerySet[Judgment], words: str) -> QuerySet[Judgment]:
    read = Exists(
        Candidate.objects.filter(
            comparison=OuterRef("comparison"), completion__text__icontains=words
        )
    )
    contents = Func(
        F("comparison__prompt__messages"), Value("$[*].content"),
        function="jsonb_path_query_array", template="%(function)s(%(expressions)s::jsonpath)",
    )  # fmt: skip
    # In JSON text a quotation mark or a line break is written with a backslash.
    as_json = json.dumps(words, ensure_ascii=False)[1:-1]
    return judgments.alias(conversation=Cast(contents, TextField())).filter(
        Q(conversation__icontains=as_json)
        | Q(rationale__icontains=words)
        | Q(rewrite__text__icontains=words)
        | read
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
