"""Marks and rewrites: what a judgment keeps of them, and what is refused in words."""

from uuid import uuid4

import pytest

from annotation.core.errors import Conflict, Invalid
from annotation.models import Assignment, Judgment, Project, Rewrite, Span, User
from annotation.services.judgments import JudgmentInput, judgment_submit
from annotation.services.passages import MOST_SPANS, RewriteInput, SpanInput
from tests.factories import claim, make_batch, make_completion, make_policy, make_prompt, put_first

pytestmark = pytest.mark.django_db

SOURCE = "Boil it for **nine** minutes & [rest it](https://example.org/rest)."
HTML = (
    '<p dir="auto">Boil it for <strong>nine</strong> minutes &amp; '
    '<a href="https://example.org/rest">rest it</a>.</p>\n'
)
NINE = SpanInput(slot=0, shown_start=12, shown_end=16, quote="nine", label="false", note=" Ten. ")


@pytest.fixture
def asking(project: Project) -> Project:
    """Kitchen, asking for marks and rewrites, with one comparison of two Markdown answers."""
    Project.objects.filter(pk=project.pk).update(spans="optional", rewrite="optional")
    prompt = make_prompt(project, "How long?")
    batch = make_batch(
        project,
        [make_completion(prompt, make_policy(project), SOURCE, html=HTML) for _ in range(2)],
    )
    put_first(batch)
    project.refresh_from_db()
    return project


def submit(assignment: Assignment, **answer: object) -> Judgment:
    answer = {"groups": ((0,), (1,)), **answer}
    amends = answer.pop("amends", None)
    judgment = judgment_submit(
        annotator=assignment.annotator, assignment=assignment, token=uuid4(),
        answer=JudgmentInput(**answer), amends=amends,
    )  # fmt: skip
    judgment.refresh_from_db()
    return judgment


def refused(assignment: Assignment, **answer: object) -> Invalid:
    with pytest.raises(Invalid) as error:
        submit(assignment, **answer)
    assert not Judgment.objects.exists()
    assert not Span.objects.exists()
    return error.value


def test_a_mark_names_the_candidate_and_both_places(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    judgment = submit(assignment, spans=(NINE,))
    span = judgment.spans.get()
    assert span.candidate.position == assignment.display_order[0]
    assert (span.label, span.note, span.quote) == ("false", "Ten.", "nine")
    assert (span.shown_start, span.shown_end) == (12, 16)
    assert SOURCE[span.start : span.end] == "nine"


def test_a_quote_elsewhere_is_found_and_one_from_nowhere_is_refused(
    ana: User, asking: Project
) -> None:
    assignment = claim(ana, asking)
    lost = SpanInput(slot=0, shown_start=0, shown_end=4, quote="ninety", label="bad")
    assert refused(assignment, spans=(lost,)).field == "spans"
    moved = SpanInput(slot=1, shown_start=0, shown_end=17, quote="minutes & rest it", label="good")
    span = submit(assignment, spans=(moved,)).spans.get()
    assert (span.shown_start, span.shown_end) == (17, 34)
    assert SOURCE[span.start : span.end] == "minutes & [rest it"


@pytest.mark.parametrize(
    "wrong",
    [
        SpanInput(slot=2, shown_start=0, shown_end=4, quote="Boil", label="bad"),
        SpanInput(slot=-1, shown_start=0, shown_end=4, quote="Boil", label="bad"),
        SpanInput(slot=0, shown_start=0, shown_end=4, quote="Boil", label="ugly"),
        SpanInput(slot=0, shown_start=0, shown_end=4, quote=" \n", label="bad"),
        SpanInput(slot=0, shown_start=0, shown_end=4, quote="Boil", label="bad", note="n" * 2001),
    ],
)
def test_a_mark_that_means_nothing_is_refused(ana: User, asking: Project, wrong: SpanInput) -> None:
    assert refused(claim(ana, asking), spans=(wrong,)).field == "spans"


def test_there_may_be_many_marks_but_not_any_number(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    refused(assignment, spans=(NINE,) * (MOST_SPANS + 1))
    assert submit(assignment, spans=(NINE,) * MOST_SPANS).spans.count() == MOST_SPANS


def test_what_is_required_is_asked_for_and_what_is_off_is_not_kept(
    ana: User, asking: Project
) -> None:
    assignment = claim(ana, asking)
    better = RewriteInput(slot=0, text="Boil it for ten minutes.")
    Project.objects.update(spans="required", rewrite="optional")
    assert refused(assignment).field == "spans"
    Project.objects.update(spans="off", rewrite="required")
    assert refused(assignment).field == "rewrite"
    assert refused(assignment, rewrite=RewriteInput(slot=0, text=" \n")).field == "rewrite"
    Project.objects.update(rewrite="off")
    judgment = submit(assignment, spans=(NINE,), rewrite=better)
    assert not judgment.spans.exists()
    assert not Rewrite.objects.exists()


def test_the_best_response_is_rewritten(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    better = RewriteInput(slot=1, text="Boil it for ten minutes.\r\n\r\nThen rest it.\r\n")
    assert "best" in str(refused(assignment, rewrite=better))
    judgment = submit(assignment, groups=((1,), (0,)), rewrite=better)
    assert judgment.rewrite.text == "Boil it for ten minutes.\n\nThen rest it."
    assert judgment.rewrite.candidate.position == assignment.display_order[1]


@pytest.mark.parametrize("answer", [{}, {"both_bad": True}])
def test_of_tied_or_equally_bad_responses_any_may_be_rewritten(
    ana: User, asking: Project, answer: dict[str, object]
) -> None:
    judgment = submit(
        claim(ana, asking), groups=((0, 1),), rewrite=RewriteInput(slot=1, text="Ten."), **answer
    )
    assert judgment.rewrite.text == "Ten."


@pytest.mark.parametrize("text", [SOURCE, f"{SOURCE}\r\n"], ids=["same", "line ends"])
@pytest.mark.parametrize("slot", [0, 1])
def test_an_editor_that_was_only_looked_into_is_no_rewrite(
    ana: User, asking: Project, text: str, slot: int
) -> None:
    assignment = claim(ana, asking)
    looked = RewriteInput(slot=0, text=text)
    best_first = ((slot,), (1 - slot,))
    Project.objects.update(rewrite="required")
    assert refused(assignment, groups=best_first, rewrite=looked).field == "rewrite"
    Project.objects.update(rewrite="optional")
    judgment = submit(assignment, groups=best_first, rewrite=looked)
    assert not Rewrite.objects.filter(judgment=judgment).exists()


@pytest.mark.parametrize("text", ["x" * 300_000, "\ud800", "a\0b"], ids=range(3))
def test_a_rewrite_that_cannot_be_kept_is_refused(ana: User, asking: Project, text: str) -> None:
    rewrite = RewriteInput(slot=0, text=text)
    assert refused(claim(ana, asking), rewrite=rewrite).field == "rewrite"


def test_an_amendment_carries_its_own_marks_and_rewrite(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    first = submit(assignment, spans=(NINE,), rewrite=RewriteInput(slot=0, text="Ten."))
    second = submit(assignment, amends=True, spans=(NINE, NINE))
    assert (first.spans.count(), second.spans.count()) == (1, 2)
    assert first.rewrite.text == "Ten."
    assert not Rewrite.objects.filter(judgment=second).exists()


def test_first_views_are_kept_by_candidate(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    refused(assignment, first_viewed_ms=(1,))
    refused(assignment, first_viewed_ms=(1, -1))
    judgment = submit(assignment, first_viewed_ms=(120, None))
    assert [judgment.first_viewed_ms[at] for at in assignment.display_order] == [120, None]
    assert submit(assignment, amends=True).first_viewed_ms is None


def test_an_answer_that_knows_of_no_earlier_one_is_no_amendment(ana: User, asking: Project) -> None:
    assignment = claim(ana, asking)
    submit(assignment, amends=False)
    with pytest.raises(Conflict, match="another tab"):
        submit(assignment, amends=False)
    assert submit(assignment).revision == 1
    assert submit(assignment, amends=True).revision == 2
