"""What an answer must be to be one: checked against what its project asks, with clean text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.errors import Invalid
from annotation.core.rankings import Groups, parse_groups
from annotation.models import Ask, Assignment, ComparisonKind, Criterion, Project
from annotation.selectors.settled import further_criteria
from annotation.services.passages import (
    RewriteInput,
    SpanInput,
    checked_rewrite,
    checked_spans,
)

STRENGTHS: Mapping[int, tuple[int, ...]] = {0: (), 1: (), 2: (1, 3), 3: (1, 2, 3)}
RATIONALE_CHARACTERS = 20_000
LONGEST_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CriterionInput:
    """One criterion's answer in slots as displayed: an order, or one rating per slot."""

    groups: Groups | None = None
    strength: int | None = None
    ratings: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class JudgmentInput:
    """An answer in slots as displayed: `groups` are ordered, best first; ties share a group.

    `first_viewed_ms[slot]` is the active time at which that response first came into view.
    """

    groups: Groups
    strength: int | None = None
    both_bad: bool = False
    criteria: Mapping[str, CriterionInput] = field(default_factory=dict)
    rationale: str = ""
    confidence: int | None = None
    active_ms: int | None = None
    first_viewed_ms: tuple[int | None, ...] | None = None
    spans: tuple[SpanInput, ...] = ()
    rewrite: RewriteInput | None = None


def checked_answer(
    answer: JudgmentInput, assignment: Assignment, kind: str, project: Project
) -> JudgmentInput:
    """The answer with clean text, or Invalid that names the field and says what is missing."""
    size = len(assignment.display_order)
    groups = parse_groups(answer.groups, size)
    _check_order(groups, answer.strength, answer.both_bad, kind, project, "groups")
    rationale = answer.rationale.replace("\x00", "").strip()
    if project.rationale == Ask.REQUIRED and not rationale:
        raise Invalid(_("Say in a sentence why."), field="rationale")
    if len(rationale) > RATIONALE_CHARACTERS:
        raise Invalid(
            _("Keep the rationale under %(most)s characters.")
            % {"most": number_format(RATIONALE_CHARACTERS, force_grouping=True)},
            field="rationale",
        )
    _check_confidence(answer.confidence, project)
    if answer.active_ms is not None and not 0 <= answer.active_ms <= LONGEST_MS:
        raise Invalid(_("The active time is not a time."), field="active_ms")
    _check_views(answer.first_viewed_ms, size)
    return JudgmentInput(
        groups=groups,
        strength=answer.strength,
        both_bad=answer.both_bad,
        criteria=_checked_criteria(answer.criteria, size, kind, project),
        rationale="" if project.rationale == Ask.OFF else rationale,
        confidence=answer.confidence,
        active_ms=answer.active_ms,
        first_viewed_ms=answer.first_viewed_ms,
        spans=checked_spans(answer.spans, size, project),
        rewrite=checked_rewrite(answer.rewrite, groups, assignment, project),
    )


def _check_views(first_viewed_ms: tuple[int | None, ...] | None, size: int) -> None:
    if first_viewed_ms is None:
        return
    known = [ms for ms in first_viewed_ms if ms is not None]
    if len(first_viewed_ms) != size or not all(0 <= ms <= LONGEST_MS for ms in known):
        raise Invalid(_("The times of first views are not one for each response."),
                      field="first_viewed_ms")  # fmt: skip


def _check_order(
    groups: Groups, strength: int | None, both_bad: bool, kind: str, project: Project, field: str
) -> None:
    has_tie = any(len(group) > 1 for group in groups)
    all_tied = len(groups) == 1
    if both_bad and not (all_tied and project.allow_both_bad):
        raise Invalid(
            _("“Both bad” fits only responses that are tied, where the project offers it."),
            field="both_bad",
        )
    if has_tie and not both_bad and not project.allow_tie:
        raise Invalid(_("This project does not offer ties: say which is better."), field=field)
    if strength is None:
        return
    if kind != ComparisonKind.PAIRWISE or all_tied:
        raise Invalid(
            _("A strength goes with a preference between two responses."), field="strength"
        )
    if strength not in STRENGTHS[project.strength_levels]:
        raise Invalid(
            _("This project has no strength %(strength)s.") % {"strength": strength},
            field="strength",
        )


def _check_confidence(confidence: int | None, project: Project) -> None:
    if confidence is None:
        if project.confidence == Ask.REQUIRED:
            raise Invalid(_("Say how sure you are."), field="confidence")
    elif project.confidence == Ask.OFF or not 1 <= confidence <= 5:
        raise Invalid(_("Confidence goes from 1 to 5, where the project asks."), field="confidence")


def _checked_criteria(
    given: Mapping[str, CriterionInput], size: int, kind: str, project: Project
) -> dict[str, CriterionInput]:
    criteria = {c.key: c for c in further_criteria(project)}
    for key in given:
        if key not in criteria:
            raise Invalid(_("This project has no criterion “%(name)s”.") % {"name": key}, field=key)
    checked = {}
    for key, criterion in criteria.items():
        if key in given:
            checked[key] = _checked_criterion(given[key], criterion, size, kind, project)
        elif criterion.is_required:
            raise Invalid(
                _("“%(name)s” is not answered yet.") % {"name": criterion.name}, field=key
            )
    return checked


def _checked_criterion(
    given: CriterionInput, criterion: Criterion, size: int, kind: str, project: Project
) -> CriterionInput:
    if criterion.scale == Criterion.Scale.RATING:
        ratings = given.ratings
        if ratings is None or len(ratings) != size or not all(1 <= r <= 5 for r in ratings):
            raise Invalid(
                _("Rate each response from 1 to 5 on “%(name)s”.") % {"name": criterion.name},
                field=criterion.key,
            )
        return CriterionInput(ratings=ratings)
    if given.groups is None:
        raise Invalid(
            _("Say which response is better on “%(name)s”.") % {"name": criterion.name},
            field=criterion.key,
        )
    groups = parse_groups(given.groups, size)
    _check_order(groups, given.strength, False, kind, project, criterion.key)
    return CriterionInput(groups=groups, strength=given.strength)
