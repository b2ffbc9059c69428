"""What annotators do to the text of a response: passages marked, and the best one rewritten."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from annotation.core.errors import Invalid
from annotation.core.messages import checked_text
from annotation.core.rankings import Groups
from annotation.core.rendering import render_markdown
from annotation.core.spans import Alignment, find_passage, text_of
from annotation.models import Ask, Assignment, Candidate, Judgment, Project, Rewrite, Span

MOST_SPANS = 200
NOTE_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class SpanInput:
    """A marked passage of the response in `slot`: `quote`, and where it stands in what is shown.

    The offsets count characters of the rendered text, as a browser's `textContent` gives it.
    """

    slot: int
    shown_start: int
    shown_end: int
    quote: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RewriteInput:
    """The response in `slot` as its annotator would have it."""

    slot: int
    text: str


def checked_spans(spans: Sequence[SpanInput], size: int, project: Project) -> tuple[SpanInput, ...]:
    """The marks with clean notes, none where the project does not ask. Raises Invalid."""
    if project.spans == Ask.OFF:
        return ()
    if project.spans == Ask.REQUIRED and not spans:
        raise Invalid(_("Mark at least one passage as good, bad or false."), field="spans")
    if len(spans) > MOST_SPANS:
        raise Invalid(_("Mark at most %(most)s passages.") % {"most": MOST_SPANS}, field="spans",
                      hint=_("Remove some marks, or say it in the rationale."))  # fmt: skip
    return tuple(_checked_span(span, size) for span in spans)


def checked_rewrite(
    rewrite: RewriteInput | None, groups: Groups, assignment: Assignment, project: Project
) -> RewriteInput | None:
    """The rewrite, if it is one of a best response. Raises Invalid that says what is wrong."""
    ask = project.rewrite
    if ask == Ask.OFF:
        return None
    if rewrite is None or _is_unchanged(rewrite, assignment):
        if ask == Ask.REQUIRED:
            raise Invalid(_("Rewrite the best response: make it as good as it can be."),
                          field="rewrite")  # fmt: skip
        return None
    if rewrite.slot not in groups[0]:
        raise Invalid(
            _("Only the best response is rewritten."),
            field="rewrite",
            hint=_("Rewrite the one that you prefer, or discard the rewrite."),
        )
    text = checked_text(_unix(rewrite.text), field="rewrite").strip("\n")
    return replace(rewrite, text=text)


def _is_unchanged(rewrite: RewriteInput, assignment: Assignment) -> bool:
    """Whether the editor was only looked into: it opens with the response as it was written."""
    written = _unix(rewrite.text).strip()
    is_shown = 0 <= rewrite.slot < len(assignment.display_order)
    return not written or (
        is_shown and written == _unix(_candidate(assignment, rewrite.slot).completion.text).strip()
    )


def spans_create(judgment: Judgment, spans: Sequence[SpanInput]) -> list[Span]:
    """Stores the marks with their place in the source. Raises Invalid for a quote of nowhere."""
    traced = {slot: _Shown(judgment.assignment, slot) for slot in {span.slot for span in spans}}
    return Span.objects.bulk_create(traced[span.slot].span(judgment, span) for span in spans)


def rewrite_create(judgment: Judgment, rewrite: RewriteInput) -> Rewrite:
    candidate = _candidate(judgment.assignment, rewrite.slot)
    return Rewrite.objects.create(judgment=judgment, candidate=candidate, text=rewrite.text)


def _checked_span(span: SpanInput, size: int) -> SpanInput:
    if not 0 <= span.slot < size:
        raise Invalid(_("A mark is on a response that is not shown."), field="spans")
    if span.label not in Span.Label.values:
        raise Invalid(_("A mark says good, bad or false."), field="spans")
    note = span.note.replace("\x00", "").strip()
    if len(note) > NOTE_CHARACTERS:
        raise Invalid(
            _("Keep a mark's note under %(most)s characters.")
            % {"most": number_format(NOTE_CHARACTERS, force_grouping=True)},
            field="spans",
        )
    return replace(span, note=note)


class _Shown:
    """A response as it was read, and the way from there to what was written."""

    def __init__(self, assignment: Assignment, slot: int) -> None:
        self._candidate = _candidate(assignment, slot)
        completion = self._candidate.completion
        self._text = text_of(completion.html or render_markdown(completion.text))
        self._alignment = Alignment(completion.text, self._text)

    def span(self, judgment: Judgment, given: SpanInput) -> Span:
        passage = find_passage(self._text, given.shown_start, given.shown_end, given.quote)
        start, end = self._alignment.in_source(passage.start, passage.end)
        return Span(
            judgment=judgment, candidate=self._candidate, start=start, end=end,
            shown_start=passage.start, shown_end=passage.end, quote=passage.quote,
            label=given.label, note=given.note,
        )  # fmt: skip


def _candidate(assignment: Assignment, slot: int) -> Candidate:
    position = assignment.display_order[slot]
    candidates = assignment.comparison.candidates.select_related("completion")
    return candidates.get(position=position)


def _unix(text: str) -> str:
    """Browsers post line breaks as CR LF; texts are kept with LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
