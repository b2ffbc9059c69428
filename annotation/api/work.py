"""An annotator's work: take the next comparison, see it blind, answer, skip, undo."""

from typing import Any
from uuid import uuid4

from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import Strict, View, documented, person, read
from annotation.models import Assignment, Judgment, Span, User
from annotation.selectors import access
from annotation.selectors.work import Presentation, fresh_presentation, presentation
from annotation.services import assignments
from annotation.services.answers import CriterionInput, JudgmentInput
from annotation.services.judgments import (
    Submitted,
    judgment_submit_and_claim,
    judgment_withdraw,
)
from annotation.services.passages import RewriteInput, SpanInput


class Slots(serializers.ListField):
    """One group of an order: slots that are tied."""

    child = serializers.IntegerField(min_value=0, max_value=8)


class TurnOut(serializers.Serializer):
    role = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()


class CandidateOut(serializers.Serializer):
    """A response as shown: by its slot and letter, never by its author."""

    slot = serializers.IntegerField()
    letter = serializers.CharField()
    text = serializers.CharField()
    html = serializers.CharField()


class ShownCriterionOut(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    guideline_html = serializers.CharField()
    scale = serializers.CharField()
    is_required = serializers.BooleanField()


class PresentationOut(serializers.Serializer):
    assignment = serializers.IntegerField(source="assignment.pk")
    project = serializers.SlugField(source="project.slug")
    kind = serializers.CharField()
    question = serializers.CharField()
    guideline_html = serializers.CharField()
    content_warning = serializers.CharField()
    suggestion = serializers.CharField(
        help_text="What to show as a suggestion; empty for those who are to judge without it."
    )
    turns = TurnOut(many=True)
    candidates = CandidateOut(many=True, help_text="In the order in which to show them.")
    criteria = ShownCriterionOut(many=True)
    strengths = serializers.ListField(child=serializers.IntegerField())
    allow_tie = serializers.BooleanField(source="project.allow_tie")
    allow_both_bad = serializers.BooleanField(source="project.allow_both_bad")
    rationale = serializers.CharField(source="project.rationale")
    confidence = serializers.CharField(source="project.confidence")
    spans = serializers.CharField(source="project.spans")
    rewrite = serializers.CharField(source="project.rewrite")
    is_amendment = serializers.BooleanField()
    expires_at = serializers.DateTimeField()
    idempotency_token = serializers.SerializerMethodField(
        help_text="Fresh. Send it with the answer, and again whenever you repeat that request."
    )

    def get_idempotency_token(self, shown: Presentation) -> str:
        return str(uuid4())


class CriterionAnswerIn(Strict):
    groups = serializers.ListField(child=Slots(allow_empty=False), required=False)
    strength = serializers.IntegerField(required=False, allow_null=True)
    ratings = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=5), required=False
    )


class SpanIn(Strict):
    """A marked passage. Offsets count characters of the response's `html` as text, which is the
    `textContent` of a browser; where they do not fit the quote, its nearest occurrence counts."""

    slot = serializers.IntegerField(min_value=0, max_value=8)
    shown_start = serializers.IntegerField(min_value=0)
    shown_end = serializers.IntegerField(min_value=0)
    quote = serializers.CharField(trim_whitespace=False)
    label = serializers.ChoiceField(Span.Label.choices)  # type: ignore[assignment]
    note = serializers.CharField(default="", allow_blank=True)


class RewriteIn(Strict):
    """A best response as it should be, in Markdown."""

    slot = serializers.IntegerField(min_value=0, max_value=8)
    text = serializers.CharField(trim_whitespace=False)


class JudgmentIn(Strict):
    """An answer in slots as shown: groups best first, ties share a group."""

    idempotency_token = serializers.UUIDField()
    groups = serializers.ListField(child=Slots(allow_empty=False), allow_empty=False)
    strength = serializers.IntegerField(required=False, allow_null=True)
    both_bad = serializers.BooleanField(default=False)
    criteria = serializers.DictField(child=CriterionAnswerIn(), default=dict)
    rationale = serializers.CharField(default="", allow_blank=True)
    confidence = serializers.IntegerField(required=False, allow_null=True)
    active_ms = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    first_viewed_ms = serializers.ListField(
        child=serializers.IntegerField(allow_null=True, min_value=0),
        required=False,
        help_text="For each slot, the active time at which it first came into view.",
    )
    spans = serializers.ListField(child=SpanIn(), default=list)
    rewrite = RewriteIn(required=False, allow_null=True)
    next = serializers.BooleanField(
        default=False, help_text="Lease the next comparison to me in the same step."
    )


class TokenIn(Strict):
    idempotency_token = serializers.UUIDField()


class SkipIn(Strict):
    reason = serializers.ChoiceField(Assignment.SkipReason.choices)
    note = serializers.CharField(default="", allow_blank=True, max_length=2_000)


class SubmittedOut(serializers.ModelSerializer):
    class Meta:
        model = Judgment
        fields = ["id", "assignment", "revision", "judged_at"]
        read_only_fields = fields


class SubmittedAndNextOut(SubmittedOut):
    """With `next` asked for: what comes next, or null when nothing is open for you."""

    next = PresentationOut(required=False, allow_null=True)

    class Meta(SubmittedOut.Meta):
        fields = [*SubmittedOut.Meta.fields, "next"]
        read_only_fields = fields


class AssignmentOut(serializers.ModelSerializer):
    class Meta:
        model = Assignment
        fields = ["id", "state", "expires_at"]
        read_only_fields = fields


class NextAssignment(View):
    @documented(
        PresentationOut,
        operation_id="assignments_next",
        description="The comparison that you hold already, else the next one, leased to you. "
        "204 when nothing is open for you.",
    )
    def post(self, request: Request, slug: str) -> Response:
        project = access.project_for_annotator(user=person(request), slug=slug)
        assignment = assignments.assignment_claim(annotator=person(request), project=project)
        if assignment is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return _shown(assignment)


class AssignmentDetail(View):
    @documented(PresentationOut, operation_id="assignments_retrieve")
    def get(self, request: Request, pk: int) -> Response:
        """One of your assignments, as it was shown."""
        return _shown(access.assignment_for_annotator(user=person(request), assignment_id=pk))


class AssignmentJudgment(View):
    @documented(SubmittedAndNextOut, body=JudgmentIn, code=201, operation_id="assignments_judge")
    def post(self, request: Request, pk: int) -> Response:
        """Answers; on a comparison that you have judged, amends. Repeating it changes nothing."""
        given = read(JudgmentIn, request)
        wants_next, token = given.pop("next"), given.pop("idempotency_token")
        if not wants_next:
            access.assignment_for_annotator(user=person(request), assignment_id=pk)
        submitted = judgment_submit_and_claim(
            annotator=person(request),
            assignment_id=pk,
            token=token,
            read=lambda asked: _answer(given),
            source=Judgment.Source.API,
            claims=wants_next,
            is_shown=True,
        )
        body = submitted_data(submitted.judgment)
        if wants_next:
            body["next"] = _following(person(request), submitted)
        return Response(body, status=status.HTTP_201_CREATED)


class AssignmentSkip(View):
    @documented(AssignmentOut, body=SkipIn, operation_id="assignments_skip")
    def post(self, request: Request, pk: int) -> Response:
        """You do not want to judge this one; it will not come back to you."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        skipped = assignments.assignment_skip(
            annotator=person(request), assignment=assignment, **read(SkipIn, request)
        )
        return Response(AssignmentOut(skipped).data)


class AssignmentRenew(View):
    @documented(AssignmentOut, operation_id="assignments_renew")
    def post(self, request: Request, pk: int) -> Response:
        """Extends the lease."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        renewed = assignments.assignment_renew(annotator=person(request), assignment=assignment)
        return Response(AssignmentOut(renewed).data)


class AssignmentRelease(View):
    @documented(AssignmentOut, operation_id="assignments_release")
    def post(self, request: Request, pk: int) -> Response:
        """Gives the comparison back unanswered."""
        assignment = access.assignment_for_annotator(user=person(request), assignment_id=pk)
        released = assignments.assignment_release(annotator=person(request), assignment=assignment)
        return Response(AssignmentOut(released).data)


class JudgmentWithdraw(View):
    @documented(AssignmentOut, body=TokenIn, operation_id="judgments_withdraw")
    def post(self, request: Request, pk: int) -> Response:
        """Takes your newest answer to a comparison back, and leases the comparison to you again."""
        judgment = access.judgment_for_annotator(user=person(request), judgment_id=pk)
        token = read(TokenIn, request)["idempotency_token"]
        leased = judgment_withdraw(annotator=person(request), judgment=judgment, token=token)
        return Response(AssignmentOut(leased).data)


def _shown(assignment: Assignment) -> Response:
    return Response(presentation_data(presentation(assignment)))


def presentation_data(shown: Presentation) -> dict[str, Any]:
    """What PresentationOut describes, without building its fields anew for every comparison."""
    project = shown.project
    return {
        "assignment": shown.assignment.pk,
        "project": project.slug,
        "kind": shown.kind,
        "question": shown.question,
        "guideline_html": shown.guideline_html,
        "content_warning": shown.content_warning,
        "suggestion": shown.suggestion,
        "turns": [{"role": t.role, "text": t.text, "html": t.html} for t in shown.turns],
        "candidates": [
            {"slot": c.slot, "letter": c.letter, "text": c.text, "html": c.html}
            for c in shown.candidates
        ],
        "criteria": [
            {
                "key": c.key,
                "name": c.name,
                "guideline_html": c.guideline_html,
                "scale": c.scale,
                "is_required": c.is_required,
            }
            for c in shown.criteria
        ],
        "strengths": list(shown.strengths),
        "allow_tie": project.allow_tie,
        "allow_both_bad": project.allow_both_bad,
        "rationale": project.rationale,
        "confidence": project.confidence,
        "spans": project.spans,
        "rewrite": project.rewrite,
        "is_amendment": shown.is_amendment,
        "expires_at": shown.expires_at,
        "idempotency_token": str(uuid4()),
    }


def submitted_data(judgment: Judgment) -> dict[str, Any]:
    """What SubmittedOut describes."""
    return {
        "id": judgment.pk,
        "assignment": judgment.assignment_id,
        "revision": judgment.revision,
        "judged_at": judgment.judged_at,
    }


def _following(user: User, submitted: Submitted) -> dict[str, Any] | None:
    lease = submitted.following
    if lease is not None:
        shown = fresh_presentation(lease.assignment, lease.pick, submitted.project)
        return presentation_data(shown)
    assignment = assignments.assignment_claim(annotator=user, project=submitted.project)
    return None if assignment is None else presentation_data(presentation(assignment))


def _answer(given: dict[str, Any]) -> JudgmentInput:
    criteria = {key: _criterion_answer(answer) for key, answer in given.pop("criteria").items()}
    spans = tuple(SpanInput(**span) for span in given.pop("spans"))
    rewrite, views = given.pop("rewrite", None), given.pop("first_viewed_ms", None)
    return JudgmentInput(
        groups=_frozen(given.pop("groups")),
        criteria=criteria,
        spans=spans,
        rewrite=RewriteInput(**rewrite) if rewrite else None,
        first_viewed_ms=None if views is None else tuple(views),
        **given,
    )


def _criterion_answer(given: dict[str, Any]) -> CriterionInput:
    return CriterionInput(
        groups=_frozen(given["groups"]) if "groups" in given else None,
        strength=given.get("strength"),
        ratings=tuple(given["ratings"]) if "ratings" in given else None,
    )


def _frozen(groups: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(group) for group in groups)
