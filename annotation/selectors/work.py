"""What is open for whom, and what a comparison looks like to the person who judges it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import combinations

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from annotation.core.rendering import render_markdown
from annotation.models import (
    Assignment,
    Batch,
    Candidate,
    Comparison,
    Completion,
    Draft,
    Judgment,
    Project,
    Prompt,
    User,
)
from annotation.models.project import DEFAULT_QUESTION
from annotation.selectors.access import projects_annotated
from annotation.selectors.claims import Pick
from annotation.selectors.seats import Seat, seat_as_seen
from annotation.selectors.settled import further_criteria

LETTERS = "ABCDEFGHI"
MOST_COUNTED = 1_000


@dataclass(frozen=True, slots=True)
class OpenWork:
    """One project as its annotator's home shows it; `n_open` counts to 1,000, then `has_more`."""

    project: Project
    n_open: int
    has_more: bool
    n_judged: int
    n_judged_today: int
    n_leased: int
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    role: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    slot: int
    letter: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownCriterion:
    key: str
    name: str
    guideline_html: str
    scale: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Presentation:
    """A comparison as displayed: blind, candidates in the assignment's display order."""

    assignment: Assignment
    project: Project
    kind: str
    question: str
    guideline_html: str
    content_warning: str
    language: str
    turns: tuple[Turn, ...]
    candidates: tuple[ShownCandidate, ...]
    criteria: tuple[ShownCriterion, ...]
    strengths: tuple[int, ...]
    expires_at: datetime
    previous: Judgment | None
    suggestion: str = ""

    @property
    def is_amendment(self) -> bool:
        return self.previous is not None

    @property
    def size(self) -> int:
        return len(self.candidates)


def open_comparisons(annotator: User, project: Project, place: Seat) -> QuerySet[Comparison]:
    """Comparisons that the annotator could still be given."""
    met = Assignment.objects.filter(
        comparison=OuterRef("pk"),
        annotator=annotator,
        state__in=[Assignment.State.SUBMITTED, Assignment.State.SKIPPED],
    )
    own = Assignment.objects.filter(
        comparison=OuterRef("pk"), annotator=annotator, state=Assignment.State.LEASED
    )
    comparisons = Comparison.objects.filter(
        ~Exists(met),
        Q(taken__lt=F("overlap")) | Exists(own),
        lane__skills__contained_by=list(place.skills),
        project=project,
        state=Comparison.State.OPEN,
        batch__state=Batch.State.OPEN,
    ).exclude(batch__reason=Batch.Reason.GOLD)
    if place.languages is not None:
        comparisons = comparisons.filter(lane__language__in=["", *place.languages])
    return comparisons.exclude(lane__is_harmful=True) if place.shuns_harm else comparisons


def annotator_home(annotator: User) -> list[OpenWork]:
    return [_open_work(annotator, project) for project in projects_annotated(annotator)]


def presentation(assignment: Assignment) -> Presentation:
    comparison = assignment.comparison
    candidates = {
        candidate.position: candidate.completion
        for candidate in comparison.candidates.select_related("completion")
    }
    shown = [
        _shown(slot, candidates[position].html, candidates[position].text)
        for slot, position in enumerate(assignment.display_order)
    ]
    project, prompt = comparison.project, comparison.prompt
    return presented(
        assignment, project, comparison.kind, warning=_content_warning(prompt, project),
        language=prompt.language, turns=_turns(prompt), candidates=shown,
        previous=_previous(assignment), suggested=comparison.suggestion,
    )  # fmt: skip


def fresh_presentation(assignment: Assignment, pick: Pick, project: Project) -> Presentation:
    """The same for what was leased a moment ago, and so never answered: without a query."""
    shown = [
        _shown(slot, pick.candidates[position].html, pick.candidates[position].text)
        for slot, position in enumerate(assignment.display_order)
    ]
    return presented(
        assignment, project, pick.kind, warning=_content_warning(pick.prompt, project),
        language=pick.prompt.language, turns=_turns(pick.prompt), candidates=shown,
        suggested=pick.suggestion,
    )  # fmt: skip


def question_of(project: Project) -> str:
    """What is asked: as the lead wrote it, or the usual question in the annotator's language."""
    return _(project.question) if project.question == DEFAULT_QUESTION else project.question


def draft_of(assignment: Assignment, head: Judgment | None) -> Draft | None:
    """What was begun on it and not submitted yet, unless it has been answered since."""
    live = head.pk if head and assignment.state == Assignment.State.SUBMITTED else None
    return Draft.objects.filter(assignment=assignment, amends=live).first()


def compared_sets(project: Project, *, is_held_out: bool | None = None) -> set[frozenset[int]]:
    """The completion ids that each comparison of the project shows together, by default whether or
    not its prompt is held out."""
    shown: dict[int, list[int]] = {}
    rows = Candidate.objects.filter(comparison__project=project)
    if is_held_out is not None:
        rows = rows.filter(comparison__prompt__is_held_out=is_held_out)
    pairs = rows.values_list("comparison_id", "completion_id")
    for comparison_id, completion_id in pairs.iterator():
        shown.setdefault(comparison_id, []).append(completion_id)
    return {frozenset(together) for together in shown.values()}


def compared_pairs(project: Project, *, is_held_out: bool | None = None) -> set[frozenset[int]]:
    """Every pair of completion ids that some comparison of `compared_sets` shows together."""
    return {
        frozenset(pair)
        for together in compared_sets(project, is_held_out=is_held_out)
        for pair in combinations(together, 2)
    }


def completions_by_prompt(project: Project, *, is_held_out: bool) -> dict[int, list[Completion]]:
    """Completions that say something, of prompts that are held out or of those that are not, by
    prompt, without their texts."""
    completions = (
        Completion.objects.filter(prompt__project=project, prompt__is_held_out=is_held_out)
        .exclude(text="")
        .only("id", "prompt_id", "policy_id")
        .order_by("prompt_id", "id")
    )
    grouped: dict[int, list[Completion]] = {}
    for completion in completions.iterator():
        grouped.setdefault(completion.prompt_id, []).append(completion)
    return grouped


def _open_work(annotator: User, project: Project) -> OpenWork:
    place = seat_as_seen(annotator, project)
    held = place.held
    n_open = 0
    if not place.refusal:
        n_open = open_comparisons(annotator, project, place)[: MOST_COUNTED + 1].count()
    return OpenWork(
        project=project,
        n_open=min(n_open, MOST_COUNTED),
        has_more=n_open > MOST_COUNTED,
        n_judged=place.judged,
        n_judged_today=place.judged_today,
        n_leased=held,
        reason=place.refusal or _reason(project, n_open, place.judged),
    )


def _reason(project: Project, n_open: int, n_judged: int) -> str:
    if n_open:
        return _("Open for you as a member of a pool of this project.")
    if project.batches.filter(state=Batch.State.OPEN).exists():
        if n_judged:
            return _("You have judged all that is open; others finish the rest.")
        return _("All open comparisons have enough judges at the moment.")
    return _("Nothing is open: the lead has not opened a batch, or it is paused.")


def _content_warning(prompt: Prompt, project: Project) -> str:
    if project.content_warning:
        return project.content_warning
    return _("This conversation may be upsetting.") if prompt.is_unsafe else ""


def presented(
    assignment: Assignment,
    project: Project,
    kind: str,
    *,
    warning: str,
    language: str,
    turns: Iterable[Turn],
    candidates: Iterable[ShownCandidate],
    previous: Judgment | None = None,
    suggested: Sequence[Sequence[int]] | None = None,
) -> Presentation:
    """What a project shows of its own around a conversation and its responses."""
    return Presentation(
        assignment=assignment,
        project=project,
        kind=kind,
        question=question_of(project),
        guideline_html=rendered(project.guideline),
        content_warning=warning,
        language=language,
        turns=tuple(turns),
        candidates=tuple(candidates),
        criteria=tuple(_criteria(project)),
        strengths={2: (1, 3), 3: (1, 2, 3)}.get(project.strength_levels, ()),
        expires_at=assignment.expires_at,
        previous=previous,
        suggestion=_suggestion(assignment, suggested),
    )


def _suggestion(assignment: Assignment, suggested: Sequence[Sequence[int]] | None) -> str:
    """What was suggested, in letters as shown; "" where this annotator is not to see it."""
    if suggested is None or not assignment.suggestion_shown:
        return ""
    slot_of = {position: slot for slot, position in enumerate(assignment.display_order)}
    letters = [sorted(LETTERS[slot_of[at]] for at in group) for group in suggested]
    if len(slot_of) > 2:
        words = " > ".join(" = ".join(group) for group in letters)
    elif len(letters) == 1:
        words = _("neither is better")
    else:
        words = _("%(letter)s is better") % {"letter": letters[0][0]}
    return _("Suggestion, which may be wrong: %(words)s") % {"words": words}


@lru_cache(maxsize=512)
def rendered(markdown: str) -> str:
    """A guideline's HTML; the same few are shown with every comparison."""
    return render_markdown(markdown)


def _turns(prompt: Prompt) -> Iterator[Turn]:
    known = prompt.rendered if len(prompt.rendered) == len(prompt.messages) else []
    for at, message in enumerate(prompt.messages):
        text = str(message["content"])
        html = known[at] if known else render_markdown(text)
        yield Turn(role=message["role"], html=html, text=text)


def _shown(slot: int, html: str, text: str) -> ShownCandidate:
    return ShownCandidate(
        slot=slot, letter=LETTERS[slot], html=html or render_markdown(text), text=text
    )


def _criteria(project: Project) -> Iterator[ShownCriterion]:
    for criterion in further_criteria(project):
        yield ShownCriterion(
            key=criterion.key,
            name=criterion.name,
            guideline_html=rendered(criterion.guideline),
            scale=criterion.scale,
            is_required=criterion.is_required,
        )


def _previous(assignment: Assignment) -> Judgment | None:
    """What the annotator last answered here, also when it was just withdrawn by an undo."""
    return (
        Judgment.objects.filter(
            comparison=assignment.comparison_id,
            annotator=assignment.annotator_id,
            is_withdrawal=False,
        )
        .prefetch_related("answers__criterion")
        .order_by("-revision")
        .first()
    )
