"""The reviewers' work over REST: what waits for a decision, one dispute to read, the decision."""

from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.base import ListView, Strict, View, documented, person, read
from annotation.api.judgments import Numbers
from annotation.api.work import PresentationOut, Slots
from annotation.models import Dispute, Judgment
from annotation.selectors import access
from annotation.selectors.disputes import Filters, dispute_view, disputes_for
from annotation.services.disputes import (
    Decision,
    dispute_decide,
    dispute_dismiss,
    dispute_open,
    dispute_take,
)


class DisputeOut(serializers.ModelSerializer):
    class Meta:
        model = Dispute
        fields = [
            "id", "comparison", "reason", "note", "agreement", "n_judgments", "state", "opened_at",
            "closed_at",
        ]  # fmt: skip
        read_only_fields = fields


class VerdictOut(serializers.Serializer):
    """What one annotator said, in slots as shown; the number means nothing beyond this dispute."""

    number = serializers.IntegerField()
    groups = serializers.ListField(child=Numbers())
    strength = serializers.IntegerField(allow_null=True)
    both_bad = serializers.BooleanField()
    confidence = serializers.IntegerField(allow_null=True)
    rationale = serializers.CharField()
    active_ms = serializers.IntegerField(allow_null=True)


class DisputeViewOut(serializers.Serializer):
    dispute = DisputeOut()
    shown = PresentationOut()
    verdicts = VerdictOut(many=True)
    agreement = serializers.FloatField(allow_null=True)


class DecisionIn(Strict):
    """A decision in slots as shown: groups best first, ties share a group."""

    idempotency_token = serializers.UUIDField()
    groups = serializers.ListField(child=Slots(allow_empty=False), allow_empty=False)
    strength = serializers.IntegerField(required=False, allow_null=True)
    both_bad = serializers.BooleanField(default=False)
    reason = serializers.CharField(help_text="Required: it stands beside the decision.")


class DecidedOut(serializers.ModelSerializer):
    class Meta:
        model = Judgment
        fields = ["id", "comparison", "groups", "strength", "both_bad", "revision", "judged_at"]
        read_only_fields = fields


class NoteIn(Strict):
    note = serializers.CharField(max_length=20_000)


class OpenIn(Strict):
    reason = serializers.ChoiceField(
        [Dispute.Reason.LEAD.value, Dispute.Reason.FLAG.value], default=Dispute.Reason.LEAD.value
    )
    note = serializers.CharField(default="", allow_blank=True, max_length=20_000)


class Disputes(ListView):
    """Those that you may decide."""

    queryset = Dispute.objects.none()
    serializer_class = DisputeOut

    def get_queryset(self) -> QuerySet[Dispute]:
        user = person(self.request)
        project = access.project_for_reviewer(user=user, slug=self.kwargs["slug"])
        return disputes_for(user, project, Filters())


class DisputeDetail(View):
    @documented(DisputeViewOut, operation_id="disputes_take")
    def post(self, request: Request, pk: int) -> Response:
        """Gives it to you to read, blind to people and policies; others get another one."""
        user = person(request)
        found = access.dispute_for_reviewer(user=user, dispute_id=pk)
        view = dispute_view(found, dispute_take(reviewer=user, dispute=found))
        return Response(DisputeViewOut(view).data)


class DisputeDecision(View):
    @documented(DecidedOut, body=DecisionIn, code=201, operation_id="disputes_decide")
    def post(self, request: Request, pk: int) -> Response:
        """Decides; by who decided it, amends. Repeating it with its token changes nothing."""
        user = person(request)
        found = access.dispute_for_reviewer(user=user, dispute_id=pk)
        given = read(DecisionIn, request)
        decision = dispute_decide(
            reviewer=user,
            dispute=found,
            token=given.pop("idempotency_token"),
            decision=Decision(groups=tuple(map(tuple, given.pop("groups"))), **given),
            source=Judgment.Source.API,
        )
        return Response(DecidedOut(decision).data, status=status.HTTP_201_CREATED)


class DisputeDismiss(View):
    @documented(DisputeOut, body=NoteIn, operation_id="disputes_dismiss")
    def post(self, request: Request, pk: int) -> Response:
        """No decision is needed: the judgments stand as they are."""
        user = person(request)
        found = access.dispute_for_reviewer(user=user, dispute_id=pk)
        closed = dispute_dismiss(reviewer=user, dispute=found, **read(NoteIn, request))
        return Response(DisputeOut(closed).data)


class ComparisonDispute(View):
    @documented(DisputeOut, body=OpenIn, code=201, operation_id="comparisons_dispute")
    def post(self, request: Request, pk: int) -> Response:
        """Puts a comparison before the reviewers, for a lead."""
        user = person(request)
        found = access.comparison_for_lead(user=user, comparison_id=pk)
        dispute = dispute_open(actor=user, comparison=found, **read(OpenIn, request))
        return Response(DisputeOut(dispute).data, status=status.HTTP_201_CREATED)
